//! The slow path: numbers whose digits do not fit 128 bits, as limbs of nine digits. Reached only by sums of numbers
//! that lie more than about 38 digits apart.

use std::cmp::Ordering;

const BASE: u32 = 1_000_000_000;
const LIMB_DIGITS: usize = 9;

/// `±limbs × 10^exponent`; limbs little-endian, no zero limb at the top.
#[derive(Clone, Debug)]
pub(super) struct Big {
    negative: bool,
    limbs: Vec<u32>,
    exponent: i32,
}

impl Big {
    pub(super) fn from_small(coefficient: i128, exponent: i32) -> Self {
        let mut rest = coefficient.unsigned_abs();
        let mut limbs = Vec::with_capacity(5);
        while rest > 0 {
            // The remainder is below BASE, so it fits.
            limbs.push((rest % u128::from(BASE)) as u32);
            rest /= u128::from(BASE);
        }
        Self { negative: coefficient < 0, limbs, exponent }
    }

    /// From ASCII digits, most significant first.
    pub(super) fn from_digits(negative: bool, digits: &str, exponent: i32) -> Self {
        let limb = |chunk: &[u8]| chunk.iter().fold(0u32, |value, digit| value * 10 + u32::from(digit - b'0'));
        let limbs = digits.as_bytes().rchunks(LIMB_DIGITS).map(limb).collect();
        Self { negative, limbs, exponent }.trimmed()
    }

    pub(super) fn signum(&self) -> i32 {
        match (self.limbs.is_empty(), self.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }

    pub(super) fn negated(mut self) -> Self {
        self.negative = !self.negative;
        self
    }

    /// Sign, digits and exponent, for printing.
    pub(super) fn parts(&self) -> (bool, String, i32) {
        let digits = self.limbs.iter().rev().map(|limb| format!("{limb:09}")).collect();
        (self.negative, digits, self.exponent)
    }

    /// Coefficient and exponent, when 128 bits suffice.
    pub(super) fn to_small(&self) -> Option<(i128, i32)> {
        let zeros = self.limbs.iter().take_while(|limb| **limb == 0).count();
        let mut coefficient = 0i128;
        for limb in self.limbs.iter().skip(zeros).rev() {
            coefficient = coefficient.checked_mul(i128::from(BASE))?.checked_add(i128::from(*limb))?;
        }
        let exponent = self.exponent.checked_add(i32::try_from(zeros * LIMB_DIGITS).ok()?)?;
        if coefficient == 0 {
            return Some((0, 0));
        }
        Some((if self.negative { -coefficient } else { coefficient }, exponent))
    }

    pub(super) fn plus(&self, other: &Self) -> Self {
        let exponent = self.exponent.min(other.exponent);
        let (a, b) = (self.limbs_at(exponent), other.limbs_at(exponent));
        let (negative, limbs) = if self.negative == other.negative {
            (self.negative, add(&a, &b))
        } else if compare(&a, &b) == Ordering::Less {
            (other.negative, subtract(&b, &a))
        } else {
            (self.negative, subtract(&a, &b))
        };
        Self { negative, limbs, exponent }.trimmed()
    }

    /// The limbs of the same value at a smaller exponent.
    fn limbs_at(&self, exponent: i32) -> Vec<u32> {
        let places = self.exponent.abs_diff(exponent) as usize;
        let mut limbs = vec![0; places / LIMB_DIGITS];
        let scale = 10u64.pow((places % LIMB_DIGITS) as u32);
        let mut carry = 0u64;
        for limb in &self.limbs {
            let value = u64::from(*limb) * scale + carry;
            limbs.push((value % u64::from(BASE)) as u32);
            carry = value / u64::from(BASE);
        }
        limbs.push(carry as u32);
        trim(limbs)
    }

    fn trimmed(self) -> Self {
        Self { limbs: trim(self.limbs), ..self }
    }
}

fn trim(mut limbs: Vec<u32>) -> Vec<u32> {
    while limbs.last() == Some(&0) {
        limbs.pop();
    }
    limbs
}

fn compare(a: &[u32], b: &[u32]) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.iter().rev().cmp(b.iter().rev()))
}

fn add(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut sum = Vec::with_capacity(a.len().max(b.len()) + 1);
    let mut carry = 0;
    for index in 0..a.len().max(b.len()) {
        let value = limb(a, index) + limb(b, index) + carry;
        sum.push(value % BASE);
        carry = value / BASE;
    }
    sum.push(carry);
    sum
}

/// `a - b` where `a ≥ b`.
fn subtract(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut difference = Vec::with_capacity(a.len());
    let mut borrow = 0;
    for index in 0..a.len() {
        let value = BASE + limb(a, index) - limb(b, index) - borrow;
        difference.push(value % BASE);
        borrow = u32::from(value < BASE);
    }
    difference
}

fn limb(limbs: &[u32], index: usize) -> u32 {
    limbs.get(index).copied().unwrap_or(0)
}
