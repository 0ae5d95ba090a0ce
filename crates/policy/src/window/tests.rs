use super::*;
use crate::Decimal;
use proptest::prelude::*;

const START: i64 = 1_767_225_600_000_000;

fn d(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

fn seconds(at: &str) -> Timestamp {
    Timestamp(START + d(at).floor_scaled(6).unwrap())
}

fn moment(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

const MINUTE: Window = Window::Sliding { seconds: 60 };
const WEEK: Window = Window::Calendar(CalendarUnit::Seconds(604_800));
const MONTH: Window = Window::Calendar(CalendarUnit::Month);

#[test]
fn sliding_holds_for_the_window_and_frees_after_a_sixteenth_more() {
    let (one, thirty) = (Decimal::ONE, Decimal::from(30));
    let mut ring = Ring::new(MINUTE);
    for _ in 0..30 {
        ring.reserve(seconds("0"), &one, &thirty).unwrap();
    }
    for at in ["0", "59.9", "60", "63.749999"] {
        let full = ring.reserve(seconds(at), &one, &thirty).unwrap_err();
        let wait = full.retry_after_us.unwrap();
        assert_eq!(seconds(at).0 + wait, seconds("63.75").0, "{at}");
    }
    assert!(ring.reserve(seconds("63.75"), &one, &thirty).is_ok());
    assert_eq!(ring.sum(seconds("63.75")), one);
}

#[test]
fn an_amount_over_the_limit_never_fits() {
    let ring = Ring::new(MINUTE);
    assert_eq!(ring.check(seconds("0"), &d("5.01"), &d("5")), Err(Full { retry_after_us: None }));
    assert_eq!(ring.check(seconds("0"), &Decimal::ONE, &Decimal::ZERO), Err(Full { retry_after_us: None }));
    assert_eq!(ring.check(seconds("0"), &Decimal::ZERO, &Decimal::ZERO), Ok(()));
}

#[test]
fn refunds_go_back_to_their_own_bucket() {
    let mut ring = Ring::new(MINUTE);
    let early = ring.reserve(seconds("0"), &d("3"), &d("10")).unwrap();
    ring.reserve(seconds("30"), &d("2"), &d("10")).unwrap();
    ring.refund(early, &d("3"));
    assert_eq!(ring.sum(seconds("30")), d("2"));
    let forgotten = ring.reserve(seconds("31"), &d("1"), &d("10")).unwrap();
    ring.reserve(seconds("200"), &d("4"), &d("10")).unwrap();
    ring.refund(forgotten, &d("1"));
    assert_eq!(ring.sum(seconds("200")), d("4"), "a late refund does not touch a later window");
}

#[test]
fn time_never_goes_backwards() {
    let mut ring = Ring::new(MINUTE);
    ring.reserve(seconds("100"), &Decimal::ONE, &Decimal::ONE).unwrap();
    assert!(ring.reserve(seconds("0"), &Decimal::ONE, &Decimal::ONE).is_err());
    assert_eq!(ring.sum(seconds("0")), Decimal::ONE);
}

#[test]
fn calendar_periods() {
    let day = Window::Calendar(CalendarUnit::Seconds(86_400));
    for (window, inside, next) in [
        (day, "2026-01-01T23:59:59.999999Z", "2026-01-02T00:00:00Z"),
        (WEEK, "2026-01-04T23:59:59.999999Z", "2026-01-05T00:00:00Z"),
        (MONTH, "2026-02-28T23:59:59.999999Z", "2026-03-01T00:00:00Z"),
        (Window::Calendar(CalendarUnit::Seconds(3600)), "2026-01-01T07:59:59Z", "2026-01-01T08:00:00Z"),
    ] {
        let mut ring = Ring::new(window);
        ring.reserve(moment(inside), &Decimal::ONE, &Decimal::ONE).unwrap();
        let full = ring.reserve(moment(inside), &Decimal::ONE, &Decimal::ONE).unwrap_err();
        assert_eq!(moment(inside).0 + full.retry_after_us.unwrap(), moment(next).0);
        assert!(ring.reserve(moment(next), &Decimal::ONE, &Decimal::ONE).is_ok());
    }
    assert_eq!(WEEK.bucket(moment("2025-12-29T00:00:00Z")), WEEK.bucket(moment("2026-01-04T23:59:59Z")));
}

#[test]
fn waits_are_told_in_milliseconds_on_the_safe_side() {
    assert_eq!(Full { retry_after_us: Some(1) }.retry_after_ms(), Some(1));
    assert_eq!(Full { retry_after_us: Some(12_000_000) }.retry_after_ms(), Some(12_000));
    assert_eq!(Full { retry_after_us: None }.retry_after_ms(), None);
}

#[test]
fn windows_have_names_for_counters_and_for_people() {
    for (window, identity, words) in [
        (MINUTE, "sliding-60", "minute"),
        (Window::Sliding { seconds: 90 }, "sliding-90", "90 s"),
        (WEEK, "calendar-604800", "week"),
        (MONTH, "calendar-month", "month"),
    ] {
        assert_eq!((window.to_string().as_str(), window.in_words().as_str()), (identity, words));
        let stored = serde_json::to_string(&window).unwrap();
        assert_eq!(serde_json::from_str::<Window>(&stored).unwrap(), window);
    }
}

#[test]
fn the_ends_of_time_are_survived() {
    for window in [MINUTE, WEEK, MONTH, Window::Sliding { seconds: 2_678_400 }] {
        for now in [i64::MIN, -1, 0, i64::MAX] {
            let mut ring = Ring::new(window);
            assert!(ring.reserve(Timestamp(now), &Decimal::ONE, &Decimal::ONE).is_ok());
            assert!(ring.reserve(Timestamp(now), &Decimal::ONE, &Decimal::ONE).is_err(), "{window} {now}");
        }
    }
}

/// What was admitted and not given back.
struct Log(Vec<(i64, Decimal)>);

impl Log {
    fn between(&self, from: i64, until: i64) -> Decimal {
        let inside = self.0.iter().filter(|(at, _)| (from..=until).contains(at));
        inside.fold(Decimal::ZERO, |sum, (_, amount)| &sum + amount)
    }
}

fn any_window() -> impl Strategy<Value = Window> {
    prop_oneof![
        (1u32..200).prop_map(|seconds| Window::Sliding { seconds }),
        (1u32..200).prop_map(|seconds| Window::Calendar(CalendarUnit::Seconds(seconds))),
        Just(MONTH),
    ]
}

proptest! {
    #[test]
    fn sliding_is_exact_on_the_safe_side(
        length in 1u32..100,
        start in any::<u32>(),
        max in 1u64..8,
        steps in prop::collection::vec((0i64..20_000_000, 1u64..4, any::<prop::sample::Index>()), 1..80),
    ) {
        let window = Window::Sliding { seconds: length };
        let span = i64::from(length) * 1_000_000;
        let max = Decimal::from(max);
        let mut ring = Ring::new(window);
        let (mut log, mut slots) = (Log(Vec::new()), Vec::new());
        let mut now = START + i64::from(start);
        for (pause, amount, pick) in steps {
            now += pause;
            let amount = Decimal::from(amount);
            match ring.reserve(Timestamp(now), &amount, &max) {
                Ok(slot) => {
                    log.0.push((now, amount.clone()));
                    slots.push(slot);
                }
                Err(_) => {
                    let recent = log.between(now - span * 17 / 16, now);
                    prop_assert!(&recent + &amount > max, "refused though the last 17/16 had room");
                }
            }
            if pause % 7 == 0 && !slots.is_empty() {
                let index = pick.index(slots.len());
                ring.refund(slots.swap_remove(index), &log.0.swap_remove(index).1);
            }
            for (from, _) in &log.0 {
                prop_assert!(log.between(*from, from + span) <= max, "an interval of the window's length holds more");
            }
        }
    }

    #[test]
    fn after_the_wait_the_same_call_passes_and_not_before(
        window in any_window(), max in 1u64..6,
        steps in prop::collection::vec((0i64..9_000_000, 1u64..4), 1..60),
    ) {
        let max = Decimal::from(max);
        let mut ring = Ring::new(window);
        let mut now = START;
        for (pause, amount) in steps {
            now += pause;
            let amount = Decimal::from(amount);
            let Err(full) = ring.reserve(Timestamp(now), &amount, &max) else { continue };
            match full.retry_after_us {
                None => prop_assert!(amount > max),
                Some(wait) => {
                    prop_assert!(wait > 0);
                    prop_assert!(ring.check(Timestamp(now + wait), &amount, &max).is_ok());
                    prop_assert!(ring.check(Timestamp(now + wait - 1), &amount, &max).is_err());
                }
            }
        }
    }

    #[test]
    fn a_stored_ring_goes_on_as_if_never_stored(
        window in any_window(), steps in prop::collection::vec((0i64..9_000_000, 1u64..4), 1..40),
    ) {
        let mut ring = Ring::new(window);
        let mut now = START;
        for (pause, amount) in steps {
            now += pause;
            let stored: Ring = serde_json::from_str(&serde_json::to_string(&ring).unwrap()).unwrap();
            prop_assert_eq!(&stored, &ring);
            prop_assert_eq!(
                stored.clone().reserve(Timestamp(now), &Decimal::from(amount), &Decimal::from(5)),
                ring.reserve(Timestamp(now), &Decimal::from(amount), &Decimal::from(5))
            );
            prop_assert!(!ring.is_idle(Timestamp(now)) || ring.sum(Timestamp(now)).is_zero());
            prop_assert!(ring.is_idle(Timestamp(now + window.retention_us())));
        }
    }
}
