//! Moments and the calendar in UTC. Nothing here reads a clock.

use serde::{Deserialize, Serialize};

const SECOND_US: i64 = 1_000_000;
const DAY_SECONDS: i64 = 86_400;
const DAY_US: i64 = DAY_SECONDS * SECOND_US;

/// A moment: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// `0` to `23`, UTC, as a JSON number.
    pub(crate) fn hour(self) -> &'static str {
        const HOURS: [&str; 24] = [
            "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18",
            "19", "20", "21", "22", "23",
        ];
        HOURS[usize::try_from(self.0.rem_euclid(DAY_US) / (3600 * SECOND_US)).unwrap_or(0)]
    }

    /// `mon` to `sun`, UTC.
    pub(crate) fn weekday(self) -> &'static str {
        // 1970-01-01 was a Thursday.
        const DAYS: [&str; 7] = ["thu", "fri", "sat", "sun", "mon", "tue", "wed"];
        DAYS[usize::try_from(self.0.div_euclid(DAY_US).rem_euclid(7)).unwrap_or(0)]
    }

    /// Months since January of year 0.
    pub(crate) fn month(self) -> i64 {
        let (year, month) = year_and_month(self.0.div_euclid(DAY_US));
        year * 12 + month - 1
    }

    /// The first microsecond of a month counted as [`Timestamp::month`] counts; the farthest moment if there is none.
    pub(crate) fn start_of_month(month: i64) -> Self {
        Self(days_before(month.div_euclid(12), month.rem_euclid(12) + 1, 1).saturating_mul(DAY_US))
    }

    /// Reads `2026-01-01T00:00:00Z`, with fractions of a second or a numeric offset (RFC 3339).
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (date, clock) = (text.get(..10)?, text.get(11..)?);
        if !matches!(text.as_bytes().get(10), Some(b'T' | b't' | b' ')) {
            return None;
        }
        let mut parts = date.split('-');
        let year = digits(parts.next()?, 4)?;
        let month = digits(parts.next()?, 2).filter(|month| (1..=12).contains(month))?;
        let day = digits(parts.next()?, 2)?;
        let first = days_before(year, month, 1);
        let length = days_before(year + month / 12, month % 12 + 1, 1) - first;
        if parts.next().is_some() || !(1..=length).contains(&day) {
            return None;
        }
        Some(Self((first + day - 1) * DAY_US + clock_us(clock)?))
    }
}

/// `00:00:00`, a fraction, and an offset, in microseconds of UTC.
fn clock_us(text: &str) -> Option<i64> {
    let (hour, minute, second) = (text.get(..2)?, text.get(3..5)?, text.get(6..8)?);
    if text.get(2..3)? != ":" || text.get(5..6)? != ":" {
        return None;
    }
    let hour = digits(hour, 2).filter(|hour| *hour < 24)?;
    let minute = digits(minute, 2).filter(|minute| *minute < 60)?;
    let second = digits(second, 2).filter(|second| *second < 60)?;
    let (fraction_us, zone) = fraction_us(&text[8..])?;
    let seconds = hour * 3600 + minute * 60 + second - zone_seconds(zone)?;
    Some(seconds * SECOND_US + fraction_us)
}

fn fraction_us(text: &str) -> Option<(i64, &str)> {
    let Some(rest) = text.strip_prefix('.') else { return Some((0, text)) };
    let length = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (fraction, zone) = rest.split_at(length);
    let micros: String = fraction.chars().chain("000000".chars()).take(6).collect();
    (length > 0).then_some((digits(&micros, 6)?, zone))
}

fn zone_seconds(text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hour, minute) = text.get(1..)?.split_once(':')?;
    let hour = digits(hour, 2).filter(|hour| *hour < 24)?;
    let minute = digits(minute, 2).filter(|minute| *minute < 60)?;
    Some(sign * (hour * 3600 + minute * 60))
}

fn digits(text: &str, length: usize) -> Option<i64> {
    (text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar, counting years from March so that the leap day
/// is the last of its year. 719,468 days lie between 0000-03-01 and 1970-01-01; 146,097 make 400 years.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The inverse of [`days_before`], without the day.
fn year_and_month(days: i64) -> (i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = ((5 * day_of_year + 2) / 153 + 2) % 12 + 1;
    (era * 400 + year_of_era + i64::from(month <= 2), month)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn moments_are_read() {
        assert_eq!(at("1970-01-01T00:00:00Z"), Timestamp(0));
        assert_eq!(at("2026-01-01T00:00:00Z"), Timestamp(1_767_225_600 * SECOND_US));
        assert_eq!(at("2026-01-01T01:30:00.25+01:30"), Timestamp(1_767_225_600 * SECOND_US + 250_000));
        assert_eq!(at("1969-12-31T23:59:59.999999z"), Timestamp(-1));
        assert_eq!(at("2024-02-29T00:00:00Z"), Timestamp(1_709_164_800 * SECOND_US));
        for bad in [
            "",
            "2026-01-01",
            "2026-01-01T00:00:00",
            "2026-13-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:60Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00+1:00",
            "2026-1-1T00:00:00Z",
            "é026-01-01T00:00:00Z",
            "2026-01-01T00:00:00é",
        ] {
            assert_eq!(Timestamp::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn hours_and_weekdays() {
        assert_eq!((at("2026-01-01T23:59:59Z").hour(), at("2026-01-01T23:59:59Z").weekday()), ("23", "thu"));
        assert_eq!((at("2026-01-05T00:00:00Z").hour(), at("2026-01-05T00:00:00Z").weekday()), ("0", "mon"));
        assert_eq!(at("1969-12-28T12:00:00Z").weekday(), "sun");
    }

    #[test]
    fn months_start_on_their_first_day() {
        for (moment, start, next) in [
            ("2026-01-31T23:59:59.999999Z", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"),
            ("2024-02-29T12:00:00Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"),
            ("2025-12-31T23:59:59Z", "2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z"),
            ("1969-12-31T23:59:59Z", "1969-12-01T00:00:00Z", "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(Timestamp::start_of_month(at(moment).month()), at(start));
            assert_eq!(Timestamp::start_of_month(at(moment).month() + 1), at(next));
        }
        let farthest = Timestamp(i64::MAX);
        assert!(Timestamp::start_of_month(farthest.month() + 1) >= farthest);
        assert!(Timestamp::start_of_month(Timestamp(i64::MIN).month()) <= Timestamp(0));
    }
}
