//! The table of [`crate::time::local`], walked, and the cache held against the zone itself.

use proptest::prelude::*;

use super::super::*;

fn clock(zone: &str) -> LocalClock {
    LocalClock::new(Zone::named(zone).expect("a zone"))
}

#[test]
fn local_times_are_read_by_the_zones_clocks() {
    const NEW_YORK: &str = "America/New_York";
    for (zone, text, expected) in [
        ("Asia/Shanghai", "2026-11-11T00:03:17", "2026-11-10T16:03:17Z"),
        ("Asia/Shanghai", "2026-11-11 00:03:17.482", "2026-11-10T16:03:17.482Z"),
        ("Asia/Shanghai", "2026-11-11T00:03", "2026-11-10T16:03:00Z"),
        ("Asia/Shanghai", "2026-11-11T00:03:17.1234567", "2026-11-10T16:03:17.123456Z"),
        ("Asia/Shanghai", "2026-11-11T23:59:60", "2026-11-11T15:59:59.999999Z"),
        // A text that carries an offset keeps it.
        ("Asia/Shanghai", "2026-11-11T00:03:17Z", "2026-11-11T00:03:17Z"),
        ("Asia/Shanghai", "2026-11-11T00:03:17.5-05:00", "2026-11-11T05:03:17.5Z"),
        (NEW_YORK, "2026-07-01T12:00:00", "2026-07-01T16:00:00Z"),
        // Skipped: from 02:00 to 03:00.
        (NEW_YORK, "2026-03-08T01:59:59", "2026-03-08T06:59:59Z"),
        (NEW_YORK, "2026-03-08T02:00:00", "2026-03-08T07:00:00Z"),
        (NEW_YORK, "2026-03-08T02:30:00", "2026-03-08T07:30:00Z"),
        (NEW_YORK, "2026-03-08T03:00:00", "2026-03-08T07:00:00Z"),
        // Shown twice: the first.
        (NEW_YORK, "2026-11-01T00:59:59", "2026-11-01T04:59:59Z"),
        (NEW_YORK, "2026-11-01T01:30:00", "2026-11-01T05:30:00Z"),
        (NEW_YORK, "2026-11-01T02:00:00", "2026-11-01T07:00:00Z"),
        // Half an hour, from 02:00; at midnight; a whole day.
        ("Australia/Lord_Howe", "2026-10-04T02:15:00", "2026-10-03T15:45:00Z"),
        ("Australia/Lord_Howe", "2026-10-04T02:45:00", "2026-10-03T15:45:00Z"),
        ("Australia/Lord_Howe", "2026-04-05T01:45:00", "2026-04-04T14:45:00Z"),
        ("America/Sao_Paulo", "2018-11-04T00:30:00", "2018-11-04T03:30:00Z"),
        ("Pacific/Apia", "2011-12-30T12:00:00", "2011-12-30T22:00:00Z"),
        ("UTC", "9999-12-31T23:59:59", "9999-12-31T23:59:59Z"),
        ("Etc/GMT+5", "9999-12-31T23:59:59", "none"),
        ("UTC", "0000-01-01T00:00:00", "0000-01-01T00:00:00Z"),
        ("UTC", "2026-07-01", "none"),
        ("UTC", "20260701T120000", "none"),
        ("UTC", "2026-07-01T12:00:", "none"),
        ("UTC", "2026-07-01T12:00Z", "none"),
        ("UTC", "2026-07-01T24:00:00", "none"),
        ("UTC", "2026-02-29T12:00:00", "none"),
        ("UTC", "2026-07-01T12:00:00+0800", "none"),
        ("UTC", "2026-07-01T12:00:00 ", "none"),
        ("UTC", "2026-07-01T12:00:00.", "none"),
        ("UTC", "2026-07-01T12:é:00", "none"),
        ("UTC", "", "none"),
    ] {
        let mut clock = clock(zone);
        for _ in 0..2 {
            // The second time out of what the clock remembers.
            let found = clock.parse(text).map_or("none".to_owned(), |at| at.to_string());
            assert_eq!(found, expected, "{text} in {zone}");
        }
    }
}

proptest! {
    /// Whatever the clock has met before, it says what a new one says, and what is shown once comes back.
    #[test]
    fn a_clock_that_remembers_says_what_a_new_one_says(
        zone in prop::sample::select(vec!["America/New_York", "Australia/Lord_Howe", "America/St_Johns", "Africa/Casablanca", "Asia/Kolkata"]),
        seconds in prop::collection::vec(0_i64..1_900_000_000, 1..40),
    ) {
        let mut used = clock(zone);
        let named = Zone::named(zone).expect("a zone");
        for second in seconds {
            let at = Timestamp(second * 1_000_000);
            let text = named.format(at);
            let local = &text[..text.len() - 6];
            let found = used.parse(local);
            prop_assert_eq!(found, clock(zone).parse(local), "{}", local);
            let found = found.expect("readable");
            // It shows that clock, unless it was shown twice: then the instant is the earlier one.
            prop_assert_eq!(&named.format(found)[..19], &local[..19]);
            prop_assert!(found <= at, "{}", local);
            prop_assert_eq!(used.parse(&text), Some(at));
        }
    }
}
