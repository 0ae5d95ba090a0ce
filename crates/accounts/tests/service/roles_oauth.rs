//! The rows of the table of roles about apps, and about servers that are connected by OAuth.

use accounts::{ConnectError, ConnectionAnswer, Error, GivenClient, NewServer, NewTransport, OAuthForm};
use domain::{ConnectionId, ServerId, Sharing};
use test_support::{Authorization, Knobs, Person};

use crate::{
    apps::{claims, client, connected},
    roles::Action,
    support::{Work, tunnel},
};

pub async fn on_an_app(work: &Work, person: &Person, action: Action) -> Result<(), Error> {
    let (fixture, me) = (&work.fixture, &person.caller);
    let app_of = async |person: &Person| claims(fixture, &connected(fixture, person, &client(fixture).await).await).app;
    match action {
        Action::my_apps => fixture.accounts.apps(me).await.map(drop),
        Action::all_apps => fixture.accounts.all_apps(me).await.map(drop),
        Action::revoke_own_app => fixture.accounts.revoke_app(me, app_of(person).await).await,
        _ => {
            let ours = &fixture.ours;
            let other = if me.user() == ours.owner.visitor.user { &ours.admin } else { &ours.owner };
            fixture.accounts.revoke_app(me, app_of(other).await).await
        }
    }
}

pub async fn on_a_connection(work: &Work, person: &Person, action: Action) -> Result<(), Error> {
    let sharing = match action {
        Action::connect_own | Action::disconnect_own | Action::disconnect_others => Sharing::Member,
        _ => Sharing::Server,
    };
    let locked = Locked::new(work, &format!("locked-{action:?}").to_lowercase().replace('_', "-"), sharing).await;
    let (accounts, me, ours) = (&work.fixture.accounts, &person.caller, &work.fixture.ours);
    let other = if me.user() == ours.owner.visitor.user { &ours.admin } else { &ours.owner };
    match action {
        Action::upstream_oauth => accounts.upstream_oauth(me, locked.server).await.map(drop),
        Action::troubled_connections => accounts.troubled_connections(me).await.map(drop),
        Action::set_oauth => accounts.set_upstream_oauth(me, locked.server, Some(&form(Sharing::Member))).await,
        Action::oauth_off => accounts.set_upstream_oauth(me, locked.server, None).await,
        Action::connect_for_all | Action::connect_own => locked.connect(work, person).await.map(drop),
        Action::disconnect_own => {
            let own = locked.connect(work, person).await.expect("connected");
            accounts.disconnect(me, locked.server, own).await
        }
        _ => {
            let others = locked.connect(work, other).await.expect("connected");
            accounts.disconnect(me, locked.server, others).await
        }
    }
}

/// A server that wants OAuth.
struct Locked {
    authorization: Authorization,
    server: ServerId,
}

impl Locked {
    async fn new(work: &Work, slug: &str, sharing: Sharing) -> Self {
        let authorization = Authorization::start(Knobs::default()).await;
        let (accounts, owner) = (&work.fixture.accounts, &work.fixture.ours.owner.caller);
        let transport = NewTransport::Http { url: authorization.url.clone() };
        let new = NewServer { transport, kind: None, ..tunnel(slug) };
        let server = accounts.register_server(owner, &new).await.expect("registered").id;
        accounts.set_upstream_oauth(owner, server, Some(&form(sharing))).await.expect("set");
        Self { authorization, server }
    }

    async fn connect(&self, work: &Work, person: &Person) -> Result<ConnectionId, Error> {
        let accounts = &work.fixture.accounts;
        let begun = accounts.begin_connection(&person.visitor, &person.caller, self.server).await.map_err(plain)?;
        let back = self.authorization.consent(&begun.url);
        let of = |name: &str| back.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone());
        let answer = ConnectionAnswer {
            state: of("state").expect("a state"),
            code: of("code"),
            iss: of("iss"),
            ..ConnectionAnswer::default()
        };
        let finished = accounts.finish_connection(&person.visitor, &answer).await.map_err(plain)?;
        finished.outcome.map_err(plain)?;
        let view = accounts.upstream_oauth(&person.caller, self.server).await?.expect("by OAuth");
        Ok(view.own.expect("connected").id)
    }
}

fn form(sharing: Sharing) -> OAuthForm {
    OAuthForm { sharing, client: GivenClient::None, scope: String::new() }
}

fn plain(error: ConnectError) -> Error {
    match error {
        ConnectError::Other(error) => error,
        other => panic!("{other:?}"),
    }
}
