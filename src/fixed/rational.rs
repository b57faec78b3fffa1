//! Exact rational numbers: two 128-bit integers, and as many digits as it takes where these do not suffice.
//!
//! | numbers | are kept as |
//! |---|---|
//! | whatever scores come from: means, shares, ways gone | two integers; lowest terms are looked for only where a product would not fit otherwise |
//! | what does not fit in lowest terms either | as many digits as it takes |
//!
//! Which of the two a number is kept as makes no difference to anything but time: all is exact, and a number equals another if their
//! values do. Reducing each result, as a general library must, is most of what scoring a thousand members would cost.

use std::cmp::Ordering;
use std::ops::{Add, AddAssign, Mul, Neg, Sub};

use num_bigint::BigInt;
use num_integer::Integer;
use num_rational::BigRational;
use num_traits::ToPrimitive;

use super::{Fixed, SCALE, divide_half_even};

/// An exact rational number.
#[derive(Clone, Debug)]
pub struct Rational(Kept);

#[derive(Clone, Debug)]
enum Kept {
    Small(Small),
    Large(Box<BigRational>),
}

/// A numerator and a denominator above 0, not in lowest terms.
#[derive(Clone, Copy, Debug)]
struct Small(i128, i128);

impl Rational {
    /// Zero.
    pub const ZERO: Rational = Rational(Kept::Small(Small(0, 1)));
    /// One.
    pub const ONE: Rational = Rational(Kept::Small(Small(1, 1)));

    /// `numerator / denominator`; `None` where that is 0.
    pub fn new(numerator: i128, denominator: i128) -> Option<Rational> {
        Rational::from(numerator).checked_div(&Rational::from(denominator))
    }

    /// Whether it is 0.
    pub fn is_zero(&self) -> bool {
        // It is never kept as a large one.
        matches!(self.0, Kept::Small(Small(0, _)))
    }

    /// `self / other`; `None` where that is 0.
    pub fn checked_div(&self, other: &Rational) -> Option<Rational> {
        (!other.is_zero()).then(|| self.combined(other, Small::quotient, |a, b| a / b))
    }

    /// Half of it.
    pub fn half(self) -> Rational {
        self * Rational(Kept::Small(Small(1, 2)))
    }

    /// The nearest number of 9 decimals, half-even; `None` beyond 128 bits.
    pub(super) fn round(&self) -> Option<Fixed> {
        if let Kept::Small(small) = &self.0
            && let Some(rounded) = small.round().or_else(|| small.reduced().round())
        {
            return Some(rounded);
        }
        let exact = self.large();
        let scaled = exact.numer() * BigInt::from(SCALE);
        // A rational's denominator is positive, so the remainder is in 0..denominator and rounding only ever goes up.
        let (floor, remainder) = scaled.div_mod_floor(exact.denom());
        let twice: BigInt = remainder * 2;
        let up = match twice.cmp(exact.denom()) {
            Ordering::Less => false,
            Ordering::Greater => true,
            Ordering::Equal => floor.is_odd(),
        };
        (if up { floor + 1 } else { floor }).to_i128().map(Fixed)
    }

    /// By integers where they suffice, as they are or in lowest terms; else by `large`.
    fn combined(
        &self,
        other: &Rational,
        small: impl Fn(Small, Small) -> Option<Small>,
        large: impl Fn(BigRational, BigRational) -> BigRational,
    ) -> Rational {
        if let (Kept::Small(a), Kept::Small(b)) = (&self.0, &other.0)
            && let Some(result) = small(*a, *b).or_else(|| small(a.reduced(), b.reduced()))
        {
            return Rational(Kept::Small(result));
        }
        Rational::of_large(large(self.large(), other.large()))
    }

    fn large(&self) -> BigRational {
        match &self.0 {
            Kept::Small(Small(numerator, denominator)) => {
                BigRational::new(BigInt::from(*numerator), BigInt::from(*denominator))
            }
            Kept::Large(large) => (**large).clone(),
        }
    }

    fn of_large(large: BigRational) -> Rational {
        match large.numer().to_i128().zip(large.denom().to_i128()) {
            Some((numerator, denominator)) => Rational(Kept::Small(Small(numerator, denominator))),
            None => Rational(Kept::Large(Box::new(large))),
        }
    }
}

impl Small {
    fn reduced(self) -> Small {
        let Small(numerator, denominator) = self;
        // By magnitudes: that of i128::MIN is none.
        let divisor = numerator.unsigned_abs().gcd(&denominator.unsigned_abs());
        match i128::try_from(divisor) {
            Ok(divisor) if divisor > 1 => Small(numerator / divisor, denominator / divisor),
            _ => self,
        }
    }

    fn sum(self, other: Small) -> Option<Small> {
        let (Small(a, b), Small(c, d)) = (self, other);
        if b == d {
            return Some(Small(a.checked_add(c)?, b));
        }
        // Mostly one is a multiple of the other, for all amounts are of billionths.
        if b % d == 0 {
            return Some(Small(a.checked_add(c.checked_mul(b / d)?)?, b));
        }
        if d % b == 0 {
            return Some(Small(a.checked_mul(d / b)?.checked_add(c)?, d));
        }
        Some(Small(a.checked_mul(d)?.checked_add(c.checked_mul(b)?)?, b.checked_mul(d)?))
    }

    fn product(self, other: Small) -> Option<Small> {
        Some(Small(self.0.checked_mul(other.0)?, self.1.checked_mul(other.1)?))
    }

    /// `other` is not 0.
    fn quotient(self, other: Small) -> Option<Small> {
        let (Small(a, b), Small(c, d)) = (self, other);
        let (a, c) = if c < 0 { (a.checked_neg()?, c.checked_neg()?) } else { (a, c) };
        if b % d == 0 {
            return Some(Small(a, (b / d).checked_mul(c)?));
        }
        Some(Small(a.checked_mul(d)?, b.checked_mul(c)?))
    }

    fn order(self, other: Small) -> Option<Ordering> {
        let (Small(a, b), Small(c, d)) = (self, other);
        if b == d {
            return Some(a.cmp(&c));
        }
        Some(a.checked_mul(d)?.cmp(&c.checked_mul(b)?))
    }

    fn round(self) -> Option<Fixed> {
        let Small(numerator, denominator) = self;
        if denominator == SCALE {
            return Some(Fixed(numerator));
        }
        let scaled = numerator.checked_mul(SCALE).filter(|scaled| *scaled != i128::MIN)?;
        Some(Fixed(divide_half_even(scaled, denominator)))
    }
}

impl From<i128> for Rational {
    fn from(whole: i128) -> Rational {
        Rational(Kept::Small(Small(whole, 1)))
    }
}

impl From<u128> for Rational {
    fn from(whole: u128) -> Rational {
        match i128::try_from(whole) {
            Ok(whole) => Rational::from(whole),
            Err(_) => Rational::of_large(BigRational::from_integer(BigInt::from(whole))),
        }
    }
}

impl From<Fixed> for Rational {
    fn from(fixed: Fixed) -> Rational {
        Rational(Kept::Small(Small(fixed.0, SCALE)))
    }
}

impl Add for Rational {
    type Output = Rational;

    fn add(self, other: Rational) -> Rational {
        self.combined(&other, Small::sum, |a, b| a + b)
    }
}

impl AddAssign for Rational {
    fn add_assign(&mut self, other: Rational) {
        *self = self.combined(&other, Small::sum, |a, b| a + b);
    }
}

impl Sub for Rational {
    type Output = Rational;

    fn sub(self, other: Rational) -> Rational {
        self + -other
    }
}

impl Neg for Rational {
    type Output = Rational;

    fn neg(self) -> Rational {
        if let Kept::Small(Small(numerator, denominator)) = self.0
            && let Some(numerator) = numerator.checked_neg()
        {
            return Rational(Kept::Small(Small(numerator, denominator)));
        }
        Rational::of_large(-self.large())
    }
}

impl Mul for Rational {
    type Output = Rational;

    fn mul(self, other: Rational) -> Rational {
        self.combined(&other, Small::product, |a, b| a * b)
    }
}

impl Ord for Rational {
    fn cmp(&self, other: &Rational) -> Ordering {
        if let (Kept::Small(a), Kept::Small(b)) = (&self.0, &other.0)
            && let Some(order) = a.order(*b)
        {
            return order;
        }
        self.large().cmp(&other.large())
    }
}

impl PartialOrd for Rational {
    fn partial_cmp(&self, other: &Rational) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for Rational {}

impl PartialEq for Rational {
    fn eq(&self, other: &Rational) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::tests::rounded;
    use proptest::prelude::*;

    /// What the denominators and numerators of scores look like, and what overflows them.
    fn part() -> impl Strategy<Value = i128> {
        prop_oneof![
            2 => -50..50i128,
            2 => Just(SCALE),
            2 => (1..100_000i128).prop_map(|count| count * SCALE),
            2 => -1_000_000_000_000_000i128..1_000_000_000_000_000,
            2 => (any::<i128>(), 0..100u32).prop_map(|(bits, shift)| bits >> shift),
            1 => prop_oneof![Just(i128::MIN), Just(i128::MAX), Just(i128::MIN + 1)],
        ]
    }

    /// The same number both ways; large ones are products.
    fn number() -> impl Strategy<Value = (Rational, BigRational)> {
        let fraction = || {
            (part(), part()).prop_filter_map("a denominator", |(numerator, denominator)| {
                let small = Rational::new(numerator, denominator)?;
                Some((small, BigRational::new(numerator.into(), denominator.into())))
            })
        };
        prop_oneof![
            4 => fraction(),
            1 => (fraction(), fraction()).prop_map(|((a, large_a), (b, large_b))| (a * b, large_a * large_b)),
        ]
    }

    fn is(small: &Rational, large: &BigRational) -> bool {
        small.large() == *large && small.round() == rounded(large)
    }

    proptest! {
        #[test]
        fn all_is_as_with_as_many_digits_as_it_takes((a, large_a) in number(), (b, large_b) in number()) {
            prop_assert!(is(&a, &large_a) && is(&b, &large_b), "{a:?} {b:?}");
            prop_assert!(is(&(a.clone() + b.clone()), &(&large_a + &large_b)), "{a:?} + {b:?}");
            prop_assert!(is(&(a.clone() - b.clone()), &(&large_a - &large_b)), "{a:?} - {b:?}");
            prop_assert!(is(&(a.clone() * b.clone()), &(&large_a * &large_b)), "{a:?} * {b:?}");
            prop_assert!(is(&-a.clone(), &-large_a.clone()), "-{a:?}");
            let mut sum = a.clone();
            sum += b.clone();
            prop_assert_eq!(&sum, &(a.clone() + b.clone()));
            match a.checked_div(&b) {
                Some(quotient) => prop_assert!(is(&quotient, &(&large_a / &large_b)), "{a:?} / {b:?}"),
                None => prop_assert!(b.is_zero() && large_b == BigRational::from_integer(0.into())),
            }
            prop_assert_eq!(a.cmp(&b), large_a.cmp(&large_b));
            prop_assert_eq!(a == b, large_a == large_b);
            prop_assert_eq!(a.is_zero(), a == Rational::ZERO);
        }
    }

    #[test]
    fn what_scores_come_from_takes_two_integers() {
        // A mean of a billion rows, from a baseline to a target, as a share of what is expected.
        let mean = Rational::new(987_654_321_987_654_321_987, 1_000_000_007 * SCALE);
        let (baseline, target) = (Rational::from(Fixed(777_777_777_777)), Rational::from(Fixed(1_234_567)));
        let way = (mean.expect("rows") - baseline.clone()).checked_div(&(target - baseline)).expect("a way");
        assert!(matches!(way.0, Kept::Small(_)), "{way:?}");
        assert!(Rational::new(1, 0).is_none());
    }
}
