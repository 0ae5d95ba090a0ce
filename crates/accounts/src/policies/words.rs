//! Limits in words, for people.

use policy::{CalendarUnit, Charge, Unit, Window};

/// "30 a minute per grant", "an amount of 500 a calendar month per account".
pub(crate) fn limit(charge: &Charge) -> String {
    let what = match charge.unit {
        Unit::Calls => charge.max.to_string(),
        Unit::Amount => format!("an amount of {}", charge.max),
    };
    format!("{what} {} per {}", every(charge.window), charge.scope.as_str())
}

fn every(window: Window) -> String {
    match window {
        Window::Sliding { seconds: 3_600 } => "an hour".to_owned(),
        Window::Sliding { seconds } => match unit(seconds) {
            Some(unit) => format!("a {unit}"),
            None => format!("in {seconds} s"),
        },
        Window::Calendar(CalendarUnit::Month) => "a calendar month".to_owned(),
        Window::Calendar(CalendarUnit::Seconds(seconds)) => match unit(seconds) {
            Some(unit) => format!("a calendar {unit}"),
            None => format!("in {seconds} s by the clock"),
        },
    }
}

fn unit(seconds: u32) -> Option<&'static str> {
    match seconds {
        1 => Some("second"),
        60 => Some("minute"),
        3_600 => Some("hour"),
        86_400 => Some("day"),
        604_800 => Some("week"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_said_as_people_say_them() {
        let calendar = |seconds| Window::Calendar(CalendarUnit::Seconds(seconds));
        for (window, words) in [
            (Window::Sliding { seconds: 60 }, "a minute"),
            (Window::Sliding { seconds: 3_600 }, "an hour"),
            (Window::Sliding { seconds: 90 }, "in 90 s"),
            (calendar(86_400), "a calendar day"),
            (calendar(90), "in 90 s by the clock"),
            (Window::Calendar(CalendarUnit::Month), "a calendar month"),
        ] {
            assert_eq!(every(window), words);
        }
    }
}
