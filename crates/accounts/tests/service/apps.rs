//! Connected apps: registering, asking, the code, and who sees and ends what.

use accounts::{
    AuthorizeError, AuthorizeRequest, ClientError, ClientKind, CodeChallenge, Error, ExchangeCode, Issued, Membership,
    OAuthClient, RegisterClient, TokenError,
};
use domain::{AccessClaims, AccessTokens, Scope, Scopes};
use test_support::{Fixture, Person, Tenant, from_here};

use crate::support::{Work, told};

/// RFC 7636 appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub const REDIRECT: &str = "http://127.0.0.1:33418/callback";
pub const RESOURCE: &str = "https://gateway.example/ours/mlflow/mcp";

/// A client that registered itself.
pub async fn client(fixture: &Fixture) -> OAuthClient {
    let form = RegisterClient {
        name: Some("A client".to_owned()),
        redirect_uris: vec![REDIRECT.to_owned()],
        grant_types: Some(vec!["authorization_code".to_owned(), "refresh_token".to_owned()]),
        ..RegisterClient::default()
    };
    let registered = fixture.accounts.register_client(form, &from_here()).await.expect("registered");
    fixture.accounts.registered_client(&registered.client_id).await.expect("known")
}

pub fn request(fixture: &Fixture, client: &OAuthClient, resource: &str) -> AuthorizeRequest {
    AuthorizeRequest {
        redirect: client.redirect(Some(REDIRECT)).expect("registered"),
        resource: fixture.accounts.resource(resource).expect("a gateway URL"),
        scopes: client.scopes(None),
        challenge: CodeChallenge::parse(Some(CHALLENGE), Some("S256")).expect("a challenge"),
        client: client.clone(),
    }
}

/// A code for all that was asked for, as its client exchanges it.
pub async fn allowed(fixture: &Fixture, person: &Person, client: &OAuthClient) -> ExchangeCode {
    let request = request(fixture, client, RESOURCE);
    let code = fixture.accounts.allow_app(&person.visitor, &request, request.scopes).await.expect("allowed");
    ExchangeCode {
        code: code.expose().to_owned(),
        client_id: client.client_id.clone(),
        redirect_uri: Some(REDIRECT.to_owned()),
        code_verifier: VERIFIER.to_owned(),
        resource: Some(RESOURCE.to_owned()),
    }
}

pub async fn connected(fixture: &Fixture, person: &Person, client: &OAuthClient) -> Issued {
    let exchange = allowed(fixture, person, client).await;
    fixture.accounts.exchange_code(&exchange).await.expect("tokens")
}

/// What a gateway makes of an access token, as far as the token goes.
pub fn claims(fixture: &Fixture, issued: &Issued) -> AccessClaims {
    let tokens = AccessTokens::new(&fixture.key, "https://gateway.example");
    tokens.verify(issued.access_token.expose(), RESOURCE, fixture.clock.now()).expect("a good token")
}

/// Whether the token's app stands for gateways.
pub async fn stands(fixture: &Fixture, tenant: &Tenant, issued: &Issued) -> bool {
    let app = claims(fixture, issued).app;
    told(fixture, tenant).await.apps.iter().any(|one| one.id == app)
}

#[tokio::test]
async fn a_code_becomes_an_app_that_gateways_know() {
    let fixture = Fixture::new().await;
    let (accounts, viewer) = (&fixture.accounts, &fixture.ours.viewer);
    let client = client(&fixture).await;
    let exchange = allowed(&fixture, viewer, &client).await;
    assert!(accounts.apps(&viewer.caller).await.expect("asked").is_empty(), "a code alone is no app");
    let issued = accounts.exchange_code(&exchange).await.expect("tokens");
    assert_eq!((issued.expires_in_s, issued.refresh_token.is_some()), (600, true));
    assert!(!format!("{issued:?}").contains(issued.access_token.expose()));

    let claims = claims(&fixture, &issued);
    assert_eq!((claims.user, claims.scopes), (viewer.visitor.user, Scopes::READ_AND_WRITE));
    let snapshot = told(&fixture, &fixture.ours).await;
    let app = &snapshot.apps[0];
    assert_eq!((app.id, app.user, app.resource.as_str()), (claims.app, viewer.visitor.user, RESOURCE));
    assert_eq!(claims.account, snapshot.account);
    let shown = accounts.apps(&viewer.caller).await.expect("asked");
    assert_eq!((shown.len(), shown[0].client.name.as_str()), (1, "A client"));
    let events = accounts.admin_events(&fixture.ours.owner.caller).await.expect("asked");
    let allowed = events.iter().find(|event| event.action == "app.allowed").expect("it is noted");
    assert_eq!((allowed.actor, &allowed.subject), (viewer.visitor.user, &claims.app.to_string()));
}

#[tokio::test]
async fn what_comes_with_a_code_has_to_fit() {
    let fixture = Fixture::new().await;
    let (accounts, viewer) = (&fixture.accounts, &fixture.ours.viewer);
    let (client, other) = (client(&fixture).await, client(&fixture).await);
    let good = allowed(&fixture, viewer, &client).await;
    let wrong = "a".repeat(43);
    for (what, form) in [
        ("verifier", ExchangeCode { code_verifier: wrong, ..good.clone() }),
        ("no verifier", ExchangeCode { code_verifier: String::new(), ..good.clone() }),
        ("the challenge itself", ExchangeCode { code_verifier: CHALLENGE.to_owned(), ..good.clone() }),
        ("client", ExchangeCode { client_id: other.client_id, ..good.clone() }),
        ("redirect", ExchangeCode { redirect_uri: Some("http://127.0.0.1:1/callback".to_owned()), ..good.clone() }),
        ("code", ExchangeCode { code: good.code.to_lowercase(), ..good.clone() }),
    ] {
        let refused = accounts.exchange_code(&form).await;
        assert!(matches!(refused, Err(TokenError::Grant)), "{what}: {refused:?}");
    }
    for resource in ["https://gateway.example/ours/mcp", "https://gateway.example/neighbour/mlflow/mcp", "https://x.y/"]
    {
        let form = ExchangeCode { resource: Some(resource.to_owned()), ..good.clone() };
        assert!(matches!(accounts.exchange_code(&form).await, Err(TokenError::Target)), "{resource}");
    }
    fixture.clock.advance_seconds(59);
    let named = ExchangeCode { resource: Some(format!("{RESOURCE}/")), redirect_uri: None, ..good.clone() };
    accounts.exchange_code(&named).await.expect("none of that used the code up");
    let late = allowed(&fixture, viewer, &client).await;
    fixture.clock.advance_seconds(60);
    assert!(matches!(accounts.exchange_code(&late).await, Err(TokenError::Grant)), "a minute is all");
}

#[tokio::test]
async fn a_code_that_comes_twice_ends_what_it_gave() {
    let fixture = Fixture::new().await;
    let client = client(&fixture).await;
    let exchange = allowed(&fixture, &fixture.ours.viewer, &client).await;
    let issued = fixture.accounts.exchange_code(&exchange).await.expect("tokens");
    assert!(stands(&fixture, &fixture.ours, &issued).await);
    assert!(matches!(fixture.accounts.exchange_code(&exchange).await, Err(TokenError::Grant)));
    assert!(!stands(&fixture, &fixture.ours, &issued).await);

    let exchange = allowed(&fixture, &fixture.ours.viewer, &client).await;
    let both = tokio::join!(fixture.accounts.exchange_code(&exchange), fixture.accounts.exchange_code(&exchange));
    let issued = match both {
        (Ok(issued), Err(TokenError::Grant)) | (Err(TokenError::Grant), Ok(issued)) => issued,
        other => panic!("one of two gets tokens: {other:?}"),
    };
    assert!(!stands(&fixture, &fixture.ours, &issued).await, "nor at the same time");
}

#[tokio::test]
async fn nobody_allows_more_than_was_asked_or_where_they_do_not_belong() {
    let fixture = Fixture::new().await;
    let (accounts, ours) = (&fixture.accounts, &fixture.ours);
    let client = client(&fixture).await;
    let mut asked = request(&fixture, &client, RESOURCE);
    asked.scopes = Scopes::READ;
    for scopes in [Scopes::READ_AND_WRITE, Scopes::NONE, Scopes::READ.with(Scope::OfflineAccess)] {
        let refused = accounts.allow_app(&ours.viewer.visitor, &asked, scopes).await;
        assert!(matches!(refused, Err(AuthorizeError::Scope)), "{scopes}");
    }
    for resource in ["https://gateway.example/neighbour/mlflow/mcp", "https://gateway.example/nobody/mcp"] {
        let foreign = request(&fixture, &client, resource);
        let refused = accounts.allow_app(&ours.owner.visitor, &foreign, Scopes::READ).await;
        assert!(matches!(refused, Err(AuthorizeError::Stranger)), "{resource}");
        let view = accounts.consent_view(&ours.owner.visitor, &foreign).await.expect("asked");
        assert_eq!((view.membership, view.servers.len()), (Membership::Stranger, 0), "{resource}");
    }
}

#[tokio::test]
async fn consent_says_what_the_persons_grants_open_and_what_is_new() {
    let work = Work::new().await;
    let fixture = &work.fixture;
    let client = client(fixture).await;
    let view = async |person: &Person| {
        fixture.accounts.consent_view(&person.visitor, &request(fixture, &client, RESOURCE)).await.expect("asked")
    };
    let before = view(&fixture.ours.viewer).await;
    assert!(matches!(before.membership, Membership::Member { .. }) && before.servers.is_empty(), "{before:?}");
    let grant = accounts::NewGrant {
        subject: accounts::NewSubject::Member(fixture.ours.viewer.visitor.user),
        ..crate::support::to_agent(fixture, work.ours.server.id, Some(work.ours.policy))
    };
    let grant = accounts::NewGrant { key: accounts::KeyWish::None, ..grant };
    fixture.accounts.create_grant(&fixture.ours.owner.caller, &grant).await.expect("a grant");
    let with_grant = view(&fixture.ours.viewer).await;
    let server = &with_grant.servers[0];
    assert_eq!((server.slug.as_str(), with_grant.before), ("mlflow", None));
    assert!(server.tools.open_changing + server.tools.denied > 0, "{:?}", server.tools);

    connected(fixture, &fixture.ours.viewer, &client).await;
    let again = view(&fixture.ours.viewer).await;
    assert_eq!(again.before, Some(Scopes::READ_AND_WRITE.with(Scope::OfflineAccess)));
    assert_eq!(view(&fixture.ours.owner).await.before, None, "another person's app is nobody else's");
}

#[tokio::test]
async fn apps_are_ones_own_and_admins_end_anybodys() {
    let fixture = Fixture::new().await;
    let (accounts, ours, theirs) = (&fixture.accounts, &fixture.ours, &fixture.neighbour);
    let client = client(&fixture).await;
    let issued = connected(&fixture, &ours.viewer, &client).await;
    let app = claims(&fixture, &issued).app;
    assert!(accounts.apps(&ours.owner.caller).await.expect("asked").is_empty());
    assert!(matches!(accounts.all_apps(&ours.policy_manager.caller).await, Err(Error::NotAllowed { .. })));
    assert_eq!(accounts.all_apps(&ours.admin.caller).await.expect("asked").len(), 1);
    assert!(accounts.all_apps(&theirs.owner.caller).await.expect("asked").is_empty());
    for stranger in [&ours.policy_manager, &theirs.owner] {
        let refused = accounts.revoke_app(&stranger.caller, app).await;
        assert!(matches!(refused, Err(Error::NotFound)), "{refused:?}");
    }
    assert!(stands(&fixture, ours, &issued).await);
    accounts.revoke_app(&ours.admin.caller, app).await.expect("ended");
    assert!(!stands(&fixture, ours, &issued).await);
    assert!(matches!(accounts.revoke_app(&ours.admin.caller, app).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn a_new_consent_takes_the_place_of_the_same_installations_and_leaving_ends_all() {
    let fixture = Fixture::new().await;
    let (viewer, client) = (&fixture.ours.viewer, client(&fixture).await);
    let first = connected(&fixture, viewer, &client).await;
    let second = connected(&fixture, viewer, &client).await;
    assert!(!stands(&fixture, &fixture.ours, &first).await && stands(&fixture, &fixture.ours, &second).await);
    let others = connected(&fixture, &fixture.ours.owner, &client).await;
    assert!(stands(&fixture, &fixture.ours, &second).await, "another person's app is another one");
    fixture.accounts.remove_member(&fixture.ours.owner.caller, viewer.visitor.user).await.expect("removed");
    assert!(!stands(&fixture, &fixture.ours, &second).await && stands(&fixture, &fixture.ours, &others).await);
}

#[tokio::test]
async fn clients_register_within_limits_and_unused_ones_are_forgotten() {
    let fixture = Fixture::new().await;
    let accounts = &fixture.accounts;
    let (used, unused) = (client(&fixture).await, client(&fixture).await);
    assert_eq!(used.kind, ClientKind::Registered);
    connected(&fixture, &fixture.ours.viewer, &used).await;
    for uris in [vec![], vec!["http://evil.example/cb"], vec![REDIRECT, "javascript:alert(1)"], vec![REDIRECT; 11]] {
        let redirect_uris = uris.iter().map(|uri| (*uri).to_owned()).collect();
        let form = RegisterClient { redirect_uris, ..RegisterClient::default() };
        assert!(accounts.register_client(form, &from_here()).await.is_err(), "{uris:?}");
    }
    let form = RegisterClient { redirect_uris: vec![REDIRECT.to_owned()], ..RegisterClient::default() };
    let mut throttled = false;
    for _ in 0..60 {
        throttled |= matches!(
            accounts.register_client(form.clone(), &from_here()).await,
            Err(ClientError::Throttled { retry_after_s: 1.. })
        );
    }
    assert!(throttled, "an address does not register for ever");
    fixture.clock.advance_seconds(25 * 60 * 60);
    accounts.forget_authorizations().await.expect("forgotten");
    assert!(accounts.registered_client(&used.client_id).await.is_ok());
    assert!(matches!(accounts.registered_client(&unused.client_id).await, Err(ClientError::Unknown)));
}
