//! Sums are exact decimals, on every back end.

use policy::Decimal;

use super::fixture::{Fixture, charge, sliding};

super::on_each! {
    tenths_add_up
    beyond_what_a_float_holds
    far_apart_exponents
    thirty_four_digits
    sums_like_the_language_itself
    the_limit_is_compared_exactly
}

async fn tenths_add_up(f: &Fixture) {
    let key = f.key("c", sliding(60));
    f.granted(&[charge(key.clone(), "0.1", "0.3")]).await;
    f.granted(&[charge(key.clone(), "0.2", "0.3")]).await;
    assert_eq!(f.sum(&key).await, "0.3");
    f.full(&[charge(key.clone(), "0.0000000000000000000000000000000001", "0.3")]).await;
    let cents = f.key("cents", sliding(60));
    for _ in 0..100 {
        f.granted(&[charge(cents.clone(), "0.99", "99")]).await;
    }
    f.full(&[charge(cents, "0.01", "99")]).await;
}

async fn beyond_what_a_float_holds(f: &Fixture) {
    let key = f.key("c", sliding(60));
    f.granted(&[charge(key.clone(), "9007199254740992", "9007199254740993")]).await;
    f.granted(&[charge(key.clone(), "1", "9007199254740993")]).await;
    assert_eq!(f.sum(&key).await, "9007199254740993");
    f.full(&[charge(key, "1", "9007199254740993")]).await;
}

async fn far_apart_exponents(f: &Fixture) {
    let key = f.key("c", sliding(60));
    let huge = format!("1{}", "0".repeat(999));
    let tiny = format!("0.{}1", "0".repeat(998));
    f.granted(&[charge(key.clone(), &tiny, &huge)]).await;
    assert_eq!(f.full(&[charge(key.clone(), &huge, &huge)]).await.0, 0);
    let one_less = format!("{}.{}", "9".repeat(999), "9".repeat(999));
    f.granted(&[charge(key.clone(), &one_less, &huge)]).await;
    assert_eq!(f.sum(&key).await, huge);
    f.full(&[charge(key, &tiny, &huge)]).await;
}

async fn thirty_four_digits(f: &Fixture) {
    let key = f.key("c", sliding(60));
    let (most, max) = ("9".repeat(34), format!("1{}", "0".repeat(34)));
    f.granted(&[charge(key.clone(), &most, &max)]).await;
    f.full(&[charge(key.clone(), "1.000000000000000000000000000000001", &max)]).await;
    f.granted(&[charge(key.clone(), "0.9999999999999999999999999999999999", &max)]).await;
    f.granted(&[charge(key.clone(), "0.0000000000000000000000000000000001", &max)]).await;
    assert_eq!(f.sum(&key).await, max);
}

/// Amounts of every shape, added in the store and in Rust, over several buckets.
async fn sums_like_the_language_itself(f: &Fixture) {
    let key = f.key("c", sliding(60));
    let entropy = domain::Entropy::seeded(42);
    let max = format!("1{}", "0".repeat(60));
    let mut expected = Decimal::ZERO;
    let mut taken = Vec::new();
    for n in 0..150 {
        f.at(f64::from(n) * 0.2);
        let amount = random_amount(&entropy);
        expected += &amount.parse().unwrap();
        taken.push((amount.clone(), f.granted(&[charge(key.clone(), &amount, &max)]).await));
        if n % 3 == 0 {
            let (amount, reservation) = taken.swap_remove(usize::from(entropy.bytes::<1>()[0]) % taken.len());
            expected -= &amount.parse().unwrap();
            f.give_back(reservation, crate::GiveBack::All).await;
        }
        assert_eq!(f.sum(&key).await, expected.to_string(), "after {n}");
    }
}

fn random_amount(entropy: &domain::Entropy) -> String {
    let [whole, fraction, shape, digits @ ..] = entropy.bytes::<67>();
    let digits: String = digits.iter().map(|byte| char::from(b'0' + byte % 10)).collect();
    let (whole, fraction) = (usize::from(whole % 30), usize::from(fraction % 30));
    let text = match shape % 4 {
        0 => digits[..=whole.min(3)].to_owned(),
        1 => digits[..=whole].to_owned(),
        2 => format!("0.{}", &digits[..=fraction]),
        _ => format!("{}.{}", &digits[..=whole], &digits[32..=32 + fraction]),
    };
    // In canonical form.
    policy_number(&text)
}

fn policy_number(text: &str) -> String {
    let whole = text.split('.').next().unwrap_or_default().trim_start_matches('0');
    let fraction = text.split('.').nth(1).unwrap_or_default().trim_end_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

async fn the_limit_is_compared_exactly(f: &Fixture) {
    for (n, (amount, max, fits)) in [
        ("10", "9.9999999999999999999", false),
        ("9.9999999999999999999", "10", true),
        ("100000000000000", "99999999999999", false),
        ("99999999999999", "100000000000000", true),
        ("99999999999999", "99999999999999", true),
        ("100000000000000", "100000000000000", true),
        ("100000000000000.1", "100000000000000", false),
        ("2", "10", true),
        ("10", "2", false),
        ("2.5", "10", true),
        ("10", "2.5", false),
        ("0.05", "0.5", true),
        ("0.5", "0.05", false),
    ]
    .into_iter()
    .enumerate()
    {
        let call = [charge(f.key(&format!("c{n}"), sliding(60)), amount, max)];
        let granted = matches!(f.reserve(&call).await, crate::Reserved::Granted { .. });
        assert_eq!(granted, fits, "{amount} of {max}");
    }
}
