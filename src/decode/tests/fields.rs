use proptest::prelude::*;

use super::super::field::{TimeFault, TimeReader};
use super::*;
use crate::time::{TimeFormat, TimeUnit};

#[test]
fn canonical_text_makes_equal_keys_equal() {
    use FieldValue::{Bool, Composite, Null, Number, Text};
    for (value, expected) in [
        (Text("abc"), "abc"),
        (Text(""), ""),
        (Text("42"), "42"),
        (Text("042"), "042"),
        (Text("42.0"), "42.0"),
        (Text(" 42 "), " 42 "),
        (Number("42"), "42"),
        (Number("42.0"), "42"),
        (Number("42.000"), "42"),
        (Number("4.2e1"), "42"),
        (Number("4200e-2"), "42"),
        (Number("0.42E+2"), "42"),
        (Number("-42"), "-42"),
        (Number("420"), "420"),
        (Number("42e1"), "420"),
        (Number("100"), "100"),
        (Number("1e2"), "100"),
        (Number("0"), "0"),
        (Number("-0"), "0"),
        (Number("-0.000"), "0"),
        (Number("0e999999999"), "0"),
        (Number("0.10"), "0.1"),
        (Number("1e-1"), "0.1"),
        (Number("-0.05"), "-0.05"),
        (Number("10.01"), "10.01"),
        (Number("1001e-2"), "10.01"),
        (Number("123456789012345678901234567890"), "123456789012345678901234567890"),
        (Number("123456789012345678901234567890.10"), "123456789012345678901234567890.1"),
        (Number("0.0000000000000000000000000001"), "0.0000000000000000000000000001"),
        (Bool(true), "true"),
        (Bool(false), "false"),
        (Null, "(null)"),
        (Composite, "(Composite)"),
        (FieldValue::NotText, "(NotText)"),
        (Number("1e400"), "(TooLong)"),
        (Number("1e-400"), "(TooLong)"),
        (Number("1e999999999999999999999"), "(TooLong)"),
        (Number("-1e-999999999999999999999"), "(TooLong)"),
    ] {
        let mut out = "left over".to_owned();
        match canonical(value, &mut out) {
            Ok(true) => assert_eq!(out, expected, "{value:?}"),
            Ok(false) => assert_eq!(("(null)", ""), (expected, out.as_str()), "{value:?}"),
            Err(fault) => assert_eq!((format!("({fault:?})").as_str(), ""), (expected, out.as_str()), "{value:?}"),
        }
    }
}

#[test]
fn canonical_numbers_have_at_most_400_digits() {
    let mut out = String::new();
    for (text, digits) in [("1e399", Some(400)), ("1e400", None), ("1e-399", Some(400)), ("1e-400", None)] {
        let written = canonical(FieldValue::Number(text), &mut out).map(|_| out.replace('.', "").len()).ok();
        assert_eq!(written, digits, "{text}");
    }
    for (digits, fits) in [(400, true), (401, false)] {
        let text = "7".repeat(digits);
        assert_eq!(canonical(FieldValue::Number(&text), &mut out).is_ok(), fits, "{digits}");
        let text = format!("-{}.0", "7".repeat(digits));
        assert_eq!(canonical(FieldValue::Number(&text), &mut out).is_ok(), fits, "{digits}");
    }
}

/// These numbers are in stored chunks: they never change.
#[test]
fn fingerprints_are_xxh3_64() {
    for (text, expected) in [
        ("", 0x2d06_8005_38d3_94c2_u64),
        ("a", 0xe6c6_32b6_1e96_4e1f),
        ("abc", 0x78af_5f94_892f_3950),
        ("42", 0x1217_cb28_c0ef_2191),
        ("order-2026-11-11-0001", 0x1c3f_7b5e_fdb0_09c8),
        ("订单", 0x4070_51dc_010e_93f3),
        (&"0123456789".repeat(20), 0xafad_ba07_e169_8882),
        (&"0123456789".repeat(100), 0xdbdf_7703_60da_5ac5),
    ] {
        assert_eq!(fingerprint(text), expected, "{text:?}");
    }
}

#[test]
fn times_are_read_in_the_format_that_the_book_names() {
    use FieldValue::{Bool, Composite, Null, Number, Text};
    use TimeFormat::{Rfc3339, Unix};
    for (value, format, expected) in [
        (Text("2026-12-01T00:00:00+08:00"), Rfc3339, "2026-11-30T16:00:00Z"),
        (Text("2026-12-01"), Rfc3339, "Unreadable"),
        (Text("1796083200"), Rfc3339, "Unreadable"),
        (Number("1796083200"), Rfc3339, "Unreadable"),
        (Null, Rfc3339, "Missing"),
        (Bool(true), Rfc3339, "Unreadable"),
        (Composite, Rfc3339, "Unreadable"),
        (Number("1796083200"), Unix(TimeUnit::Seconds), "2026-12-01T00:00:00Z"),
        (Number("1796083200.25"), Unix(TimeUnit::Seconds), "2026-12-01T00:00:00.25Z"),
        (Number("1.7960832e9"), Unix(TimeUnit::Seconds), "2026-12-01T00:00:00Z"),
        (Text("1796083200123"), Unix(TimeUnit::Millis), "2026-12-01T00:00:00.123Z"),
        (Number("1796083200123456"), Unix(TimeUnit::Micros), "2026-12-01T00:00:00.123456Z"),
        (Number("1796083200123456789"), Unix(TimeUnit::Nanos), "2026-12-01T00:00:00.123456Z"),
        (Number("253402300799999999999"), Unix(TimeUnit::Nanos), "9999-12-31T23:59:59.999999Z"),
        (Number("253402300800000000000"), Unix(TimeUnit::Nanos), "OutOfRange"),
        (Number("-1"), Unix(TimeUnit::Seconds), "1969-12-31T23:59:59Z"),
        // Milliseconds that were declared as seconds.
        (Number("1796083200123"), Unix(TimeUnit::Seconds), "OutOfRange"),
        (Number("1e999999999"), Unix(TimeUnit::Millis), "OutOfRange"),
        (Text("2026-12-01T00:00:00Z"), Unix(TimeUnit::Millis), "Unreadable"),
        (Text(""), Unix(TimeUnit::Millis), "Unreadable"),
        (Bool(false), Unix(TimeUnit::Millis), "Unreadable"),
        (Null, Unix(TimeUnit::Millis), "Missing"),
    ] {
        let found = TimeReader::default()
            .read(value, format)
            .map_or_else(|fault: TimeFault| format!("{fault:?}"), |at| at.to_string());
        assert_eq!(found, expected, "{value:?} as {format:?}");
    }
}

proptest! {
    /// Two texts of one number have one canonical text, which is its own.
    #[test]
    fn canonical_text_depends_on_the_value_alone(
        digits in "[0-9]{1,30}",
        point in 0..30_usize,
        zeros in 0..5_usize,
        shift in -20..20_i32,
        negative in any::<bool>(),
    ) {
        let point = point.min(digits.len() - 1) + 1;
        let sign = if negative { "-" } else { "" };
        let (whole, fraction) = digits.split_at(point);
        let whole = whole.trim_start_matches('0');
        let whole = if whole.is_empty() { "0" } else { whole };
        let plain = if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") };
        // The same value: other zeros, another exponent.
        let power = shift + fraction.len() as i32;
        let scaled = format!("{sign}{digits}{}e{}", "0".repeat(zeros), -(zeros as i32) - power + shift);
        let (mut first, mut second, mut again) = (String::new(), String::new(), String::new());
        prop_assert_eq!(canonical(FieldValue::Number(&plain), &mut first), Ok(true));
        prop_assert_eq!(canonical(FieldValue::Number(&scaled), &mut second), Ok(true));
        prop_assert_eq!(&first, &second, "{} {}", plain, scaled);
        prop_assert_eq!(canonical(FieldValue::Number(&first), &mut again), Ok(true));
        prop_assert_eq!(&first, &again);
        let needless = first.starts_with('+') || first.contains('.') && first.ends_with('0') || first == "-0";
        prop_assert!(!needless, "{}", first);
    }
}
