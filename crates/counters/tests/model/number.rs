//! Numbers as people do them on paper: rows of digits.

use std::cmp::Ordering;

/// `digits[0].digits[1]digits[2]… × 10^top`; no zeros at either end; zero has no digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    pub negative: bool,
    pub digits: Vec<u8>,
    pub top: i64,
}

impl Number {
    pub fn zero() -> Self {
        Self { negative: false, digits: Vec::new(), top: 0 }
    }

    pub fn one() -> Self {
        Self::parse("1").0
    }

    /// The value of a JSON number, and the exponent as it is written.
    pub fn parse(text: &str) -> (Self, i64) {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let exponent: i64 =
            exponent.parse().unwrap_or(if exponent.starts_with('-') { -1_000_000_000 } else { 1_000_000_000 });
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all: Vec<u8> = whole.bytes().chain(fraction.bytes()).map(|byte| byte - b'0').collect();
        let Some(first) = all.iter().position(|digit| *digit != 0) else { return (Self::zero(), exponent) };
        let last = all.iter().rposition(|digit| *digit != 0).unwrap_or(first);
        let top = exponent + whole.len() as i64 - 1 - first as i64;
        (Self { negative, digits: all[first..=last].to_vec(), top }, exponent)
    }

    pub fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    pub fn compare(&self, other: &Self) -> Ordering {
        match (self.sign(), other.sign()) {
            (1, 1) => self.size(other),
            (-1, -1) => other.size(self),
            (a, b) => a.cmp(&b),
        }
    }

    fn sign(&self) -> i8 {
        match (self.is_zero(), self.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }

    /// Rows of digits of equal top compare like words.
    fn size(&self, other: &Self) -> Ordering {
        self.top.cmp(&other.top).then_with(|| self.digits.cmp(&other.digits))
    }

    /// Exactly, digit by digit. No number may be negative.
    pub fn sum<'n>(numbers: impl IntoIterator<Item = &'n Self>) -> Self {
        numbers.into_iter().fold(Self::zero(), |sum, number| sum.plus(number))
    }

    fn plus(&self, other: &Self) -> Self {
        assert!(!self.negative && !other.negative, "only sizes are added");
        if self.is_zero() || other.is_zero() {
            return if self.is_zero() { other.clone() } else { self.clone() };
        }
        let lowest = |n: &Self| n.top - n.digits.len() as i64 + 1;
        let bottom = lowest(self).min(lowest(other));
        let top = self.top.max(other.top) + 1;
        let mut row = vec![0; (top - bottom + 1) as usize];
        for number in [self, other] {
            for (i, digit) in number.digits.iter().enumerate() {
                row[(top - number.top) as usize + i] += digit;
            }
        }
        for i in (1..row.len()).rev() {
            row[i - 1] += row[i] / 10;
            row[i] %= 10;
        }
        let first = row.iter().position(|digit| *digit != 0).unwrap_or(0);
        let last = row.iter().rposition(|digit| *digit != 0).unwrap_or(0);
        Self { negative: false, digits: row[first..=last].to_vec(), top: top - first as i64 }
    }
}

/// More than 34 significant digits, or an exponent beyond ±999 as written or in scientific notation.
pub fn is_wide(text: &str) -> bool {
    let (number, exponent) = Number::parse(text);
    exponent.abs() > 999 || number.digits.len() > 34 || (!number.is_zero() && number.top.abs() > 999)
}

pub fn compare(a: &str, b: &str) -> Ordering {
    Number::parse(a).0.compare(&Number::parse(b).0)
}
