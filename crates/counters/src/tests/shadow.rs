//! Shadow limits: counted apart, told, never in the way.

use super::fixture::{Fixture, charge, sliding};
use crate::{Charge, Enforce, Reserved, Shadow};

super::on_each! {
    a_full_shadow_limit_is_told_and_refuses_nothing
    one_full_shadow_limit_leaves_all_shadow_counters_alone
    a_refused_call_is_not_counted_by_shadow_limits
    shadow_counters_are_apart
}

fn shadow(f: &Fixture, name: &str, max: &str) -> Charge {
    let mut charge = charge(f.key(name, sliding(60)), "1", max);
    charge.key.shadow = Shadow::Yes;
    charge.enforce = Enforce::Shadow;
    charge
}

async fn told(f: &Fixture, call: &[Charge]) -> Vec<usize> {
    match f.reserve(call).await {
        Reserved::Granted { shadow_full, .. } => shadow_full,
        other => panic!("{other:?}"),
    }
}

async fn a_full_shadow_limit_is_told_and_refuses_nothing(f: &Fixture) {
    let call = [shadow(f, "two", "2"), f.one_of(9, sliding(60)), shadow(f, "one", "1"), shadow(f, "two", "1")];
    assert_eq!(told(f, &call).await, Vec::<usize>::new());
    assert_eq!(told(f, &call).await, [2, 3]);
    assert_eq!(told(f, &call).await, [2, 3]);
    assert_eq!(f.sum(&call[0].key).await, "1", "as enforced: what would be refused is not counted");
    assert_eq!(f.sum(&call[1].key).await, "3");
    assert_eq!(f.sum(&call[2].key).await, "1");
    let (first, second) = (f.granted(&call).await, f.granted(&call).await);
    f.give_back(first, crate::GiveBack::All).await;
    f.give_back(second, crate::GiveBack::All).await;
    assert_eq!(f.sum(&call[2].key).await, "1", "what was not charged is not given back");
    assert_eq!(f.sum(&call[1].key).await, "3");
}

/// As enforced limits are: all or none, since an enforced one that is full would have charged none of the others.
async fn one_full_shadow_limit_leaves_all_shadow_counters_alone(f: &Fixture) {
    let call = [shadow(f, "small", "1"), f.one_of(9, sliding(60)), shadow(f, "large", "5")];
    assert_eq!(told(f, &call).await, Vec::<usize>::new());
    for charged in 2..5 {
        assert_eq!(told(f, &call).await, [0]);
        assert_eq!(f.sum(&call[2].key).await, "1");
        assert_eq!(f.sum(&call[1].key).await, charged.to_string());
    }
    let reservation = f.granted(&call).await;
    f.give_back(reservation, crate::GiveBack::All).await;
    assert_eq!(f.sum(&call[2].key).await, "1", "what was not charged is not given back");
}

async fn a_refused_call_is_not_counted_by_shadow_limits(f: &Fixture) {
    let call = [shadow(f, "s", "5"), f.one_of(1, sliding(60))];
    f.granted(&call).await;
    assert_eq!(f.full(&call).await.0, 1);
    assert_eq!(f.sum(&call[0].key).await, "1");
}

async fn shadow_counters_are_apart(f: &Fixture) {
    let (enforced, shadowed) = (charge(f.key("c", sliding(60)), "1", "1"), shadow(f, "c", "1"));
    f.granted(std::slice::from_ref(&enforced)).await;
    assert_eq!(told(f, std::slice::from_ref(&shadowed)).await, Vec::<usize>::new());
    assert_eq!(told(f, std::slice::from_ref(&shadowed)).await, [0]);
    f.full(&[enforced]).await;
    assert_eq!(f.sum(&shadowed.key).await, "1");
}
