//! Sign-up: what is made, and what is refused at which field.

use accounts::{Fault, NewAccount, SignUp, SignUpError};
use domain::{Role, Secret};
use test_support::{Fixture, PASSWORD, from_here};

fn form(email: &str, slug: &str) -> SignUp {
    SignUp {
        email: email.to_owned(),
        password: Secret::new(PASSWORD.to_owned()),
        account_name: "Acme Rockets".to_owned(),
        account_slug: slug.to_owned(),
    }
}

fn faults(error: SignUpError) -> Vec<(&'static str, String)> {
    match error {
        SignUpError::Fields(faults) => faults.into_iter().map(|Fault { field, message }| (field, message)).collect(),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_sign_up_makes_an_account_with_an_owner_who_is_signed_in() {
    let fixture = Fixture::new().await;
    let accounts = &fixture.accounts;
    let done = accounts.sign_up(form(" Ann@Example.com ", "acme"), &from_here()).await.expect("signed up");
    let visitor = accounts.visitor(done.session.expose()).await.expect("asked").expect("signed in");
    assert_eq!(visitor.email.as_str(), "ann@example.com");
    let [(slug, name, role)] = visitor.accounts.as_slice() else { panic!("one account: {visitor:?}") };
    assert_eq!((slug.as_str(), name.as_str(), *role), ("acme", "Acme Rockets", Role::Owner));
    let caller = accounts.enter(&visitor, slug).await.expect("a member");
    let events = accounts.admin_events(&caller).await.expect("events");
    assert_eq!(events[0].action, "account.founded");
    let signed = fixture.bus.load(slug).await.expect("asked").expect("published");
    let snapshot = signed.open(slug, &fixture.key).expect("signed by us");
    assert!(fixture.key.open_data_key(snapshot.account, &snapshot.data_key).is_ok(), "the account has a data key");
}

#[tokio::test]
async fn all_faults_are_told_at_once_each_at_its_field() {
    let fixture = Fixture::new().await;
    let wrong = SignUp {
        email: "ann".to_owned(),
        password: Secret::new("short".to_owned()),
        account_name: "  ".to_owned(),
        account_slug: "App".to_owned(),
    };
    let told = faults(fixture.accounts.sign_up(wrong, &from_here()).await.expect_err("nothing is right"));
    let fields: Vec<&str> = told.iter().map(|(field, _)| *field).collect();
    assert_eq!(fields, ["email", "password", "account_name", "account_slug"]);

    let own_name = SignUp { password: Secret::new("acmerockets".to_owned()), ..form("x@example.com", "acme") };
    let told = faults(fixture.accounts.sign_up(own_name, &from_here()).await.expect_err("a weak password"));
    assert!(told[0].0 == "password" && told[0].1.starts_with("is too easy to guess"), "{told:?}");

    let reserved =
        faults(fixture.accounts.sign_up(form("x@example.com", "login"), &from_here()).await.expect_err("ours"));
    assert!(reserved[0].1.contains("reserved"), "{reserved:?}");
}

#[tokio::test]
async fn taken_names_are_told_at_their_field_and_nothing_is_left_behind() {
    let fixture = Fixture::new().await;
    let accounts = &fixture.accounts;
    let taken = faults(accounts.sign_up(form("new@example.com", "ours"), &from_here()).await.expect_err("taken"));
    assert_eq!(taken, [("account_slug", "is taken; choose another".to_owned())]);
    let taken = faults(accounts.sign_up(form("OWNER@ours.example", "fresh"), &from_here()).await.expect_err("taken"));
    assert_eq!(taken[0].0, "email");
    assert!(taken[0].1.contains("log in instead"), "{taken:?}");
    // Neither the person of the first nor the account of the second was made.
    accounts.sign_up(form("new@example.com", "fresh"), &from_here()).await.expect("both names are free");
}

#[tokio::test]
async fn sign_ups_from_one_address_are_throttled() {
    let fixture = Fixture::new().await;
    let wrong = || SignUp { email: String::new(), ..form("", "") };
    let mut throttled = None;
    for _ in 0..40 {
        if let Err(SignUpError::Throttled { retry_after_s }) = fixture.accounts.sign_up(wrong(), &from_here()).await {
            throttled = Some(retry_after_s);
            break;
        }
    }
    let wait_s = throttled.expect("throttled within forty");
    fixture.clock.advance_seconds(wait_s);
    fixture.accounts.sign_up(form("new@example.com", "fresh"), &from_here()).await.expect("the wait was true");
}

#[tokio::test]
async fn a_person_founds_a_further_account() {
    let fixture = Fixture::new().await;
    let (accounts, visitor) = (&fixture.accounts, &fixture.ours.viewer.visitor);
    let wanted = |slug: &str| NewAccount { account_name: "Mine".to_owned(), account_slug: slug.to_owned() };
    let slug = accounts.create_account(visitor, &wanted("mine"), &from_here()).await.expect("founded");
    assert_eq!(accounts.enter(visitor, &slug).await.expect("a member").role(), Role::Owner);
    let ours = accounts.enter(visitor, &fixture.ours.slug).await.expect("still a member");
    assert_eq!(ours.role(), Role::Viewer, "the role there is as it was");
    let taken = faults(accounts.create_account(visitor, &wanted("neighbour"), &from_here()).await.expect_err("taken"));
    assert_eq!(taken[0].0, "account_slug");
    let wrong = NewAccount { account_name: String::new(), account_slug: "-".to_owned() };
    let told = faults(accounts.create_account(visitor, &wrong, &from_here()).await.expect_err("two faults"));
    assert_eq!(told.len(), 2);
}
