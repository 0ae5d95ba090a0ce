use super::*;
use proptest::prelude::*;

fn d(text: &str) -> Decimal {
    Decimal::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn equal_by_value_not_by_text() {
    for group in [
        &["1", "1.0", "1e0", "10e-1", "0.1e1", "1E+0", "1.000"][..],
        &["0", "-0", "0.0", "0e5", "-0e-7"],
        &["100", "1e2", "1E2", "100.00", "0.01e4"],
        &["-2.50", "-25e-1"],
        &["1e34", "10000000000000000000000000000000000"],
    ] {
        for (a, b) in group.iter().zip(group.iter().skip(1)) {
            assert_eq!(d(a), d(b), "{a} {b}");
        }
    }
    assert_ne!(d("9007199254740993"), d("9007199254740992"));
    assert_ne!(d("0.1"), d("0.1000000000000000055511151231257827"));
}

#[test]
fn ordered_by_value() {
    let rising = [
        "-1e999",
        "-2",
        "-1.5",
        "-1e-999",
        "0",
        "1e-999",
        "0.30",
        "0.3000000000000000000000000000000001",
        "1",
        "1.5",
        "9007199254740992",
        "9007199254740993",
        "1e34",
        "9e998",
        "1e999",
    ];
    for (index, a) in rising.iter().enumerate() {
        for (other, b) in rising.iter().enumerate() {
            assert_eq!(d(a).cmp(&d(b)), index.cmp(&other), "{a} {b}");
        }
    }
}

#[test]
fn bounds_of_what_is_read() {
    for good in [
        "1234567890123456789012345678901234",
        "0.001234567890123456789012345678901234",
        "1e999",
        "-1e-999",
        "9.999999999999999999999999999999999e999",
        "1.00000000000000000000000000000000000000000",
        "100000000000000000000000000000000000000000000",
    ] {
        assert!(Decimal::parse(good).is_ok(), "{good}");
    }
    for digits in ["12345678901234567890123456789012345", "0.12345678901234567890123456789012345"] {
        assert_eq!(Decimal::parse(digits), Err(DecimalError::TooManyDigits), "{digits}");
    }
    for exponent in ["1e1000", "1e-1000", "10e999", "0.1e1000", "0e1000", "1e99999999999999999999999999", "0.01e-998"] {
        assert_eq!(Decimal::parse(exponent), Err(DecimalError::ExponentOutOfRange), "{exponent}");
    }
    for bad in ["", "-", "+1", "01", "1.", ".5", "1e", "1e+", "0x10", "NaN", " 1", "1 ", "١", "1_000", "--1", "1e5.0"]
    {
        assert_eq!(Decimal::parse(bad), Err(DecimalError::NotANumber), "{bad:?}");
    }
}

#[test]
fn sums_are_exact() {
    assert_eq!(&d("0.1") + &d("0.2"), d("0.3"));
    assert_eq!(&d("499.99") + &d("0.01"), d("500"));
    assert_eq!(&d("0.3") - &d("0.1"), d("0.2"));
    let far = &d("1e999") + &d("1e-999");
    assert!(far > d("1e999"));
    assert_eq!(&far - &d("1e999"), d("1e-999"));
    assert_eq!(&far - &d("1e-999"), d("1e999"));
    let mut cents = Decimal::ZERO;
    for _ in 0..1000 {
        cents += &d("0.01");
    }
    assert_eq!(cents, d("10"));
    cents -= &d("10");
    assert!(cents.is_zero() && !cents.is_negative());
}

#[test]
fn one_text_per_value() {
    for (text, shown) in [
        ("1.0", "1"),
        ("-0", "0"),
        ("1e3", "1000"),
        ("25e-1", "2.5"),
        ("-0.0010", "-0.001"),
        ("1e-3", "0.001"),
        ("9007199254740993", "9007199254740993"),
    ] {
        assert_eq!(d(text).to_string(), shown);
    }
    assert_eq!((&d("0.5") + &d("0.5")).to_string(), "1");
    assert_eq!((&d("-0.5") + &d("-0.5")).to_string(), "-1");
    assert_eq!(d("1e999").to_string().len(), 1000);
}

#[test]
fn integers_and_scaling() {
    assert!(d("1e999").is_integer() && d("2.0").is_integer() && d("0.0").is_integer() && !d("2.5").is_integer());
    assert!(!d("1e-999").is_integer());
    assert!((&d("1e999") + &d("1")).is_integer());
    assert!(!(&d("1e999") + &d("0.5")).is_integer());
    assert_eq!(d("30.0").to_i64(), Some(30));
    assert_eq!(d("30.5").to_i64(), None);
    assert_eq!(d("1e19").to_i64(), None);
    assert_eq!(d("59.9").floor_scaled(6), Some(59_900_000));
    assert_eq!(d("0.0000019").floor_scaled(6), Some(1));
    assert_eq!(d("1e-999").floor_scaled(6), Some(0));
    assert_eq!(d("1e999").floor_scaled(6), None);
}

/// Values with up to 2,000 places between them, so that both representations meet.
fn any_decimal() -> impl Strategy<Value = Decimal> {
    (any::<i64>(), prop_oneof![-20i32..20, -900i32..900])
        .prop_map(|(coefficient, exponent)| Decimal::small(i128::from(coefficient), exponent))
}

proptest! {
    #[test]
    fn small_sums_and_order_agree_with_scaled_integers(
        a in -1_000_000_000_000i64..1_000_000_000_000, ea in -9i32..9,
        b in -1_000_000_000_000i64..1_000_000_000_000, eb in -9i32..9,
    ) {
        let scaled = |value: i64, exponent: i32| i128::from(value) * 10i128.pow((exponent + 9) as u32);
        let (x, y) = (d(&format!("{a}e{ea}")), d(&format!("{b}e{eb}")));
        prop_assert_eq!(x.cmp(&y), scaled(a, ea).cmp(&scaled(b, eb)));
        let sum = d(&format!("{}e-9", scaled(a, ea) + scaled(b, eb)));
        prop_assert_eq!(&x + &y, sum);
    }

    #[test]
    fn what_is_added_can_be_taken_away(a in any_decimal(), b in any_decimal(), c in any_decimal()) {
        let sum = &(&a + &b) + &c;
        prop_assert_eq!(&(&sum - &c) - &b, a.clone());
        prop_assert_eq!(&a + &b, &b + &a);
        prop_assert_eq!(a.cmp(&b), (&a - &b).cmp(&Decimal::ZERO));
    }

    #[test]
    fn canonical_text_round_trips(a in any_decimal(), b in any_decimal()) {
        let sum = &a + &b;
        let text = sum.to_string();
        let read: Decimal = text.parse().unwrap();
        prop_assert_eq!(&read, &sum);
        prop_assert_eq!(read.to_string(), text.clone());
        prop_assert_eq!(serde_json::from_str::<Decimal>(&format!("\"{text}\"")).unwrap(), sum);
    }
}
