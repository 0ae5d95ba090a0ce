//! JSON numbers as text: their grammar, and equality by exact value.

/// How far a number has been read that comes in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    Minus,
    /// A zero, which no digit may follow.
    Zero,
    Whole,
    Point,
    Fraction,
    E,
    Sign,
    Exponent,
}

impl Progress {
    /// A number that begins with this byte, which is a digit or a minus.
    pub(crate) fn begin(byte: u8) -> Self {
        match byte {
            b'-' => Self::Minus,
            b'0' => Self::Zero,
            _ => Self::Whole,
        }
    }

    /// With one more byte; none if it is not of the number.
    pub(crate) fn next(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Minus, b'0') => Self::Zero,
            (Self::Minus | Self::Whole, b'0'..=b'9') => Self::Whole,
            (Self::Zero | Self::Whole, b'.') => Self::Point,
            (Self::Point | Self::Fraction, b'0'..=b'9') => Self::Fraction,
            (Self::Zero | Self::Whole | Self::Fraction, b'e' | b'E') => Self::E,
            (Self::E, b'+' | b'-') => Self::Sign,
            (Self::E | Self::Sign | Self::Exponent, b'0'..=b'9') => Self::Exponent,
            _ => return None,
        })
    }

    /// Whether it may end here.
    pub(crate) fn is_whole(self) -> bool {
        matches!(self, Self::Zero | Self::Whole | Self::Fraction | Self::Exponent)
    }
}

/// The length of the number at the start of `bytes`, or how far it could be read.
pub(crate) fn length(bytes: &[u8]) -> Result<usize, usize> {
    let mut pos = usize::from(bytes.first() == Some(&b'-'));
    match bytes.get(pos) {
        Some(b'0') => pos += 1,
        Some(b'1'..=b'9') => pos += digits(&bytes[pos..]),
        _ => return Err(pos),
    }
    if matches!(bytes.get(pos), Some(b'0'..=b'9')) {
        return Err(pos);
    }
    if bytes.get(pos) == Some(&b'.') {
        pos += 1 + some_digits(bytes, pos + 1)?;
    }
    if matches!(bytes.get(pos), Some(b'e' | b'E')) {
        pos += 1;
        pos += usize::from(matches!(bytes.get(pos), Some(b'+' | b'-')));
        pos += some_digits(bytes, pos)?;
    }
    Ok(pos)
}

/// Whether the whole text is a number of JSON.
pub(crate) fn is_number(text: &str) -> bool {
    length(text.as_bytes()) == Ok(text.len())
}

/// Whether two numbers that the scanner accepted have the same exact value: `1`, `1.0` and `10e-1` do.
pub(crate) fn same_number(left: &str, right: &str) -> bool {
    left == right || matches!((parts(left), parts(right)), (Some(left), Some(right)) if left == right)
}

/// Sign, digits without leading and trailing zeros, and the exponent of the last digit.
pub(crate) fn parts(text: &str) -> Option<(bool, String, i64)> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (negative, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let digits = all.trim_start_matches('0').trim_end_matches('0');
    if digits.is_empty() {
        return Some((false, String::new(), 0));
    }
    let zeros = all.len() - all.trim_end_matches('0').len();
    let last = exponent.checked_sub(fraction.len() as i64)?.checked_add(zeros as i64)?;
    Some((negative, digits.to_owned(), last))
}

fn some_digits(bytes: &[u8], at: usize) -> Result<usize, usize> {
    match digits(bytes.get(at..).unwrap_or_default()) {
        0 => Err(at),
        count => Ok(count),
    }
}

fn digits(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_by_exact_value() {
        for (left, right) in
            [("1", "1.0"), ("1", "1e0"), ("100", "1E2"), ("-0", "0.00"), ("0.10", "1e-1"), ("-7", "-70e-1")]
        {
            assert!(same_number(left, right), "{left} = {right}");
        }
        for (left, right) in [
            ("1", "-1"),
            ("1", "2"),
            ("1", "10"),
            ("9007199254740993", "9007199254740992"),
            ("1", "1e9999999999999999999"),
        ] {
            assert!(!same_number(left, right), "{left} ≠ {right}");
        }
    }
}
