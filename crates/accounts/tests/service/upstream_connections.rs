//! Connecting servers by OAuth, against an authorization server of our own: the whole way, its walls, and renewal.

use accounts::{
    Accounts, Ailment, Config, ConnectError, ConnectionAnswer, ConnectionHealth, Error, GivenClient, NewServer,
    NewTransport, OAuthForm, ServerEdit, Wiring,
};
use domain::{
    AccountSnapshot, ConnectionRefused, Event, Secret, ServerId, ServerSettings, Sharing, SnapshotConnection,
};
use test_support::{Authorization, CANARY, Fixture, Knobs, Person, Resource};
use upstream::{Dialer, DialerConfig, Egress, authorization::AuthorizationError};

use crate::support::{Gateway, told, tunnel};

struct Site {
    fixture: Fixture,
    locked: Authorization,
    server: ServerId,
}

impl Site {
    async fn with(knobs: Knobs, form: OAuthForm) -> Self {
        let (fixture, locked) = (Fixture::new().await, Authorization::start(knobs).await);
        let transport = NewTransport::Http { url: locked.url.clone() };
        let new = NewServer { transport, kind: None, ..tunnel("locked") };
        let owner = &fixture.ours.owner.caller;
        let server = fixture.accounts.register_server(owner, &new).await.expect("registered").id;
        fixture.accounts.set_upstream_oauth(owner, server, Some(&form)).await.expect("set");
        Self { fixture, locked, server }
    }

    async fn new(knobs: Knobs) -> Self {
        Self::with(knobs, form(Sharing::Server)).await
    }

    fn owner(&self) -> &Person {
        &self.fixture.ours.owner
    }

    async fn begin(&self, person: &Person) -> Result<String, ConnectError> {
        let begun = self.fixture.accounts.begin_connection(&person.visitor, &person.caller, self.server).await?;
        Ok(begun.url)
    }

    async fn finish(&self, person: &Person, answer: &ConnectionAnswer) -> Result<(), ConnectError> {
        self.fixture.accounts.finish_connection(&person.visitor, answer).await?.outcome
    }

    async fn connect(&self, person: &Person) -> Result<(), ConnectError> {
        let url = self.begin(person).await?;
        self.finish(person, &answer(&self.locked.consent(&url))).await
    }

    async fn snapshot(&self) -> AccountSnapshot {
        told(&self.fixture, &self.fixture.ours).await
    }

    /// The token that gateways show for the first connection of the snapshot.
    async fn token(&self) -> Option<(String, SnapshotConnection)> {
        let snapshot = self.snapshot().await;
        let server = snapshot.servers.iter().find(|server| server.id == self.server)?;
        let one = server.oauth.as_ref()?.connections.first()?.clone();
        let key = self.fixture.key.open_data_key(snapshot.account, &snapshot.data_key).expect("opens");
        let opened = key.open(&SnapshotConnection::context(one.id, one.generation), &one.access_token).expect("opens");
        Some((String::from_utf8(opened).expect("text"), one))
    }

    async fn health(&self) -> ConnectionHealth {
        let view = self.fixture.accounts.upstream_oauth(&self.owner().caller, self.server).await.expect("asked");
        view.expect("by OAuth").own.expect("connected").health
    }

    /// Another control plane of the same deployment.
    fn another(&self) -> Accounts {
        let fixture = &self.fixture;
        Accounts::new(Wiring {
            db: fixture.test.db.clone(),
            bus: fixture.bus.clone(),
            counters: fixture.counters.clone(),
            dialer: Dialer::new(DialerConfig::new(Egress::PRIVATE_ALLOWED)).expect("a dialer"),
            key: fixture.key.clone(),
            clock: fixture.clock.clone(),
            entropy: fixture.entropy.clone(),
            config: Config {
                gateway_origin: "https://gateway.example".to_owned(),
                internal_gateway: "http://127.0.0.1:1".to_owned(),
                issuer: "https://gateway.example".to_owned(),
                client_documents: accounts::ClientDocuments::Public,
                retention: accounts::Retention::default(),
            },
        })
    }
}

fn form(sharing: Sharing) -> OAuthForm {
    OAuthForm { sharing, client: GivenClient::None, scope: String::new() }
}

fn answer(pairs: &[(String, String)]) -> ConnectionAnswer {
    let of = |name: &str| pairs.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone());
    ConnectionAnswer { state: of("state").unwrap_or_default(), code: of("code"), iss: of("iss"), ..Default::default() }
}

#[tokio::test]
async fn a_server_is_connected_by_a_browser_and_gateways_get_the_token_sealed() {
    let site = Site::new(Knobs::default()).await;
    assert!(site.token().await.is_none());
    let url = site.begin(site.owner()).await.expect("begun");
    assert!(url.starts_with(&format!("{}/authorize?tenant=1&", site.locked.issuer)), "the endpoint's own query stays");
    let back = site.locked.consent(&url);
    site.fixture.clock.advance_seconds(1);
    site.finish(site.owner(), &answer(&back)).await.expect("connected");

    let seen = site.locked.seen();
    let of = |path: &str| seen.iter().find(|(seen, _)| seen == path).expect("asked").1.clone();
    assert_eq!(of("/register")["redirect_uris"][0], "https://gateway.example/oauth/callback");
    let asked = of("/authorize");
    assert_eq!(asked["resource"], site.locked.url);
    assert_eq!(asked["scope"], "listed offline_access");
    assert_eq!(asked["prompt"], "consent");
    assert_eq!(of("/token")["resource"], site.locked.url);
    assert!(of("/token")["authorization"].as_str().expect("authenticated").starts_with("Basic "));

    let (token, _) = site.token().await.expect("in the snapshot");
    assert!(token.starts_with(&format!("{CANARY}-access")));
    let view =
        site.fixture.accounts.server(&site.owner().caller, &"locked".parse().expect("a slug")).await.expect("there");
    assert_eq!(view.tools.len(), 1, "its tools were read with the token: {:?}", view.tools_error);
    assert_eq!(site.health().await, ConnectionHealth::Connected);
}

#[tokio::test]
async fn a_server_that_greets_everyone_is_asked_what_it_wants_all_the_same() {
    let site = Site::new(Knobs { greets: true, scope: Some("basic"), ..Knobs::default() }).await;
    let url = site.begin(site.owner()).await.expect("begun");
    assert!(url.contains("scope=basic+"), "the challenge's scope and not the listed one: {url}");
}

#[tokio::test]
async fn no_secret_is_in_the_database_the_snapshot_the_views_or_the_events() {
    let site = Site::new(Knobs::default()).await;
    let url = site.begin(site.owner()).await.expect("begun");
    let (accounts, owner) = (&site.fixture.accounts, &site.owner().caller);
    let back = answer(&site.locked.consent(&url));
    assert!(!format!("{back:?}").contains(CANARY));
    site.finish(site.owner(), &back).await.expect("connected");
    let signed = site.fixture.bus.load(&site.fixture.ours.slug).await.expect("asked").expect("published");
    assert!(!signed.as_str().contains(CANARY));
    let view = accounts.upstream_oauth(owner, site.server).await.expect("asked");
    assert!(!format!("{view:?}").contains(CANARY));
    let events = accounts.admin_events(owner).await.expect("asked");
    assert!(!format!("{events:?}").contains(CANARY));
    let mut tx = site.fixture.test.db.account(owner.scope()).await.expect("a transaction");
    let kept = tx.connections(None).await.expect("asked");
    assert_eq!(kept.len(), 1);
    let client = tx.upstream_client(site.server, &site.locked.issuer).await.expect("asked").expect("kept");
    assert!(client.client.secret.is_some());
    assert!(!format!("{kept:?} {client:?}").contains(CANARY));
}

#[tokio::test]
async fn an_answer_counts_once_for_the_person_and_the_session_that_asked() {
    let site = Site::new(Knobs::default()).await;
    let url = site.begin(site.owner()).await.expect("begun");
    let back = answer(&site.locked.consent(&url));
    let stranger = &site.fixture.neighbour.owner;
    for other in [&site.fixture.ours.admin, stranger] {
        let refused = site.finish(other, &back).await;
        assert!(matches!(refused, Err(ConnectError::NotExpected)), "{refused:?}");
    }
    let mut elsewhere = site.owner().clone();
    elsewhere.visitor.session = stranger.visitor.session;
    assert!(matches!(site.finish(&elsewhere, &back).await, Err(ConnectError::NotExpected)));
    let made_up = ConnectionAnswer { state: "ours.x".to_owned(), ..back.clone() };
    assert!(matches!(site.finish(site.owner(), &made_up).await, Err(ConnectError::NotExpected)));
    site.finish(site.owner(), &back).await.expect("it was not used up by others");
    assert!(matches!(site.finish(site.owner(), &back).await, Err(ConnectError::NotExpected)));
    assert_eq!(site.locked.count("/token"), 1);

    let url = site.begin(site.owner()).await.expect("begun");
    let late = answer(&site.locked.consent(&url));
    site.fixture.clock.advance_seconds(601);
    assert!(matches!(site.finish(site.owner(), &late).await, Err(ConnectError::NotExpected)));
}

#[tokio::test]
async fn an_answer_of_another_authorization_server_is_thrown_away_unread() {
    for iss in [None, Some("https://evil.example"), Some("SLASH")] {
        let site = Site::new(Knobs::default()).await;
        let url = site.begin(site.owner()).await.expect("begun");
        let mut back = answer(&site.locked.consent(&url));
        back.iss = iss.map(|iss| if iss == "SLASH" { format!("{}/", site.locked.issuer) } else { iss.to_owned() });
        back.error = Some("words of an attacker".to_owned());
        let refused = site.finish(site.owner(), &back).await.expect_err("refused");
        assert!(matches!(refused, ConnectError::Authorization(AuthorizationError::Mixed)), "{refused:?}");
        assert!(!refused.to_string().contains("attacker"));
        assert_eq!(site.locked.count("/token"), 0);
    }
}

#[tokio::test]
async fn the_metadata_is_found_wherever_it_may_be_and_refused_when_it_is_anothers() {
    for resource in [Resource::Challenge, Resource::Path, Resource::Root, Resource::Nowhere] {
        let site = Site::new(Knobs { resource, ..Knobs::default() }).await;
        site.connect(site.owner()).await.unwrap_or_else(|error| panic!("{resource:?}: {error}"));
    }
    let by_convention = Knobs { resource: Resource::Nowhere, metadata: false, ..Knobs::default() };
    let site = Site::new(by_convention).await;
    let url = site.begin(site.owner()).await.expect("as 2025-03-26 had it");
    assert!(url.starts_with(&format!("{}/authorize?", site.locked.issuer)));

    let other = || Some("https://evil.example".to_owned());
    for (what, knobs) in [
        ("resource", Knobs { resource_is: other(), ..Knobs::default() }),
        ("issuer", Knobs { issuer_is: other(), ..Knobs::default() }),
        ("PKCE", Knobs { pkce: false, ..Knobs::default() }),
        ("metadata", Knobs { metadata: false, ..Knobs::default() }),
        ("client", Knobs { registers: false, ..Knobs::default() }),
    ] {
        let site = Site::new(knobs).await;
        let refused = site.begin(site.owner()).await.expect_err(what);
        assert!(matches!(refused, ConnectError::Authorization(_)), "{what}: {refused:?}");
        assert_eq!(site.locked.count("/register"), 0, "{what}");
    }
}

#[tokio::test]
async fn the_client_is_the_given_one_or_a_document_or_registers_once() {
    let given = GivenClient::New { id: "by-hand".to_owned(), secret: Secret::new(format!("{CANARY}-hand")) };
    let methods = vec!["client_secret_post"];
    let own = OAuthForm { client: given, scope: "mine".to_owned(), ..form(Sharing::Server) };
    let site = Site::with(Knobs { methods, ..Knobs::default() }, own).await;
    site.connect(site.owner()).await.expect("connected");
    let seen = site.locked.seen();
    let token = &seen.iter().find(|(path, _)| path == "/token").expect("asked").1;
    assert_eq!(token["client_id"], "by-hand");
    assert_eq!(token["client_secret"], format!("{CANARY}-hand"));
    assert_eq!(site.locked.count("/register"), 0);
    let asked = &seen.iter().find(|(path, _)| path == "/authorize").expect("asked").1;
    assert_eq!(asked["scope"], "mine offline_access");

    let site = Site::new(Knobs { documents: true, ..Knobs::default() }).await;
    let url = site.begin(site.owner()).await.expect("begun");
    assert!(url.contains("client_id=https%3A%2F%2Fgateway.example%2Foauth%2Fclient-metadata.json"), "{url}");
    let document = site.fixture.accounts.client_document().expect("over TLS");
    assert_eq!(document["client_id"], "https://gateway.example/oauth/client-metadata.json");

    let site = Site::new(Knobs::default()).await;
    for _ in 0..2 {
        site.connect(site.owner()).await.expect("connected");
    }
    assert_eq!(site.locked.count("/register"), 1);
}

#[tokio::test]
async fn a_token_is_renewed_ahead_of_its_end_by_exactly_one_control_plane() {
    let site = Site::new(Knobs::default()).await;
    site.connect(site.owner()).await.expect("connected");
    let (first, before) = site.token().await.expect("there");
    let others = [site.another(), site.another(), site.fixture.accounts.clone()];
    assert_eq!(others[0].refresh_connections().await.expect("looked"), 0, "it is not due yet");
    site.fixture.clock.advance_seconds(2_401);
    let (one, two, three) = tokio::join!(
        others[0].refresh_connections(),
        others[1].refresh_connections(),
        others[2].refresh_connections(),
    );
    assert_eq!([one, two, three].map(|looked| looked.expect("looked")).iter().sum::<usize>(), 1);
    assert_eq!(site.locked.refreshes(), 1);
    let (second, after) = site.token().await.expect("there");
    assert_ne!(first, second);
    assert_eq!((after.id, after.generation), (before.id, before.generation + 1));
    site.fixture.clock.advance_seconds(2_401);
    others[1].refresh_connections().await.expect("looked");
    assert_eq!(site.health().await, ConnectionHealth::Connected, "the rotated token was kept");
    assert_eq!(site.locked.refreshes(), 2);
}

#[tokio::test]
async fn a_refused_token_is_renewed_at_once_and_a_stale_refusal_changes_nothing() {
    let site = Site::new(Knobs { life: None, ..Knobs::default() }).await;
    site.connect(site.owner()).await.expect("connected");
    let (first, one) = site.token().await.expect("there");
    site.fixture.clock.advance_seconds(3_600);
    site.locked.end_tokens();
    let mut gateway = Gateway::new(&site.fixture.clock, &site.fixture.entropy);
    let refused = ConnectionRefused {
        server: site.server,
        connection: one.id,
        generation: one.generation,
        at: site.fixture.clock.now(),
        needs: None,
    };
    for generation in [one.generation + 7, one.generation, one.generation] {
        let refused = ConnectionRefused { generation, ..refused.clone() };
        let event = gateway.says(&site.fixture.ours, Event::ConnectionRefused(refused));
        site.fixture.bus.append(&event, bus::Durability::Durable).await.expect("sent");
        site.fixture.accounts.record_waiting().await.expect("stored");
        site.fixture.accounts.refresh_connections().await.expect("looked");
    }
    assert_eq!(site.locked.refreshes(), 1);
    assert_ne!(site.token().await.expect("there").0, first);
}

#[tokio::test]
async fn a_connection_that_dies_is_told_before_and_after() {
    let site = Site::new(Knobs::default()).await;
    let (accounts, owner) = (&site.fixture.accounts, &site.owner().caller);
    site.connect(site.owner()).await.expect("connected");
    assert!(accounts.troubled_connections(owner).await.expect("asked").is_empty());
    site.locked.turn(|knobs| knobs.refresh_error = Some((503, "temporarily_unavailable")));
    site.fixture.clock.advance_seconds(2_401);
    accounts.refresh_connections().await.expect("looked");
    assert!(matches!(site.health().await, ConnectionHealth::Ailing(Ailment::NotRenewed { .. })));
    assert!(site.token().await.is_some(), "its token is good still");
    let told = accounts.troubled_connections(owner).await.expect("asked");
    assert_eq!(told.len(), 1);
    let viewer = &site.fixture.ours.viewer.caller;
    assert!(accounts.troubled_connections(viewer).await.expect("asked").is_empty(), "it is the admins' matter");

    site.locked.turn(|knobs| knobs.refresh_error = Some((400, "invalid_grant")));
    site.fixture.clock.advance_seconds(60);
    accounts.refresh_connections().await.expect("looked");
    assert!(matches!(site.health().await, ConnectionHealth::Dead { .. }));
    assert!(site.token().await.is_none(), "gateways are not given it any more");
    let events = accounts.admin_events(owner).await.expect("asked");
    assert!(events.iter().any(|event| event.action == "connection.died"));
    site.locked.turn(|knobs| knobs.refresh_error = None);
    site.connect(site.owner()).await.expect("connected again");
    assert_eq!(site.health().await, ConnectionHealth::Connected);
}

#[tokio::test]
async fn a_token_that_cannot_be_renewed_is_told_from_the_first_moment_and_dies_on_time() {
    let site = Site::new(Knobs { renewable: false, ..Knobs::default() }).await;
    site.connect(site.owner()).await.expect("connected");
    assert!(matches!(site.health().await, ConnectionHealth::Ailing(Ailment::Ends { .. })));
    site.fixture.clock.advance_seconds(3_601);
    site.fixture.accounts.refresh_connections().await.expect("looked");
    assert!(matches!(site.health().await, ConnectionHealth::Dead { .. }));
    assert!(site.token().await.is_none());
    assert_eq!(site.locked.refreshes(), 0);
}

#[tokio::test]
async fn what_a_server_wants_besides_is_asked_for_the_next_time() {
    let site = Site::new(Knobs { scope: Some("read"), ..Knobs::default() }).await;
    site.connect(site.owner()).await.expect("connected");
    let (_, one) = site.token().await.expect("there");
    let refused = ConnectionRefused {
        server: site.server,
        connection: one.id,
        generation: one.generation,
        at: site.fixture.clock.now(),
        needs: Some("write".to_owned()),
    };
    let event = Gateway::new(&site.fixture.clock, &site.fixture.entropy)
        .says(&site.fixture.ours, Event::ConnectionRefused(refused));
    site.fixture.bus.append(&event, bus::Durability::Durable).await.expect("sent");
    site.fixture.accounts.record_waiting().await.expect("stored");
    assert!(matches!(site.health().await, ConnectionHealth::Ailing(Ailment::NeedsMore { .. })));
    let url = site.begin(site.owner()).await.expect("begun");
    assert!(url.contains("scope=read+offline_access+write"), "{url}");
}

#[tokio::test]
async fn each_member_has_their_own_and_sees_no_others() {
    let site = Site::with(Knobs::default(), form(Sharing::Member)).await;
    let (accounts, fixture) = (&site.fixture.accounts, &site.fixture);
    site.connect(&fixture.ours.viewer).await.expect("a viewer connects themselves");
    site.connect(&fixture.ours.admin).await.expect("so does an admin");
    let snapshot = site.snapshot().await;
    let oauth = snapshot.servers.iter().find(|s| s.id == site.server).and_then(|s| s.oauth.clone()).expect("by OAuth");
    let mut users: Vec<_> = oauth.connections.iter().filter_map(|one| one.user).collect();
    users.sort();
    let mut both = vec![fixture.ours.viewer.visitor.user, fixture.ours.admin.visitor.user];
    both.sort();
    assert_eq!(users, both);
    assert_eq!(oauth.connect_url, "https://gateway.example/app/ours/servers/locked/connect");

    let seen = accounts.upstream_oauth(&fixture.ours.viewer.caller, site.server).await.expect("asked").expect("set");
    assert_eq!(seen.connections.len(), 1, "others' connections are not shown to members");
    let theirs = oauth.connections.iter().find(|one| one.user == Some(fixture.ours.admin.visitor.user)).expect("one");
    let refused = accounts.disconnect(&fixture.ours.viewer.caller, site.server, theirs.id).await;
    assert!(matches!(refused, Err(Error::NotFound)), "{refused:?}");
    accounts.disconnect(&fixture.ours.viewer.caller, site.server, seen.connections[0].id).await.expect("one's own");
    assert_eq!(site.locked.count("/revoke"), 1);

    let admin = fixture.ours.admin.visitor.user;
    accounts.remove_member(&fixture.ours.owner.caller, admin).await.expect("removed");
    assert!(site.token().await.is_none(), "a member's connection goes with the member");
}

#[tokio::test]
async fn who_may_not_manage_servers_cannot_connect_for_everyone() {
    let site = Site::new(Knobs::default()).await;
    let (accounts, ours) = (&site.fixture.accounts, &site.fixture.ours);
    for person in [&ours.viewer, &ours.policy_manager] {
        let refused = site.begin(person).await;
        assert!(matches!(refused, Err(ConnectError::Other(Error::NotAllowed { .. }))), "{refused:?}");
        let refused = accounts.set_upstream_oauth(&person.caller, site.server, None).await;
        assert!(matches!(refused, Err(Error::NotAllowed { .. })), "{refused:?}");
    }
    let stranger = &site.fixture.neighbour.owner;
    let refused = accounts.begin_connection(&stranger.visitor, &stranger.caller, site.server).await;
    assert!(matches!(refused, Err(ConnectError::Other(Error::NotFound))), "{refused:?}");
    let refused = accounts.set_upstream_oauth(&stranger.caller, site.server, None).await;
    assert!(matches!(refused, Err(Error::NotFound)));
    assert!(accounts.upstream_oauth(&stranger.caller, site.server).await.expect("asked").is_none());
    site.connect(site.owner()).await.expect("connected");
    let id = site.token().await.expect("there").1.id;
    let refused = accounts.disconnect(&stranger.caller, site.server, id).await;
    assert!(matches!(refused, Err(Error::NotFound)));
}

#[tokio::test]
async fn another_address_has_neither_connections_nor_the_typed_in_client() {
    let given = GivenClient::New { id: "by-hand".to_owned(), secret: Secret::new("s".to_owned()) };
    let site = Site::with(Knobs::default(), OAuthForm { client: given, ..form(Sharing::Server) }).await;
    site.connect(site.owner()).await.expect("connected");
    let url = site.begin(site.owner()).await.expect("begun");
    let back = answer(&site.locked.consent(&url));
    let (accounts, owner) = (&site.fixture.accounts, &site.owner().caller);
    let edit = ServerEdit {
        name: "x".to_owned(),
        url: site.locked.url.replace("/mcp", "/other"),
        headers: None,
        settings: ServerSettings::default(),
    };
    accounts.update_server(owner, site.server, &edit).await.expect("moved");
    assert!(site.token().await.is_none());
    let view = accounts.upstream_oauth(owner, site.server).await.expect("asked").expect("by OAuth still");
    assert_eq!(view.client_id, None);
    assert!(matches!(site.finish(site.owner(), &back).await, Err(ConnectError::NotExpected)));
    accounts.remove_server(owner, site.server).await.expect("removed");
    assert!(accounts.upstream_oauth(owner, site.server).await.expect("asked").is_none());
}
