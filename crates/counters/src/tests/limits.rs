//! What limits allow and refuse.

use super::fixture::{Fixture, SECOND_US, charge, ids, sliding};
use crate::{Charge, CountersUnavailable, Reserve, Reserved, Shadow};

super::on_each! {
    thirty_a_minute
    a_refusal_charges_nothing
    after_the_wait_and_not_before_the_same_call_passes
    the_first_full_limit_is_told_and_the_longest_wait
    an_amount_above_its_limit_never_passes
    zero_allows_nothing_but_a_zero_amount
    two_limits_on_one_counter_charge_it_once
    counters_never_meet
    names_cannot_be_made_to_meet
    nothing_to_charge_is_granted
    the_clock_of_a_counter_never_goes_backwards
    what_cannot_be_right_is_refused
    a_changed_maximum_does_not_reset_the_count
}

async fn thirty_a_minute(f: &Fixture) {
    let call = [f.one_of(30, sliding(60))];
    for n in 0..30 {
        f.at(f64::from(n) * 0.5);
        f.granted(&call).await;
    }
    f.at(59.9);
    let (index, wait) = f.full(&call).await;
    assert_eq!(index, 0);
    assert!(wait.unwrap() > 0);
    assert_eq!(f.sum(&call[0].key).await, "30");
}

async fn a_refusal_charges_nothing(f: &Fixture) {
    let (roomy, tight) = (charge(f.key("roomy", sliding(60)), "1", "5"), charge(f.key("tight", sliding(60)), "1", "2"));
    let call = [roomy.clone(), tight.clone()];
    f.granted(&call).await;
    f.granted(&call).await;
    for _ in 0..5 {
        assert_eq!(f.full(&call).await.0, 1);
    }
    assert_eq!(f.sum(&roomy.key).await, "2", "the first limit was charged although the second refused");
    assert_eq!(f.sum(&tight.key).await, "2");
}

async fn after_the_wait_and_not_before_the_same_call_passes(f: &Fixture) {
    for seconds in [1, 60, 86_400] {
        let call = [charge(f.key(&format!("every {seconds}"), sliding(seconds)), "2", "5")];
        let start = super::fixture::START_US + 123_457;
        f.set_us(start);
        f.granted(&call).await;
        f.set_us(start + i64::from(seconds) * SECOND_US / 3);
        f.granted(&call).await;
        let now = start + i64::from(seconds) * SECOND_US / 2;
        f.set_us(now);
        let wait = f.full(&call).await.1.unwrap();
        assert!(wait <= i64::from(seconds) * SECOND_US * 17 / 16, "{wait}");
        f.set_us(now + wait - 1);
        assert_eq!(f.full(&call).await.1, Some(1), "{seconds}");
        f.set_us(now + wait);
        f.granted(&call).await;
    }
}

async fn the_first_full_limit_is_told_and_the_longest_wait(f: &Fixture) {
    let limit = |name: &str, seconds| charge(f.key(name, sliding(seconds)), "1", "1");
    let (minute, free, hour) = (limit("m", 60), charge(f.key("f", sliding(60)), "1", "9"), limit("h", 3600));
    f.granted(std::slice::from_ref(&minute)).await;
    f.granted(std::slice::from_ref(&hour)).await;
    let (index, wait) = f.full(&[free.clone(), minute.clone(), hour.clone()]).await;
    assert_eq!(index, 1);
    let wait = wait.unwrap();
    assert!(wait > 3_500 * SECOND_US, "after {wait} only the minute has room");
    assert_eq!(f.full(&[free.clone(), hour.clone(), minute.clone()]).await, (1, Some(wait)));
    f.set_us(super::fixture::START_US + wait);
    f.granted(&[free, minute, hour]).await;
}

async fn an_amount_above_its_limit_never_passes(f: &Fixture) {
    let never = charge(f.key("never", sliding(60)), "11", "10");
    assert_eq!(f.full(std::slice::from_ref(&never)).await, (0, None));
    let soon = f.one_of(1, sliding(60));
    f.granted(std::slice::from_ref(&soon)).await;
    assert_eq!(f.full(&[soon, never]).await, (0, None), "one limit will have room, the other never");
}

async fn zero_allows_nothing_but_a_zero_amount(f: &Fixture) {
    assert_eq!(f.full(&[charge(f.key("c", sliding(60)), "1", "0")]).await, (0, None));
    f.granted(&[charge(f.key("c", sliding(60)), "0", "0")]).await;
}

async fn two_limits_on_one_counter_charge_it_once(f: &Fixture) {
    let key = f.key("shared", sliding(60));
    let call = [charge(key.clone(), "1", "10"), charge(key.clone(), "1", "3"), charge(key.clone(), "2", "10")];
    f.granted(&call).await;
    assert_eq!(f.sum(&key).await, "2", "the larger amount, once");
    assert_eq!(f.full(&call).await.0, 1, "each maximum is checked");
    assert_eq!(f.sum(&key).await, "2");
}

async fn counters_never_meet(f: &Fixture) {
    let base = f.one_of(1, sliding(60));
    f.granted(std::slice::from_ref(&base)).await;
    f.full(std::slice::from_ref(&base)).await;
    let (other_account, other_server) = ids(2);
    let changed = |change: &dyn Fn(&mut Charge)| {
        let mut charge = base.clone();
        change(&mut charge);
        charge
    };
    let others = [
        changed(&|c| c.key.server = other_server),
        changed(&|c| c.key.subject = "grant:g2".to_owned()),
        changed(&|c| c.key.counter = "d".into()),
        changed(&|c| c.key.window = sliding(61)),
        changed(&|c| c.key.window = policy::Window::Calendar(policy::CalendarUnit::Seconds(60))),
        changed(&|c| c.key.window = policy::Window::Calendar(policy::CalendarUnit::Month)),
        changed(&|c| c.key.shadow = Shadow::Yes),
    ];
    for other in others {
        f.granted(&[other]).await;
    }
    let mut neighbour = base.clone();
    neighbour.key.account = other_account;
    let theirs =
        Reserve { account: other_account, charges: &[neighbour], stream: "events", record: None, approval: None };
    assert!(matches!(f.counters.reserve(theirs).await, Ok(Reserved::Granted { .. })));
    f.full(&[base]).await;
}

async fn names_cannot_be_made_to_meet(f: &Fixture) {
    let named = |subject: &str, counter: &str| {
        let mut charge = f.one_of(1, sliding(60));
        charge.key.subject = subject.to_owned();
        charge.key.counter = counter.into();
        charge
    };
    f.granted(&[named("session:a", "b:c")]).await;
    for (subject, counter) in [
        ("session:a:b", "c"),
        ("session", "a:b:c"),
        ("session:a", "b:c:"),
        ("session:a:", "b:c"),
        ("", "session:a:b:c"),
        ("9:session:a", "b:c"),
        ("session:a\0", "b:c"),
        ("session:ä", "b:c"),
    ] {
        f.granted(&[named(subject, counter)]).await;
    }
    f.full(&[named("session:a", "b:c")]).await;
}

async fn nothing_to_charge_is_granted(f: &Fixture) {
    f.granted(&[]).await;
}

async fn the_clock_of_a_counter_never_goes_backwards(f: &Fixture) {
    let call = [f.one_of(2, sliding(60))];
    f.at(100.0);
    f.granted(&call).await;
    f.at(10.0);
    f.granted(&call).await;
    f.full(&call).await;
    f.at(100.0 + 59.0);
    f.full(&call).await;
    f.at(100.0 + 64.0);
    f.granted(&call).await;
}

async fn what_cannot_be_right_is_refused(f: &Fixture) {
    let reserve = |charge| async move {
        let charges = [charge];
        f.counters
            .reserve(Reserve { account: f.account, charges: &charges, stream: "events", record: None, approval: None })
            .await
    };
    f.granted(&[f.one_of(5, sliding(60))]).await;
    let refused = reserve(charge(f.key("c", sliding(60)), "-1", "5")).await;
    assert!(matches!(refused, Err(CountersUnavailable::Invalid(_))), "a negative amount refills: {refused:?}");
    let mut foreign = f.one_of(5, sliding(60));
    foreign.key.account = ids(2).0;
    let refused = reserve(foreign).await;
    assert!(matches!(refused, Err(CountersUnavailable::Invalid(_))), "{refused:?}");
    assert_eq!(f.sum(&f.key("c", sliding(60))).await, "1");
}

async fn a_changed_maximum_does_not_reset_the_count(f: &Fixture) {
    for _ in 0..3 {
        f.granted(&[f.one_of(3, sliding(60))]).await;
    }
    f.full(&[f.one_of(3, sliding(60))]).await;
    f.full(&[f.one_of(1, sliding(60))]).await;
    f.granted(&[f.one_of(4, sliding(60))]).await;
    f.full(&[f.one_of(4, sliding(60))]).await;
}
