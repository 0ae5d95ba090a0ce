//! Refresh tokens of apps: each good for one use, and what a second use ends.

use accounts::{Issued, OAuthClient, Refresh, TokenError};
use domain::{Scope, Scopes};
use test_support::Fixture;

use crate::{
    apps::{RESOURCE, claims, client, connected, stands},
    support::told,
};

const DAY_S: i64 = 24 * 60 * 60;

pub fn with(issued: &Issued, client: &OAuthClient) -> Refresh {
    Refresh {
        refresh_token: issued.refresh_token.as_ref().expect("a refresh token").expose().to_owned(),
        client_id: client.client_id.clone(),
        resource: None,
        scope: None,
    }
}

struct Case {
    fixture: Fixture,
    client: OAuthClient,
    first: Issued,
}

impl Case {
    async fn new() -> Self {
        let fixture = Fixture::new().await;
        let client = client(&fixture).await;
        let first = connected(&fixture, &fixture.ours.viewer, &client).await;
        Self { fixture, client, first }
    }

    async fn refresh(&self, issued: &Issued) -> Result<Issued, TokenError> {
        self.fixture.accounts.refresh(&with(issued, &self.client)).await
    }

    /// Whether the one app stands for gateways.
    async fn stands(&self) -> bool {
        !told(&self.fixture, &self.fixture.ours).await.apps.is_empty()
    }
}

#[tokio::test]
async fn each_use_gives_the_next() {
    let case = Case::new().await;
    let app = claims(&case.fixture, &case.first).app;
    let mut last = case.refresh(&case.first).await.expect("the second");
    for _ in 0..3 {
        case.fixture.clock.advance_seconds(600);
        last = case.refresh(&last).await.expect("the next");
        assert_eq!(claims(&case.fixture, &last).app, app);
    }
    assert!(stands(&case.fixture, &case.fixture.ours, &last).await);
}

#[tokio::test]
async fn a_second_use_ends_the_app() {
    let case = Case::new().await;
    let second = case.refresh(&case.first).await.expect("the second");
    case.fixture.clock.advance_seconds(11);
    assert!(matches!(case.refresh(&case.first).await, Err(TokenError::Grant)));
    assert!(!case.stands().await);
    assert!(matches!(case.refresh(&second).await, Err(TokenError::Grant)), "nor does the newest go on");
    let events = case.fixture.accounts.admin_events(&case.fixture.ours.owner.caller).await.expect("asked");
    assert_eq!(events[0].action, "app.revoked");
    assert_eq!(events[0].detail["why"], "refresh_token_reused");
}

#[tokio::test]
async fn a_lost_answer_is_made_up_for_without_two_that_are_good() {
    let case = Case::new().await;
    let lost = case.refresh(&case.first).await.expect("an answer that is lost");
    case.fixture.clock.advance_seconds(9);
    let again = case.refresh(&case.first).await.expect("asked again");
    let third = case.refresh(&again).await.expect("goes on");
    case.fixture.clock.advance_seconds(11);
    assert!(matches!(case.refresh(&lost).await, Err(TokenError::Grant)), "whoever has the lost one is told off");
    assert!(!case.stands().await && matches!(case.refresh(&third).await, Err(TokenError::Grant)));
}

#[tokio::test]
async fn once_its_successor_was_used_a_token_does_not_come_again() {
    let case = Case::new().await;
    let second = case.refresh(&case.first).await.expect("the second");
    case.refresh(&second).await.expect("the third");
    assert!(matches!(case.refresh(&case.first).await, Err(TokenError::Grant)), "even within the ten seconds");
    assert!(!case.stands().await);
}

#[tokio::test]
async fn uses_at_the_same_time_leave_one_that_is_good() {
    let case = Case::new().await;
    let both = tokio::join!(case.refresh(&case.first), case.refresh(&case.first));
    let (Ok(one), Ok(other)) = both else { panic!("a repeated request is answered: {both:?}") };
    case.fixture.clock.advance_seconds(11);
    let (first, second) = (case.refresh(&one).await, case.refresh(&other).await);
    assert!(!(first.is_ok() && second.is_ok()), "never two that are good");
}

/// A client of several processes that wake up together.
#[tokio::test]
async fn many_uses_at_the_same_time_end_nothing() {
    let case = Case::new().await;
    let again = || case.refresh(&case.first);
    let (one, two, three, four, five) = tokio::join!(again(), again(), again(), again(), again());
    for answer in [one, two, three, four, five] {
        assert!(answer.is_ok(), "{answer:?}");
    }
    assert!(case.stands().await);
}

#[tokio::test]
async fn a_refresh_token_is_its_clients_and_narrows_only() {
    let case = Case::new().await;
    let stranger = client(&case.fixture).await;
    let refresh = |change: &dyn Fn(&mut Refresh)| {
        let mut form = with(&case.first, &case.client);
        change(&mut form);
        let accounts = case.fixture.accounts.clone();
        async move { accounts.refresh(&form).await }
    };
    let other = refresh(&|form| form.client_id.clone_from(&stranger.client_id)).await;
    assert!(matches!(other, Err(TokenError::Grant)));
    let elsewhere = refresh(&|form| form.resource = Some("https://gateway.example/ours/mcp".to_owned())).await;
    assert!(matches!(elsewhere, Err(TokenError::Target)));
    let narrowed = refresh(&|form| {
        form.scope = Some("mcp:read".to_owned());
        form.resource = Some(RESOURCE.to_owned());
    });
    let narrowed = narrowed.await.expect("none of that used it up");
    assert_eq!(claims(&case.fixture, &narrowed).scopes, Scopes::READ);
    assert!(narrowed.refresh_token.is_some() && narrowed.scopes.contains(Scope::OfflineAccess));
    let wide = case.refresh(&narrowed).await.expect("the refresh token keeps what was allowed");
    assert_eq!(claims(&case.fixture, &wide).scopes, Scopes::READ_AND_WRITE);
}

#[tokio::test]
async fn refresh_tokens_end_with_idleness_with_age_and_with_the_membership() {
    let case = Case::new().await;
    let mut last = case.refresh(&case.first).await.expect("the second");
    for _ in 0..3 {
        case.fixture.clock.advance_seconds(29 * DAY_S);
        last = case.refresh(&last).await.expect("used every month");
    }
    case.fixture.clock.advance_seconds(4 * DAY_S);
    assert!(matches!(case.refresh(&last).await, Err(TokenError::Grant)), "after ninety days the person is asked again");

    let case = Case::new().await;
    case.fixture.clock.advance_seconds(30 * DAY_S);
    assert!(matches!(case.refresh(&case.first).await, Err(TokenError::Grant)), "unused for a month");

    let case = Case::new().await;
    let (owner, viewer) = (&case.fixture.ours.owner, &case.fixture.ours.viewer);
    case.fixture.accounts.remove_member(&owner.caller, viewer.visitor.user).await.expect("removed");
    assert!(matches!(case.refresh(&case.first).await, Err(TokenError::Grant)));
}

#[tokio::test]
async fn tokens_are_given_back_by_their_own_client() {
    let case = Case::new().await;
    let accounts = &case.fixture.accounts;
    let stranger = client(&case.fixture).await;
    let refresh_token = case.first.refresh_token.as_ref().expect("a refresh token").expose();
    for (text, client) in
        [(refresh_token, &stranger), (case.first.access_token.expose().as_str(), &stranger), ("x", &case.client)]
    {
        accounts.revoke_token(text, &client.client_id).await.expect("nothing is told");
    }
    assert!(stands(&case.fixture, &case.fixture.ours, &case.first).await);
    accounts.revoke_token(refresh_token, &case.client.client_id).await.expect("given back");
    assert!(!case.stands().await);

    let case = Case::new().await;
    let access_token = case.first.access_token.expose();
    case.fixture.accounts.revoke_token(access_token, &case.client.client_id).await.expect("given back");
    assert!(!case.stands().await);
}
