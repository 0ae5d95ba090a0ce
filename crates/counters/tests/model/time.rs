//! The calendar, counted off day by day from 1970.

const DAY_US: i64 = 86_400_000_000;

/// 1970-01-01 was a Thursday.
pub fn weekday(at_us: i64) -> &'static str {
    const DAYS: [&str; 7] = ["thu", "fri", "sat", "sun", "mon", "tue", "wed"];
    DAYS[at_us.div_euclid(DAY_US).rem_euclid(7) as usize]
}

/// Which period of so many seconds, the first of them beginning on a Monday at midnight.
pub fn period(at_us: i64, seconds: i64) -> i64 {
    (at_us - 4 * DAY_US).div_euclid(seconds * 1_000_000)
}

/// When the period after that of `at_us` begins.
pub fn next_period(at_us: i64, seconds: i64) -> i64 {
    (period(at_us, seconds) + 1) * seconds * 1_000_000 + 4 * DAY_US
}

/// Months since January 1970, and when the next one begins.
pub fn month(at_us: i64) -> (i64, i64) {
    let day = at_us.div_euclid(DAY_US);
    let (mut month, mut begins) = (0, 0);
    loop {
        let next = begins + days_in(month);
        if day < next {
            return (month, next * DAY_US);
        }
        (month, begins) = (month + 1, next);
    }
}

fn days_in(month: i64) -> i64 {
    let year = 1970 + month / 12;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month % 12 {
        1 if leap => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

/// `2026-03-29T00:00:00Z`, with a fraction or an offset.
pub fn at(text: &str) -> i64 {
    let number = |from: usize, to: usize| text[from..to].parse::<i64>().unwrap();
    let months = (number(0, 4) - 1970) * 12 + number(5, 7) - 1;
    let days = (0..months).map(days_in).sum::<i64>() + number(8, 10) - 1;
    let seconds = ((days * 24 + number(11, 13)) * 60 + number(14, 16)) * 60 + number(17, 19);
    let zone = text.rfind(['Z', '+', '-']).unwrap();
    let fraction = format!("{:0<6}", text[19..zone].trim_start_matches('.'));
    let offset = match &text[zone..] {
        "Z" => 0,
        east => {
            let minutes = east[1..3].parse::<i64>().unwrap() * 60 + east[4..].parse::<i64>().unwrap();
            if east.starts_with('-') { -minutes } else { minutes }
        }
    };
    (seconds - offset * 60) * 1_000_000 + fraction.parse::<i64>().unwrap()
}
