//! What ends the apps of a person, and what does not.

use accounts::{
    AuthorizeError, ChangePassword, Error, ExchangeCode, Issued, NewAccount, NewKey, OAuthClient, TokenError,
};
use domain::{Principal, Secret};
use test_support::{Fixture, PASSWORD, Person, from_here};

use crate::{
    app_tokens::with,
    apps::{allowed, client, connected, request, stands},
    support::told,
};

const SECOND: &str = "https://gateway.example/second/mcp";

async fn change_password(fixture: &Fixture, person: &Person) {
    let change = ChangePassword {
        current: Secret::new(PASSWORD.to_owned()),
        password: Secret::new("walrus-harbour-quill".to_owned()),
    };
    fixture.accounts.change_password(&person.visitor, change, &from_here()).await.expect("changed");
}

/// An app of the person in a further account of theirs.
async fn in_a_second_account(fixture: &Fixture, person: &Person, client: &OAuthClient) -> Issued {
    let account = NewAccount { account_name: "Second".to_owned(), account_slug: "second".to_owned() };
    fixture.accounts.create_account(&person.visitor, &account, &from_here()).await.expect("founded");
    let request = request(fixture, client, SECOND);
    let code = fixture.accounts.allow_app(&person.visitor, &request, request.scopes).await.expect("allowed");
    let exchange = ExchangeCode {
        code: code.expose().to_owned(),
        resource: Some(SECOND.to_owned()),
        ..allowed(fixture, person, client).await
    };
    fixture.accounts.exchange_code(&exchange).await.expect("tokens")
}

async fn apps_of_second(fixture: &Fixture) -> usize {
    let slug = "second".parse().expect("a slug");
    let signed = fixture.bus.load(&slug).await.expect("asked").expect("published");
    signed.open(&slug, &fixture.key).expect("signed by us").apps.len()
}

#[tokio::test]
async fn another_password_ends_the_persons_apps_in_all_their_accounts() {
    let fixture = Fixture::new().await;
    let (accounts, viewer) = (&fixture.accounts, &fixture.ours.viewer);
    let client = client(&fixture).await;
    let first = connected(&fixture, viewer, &client).await;
    in_a_second_account(&fixture, viewer, &client).await;
    let others = connected(&fixture, &fixture.ours.owner, &client).await;
    let waiting = allowed(&fixture, viewer, &client).await;
    let key = NewKey { principal: Principal::Member(viewer.visitor.user), label: "mine".to_owned(), expires_at: None };
    accounts.new_key(&viewer.caller, &key).await.expect("a key");
    assert_eq!(apps_of_second(&fixture).await, 1);

    change_password(&fixture, viewer).await;
    assert!(!stands(&fixture, &fixture.ours, &first).await);
    assert_eq!(apps_of_second(&fixture).await, 0, "in every account at once");
    assert!(matches!(accounts.refresh(&with(&first, &client)).await, Err(TokenError::Grant)));
    assert!(matches!(accounts.exchange_code(&waiting).await, Err(TokenError::Grant)), "nor does a code become one");
    assert!(stands(&fixture, &fixture.ours, &others).await, "others keep theirs");
    assert_eq!(accounts.my_keys(&viewer.caller).await.expect("asked").len(), 1, "keys stay");
    let events = accounts.admin_events(&fixture.ours.owner.caller).await.expect("asked");
    let ended = events.iter().find(|event| event.action == "app.all_revoked").expect("it is noted");
    assert_eq!((&ended.detail["apps"], &ended.detail["why"]), (&1.into(), &"password_changed".into()));

    connected(&fixture, viewer, &client).await;
    assert_eq!(told(&fixture, &fixture.ours).await.apps.len(), 2, "an app may be allowed anew");
}

#[tokio::test]
async fn another_password_without_apps_is_no_change_for_gateways() {
    let fixture = Fixture::new().await;
    let before = told(&fixture, &fixture.ours).await;
    change_password(&fixture, &fixture.ours.viewer).await;
    assert_eq!(told(&fixture, &fixture.ours).await, before);
}

#[tokio::test]
async fn signing_devices_out_keeps_apps() {
    let fixture = Fixture::new().await;
    let (viewer, client) = (&fixture.ours.viewer, client(&fixture).await);
    let issued = connected(&fixture, viewer, &client).await;
    fixture.accounts.revoke_other_sessions(&viewer.visitor).await.expect("done");
    assert!(stands(&fixture, &fixture.ours, &issued).await);
    fixture.accounts.log_out(&viewer.visitor).await.expect("logged out");
    assert!(stands(&fixture, &fixture.ours, &issued).await);
}

/// A request that was on its way while the session ended.
#[tokio::test]
async fn a_session_that_ended_allows_nothing() {
    let fixture = Fixture::new().await;
    let (viewer, client) = (&fixture.ours.viewer, client(&fixture).await);
    fixture.accounts.log_out(&viewer.visitor).await.expect("logged out");
    let request = request(&fixture, &client, crate::apps::RESOURCE);
    let refused = fixture.accounts.allow_app(&viewer.visitor, &request, request.scopes).await;
    assert!(matches!(refused, Err(AuthorizeError::Other(Error::NotFound))), "{refused:?}");
}

#[tokio::test]
async fn a_removed_member_has_no_app_and_no_code_left() {
    let fixture = Fixture::new().await;
    let (accounts, owner, viewer) = (&fixture.accounts, &fixture.ours.owner.caller, &fixture.ours.viewer);
    let client = client(&fixture).await;
    let issued = connected(&fixture, viewer, &client).await;
    let waiting = allowed(&fixture, viewer, &client).await;
    accounts.remove_member(owner, viewer.visitor.user).await.expect("removed");
    let invite = accounts.create_invite(owner, domain::Role::Viewer, None).await.expect("a link");
    accounts.accept_invite(&viewer.visitor, invite.token.expose()).await.expect("back again");
    assert!(!stands(&fixture, &fixture.ours, &issued).await);
    assert!(matches!(accounts.refresh(&with(&issued, &client)).await, Err(TokenError::Grant)));
    assert!(matches!(accounts.exchange_code(&waiting).await, Err(TokenError::Grant)));
}
