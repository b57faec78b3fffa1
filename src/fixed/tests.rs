use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Pow, ToPrimitive};
use proptest::prelude::*;

use super::*;

fn check(text: &str, expected: &str) {
    let found = match Fixed::parse(text) {
        Ok(value) => value.to_string(),
        Err(fault) => format!("{fault:?}"),
    };
    assert_eq!(found, expected, "{text}");
}

#[test]
fn numbers_are_read_from_their_text_half_even_to_nine_decimals() {
    for (text, expected) in [
        ("0", "0"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("42", "42"),
        ("42.0", "42"),
        ("042", "42"),
        ("+42", "42"),
        ("-12.5", "-12.5"),
        ("0.1", "0.1"),
        ("1.5e3", "1500"),
        ("1E+3", "1000"),
        ("1500e-3", "1.5"),
        ("0.123456789", "0.123456789"),
        ("0.000000001", "0.000000001"),
        ("100.010", "100.01"),
        // ties go to the even neighbour, whatever stands behind them decides first
        ("0.0000000005", "0"),
        ("0.0000000015", "0.000000002"),
        ("0.0000000025", "0.000000002"),
        ("-0.0000000025", "-0.000000002"),
        ("-0.0000000005", "0"),
        ("0.00000000050000000000000000000000000000000000000000000001", "0.000000001"),
        ("0.00000000250000000000000000000000000000000000000000000000", "0.000000002"),
        ("0.00000000249999999999999999999999999999999999999999999999", "0.000000002"),
        ("5e-10", "0"),
        ("15e-10", "0.000000002"),
        ("9e-11", "0"),
        ("0.9999999999", "1"),
        ("123456789012345678.123456789", "123456789012345678.123456789"),
        // the bound
        ("1e18", "1000000000000000000"),
        ("-1e18", "-1000000000000000000"),
        ("1000000000000000000", "1000000000000000000"),
        ("1000000000000000001", "OutOfRange"),
        ("999999999999999999.9999999999", "1000000000000000000"),
        ("1000000000000000000.0000000005", "1000000000000000000"),
        ("1000000000000000000.0000000006", "OutOfRange"),
        ("1e19", "OutOfRange"),
        ("9999999999999999999999999999999999999999999999", "OutOfRange"),
        // exponents are never computed
        ("1e999999999", "OutOfRange"),
        ("-1e999999999999999999999999999999", "OutOfRange"),
        ("1e-999999999", "0"),
        ("1e-999999999999999999999999999999", "0"),
        ("0e999999999", "0"),
        ("0.000e99999999999999999999", "0"),
        ("0.00000000000000000000001e40", "100000000000000000"),
        // no numbers
        ("", "NotANumber"),
        ("-", "NotANumber"),
        ("+", "NotANumber"),
        (".", "NotANumber"),
        (".5", "NotANumber"),
        ("5.", "NotANumber"),
        ("-.5", "NotANumber"),
        ("5.e3", "NotANumber"),
        ("1.2.3", "NotANumber"),
        ("1e", "NotANumber"),
        ("1e+", "NotANumber"),
        ("1e+-2", "NotANumber"),
        ("1e2.5", "NotANumber"),
        ("--1", "NotANumber"),
        ("abc", "NotANumber"),
        (" 1", "NotANumber"),
        ("1 ", "NotANumber"),
        ("0x10", "NotANumber"),
        ("NaN", "NotANumber"),
        ("1_000", "NotANumber"),
        ("٣", "NotANumber"),
    ] {
        check(text, expected);
    }
}

#[test]
fn case_26_ten_times_a_tenth_is_one_and_overflow_is_a_fault() {
    let tenth = Fixed::parse("0.1").unwrap();
    let sum = (0..10).try_fold(Fixed::ZERO, |sum, _| sum.checked_add(tenth)).unwrap();
    assert_eq!(sum, Fixed::ONE);
    let (amount, quantity) = (Fixed::parse("1e15").unwrap(), Fixed::parse("1e6").unwrap());
    assert_eq!(amount.checked_mul(quantity), Err(NumberFault::OutOfRange));
    assert_eq!(Fixed::parse("1e999999999"), Err(NumberFault::OutOfRange));
    assert_eq!(Fixed::parse("abc"), Err(NumberFault::NotANumber));
}

#[test]
fn arithmetic_is_exact_then_half_even_and_bounded() {
    type Operation = fn(Fixed, Fixed) -> Result<Fixed, NumberFault>;
    let (add, sub): (Operation, Operation) = (Fixed::checked_add, Fixed::checked_sub);
    let (mul, div, rem): (Operation, Operation, Operation) =
        (Fixed::checked_mul, Fixed::checked_div, Fixed::checked_rem);
    for (a, name, operation, b, expected) in [
        ("1e18", "+", add, "0.000000001", "OutOfRange"),
        ("1e18", "-", sub, "0.000000001", "999999999999999999.999999999"),
        ("-1e18", "-", sub, "1", "OutOfRange"),
        ("0.000000001", "*", mul, "0.5", "0"),
        ("0.000000003", "*", mul, "0.5", "0.000000002"),
        ("-0.000000001", "*", mul, "0.5", "0"),
        ("-0.000000003", "*", mul, "0.5", "-0.000000002"),
        ("1e18", "*", mul, "1e18", "OutOfRange"),
        ("1e18", "*", mul, "-1", "-1000000000000000000"),
        ("1e9", "*", mul, "1e9", "1000000000000000000"),
        ("123456789.987654321", "*", mul, "1000.000000001", "123456789987.77777779"),
        ("1", "/", div, "3", "0.333333333"),
        ("2", "/", div, "3", "0.666666667"),
        ("-2", "/", div, "3", "-0.666666667"),
        ("0.000000001", "/", div, "2", "0"),
        ("0.000000003", "/", div, "2", "0.000000002"),
        ("0.000000003", "/", div, "-2", "-0.000000002"),
        ("1e18", "/", div, "0.1", "OutOfRange"),
        ("1e18", "/", div, "1e18", "1"),
        ("1", "/", div, "0", "DivisionByZero"),
        ("7", "%", rem, "3", "1"),
        ("-7", "%", rem, "3", "-1"),
        ("7", "%", rem, "-3", "1"),
        ("7.5", "%", rem, "0.4", "0.3"),
        ("1", "%", rem, "0", "DivisionByZero"),
    ] {
        let (left, right) = (Fixed::parse(a).unwrap(), Fixed::parse(b).unwrap());
        let found = operation(left, right).map_or_else(|fault| format!("{fault:?}"), |value| value.to_string());
        assert_eq!(found, expected, "{a} {name} {b}");
    }
    assert_eq!(Fixed::from_int(5).checked_neg(), Ok(Fixed::from_int(-5)));
}

#[test]
fn sums_beyond_one_value_never_panic() {
    for units in [i128::MIN, i128::MIN + 1, -1, 0, 1, i128::MAX] {
        for other in [i128::MIN, -SCALE, -1, 0, 1, SCALE, i128::MAX] {
            let (a, b) = (Fixed(units), Fixed(other));
            let _ = (
                a.checked_add(b),
                a.checked_sub(b),
                a.checked_mul(b),
                a.checked_div(b),
                a.checked_rem(b),
                a.checked_neg(),
            );
            assert_eq!(a.checked_div(b).is_ok(), other != 0 && held(&(exactly(a) / exactly(b))).is_some(), "{a} / {b}");
        }
        assert!(Fixed(units).to_f64().is_finite());
    }
}

/// In as many digits as it takes.
fn exactly(fixed: Fixed) -> BigRational {
    BigRational::new(fixed.0.into(), SCALE.into())
}

/// Half-even to 9 decimals, by what the words say.
pub(super) fn rounded(exact: &BigRational) -> Option<Fixed> {
    let (scaled, half) = (exact * BigInt::from(SCALE), BigRational::new(1.into(), 2.into()));
    let (floor, fraction) = (scaled.floor().to_integer(), &scaled - scaled.floor());
    let is_even = &floor % 2 == BigInt::from(0);
    let up = fraction > half || fraction == half && !is_even;
    (floor + i32::from(up)).to_i128().map(Fixed)
}

/// The same, where it is one value's.
fn held(exact: &BigRational) -> Option<Fixed> {
    rounded(exact).filter(|value| value.0.unsigned_abs() <= VALUE_MAX.0 as u128)
}

#[test]
fn json_holds_the_very_digits() {
    #[derive(serde::Serialize)]
    struct Document {
        values: Vec<Option<Fixed>>,
    }
    let values = ["0.706796268", "-0", "1", "-451", "0.1", "123456789012345678.123456789"];
    let values = values.iter().map(|text| Fixed::parse(text).ok()).chain([None]).collect();
    let json = serde_json::to_string(&Document { values }).unwrap();
    assert_eq!(json, r#"{"values":[0.706796268,0,1,-451,0.1,123456789012345678.123456789,null]}"#);
}

#[test]
fn doubles_are_those_of_the_decimal_text() {
    for text in ["0.1", "-0.981203888", "123456789012345678.123456789", "9007199254740993", "0"] {
        assert_eq!(Fixed::parse(text).unwrap().to_f64(), text.parse::<f64>().unwrap(), "{text}");
    }
}

#[test]
fn rationals_round_half_even() {
    for (n, d, expected) in [
        (1, 2_000_000_000, "0"),
        (3, 2_000_000_000, "0.000000002"),
        (-1, 2_000_000_000, "0"),
        (-3, 2_000_000_000, "-0.000000002"),
        (-2, 3, "-0.666666667"),
        (50271, 51234, "0.981203888"),
    ] {
        assert_eq!(Fixed::round(&Rational::new(n, d).unwrap()).unwrap().to_string(), expected, "{n}/{d}");
    }
    assert_eq!(Fixed::round(&Rational::from(10_i128.pow(30))), None);
}

/// The slow and obviously right way: the exact rational of the text.
fn exact(text: &str) -> BigRational {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let power = exponent.parse::<i32>().unwrap() - fraction.len() as i32;
    let digits = BigRational::from_integer(format!("{whole}{fraction}").parse().unwrap());
    digits * BigRational::from_integer(BigInt::from(10)).pow(power)
}

proptest! {
    #[test]
    fn parsing_agrees_with_exact_rationals(text in "-?[0-9]{1,22}(\\.[0-9]{1,14})?(e-?[0-9]{1,2})?") {
        prop_assert_eq!(Fixed::parse(&text).ok(), held(&exact(&text)));
    }

    #[test]
    fn display_is_read_back(units in any::<i128>()) {
        let value = Fixed(units % (VALUE_MAX.0 + 1));
        prop_assert_eq!(Fixed::parse(&value.to_string()), Ok(value));
    }

    #[test]
    fn arithmetic_agrees_with_exact_rationals(a in any::<i128>(), b in any::<i128>(), shrink in (0_u32..100, 0_u32..100)) {
        let (a, b) = (Fixed((a % (VALUE_MAX.0 + 1)) >> shrink.0), Fixed((b % (VALUE_MAX.0 + 1)) >> shrink.1));
        prop_assert_eq!(a.checked_mul(b).ok(), held(&(exactly(a) * exactly(b))));
        if b.0 != 0 {
            prop_assert_eq!(a.checked_div(b).ok(), held(&(exactly(a) / exactly(b))));
        }
    }
}
