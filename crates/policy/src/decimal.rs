//! Exact decimal numbers: what conditions compare and what limits add up. Never a float (POLICY.md §1, §4).
//!
//! Numbers come in with at most 34 significant digits; sums may grow longer and stay exact.

use std::cmp::Ordering;
use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

mod big;
mod text;

use big::Big;

/// Most significant digits a number may have, leading and trailing zeros not counted.
pub const MAX_DIGITS: usize = 34;
/// Largest absolute exponent, both as it is written and in scientific notation (`d.ddd × 10^e`).
pub const MAX_EXPONENT: i64 = 999;

/// An exact decimal number. Equal and ordered by value: `1`, `1.0` and `1e0` are the same.
///
/// `Display` and serde use one canonical form per value: plain digits, no exponent, no trailing zeros after the point.
#[derive(Clone)]
pub struct Decimal(Repr);

/// Why a text is not a number that can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// The text is not a JSON number.
    #[error("not a number")]
    NotANumber,
    /// More than 34 significant digits.
    #[error("more than 34 significant digits")]
    TooManyDigits,
    /// An exponent beyond ±999.
    #[error("an exponent beyond ±999")]
    ExponentOutOfRange,
}

/// `coefficient × 10^exponent`, not reduced: `10e-1` may stand for 1.
#[derive(Clone)]
enum Repr {
    Small { coefficient: i128, exponent: i32 },
    Big(Box<Big>),
}

impl Decimal {
    /// 0
    pub const ZERO: Self = Self::small(0, 0);
    /// 1
    pub const ONE: Self = Self::small(1, 0);

    const fn small(coefficient: i128, exponent: i32) -> Self {
        Self(Repr::Small { coefficient, exponent })
    }

    fn from_big(big: Big) -> Self {
        match big.to_small() {
            Some((coefficient, exponent)) => Self::small(coefficient, exponent),
            None => Self(Repr::Big(Box::new(big))),
        }
    }

    fn to_big(&self) -> Big {
        match &self.0 {
            Repr::Small { coefficient, exponent } => Big::from_small(*coefficient, *exponent),
            Repr::Big(big) => (**big).clone(),
        }
    }

    /// Reads a JSON number as it is written.
    ///
    /// # Errors
    /// When the text is no JSON number, has more than 34 significant digits or an exponent beyond ±999.
    pub fn parse(json_number: &str) -> Result<Self, DecimalError> {
        text::parse(json_number)
    }

    /// Below zero. Minus zero is zero.
    pub fn is_negative(&self) -> bool {
        self.signum() < 0
    }

    /// Exactly zero.
    pub fn is_zero(&self) -> bool {
        self.signum() == 0
    }

    fn signum(&self) -> i32 {
        match &self.0 {
            Repr::Small { coefficient, .. } => i32::from(*coefficient > 0) - i32::from(*coefficient < 0),
            Repr::Big(big) => big.signum(),
        }
    }

    /// No fraction: `2.0` and `1e3` are integers.
    pub fn is_integer(&self) -> bool {
        match &self.0 {
            Repr::Small { coefficient, exponent } => {
                *exponent >= 0
                    || *coefficient == 0
                    || pow10(exponent.unsigned_abs()).is_some_and(|scale| coefficient % scale == 0)
            }
            Repr::Big(_) => !self.to_string().contains('.'),
        }
    }

    /// The value as an integer, when it is one and fits.
    pub fn to_i64(&self) -> Option<i64> {
        self.floor_scaled(0).filter(|_| self.is_integer())
    }

    /// `floor(self × 10^digits)`, when it fits; how seconds become microseconds.
    pub(crate) fn floor_scaled(&self, digits: i32) -> Option<i64> {
        let Repr::Small { coefficient, exponent } = self.0 else { return None };
        let exponent = exponent + digits;
        let value = if exponent >= 0 {
            coefficient.checked_mul(pow10(exponent.unsigned_abs())?)?
        } else {
            match pow10(exponent.unsigned_abs()) {
                Some(scale) => coefficient.div_euclid(scale),
                None => -i128::from(coefficient < 0),
            }
        };
        i64::try_from(value).ok()
    }

    fn plus(&self, other: &Self, sign: i128) -> Self {
        if let (Repr::Small { .. }, Repr::Small { .. }) = (&self.0, &other.0)
            && let Some((a, b, exponent)) = aligned(self, other)
            && let Some(sum) = b.checked_mul(sign).and_then(|b| a.checked_add(b))
        {
            return Self::small(sum, exponent);
        }
        let other = if sign < 0 { other.to_big().negated() } else { other.to_big() };
        Self::from_big(self.to_big().plus(&other))
    }
}

/// Both coefficients at the smaller exponent, when they fit.
fn aligned(a: &Decimal, b: &Decimal) -> Option<(i128, i128, i32)> {
    let (Repr::Small { coefficient: ca, exponent: ea }, Repr::Small { coefficient: cb, exponent: eb }) = (&a.0, &b.0)
    else {
        return None;
    };
    if *ca == 0 {
        return Some((0, *cb, *eb));
    }
    if *cb == 0 {
        return Some((*ca, 0, *ea));
    }
    let scale = pow10(ea.abs_diff(*eb))?;
    if ea >= eb { Some((ca.checked_mul(scale)?, *cb, *eb)) } else { Some((*ca, cb.checked_mul(scale)?, *ea)) }
}

fn pow10(exponent: u32) -> Option<i128> {
    10i128.checked_pow(exponent)
}

impl From<u64> for Decimal {
    fn from(value: u64) -> Self {
        Self::small(i128::from(value), 0)
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let signs = self.signum().cmp(&other.signum());
        if signs != Ordering::Equal {
            return signs;
        }
        match aligned(self, other) {
            Some((a, b, _)) => a.cmp(&b),
            None => self.to_big().plus(&other.to_big().negated()).signum().cmp(&0),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl Add<&Decimal> for &Decimal {
    type Output = Decimal;
    fn add(self, other: &Decimal) -> Decimal {
        self.plus(other, 1)
    }
}

impl Sub<&Decimal> for &Decimal {
    type Output = Decimal;
    fn sub(self, other: &Decimal) -> Decimal {
        self.plus(other, -1)
    }
}

impl AddAssign<&Decimal> for Decimal {
    fn add_assign(&mut self, other: &Decimal) {
        *self = self.plus(other, 1);
    }
}

impl SubAssign<&Decimal> for Decimal {
    fn sub_assign(&mut self, other: &Decimal) {
        *self = self.plus(other, -1);
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (negative, digits, exponent) = match &self.0 {
            Repr::Small { coefficient, exponent } => {
                (*coefficient < 0, coefficient.unsigned_abs().to_string(), *exponent)
            }
            Repr::Big(big) => big.parts(),
        };
        f.write_str(&text::plain(negative, &digits, exponent))
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Decimal {
    type Err = DecimalError;

    /// Reads the canonical form back, however long a sum has grown; bounded only against absurd input.
    fn from_str(plain: &str) -> Result<Self, DecimalError> {
        text::parse_plain(plain)
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let plain = std::borrow::Cow::<str>::deserialize(deserializer)?;
        plain.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
