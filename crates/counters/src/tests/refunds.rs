//! What is given back, and where it goes.

use policy::{CalendarUnit, Refund, Window};

use super::fixture::{Fixture, START_US, charge, sliding};
use crate::GiveBack;

super::on_each! {
    what_was_never_delivered_is_given_back
    only_what_counts_successes_is_given_back_after_an_error
    a_refund_goes_to_the_window_in_which_it_was_taken
    a_late_refund_does_not_touch_the_next_window
    a_refund_of_one_of_many_in_a_bucket
    two_limits_on_one_counter_are_given_back_only_if_both_would_be
    exact_amounts_are_given_back
    what_was_given_back_makes_room_at_once
}

async fn what_was_never_delivered_is_given_back(f: &Fixture) {
    let mut successes = charge(f.key("s", sliding(60)), "1", "5");
    successes.refund = Refund::NotSuccessful;
    let call = [f.one_of(5, sliding(60)), successes];
    let reservation = f.granted(&call).await;
    f.give_back(reservation, GiveBack::All).await;
    for charge in &call {
        assert_eq!(f.sum(&charge.key).await, "0");
    }
}

async fn only_what_counts_successes_is_given_back_after_an_error(f: &Fixture) {
    let mut successes = charge(f.key("s", sliding(60)), "1", "5");
    successes.refund = Refund::NotSuccessful;
    let call = [f.one_of(5, sliding(60)), successes];
    let reservation = f.granted(&call).await;
    f.give_back(reservation, GiveBack::NotSuccessful).await;
    assert_eq!(f.sum(&call[0].key).await, "1");
    assert_eq!(f.sum(&call[1].key).await, "0");
}

async fn a_refund_goes_to_the_window_in_which_it_was_taken(f: &Fixture) {
    let call = [f.one_of(10, sliding(60))];
    let first = f.granted(&call).await;
    f.at(30.0);
    f.granted(&call).await;
    f.granted(&call).await;
    f.at(45.0);
    f.give_back(first, GiveBack::All).await;
    assert_eq!(f.sum(&call[0].key).await, "2");
    f.at(64.0);
    assert_eq!(f.sum(&call[0].key).await, "2", "the first one's window is over, and its refund took nothing else");
    f.at(94.0);
    assert_eq!(f.sum(&call[0].key).await, "0");
}

async fn a_late_refund_does_not_touch_the_next_window(f: &Fixture) {
    for window in [sliding(60), Window::Calendar(CalendarUnit::Seconds(60)), Window::Calendar(CalendarUnit::Month)] {
        f.set_us(START_US);
        let call = [charge(f.key(&format!("late {window}"), window), "1", "2")];
        let (a, b) = (f.granted(&call).await, f.granted(&call).await);
        f.set_us(START_US + window.retention_us() + 1_000_000);
        f.granted(&call).await;
        f.give_back(a, GiveBack::All).await;
        f.give_back(b, GiveBack::All).await;
        assert_eq!(f.sum(&call[0].key).await, "1", "{window}");
        f.granted(&call).await;
        f.full(&call).await;
    }
}

async fn a_refund_of_one_of_many_in_a_bucket(f: &Fixture) {
    let call = [f.one_of(3, sliding(60))];
    let taken = [f.granted(&call).await, f.granted(&call).await, f.granted(&call).await];
    f.full(&call).await;
    for (given, reservation) in taken.into_iter().enumerate() {
        f.give_back(reservation, GiveBack::All).await;
        assert_eq!(f.sum(&call[0].key).await, (2 - given).to_string());
    }
    for _ in 0..3 {
        f.granted(&call).await;
    }
    f.full(&call).await;
}

async fn two_limits_on_one_counter_are_given_back_only_if_both_would_be(f: &Fixture) {
    let attempts = f.one_of(5, sliding(60));
    let mut successes = attempts.clone();
    successes.refund = Refund::NotSuccessful;
    let reservation = f.granted(&[successes, attempts.clone()]).await;
    f.give_back(reservation, GiveBack::NotSuccessful).await;
    assert_eq!(f.sum(&attempts.key).await, "1");
}

async fn exact_amounts_are_given_back(f: &Fixture) {
    let key = f.key("c", sliding(60));
    let call = |amount| [charge(key.clone(), amount, "100000000000000000000")];
    f.granted(&call("0.3")).await;
    let small = f.granted(&call("0.0000000000000000000000000000000001")).await;
    let large = f.granted(&call("99999999999999999999")).await;
    assert_eq!(f.sum(&key).await, "99999999999999999999.3000000000000000000000000000000001");
    f.give_back(large, GiveBack::All).await;
    assert_eq!(f.sum(&key).await, "0.3000000000000000000000000000000001");
    f.give_back(small, GiveBack::All).await;
    assert_eq!(f.sum(&key).await, "0.3");
}

async fn what_was_given_back_makes_room_at_once(f: &Fixture) {
    let call = [f.one_of(1, sliding(60))];
    for _ in 0..20 {
        let reservation = f.granted(&call).await;
        f.full(&call).await;
        f.give_back(reservation, GiveBack::All).await;
    }
    f.granted(&call).await;
}
