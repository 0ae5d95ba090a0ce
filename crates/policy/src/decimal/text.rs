//! Decimal numbers from and to text.

use super::{Big, Decimal, DecimalError, MAX_DIGITS, MAX_EXPONENT};

/// Longest canonical text that is read back: two numbers 2,000 digits apart and room for their carries.
const MAX_PLAIN: usize = 8192;

/// The pieces of a JSON number.
struct Pieces<'t> {
    negative: bool,
    whole: &'t str,
    fraction: &'t str,
    /// Saturates far beyond any bound.
    exponent: i64,
}

pub(super) fn parse(text: &str) -> Result<Decimal, DecimalError> {
    let pieces = split(text).ok_or(DecimalError::NotANumber)?;
    if pieces.exponent.abs() > MAX_EXPONENT {
        return Err(DecimalError::ExponentOutOfRange);
    }
    let digits = || pieces.whole.bytes().chain(pieces.fraction.bytes());
    let leading = digits().take_while(|digit| *digit == b'0').count();
    let trailing = digits().rev().take_while(|digit| *digit == b'0').count();
    let total = pieces.whole.len() + pieces.fraction.len();
    if leading == total {
        return Ok(Decimal::ZERO);
    }
    let significant = total - leading - trailing;
    if significant > MAX_DIGITS {
        return Err(DecimalError::TooManyDigits);
    }
    let coefficient =
        digits().skip(leading).take(significant).fold(0i128, |value, digit| value * 10 + i128::from(digit - b'0'));
    let exponent = pieces.exponent - as_i64(pieces.fraction.len()) + as_i64(trailing);
    if (exponent + as_i64(significant) - 1).abs() > MAX_EXPONENT {
        return Err(DecimalError::ExponentOutOfRange);
    }
    let exponent = i32::try_from(exponent).map_err(|_| DecimalError::ExponentOutOfRange)?;
    Ok(Decimal::small(if pieces.negative { -coefficient } else { coefficient }, exponent))
}

fn as_i64(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX / 4)
}

/// `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`
fn split(text: &str) -> Option<Pieces<'_>> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, read_exponent(exponent)?),
        None => (rest, 0),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((_, "")) => return None,
        Some(pair) => pair,
        None => (mantissa, ""),
    };
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let sound = all_digits(whole) && all_digits(fraction) && (whole == "0" || !whole.starts_with('0'));
    (sound && !whole.is_empty()).then_some(Pieces { negative, whole, fraction, exponent })
}

fn read_exponent(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value = digits.bytes().fold(0i64, |value, digit| (value * 10 + i64::from(digit - b'0')).min(1_000_000));
    Some(if negative { -value } else { value })
}

pub(super) fn parse_plain(text: &str) -> Result<Decimal, DecimalError> {
    if text.len() > MAX_PLAIN {
        return Err(DecimalError::TooManyDigits);
    }
    let pieces = split(text).filter(|pieces| pieces.exponent == 0).ok_or(DecimalError::NotANumber)?;
    let exponent = i32::try_from(pieces.fraction.len()).map_err(|_| DecimalError::TooManyDigits)?;
    let digits = format!("{}{}", pieces.whole, pieces.fraction);
    Ok(Decimal::from_big(Big::from_digits(pieces.negative, &digits, -exponent)))
}

/// The canonical form of `±digits × 10^exponent`.
pub(super) fn plain(negative: bool, digits: &str, exponent: i32) -> String {
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return "0".to_owned();
    }
    let sign = if negative { "-" } else { "" };
    let places = exponent.unsigned_abs() as usize;
    if exponent >= 0 {
        return format!("{sign}{digits}{}", "0".repeat(places));
    }
    let padded = format!("{}{digits}", "0".repeat((places + 1).saturating_sub(digits.len())));
    let (whole, fraction) = padded.split_at(padded.len() - places);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}
