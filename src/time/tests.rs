use jiff::civil::Date;
use proptest::prelude::*;

use super::*;

mod local;
mod zones;

fn instant(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap_or_else(|| panic!("{text} is no RFC 3339 time"))
}

#[test]
fn rfc_3339_times_are_read_to_the_microsecond() {
    for (text, expected) in [
        ("2026-12-01T00:00:00+08:00", "2026-11-30T16:00:00Z"),
        ("2026-11-30 16:00:00z", "2026-11-30T16:00:00Z"),
        ("2026-11-30t16:00:00-00:00", "2026-11-30T16:00:00Z"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
        ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.5Z"),
        ("2026-01-01T00:00:00.1Z", "2026-01-01T00:00:00.1Z"),
        ("2026-01-01T00:00:00.000001Z", "2026-01-01T00:00:00.000001Z"),
        ("2026-01-01T00:00:00.9999999999999999999999Z", "2026-01-01T00:00:00.999999Z"),
        ("2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00Z"),
        ("2026-01-01T05:45:00+05:45", "2026-01-01T00:00:00Z"),
        ("2026-01-01T00:00:00+23:59", "2025-12-31T00:01:00Z"),
        ("2024-02-29T12:00:00Z", "2024-02-29T12:00:00Z"),
        ("2000-02-29T12:00:00Z", "2000-02-29T12:00:00Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999999Z"),
        ("2017-01-01T07:59:60.25+08:00", "2016-12-31T23:59:59.999999Z"),
        ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
        ("9999-12-31T23:59:59+08:00", "9999-12-31T15:59:59Z"),
    ] {
        assert_eq!(instant(text).to_string(), expected, "{text}");
    }
}

#[test]
fn texts_that_are_no_rfc_3339_times_are_refused() {
    for text in [
        "",
        "2026-12-01",
        "2026-12-01T00:00:00",
        "2026-12-01T00:00Z",
        "2026-12-01T00:00:00.Z",
        "2026-12-01T00:00:00,5Z",
        "2026-12-01T00:00:00+0800",
        "2026-12-01T00:00:00+08",
        "2026-12-01T00:00:00+24:00",
        "2026-12-01T00:00:00+08:60",
        "2026-12-01T00:00:00Z ",
        " 2026-12-01T00:00:00Z",
        "2026-12-01T00:00:00ZZ",
        "2026-12-01T00:00:00Z[UTC]",
        "2026-12-01_00:00:00Z",
        "2026-12-01T24:00:00Z",
        "2026-12-01T23:60:00Z",
        "2026-12-01T23:59:61Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-12-00T00:00:00Z",
        "2026-12-32T00:00:00Z",
        "2026-11-31T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "+2026-12-01T00:00:00Z",
        "-026-12-01T00:00:00Z",
        "12026-12-01T00:00:00Z",
        "2026-12-01T0 :00:00Z",
        "２026-12-01T00:00:00Z",
        "0000-01-01T00:00:00+08:00",
        "9999-12-31T23:59:59-08:00",
        "1764518400",
        "now",
    ] {
        assert_eq!(Timestamp::parse_rfc3339(text), None, "{text}");
    }
}

#[test]
fn the_ends_of_time_are_years_0_and_9999() {
    assert_eq!(instant("0000-01-01T00:00:00Z"), Timestamp::MIN);
    assert_eq!(instant("9999-12-31T23:59:59.999999Z"), Timestamp::MAX);
    assert_eq!(Timestamp::MAX.checked_add(Span(1)), None);
    assert_eq!(Timestamp::MIN.checked_sub(Span(1)), None);
    assert_eq!(Timestamp::MIN.checked_add(Span(1)), Some(Timestamp(Timestamp::MIN.0 + 1)));
    assert_eq!(Timestamp::MAX + Span(i64::MAX), Timestamp::MAX);
    assert_eq!(Timestamp::MIN - Span(i64::MAX), Timestamp::MIN);
    assert_eq!(instant("2026-01-02T00:00:00Z") - instant("2026-01-01T00:00:00Z"), Span::DAY);
    // Printing never panics, not even out of range.
    let _ = (Timestamp(i64::MIN).to_string(), Timestamp(i64::MAX).to_string());
}

#[test]
fn unix_times_are_cut_to_microseconds_and_bounded() {
    const ONE: i128 = 1_000_000_000;
    let check = |billionths: i128, unit, expected: Option<&str>| {
        let found = Timestamp::from_unix(billionths, unit).map(|at| at.to_string());
        assert_eq!(found.as_deref(), expected, "{billionths} {unit:?}");
    };
    check(1_796_083_200 * ONE, TimeUnit::Seconds, Some("2026-12-01T00:00:00Z"));
    check(1_796_083_200 * ONE + 123_456_789, TimeUnit::Seconds, Some("2026-12-01T00:00:00.123456Z"));
    check(1_796_083_200_123 * ONE, TimeUnit::Millis, Some("2026-12-01T00:00:00.123Z"));
    check(1_796_083_200_123_456 * ONE, TimeUnit::Micros, Some("2026-12-01T00:00:00.123456Z"));
    check(1_796_083_200_123_456_789 * ONE, TimeUnit::Nanos, Some("2026-12-01T00:00:00.123456Z"));
    // Cut towards the past, also before the epoch.
    check(-1, TimeUnit::Seconds, Some("1969-12-31T23:59:59.999999Z"));
    check(-1, TimeUnit::Nanos, Some("1969-12-31T23:59:59.999999Z"));
    check(253_402_300_799 * ONE, TimeUnit::Seconds, Some("9999-12-31T23:59:59Z"));
    check(253_402_300_800 * ONE, TimeUnit::Seconds, None);
    check(253_402_300_799_999_999_999 * ONE, TimeUnit::Nanos, Some("9999-12-31T23:59:59.999999Z"));
    check(-62_167_219_200 * ONE, TimeUnit::Seconds, Some("0000-01-01T00:00:00Z"));
    check(-62_167_219_200 * ONE - 1, TimeUnit::Seconds, None);
    check(i128::MAX, TimeUnit::Seconds, None);
    check(i128::MIN, TimeUnit::Nanos, None);
}

#[test]
fn spans_are_read_and_printed_as_people_write_them() {
    for (text, expected) in [
        ("9m30s", "9m30s"),
        ("5d", "5d"),
        ("24h", "1d"),
        ("1s", "1s"),
        ("3d 4h", "3d4h"),
        ("3d4h", "3d4h"),
        ("168h", "7d"),
        ("1w", "7d"),
        ("90s", "1m30s"),
        ("1.5h", "1h30m"),
        ("1h30.25s", "1h30.25s"),
        ("250ms", "250ms"),
        ("1_000ms", "1s"),
        ("1.5ms", "1.5ms"),
        ("1us", "0.001ms"),
        ("1s 1us", "1.000001s"),
        ("0", "0s"),
        ("0s", "0s"),
        ("-3d", "-3d"),
        (" 3d ", "3d"),
        ("007d", "7d"),
    ] {
        let span = Span::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        assert_eq!(span.to_string(), expected, "{text}");
        assert_eq!(Span::parse(expected), Ok(span), "{expected}");
    }
}

#[test]
fn texts_that_are_no_spans_say_how_to_mend_them() {
    for (text, expected) in [
        ("", "empty: write a number and a unit, such as 9m30s, 24h or 3d"),
        ("-", "empty: write a number and a unit, such as 9m30s, 24h or 3d"),
        ("90", "90 has no unit: write 90s, 90m, 90h or 90d for seconds, minutes, hours or days"),
        ("3d4", "4 has no unit: write 4s, 4m, 4h or 4d for seconds, minutes, hours or days"),
        ("soon", "\"soon\" is no span: write a number and a unit, such as 9m30s, 24h or 3d"),
        ("d", "\"d\" is no span: write a number and a unit, such as 9m30s, 24h or 3d"),
        (".5d", "\".5d\" is no span: write a number and a unit, such as 9m30s, 24h or 3d"),
        ("5.d", "\"5.d\" is no span: write a number and a unit, such as 9m30s, 24h or 3d"),
        ("1.2.3d", "\"1.2.3d\" is no span: write a number and a unit, such as 9m30s, 24h or 3d"),
        ("1_d", "\"1_d\" is no span: write a number and a unit, such as 9m30s, 24h or 3d"),
        ("--1d", "\"-1d\" is no span: write a number and a unit, such as 9m30s, 24h or 3d"),
        ("3 d", "3 has no unit: write 3s, 3m, 3h or 3d for seconds, minutes, hours or days"),
        ("3days", "unknown unit \"days\": the units are w, d, h, m, s, ms, us"),
        ("3M", "unknown unit \"M\": the units are w, d, h, m, s, ms, us"),
        ("5天", "unknown unit \"天\": the units are w, d, h, m, s, ms, us"),
        (
            "30s9m",
            "\"9m\" stands after a unit that is not larger: write parts from the largest to the smallest, such as 3d4h",
        ),
        (
            "9m9m",
            "\"9m\" stands after a unit that is not larger: write parts from the largest to the smallest, such as 3d4h",
        ),
        ("1.5h30m", "only the last part may have a fraction, such as 1h30.5s"),
        ("0.5us", "\"0.5us\" is finer than a microsecond"),
        ("0.0000000000000000001d", "\"0.0000000000000000001d\" is finer than a microsecond"),
        ("99999999999w", "too long: a span may be at most 290000 years"),
        ("99999999999999999999999999999999999999999999w", "too long: a span may be at most 290000 years"),
    ] {
        let fault = Span::parse(text).expect_err(text);
        assert_eq!(fault.to_string(), expected, "{text}");
    }
}

#[test]
fn buckets_tile_time_also_before_the_epoch() {
    for grain in [Grain::HOUR, Grain::HALF_HOUR, Grain::QUARTER_HOUR] {
        for text in
            ["0000-01-01T00:00:00Z", "1969-12-31T23:59:59.999999Z", "2026-11-30T16:10:00Z", "9999-12-31T23:59:59Z"]
        {
            let at = instant(text);
            let bucket = grain.bucket(at);
            assert!(grain.start(bucket) <= at && at < grain.end(bucket), "{text}");
            assert_eq!(grain.floor(at), grain.start(bucket), "{text}");
            assert_eq!(grain.ceil(grain.start(bucket)), grain.start(bucket), "{text}");
        }
    }
}

/// What [`text::parse_clock`] yields, by the plainest of means.
fn clock_byte_by_byte(text: &[u8; 19]) -> Option<(i64, bool)> {
    let laid_out = text.iter().zip(b"0000-00-00T00:00:00").all(|(byte, laid_out)| match laid_out {
        b'0' => byte.is_ascii_digit(),
        b'T' => matches!(byte, b'T' | b't' | b' '),
        sign => byte == sign,
    });
    let text = std::str::from_utf8(text).ok().filter(|_| laid_out)?;
    let number = |range: std::ops::Range<usize>| text[range].parse::<i16>().expect("digits");
    let date = Date::new(number(0..4), number(5..7) as i8, number(8..10) as i8).ok()?;
    let (hour, minute, second) = (number(11..13), number(14..16), number(17..19));
    let second_of_day = i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second.min(59));
    let days = (date - Date::constant(1970, 1, 1)).get_days();
    (hour < 24 && minute < 60 && second < 61).then_some((i64::from(days) * 86_400 + second_of_day, second == 60))
}

#[test]
fn every_day_of_ten_thousand_years_has_its_number() {
    let mut expected = -719_528;
    for year in 0..=9999 {
        for month in 1..=12 {
            for day in 1..=Date::constant(year, month, 1).days_in_month() {
                let text = format!("{year:04}-{month:02}-{day:02}T00:00:00");
                let clock = text::parse_clock(text.as_bytes().try_into().expect("19 bytes"));
                assert_eq!(clock, Some((expected * 86_400, false)), "{text}");
                expected += 1;
            }
        }
    }
}

proptest! {
    #[test]
    fn rfc_3339_agrees_with_jiff(
        (year, month, day) in (0..=9998, 0..=13, 0..=32),
        (hour, minute, second) in (0..=25, 0..=61, 0..=59),
        fraction in "(\\.[0-9]{1,9})?",
        offset in prop_oneof![Just("Z".to_owned()), "[+-](0[0-9]|1[0-9]|2[0-3]):[0-5][0-9]"],
    ) {
        let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{offset}");
        // jiff cuts towards zero, so a time before the epoch is compared by its nanoseconds, cut down.
        let expected = text.parse::<jiff::Timestamp>().ok().map(|at| at.as_nanosecond().div_euclid(1_000) as i64);
        let expected = expected.map(Timestamp).filter(|at| *at >= Timestamp::MIN);
        prop_assert_eq!(Timestamp::parse_rfc3339(&text), expected, "{}", text);
    }

    #[test]
    fn a_minute_that_is_known_changes_nothing(
        texts in proptest::collection::vec(
            "(1970-01-01|2026-02-2[89]|2024-02-29)[T ]0[01]:0[01](:(0[0-9]|5[89]|6[01]|[6/]:))?(\\.[0-9]{0,8})?(Z|[+-]0[01]:30|x)?",
            1..60,
        ),
    ) {
        let mut minute = Minute::default();
        for text in texts {
            prop_assert_eq!(minute.parse_rfc3339(&text), Timestamp::parse_rfc3339(&text), "{}", text);
        }
    }

    #[test]
    fn a_clock_is_read_at_once_as_it_is_read_byte_by_byte(
        (year, month, day) in (prop_oneof![0..=9999_u32, Just(0), Just(1900), Just(2000), Just(2024)], 0..=13_u32, 0..=32_u32),
        (hour, minute, second) in (0..=25_u32, 0..=61_u32, 0..=61_u32),
        separator in prop_oneof![Just(b'T'), Just(b't'), Just(b' ')],
        damage in proptest::collection::vec((0..19_usize, prop_oneof![any::<u8>(), b' '..=b'@']), 0..3),
    ) {
        let text = format!("{year:04}-{month:02}-{day:02}_{hour:02}:{minute:02}:{second:02}");
        let mut text: [u8; 19] = text.into_bytes().try_into().expect("19 bytes");
        text[10] = separator;
        prop_assert_eq!(text::parse_clock(&text), clock_byte_by_byte(&text));
        for (at, byte) in damage {
            text[at] = byte;
            prop_assert_eq!(text::parse_clock(&text), clock_byte_by_byte(&text), "{}", text.escape_ascii());
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
        let _ = (Timestamp::parse_rfc3339(&text), Span::parse(&text));
    }

    #[test]
    fn instants_are_printed_as_jiff_prints_them_and_read_back(micros in Timestamp::MIN.0..253_402_207_200_000_000) {
        let at = Timestamp(micros);
        prop_assert_eq!(at.to_string(), jiff::Timestamp::from_microsecond(micros).unwrap().to_string());
        prop_assert_eq!(Timestamp::parse_rfc3339(&at.to_string()), Some(at));
    }

    #[test]
    fn spans_are_read_back(micros in any::<i64>()) {
        prop_assume!(micros != i64::MIN);
        prop_assert_eq!(Span::parse(&Span(micros).to_string()), Ok(Span(micros)));
    }
}
