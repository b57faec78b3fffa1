use super::*;

fn zone(name: &str) -> Zone {
    Zone::named(name).unwrap_or_else(|| panic!("no zone {name}"))
}

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

#[test]
fn case_17_local_midnights_are_exact() {
    for (name, day, expected) in [
        ("Asia/Shanghai", "2026-12-01", "2026-11-30T16:00:00Z"),
        ("Asia/Kolkata", "2026-11-01", "2026-10-31T18:30:00Z"),
        ("Asia/Kathmandu", "2026-11-01", "2026-10-31T18:15:00Z"),
        // Lord Howe changes by half an hour: +10:30 in winter, +11 in summer.
        ("Australia/Lord_Howe", "2026-10-04", "2026-10-03T13:30:00Z"),
        ("Australia/Lord_Howe", "2026-10-05", "2026-10-04T13:00:00Z"),
        ("Pacific/Chatham", "2026-09-27", "2026-09-26T11:15:00Z"),
        ("Pacific/Chatham", "2026-09-28", "2026-09-27T10:15:00Z"),
        // São Paulo jumps over midnight …
        ("America/Sao_Paulo", "2018-11-03", "2018-11-03T03:00:00Z"),
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"),
        ("America/Sao_Paulo", "2018-11-05", "2018-11-05T02:00:00Z"),
        // … and falls back at midnight: the 17th has 25 hours.
        ("America/Sao_Paulo", "2018-02-17", "2018-02-17T02:00:00Z"),
        ("America/Sao_Paulo", "2018-02-18", "2018-02-18T03:00:00Z"),
        // Midnight comes twice: the first counts.
        ("America/Havana", "2026-11-01", "2026-11-01T04:00:00Z"),
        ("America/St_Johns", "2010-11-07", "2010-11-07T02:30:00Z"),
        ("America/St_Johns", "2010-11-08", "2010-11-08T03:30:00Z"),
        // A jump that begins before midnight: the day begins where the clock lands, at 00:30.
        ("America/Toronto", "1919-03-31", "1919-03-31T04:30:00Z"),
        // The date that Samoa skipped begins and ends at the same instant.
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"),
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z"),
        ("UTC", "0000-01-01", "0000-01-01T00:00:00Z"),
        ("UTC", "9999-12-31", "9999-12-31T00:00:00Z"),
    ] {
        let found = zone(name).midnight(date(day)).map(|at| at.to_string());
        assert_eq!(found.as_deref(), Some(expected), "{name} {day}");
    }
    assert_eq!(zone("Asia/Shanghai").midnight(date("0000-01-01")), None);
}

#[test]
fn a_day_holds_its_instants_whatever_the_clock_does() {
    for (name, at, expected) in [
        ("Asia/Shanghai", "2026-11-30T15:59:59.999999Z", "2026-11-30"),
        ("Asia/Shanghai", "2026-11-30T16:00:00Z", "2026-12-01"),
        ("America/Sao_Paulo", "2018-11-04T02:59:59Z", "2018-11-03"),
        ("America/Sao_Paulo", "2018-11-04T03:00:00Z", "2018-11-04"),
        ("America/Sao_Paulo", "2018-02-18T02:30:00Z", "2018-02-17"),
        // The clock shows 23:15 of the 6th again, but the 7th has begun.
        ("America/St_Johns", "2010-11-07T02:45:00Z", "2010-11-07"),
        ("Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29"),
        ("Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31"),
        ("Asia/Shanghai", "0000-01-01T00:00:00Z", "0000-01-01"),
        ("America/New_York", "0000-01-01T00:00:00Z", "-000001-12-31"),
        ("America/New_York", "9999-12-31T23:59:59Z", "9999-12-31"),
        ("Asia/Shanghai", "9999-12-31T23:59:59Z", "9999-12-31"),
    ] {
        assert_eq!(zone(name).date_of(instant(at)), date(expected), "{name} {at}");
    }
}

#[test]
fn periods_begin_and_end_at_local_midnights() {
    for (period, start, end) in [
        (Period::Day, "2026-11-22T16:00:00Z", "2026-11-23T16:00:00Z"),
        (Period::Week, "2026-11-22T16:00:00Z", "2026-11-29T16:00:00Z"),
        (Period::Month, "2026-10-31T16:00:00Z", "2026-11-30T16:00:00Z"),
        (Period::Quarter, "2026-09-30T16:00:00Z", "2026-12-31T16:00:00Z"),
    ] {
        let (shanghai, at) = (zone("Asia/Shanghai"), instant("2026-11-23T12:00:00+08:00"));
        assert_eq!(shanghai.period_start(at, period).to_string(), start, "{period:?}");
        assert_eq!(shanghai.next_period_start(at, period).to_string(), end, "{period:?}");
    }
    let utc = zone("UTC");
    assert_eq!(utc.day_start(instant("2026-11-23T12:00:00Z")), instant("2026-11-23T00:00:00Z"));
    assert_eq!(utc.day_end(instant("2026-11-23T12:00:00Z")), instant("2026-11-24T00:00:00Z"));
    assert_eq!(utc.day_end(Timestamp::MAX), Timestamp::MAX);
    assert_eq!(zone("America/New_York").day_start(Timestamp::MIN), Timestamp::MIN);
}

#[test]
fn case_18_a_to_date_window_at_the_first_instant_is_the_period_that_has_just_ended() {
    for (period, as_of, start, end) in [
        (Period::Month, "2026-12-01T00:00:00+08:00", "2026-11-01T00:00:00+08:00", "2026-12-01T00:00:00+08:00"),
        (Period::Month, "2026-12-01T00:00:00.000001+08:00", "2026-12-01T00:00:00+08:00", "2027-01-01T00:00:00+08:00"),
        (Period::Day, "2026-12-01T00:00:00+08:00", "2026-11-30T00:00:00+08:00", "2026-12-01T00:00:00+08:00"),
        (Period::Week, "2026-11-23T00:00:00+08:00", "2026-11-16T00:00:00+08:00", "2026-11-23T00:00:00+08:00"),
        (Period::Quarter, "2027-01-01T00:00:00+08:00", "2026-10-01T00:00:00+08:00", "2027-01-01T00:00:00+08:00"),
    ] {
        let shanghai = zone("Asia/Shanghai");
        let found = shanghai.period_holding_last_instant_before(instant(as_of), period);
        assert_eq!((shanghai.format(found.0).as_str(), shanghai.format(found.1).as_str()), (start, end), "{as_of}");
    }
}

#[test]
fn case_17_buckets_are_as_wide_as_the_offsets_of_the_range_allow() {
    for (name, from, to, expected) in [
        ("UTC", "2026-01-01", "2027-01-01", Grain::HOUR),
        ("Asia/Shanghai", "2026-01-01", "2027-01-01", Grain::HOUR),
        ("America/Sao_Paulo", "2018-01-01", "2019-01-01", Grain::HOUR),
        ("Asia/Kolkata", "2026-01-01", "2027-01-01", Grain::HALF_HOUR),
        ("Asia/Kathmandu", "2026-01-01", "2027-01-01", Grain::QUARTER_HOUR),
        ("Pacific/Chatham", "2026-01-01", "2027-01-01", Grain::QUARTER_HOUR),
        // +11 in summer, +10:30 in winter: what the range holds decides.
        ("Australia/Lord_Howe", "2026-01-01", "2027-01-01", Grain::HALF_HOUR),
        ("Australia/Lord_Howe", "2026-11-01", "2027-01-01", Grain::HOUR),
        // Pyongyang was at +08:30 until 2018-05-04.
        ("Asia/Pyongyang", "2018-04-01", "2018-07-01", Grain::HALF_HOUR),
        ("Asia/Pyongyang", "2018-07-01", "2018-10-01", Grain::HOUR),
        ("Asia/Shanghai", "1890-01-01", "1890-02-01", Grain::QUARTER_HOUR),
    ] {
        let zone = zone(name);
        let (from, to) = (zone.midnight(date(from)).unwrap(), zone.midnight(date(to)).unwrap());
        assert_eq!(zone.grain(from, to), expected, "{name} {from} {to}");
    }
}

#[test]
fn every_midnight_of_a_range_begins_a_bucket_of_its_grain() {
    for name in ["Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Chatham", "America/Sao_Paulo"] {
        let zone = zone(name);
        let (start, end) = (date("2018-01-01"), date("2019-01-01"));
        let grain = zone.grain(zone.midnight(start).unwrap(), zone.midnight(end).unwrap());
        let days: Vec<_> = zone.days(start, end).collect();
        assert_eq!(days.len(), 365, "{name}");
        for (day, from, to) in &days {
            assert_eq!(grain.ceil(*from), *from, "{name} {day}");
            assert_eq!((zone.date_of(*from), zone.date_of(*to - Span(1))), (*day, *day), "{name}");
            assert_eq!((zone.day_start(*to - Span(1)), zone.day_end(*from)), (*from, *to), "{name} {day}");
        }
        assert!(days.windows(2).all(|pair| pair[0].2 == pair[1].1), "{name}: days follow each other without a gap");
    }
}

#[test]
fn a_skipped_date_is_not_among_the_days() {
    let apia = zone("Pacific/Apia");
    let days = apia.days(date("2011-12-29"), date("2012-01-01")).map(|(day, ..)| day.to_string());
    assert_eq!(days.collect::<Vec<_>>(), ["2011-12-29", "2011-12-31"]);
    assert_eq!(zone("UTC").days(date("9999-12-30"), date("9999-12-31")).count(), 1);
    assert_eq!(zone("UTC").days(date("2026-01-02"), date("2026-01-01")).count(), 0);
}

#[test]
fn instants_are_printed_with_the_offset_of_their_zone() {
    for (name, at, expected) in [
        ("Asia/Shanghai", "2026-11-30T16:00:00Z", "2026-12-01T00:00:00+08:00"),
        ("Asia/Kathmandu", "2026-11-30T16:00:00.5Z", "2026-11-30T21:45:00.5+05:45"),
        ("America/St_Johns", "2026-11-30T16:00:00Z", "2026-11-30T12:30:00-03:30"),
        ("UTC", "2026-11-30T16:00:00Z", "2026-11-30T16:00:00+00:00"),
        // Local mean time, +08:05:43, cut to minutes.
        ("Asia/Shanghai", "1890-01-01T00:00:00Z", "1890-01-01T08:05:00+08:05"),
        ("Asia/Shanghai", "9999-12-31T23:00:00Z", "9999-12-31T23:00:00Z"),
    ] {
        let text = zone(name).format(instant(at));
        assert_eq!(text, expected, "{name}");
        assert_eq!(instant(&text), instant(at), "{name}: the same instant");
    }
}

#[test]
fn unknown_zones_are_none() {
    for name in ["", "Mars/Olympus", "Asia/Shanghai ", "+08:00"] {
        assert!(Zone::named(name).is_none(), "{name:?}");
    }
}
