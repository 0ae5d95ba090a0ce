//! Calendar windows, against the calendar of another library.

use domain::Timestamp;
use policy::{CalendarUnit, Window};

use super::fixture::{Fixture, SECOND_US, START_US, charge};

super::on_each! {
    a_month_is_a_month
    days_begin_at_midnight_and_weeks_on_monday
    the_wait_is_until_the_next_period
}

const DAY_US: i64 = 86_400 * SECOND_US;

/// Steps through eleven years, past leap days, the year 2100 left out of them.
async fn a_month_is_a_month(f: &Fixture) {
    let call = [charge(f.key("monthly", Window::Calendar(CalendarUnit::Month)), "1", "1")];
    for from in [START_US, 4_070_908_800 * SECOND_US] {
        let mut before = None;
        for day in 0..800 {
            let at = from + day * DAY_US + DAY_US - 1;
            f.set_us(at);
            let date = Timestamp(at).to_datetime();
            let month = Some((date.year(), date.month()));
            if month != before {
                f.granted(&call).await;
                before = month;
            }
            if day % 9 == 0 {
                let wait = f.full(&call).await.1.unwrap();
                let next = Timestamp(at + wait).to_datetime();
                assert_eq!((next.day(), next.hour(), next.minute(), next.microsecond()), (1, 0, 0, 0), "{date}");
                assert!(wait <= 31 * DAY_US, "{date}");
            }
        }
    }
}

async fn days_begin_at_midnight_and_weeks_on_monday(f: &Fixture) {
    let day = [charge(f.key("daily", Window::Calendar(CalendarUnit::Seconds(86_400))), "1", "1")];
    let week = [charge(f.key("weekly", Window::Calendar(CalendarUnit::Seconds(604_800))), "1", "1")];
    for n in 0..20 {
        f.set_us(START_US + n * DAY_US);
        f.granted(&day).await;
        let monday = Timestamp(START_US + n * DAY_US).to_datetime().weekday().number_from_monday() == 1;
        if monday || n == 0 {
            f.granted(&week).await;
        } else {
            f.full(&week).await;
        }
        f.set_us(START_US + (n + 1) * DAY_US - 1);
        assert_eq!(f.full(&day).await.1, Some(1));
    }
}

async fn the_wait_is_until_the_next_period(f: &Fixture) {
    let call = [charge(f.key("c", Window::Calendar(CalendarUnit::Seconds(60))), "1", "1")];
    f.at(59.9);
    f.granted(&call).await;
    assert_eq!(f.full(&call).await, (0, Some(100_000)));
    f.at(60.0);
    f.granted(&call).await;
    assert_eq!(f.full(&call).await, (0, Some(60 * SECOND_US)));
}
