//! Log-in and its throttle, sessions and their end.

use std::net::IpAddr;

use accounts::{ChangePassword, ClientAddress, Error, LogIn, LogInError, SignUpError};
use domain::Secret;
use test_support::{Fixture, PASSWORD, from_here};

fn form(email: &str, password: &str) -> LogIn {
    LogIn { email: email.to_owned(), password: Secret::new(password.to_owned()) }
}

fn from(ip: &str) -> ClientAddress {
    ClientAddress { ip: ip.parse::<IpAddr>().expect("an address"), user_agent: "another\nbrowser".to_owned() }
}

#[tokio::test]
async fn the_right_password_opens_a_new_session_each_time() {
    let fixture = Fixture::new().await;
    let accounts = &fixture.accounts;
    let first = accounts.log_in(form("Owner@ours.example", PASSWORD), &from_here()).await.expect("logged in");
    let second = accounts.log_in(form("owner@ours.example", PASSWORD), &from("192.0.2.7")).await.expect("logged in");
    assert_ne!(first.session.expose(), second.session.expose());
    let visitor = accounts.visitor(second.session.expose()).await.expect("asked").expect("signed in");
    assert_eq!(visitor.user, fixture.ours.owner.visitor.user);
    let sessions = accounts.sessions(&visitor).await.expect("asked");
    assert_eq!(sessions.len(), 3, "sign-up and two log-ins");
    let current: Vec<_> = sessions.iter().filter(|session| session.current).collect();
    let [current] = current.as_slice() else { panic!("one is the one that asks") };
    assert_eq!((current.ip.as_str(), current.user_agent.as_str()), ("192.0.2.7", "anotherbrowser"));
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_are_told_alike() {
    let fixture = Fixture::new().await;
    for (email, password) in [
        ("owner@ours.example", "wrong-password-123"),
        ("nobody@ours.example", PASSWORD),
        ("not an address", PASSWORD),
        ("", ""),
        ("owner@ours.example", ""),
    ] {
        let refused = fixture.accounts.log_in(form(email, password), &from_here()).await;
        assert!(matches!(refused, Err(LogInError::Wrong)), "{email:?}");
    }
}

#[tokio::test]
async fn ten_failures_close_an_address_for_a_while_known_or_not() {
    let fixture = Fixture::new().await;
    for (number, email) in (0..).zip(["viewer@ours.example", "nobody@ours.example"]) {
        for attempt in 0..10 {
            // From ever new networks, so that it is the e-mail address that is closed.
            let from = from(&format!("2001:db8:{number}:{attempt}::1"));
            let refused = fixture.accounts.log_in(form(email, "wrong-password-123"), &from).await;
            assert!(matches!(refused, Err(LogInError::Wrong)), "attempt {attempt} of {email}");
        }
        let right = form(&email.to_uppercase(), PASSWORD);
        let refused = fixture.accounts.log_in(right, &from("198.51.100.9")).await;
        let Err(LogInError::Throttled { retry_after_s }) = refused else { panic!("closed, in any spelling: {email}") };
        assert!((1..=900).contains(&retry_after_s), "{retry_after_s}");
    }
    fixture.accounts.forget_attempts().await.expect("only what is over is forgotten");
    let still = fixture.accounts.log_in(form("viewer@ours.example", PASSWORD), &from("198.51.100.9")).await;
    assert!(matches!(still, Err(LogInError::Throttled { .. })));
    fixture.accounts.log_in(form("admin@ours.example", PASSWORD), &from_here()).await.expect("others are not hindered");
    fixture.clock.advance_seconds(901);
    fixture.accounts.log_in(form("viewer@ours.example", PASSWORD), &from_here()).await.expect("it opens again");
}

#[tokio::test]
async fn a_success_forgets_the_failures_before_it() {
    let fixture = Fixture::new().await;
    for _ in 0..3 {
        for _ in 0..6 {
            let refused =
                fixture.accounts.log_in(form("viewer@ours.example", "wrong-password-123"), &from_here()).await;
            assert!(matches!(refused, Err(LogInError::Wrong)));
        }
        fixture.accounts.log_in(form("viewer@ours.example", PASSWORD), &from_here()).await.expect("logged in");
    }
}

#[tokio::test]
async fn many_addresses_tried_from_one_network_close_the_network() {
    let fixture = Fixture::new().await;
    let mut closed = false;
    for attempt in 0..101 {
        let refused =
            fixture.accounts.log_in(form(&format!("not an address {attempt}"), "x"), &from("192.0.2.1")).await;
        closed = matches!(refused, Err(LogInError::Throttled { .. }));
    }
    assert!(closed, "after a hundred");
    let refused = fixture.accounts.log_in(form("owner@ours.example", PASSWORD), &from("192.0.2.1")).await;
    assert!(matches!(refused, Err(LogInError::Throttled { .. })));
    fixture.accounts.log_in(form("owner@ours.example", PASSWORD), &from("192.0.2.2")).await.expect("another network");
}

/// Attempts at the same time are counted before any of them is judged.
#[tokio::test]
async fn attempts_at_the_same_time_all_count() {
    let fixture = Fixture::new().await;
    let attempts = (0..25).map(|_| {
        let accounts = fixture.accounts.clone();
        tokio::spawn(
            async move { accounts.log_in(form("viewer@ours.example", "wrong-password-123"), &from_here()).await },
        )
    });
    let mut turned_away = 0;
    for attempt in attempts.collect::<Vec<_>>() {
        if matches!(attempt.await.expect("joined"), Err(LogInError::Throttled { .. })) {
            turned_away += 1;
        }
    }
    // Of the others some may have given up waiting for their turn to be hashed.
    assert_eq!(turned_away, 15, "they were not even looked at");
}

#[tokio::test]
async fn a_revoked_session_is_over_at_once() {
    let fixture = Fixture::new().await;
    let accounts = &fixture.accounts;
    let other = accounts.log_in(form("viewer@ours.example", PASSWORD), &from_here()).await.expect("logged in");
    let visitor = accounts.visitor(other.session.expose()).await.expect("asked").expect("signed in");
    let mine = &fixture.ours.viewer;
    accounts.revoke_session(&mine.visitor, visitor.session).await.expect("revoked");
    assert!(accounts.visitor(other.session.expose()).await.expect("asked").is_none());
    assert!(matches!(accounts.revoke_session(&mine.visitor, visitor.session).await, Err(Error::NotFound)));
    assert!(accounts.visitor(mine.session.expose()).await.expect("asked").is_some(), "the other one goes on");

    accounts.log_out(&mine.visitor).await.expect("logged out");
    assert!(accounts.visitor(mine.session.expose()).await.expect("asked").is_none());
    accounts.log_out(&mine.visitor).await.expect("logging out twice does no harm");
}

#[tokio::test]
async fn signing_the_others_out_keeps_the_one_that_asks() {
    let fixture = Fixture::new().await;
    let (accounts, mine) = (&fixture.accounts, &fixture.ours.viewer);
    let other = accounts.log_in(form("viewer@ours.example", PASSWORD), &from_here()).await.expect("logged in");
    assert_eq!(accounts.revoke_other_sessions(&mine.visitor).await.expect("done"), 1);
    assert!(accounts.visitor(other.session.expose()).await.expect("asked").is_none());
    assert!(accounts.visitor(mine.session.expose()).await.expect("asked").is_some());
    assert!(accounts.visitor(fixture.ours.owner.session.expose()).await.expect("asked").is_some(), "only one's own");
}

#[tokio::test]
async fn a_session_ends_when_nobody_uses_it_and_in_any_case_after_ninety_days() {
    let fixture = Fixture::new().await;
    const DAY_S: i64 = 24 * 60 * 60;
    let used = fixture.ours.viewer.session.expose();
    let idle = fixture.ours.admin.session.expose();
    for day in 0..89 {
        fixture.clock.advance_seconds(DAY_S);
        assert!(fixture.accounts.visitor(used).await.expect("asked").is_some(), "day {day}");
    }
    assert!(fixture.accounts.visitor(idle).await.expect("asked").is_none());
    fixture.clock.advance_seconds(DAY_S);
    assert!(fixture.accounts.visitor(used).await.expect("asked").is_none());
}

#[tokio::test]
async fn what_is_no_session_token_is_nobody() {
    let fixture = Fixture::new().await;
    let session = fixture.ours.owner.session.expose();
    let mut cut = session.to_owned();
    cut.pop();
    for text in
        ["", "pcl_session_", &cut, fixture.ours.agent_token.expose(), &session.to_uppercase(), &"x".repeat(10_000)]
    {
        assert!(fixture.accounts.visitor(text).await.expect("asked").is_none(), "{text:.20}");
    }
}

#[tokio::test]
async fn another_password_signs_the_other_browsers_out() {
    const NEW: &str = "walrus-harbour-quill";
    let fixture = Fixture::new().await;
    let (accounts, mine) = (&fixture.accounts, &fixture.ours.viewer);
    let other = accounts.log_in(form("viewer@ours.example", PASSWORD), &from_here()).await.expect("logged in");
    let change = |current: &str, password: &str| ChangePassword {
        current: Secret::new(current.to_owned()),
        password: Secret::new(password.to_owned()),
    };
    let wrong = accounts.change_password(&mine.visitor, change("wrong-password-123", NEW), &from_here()).await;
    assert!(matches!(wrong, Err(SignUpError::Fields(faults)) if faults[0].field == "current"));
    let weak = accounts.change_password(&mine.visitor, change(PASSWORD, "password123"), &from_here()).await;
    assert!(matches!(weak, Err(SignUpError::Fields(faults)) if faults[0].field == "password"));
    assert!(accounts.visitor(other.session.expose()).await.expect("asked").is_some(), "nothing changed so far");

    accounts.change_password(&mine.visitor, change(PASSWORD, NEW), &from_here()).await.expect("changed");
    assert!(accounts.visitor(other.session.expose()).await.expect("asked").is_none());
    assert!(accounts.visitor(mine.session.expose()).await.expect("asked").is_some(), "the one that asked goes on");
    let old = accounts.log_in(form("viewer@ours.example", PASSWORD), &from_here()).await;
    assert!(matches!(old, Err(LogInError::Wrong)));
    accounts.log_in(form("viewer@ours.example", NEW), &from_here()).await.expect("the new one opens");
    accounts.log_in(form("viewer@neighbour.example", PASSWORD), &from_here()).await.expect("others keep theirs");
}
