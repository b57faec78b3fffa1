//! The stored bytes themselves: golden, flipped, cut, wrong by name, and split.

use std::fmt::Write as _;

use super::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A row of everything.
fn sample() -> Chunk {
    let hour = |n: i64| Timestamp(1_764_547_200_000_000 + n * 3_600_000_000);
    let texts = ["SH2", "SH1", "not used"].map(str::to_owned).to_vec();
    let (sh2, sh1) = (Some(TextIndex(0)), Some(TextIndex(1)));
    let cell = |member, bucket, cell| CellRow { aggregate: AggregateId(0xa1), member, bucket: Bucket(bucket), cell };
    let bin = |bin, count| BinRow { aggregate: AggregateId(0xb1), member: sh1, bucket: Bucket(490_152), bin, count };
    let distinct =
        |member, bucket, value| DistinctRow { aggregate: AggregateId(0xd1), member, bucket: Bucket(bucket), value };
    let half = |key, start, first_end, last_end, void| HalfRow {
        aggregate: AggregateId(0xc1),
        key,
        start,
        first_end,
        last_end,
        void,
    };
    let level = |key, bucket, at, value, dimensions: Vec<Option<TextIndex>>| LevelRow {
        aggregate: AggregateId(0xf1),
        key,
        bucket: Bucket(bucket),
        at,
        value,
        dimensions: dimensions.into(),
    };
    let start = StartRow { at: hour(0), deadline: Some(hour(72)), dimensions: vec![sh2, None].into() };
    let watermark = EventTimes { watermark: Some(hour(1)), last_event_at: Some(hour(2)) };
    let evaluated = [(0, 4, None), (7, 20, Some(hour(0)))].map(|(from, to, since)| EvaluatedRange { from, to, since });
    Chunk {
        from: 10,
        to: 20,
        head: Head {
            last_record_at: Some(hour(1)),
            complete_until: None,
            events: [(EventId(0xe1), watermark)].into(),
            counters: [("records/read".to_owned(), 10)].into(),
        },
        evaluated: vec![Evaluated { aggregate: AggregateId(0xa1), ranges: evaluated.to_vec() }],
        floor: None,
        texts,
        cells: vec![
            cell(sh2, 490_153, Cell { count: 300, sum: -5, min: -7, max: 2 }),
            cell(sh1, 490_152, Cell { count: 1, ..Cell::EMPTY }),
            cell(None, 490_152, Cell { count: 2, sum: 0, min: 0, max: 0 }),
        ],
        bins: vec![bin(-65, 1), bin(1_900, 200)],
        distincts: vec![
            distinct(sh1, 490_153, 7),
            distinct(sh1, 490_152, 300),
            distinct(sh1, 490_152, 7),
            distinct(None, 490_153, u64::MAX),
        ],
        halves: vec![
            half(0x1_0000, Some(start), Some(hour(3)), Some(hour(4)), false),
            half(0xffff, None, Some(hour(2)), Some(hour(2)), false),
            half(u64::MAX, None, None, None, true),
        ],
        levels: vec![
            level(0x2_0001, 490_153, hour(1), Some(-5), vec![sh2, None]),
            level(0x2_0001, 490_152, hour(0), Some(300), vec![sh1, None]),
            level(7, 490_152, hour(0), None, vec![]),
        ],
        ids: [((EventId(0xe1), 20_423), vec![300, 7]), ((EventId(0xe1), -1), vec![1])].into(),
    }
}

/// The stored bytes of [`sample`], section by section. They may never change: chunks in stores are read by them. A new layout is a new version.
const GOLDEN: &[(&str, &str)] = &[
    // last record; 1 event: watermark, last event; 1 counter
    (
        "head",
        "01 8090faf9afb6a206  01 e100000000000000 03 8090faf9afb6a206 80a097e3cab6a206  01 0c7265636f7264732f72656164 0a",
    ),
    // 1 aggregate, 2 ranges: from 0, 4 long, no since; from 7, 13 long, since
    ("evaluated", "01 a100000000000000 02  00 04 00  0e 0d 01 8080dd9095b6a206"),
    // SH1 and SH2; 1 group of 3: NULL with min and max, SH1 counted only, SH2 an hour later with a sum
    ("cells", "02 03534831 03534832  a100000000000000 03  06 00 d0ea3b 02 00 00  00 01 00 01  07 01 02 ac02 09 0d 12"),
    // SH1; 1 group of 2: the second by 1965 bins above the first
    ("bins", "01 03534831  b100000000000000 02  01 d0ea3b 8101 01  00 00 da1e c801"),
    // SH1; 1 group of 3 sets: NULL with one value, SH1 an hour earlier with two, and with one
    ("distinct", "01 03534831  d100000000000000 03  00 d2ea3b 01 ffffffffffffffffff01  01 01 02 07 a502  00 02 01 07"),
    // SH2; 1 group of 3 in seconds from the first start: an end alone; start, deadline, 2 dimensions, ends; void alone
    (
        "halves",
        "01 03534832  c100000000000000 03 02 80eae6920d  04 ffff03 c070  4f 01 00 80d21f 01 00 e0a801 901c  10 fffffbffffffffffff01",
    ),
    // SH1 and SH2; 1 group of 3 in seconds from the least: a key that ended; a value of SH1 and none, an hour later of SH2 and none
    (
        "levels",
        "02 03534831 03534832  f100000000000000 03 02 80eae6920d  00 07 d0ea3b 00  05 faff07 00 00 d804 01 00  05 00 02 901c 09 02 00",
    ),
    ("ids/-1", "e100000000000000 01 01"),
    ("ids/20423", "e100000000000000 02 07 a502"),
];

#[test]
fn golden_bytes() {
    let parts = encode(&sample());
    let sections: Vec<(String, String)> =
        split(&parts[0]).iter().map(|(name, body)| (name.clone(), hex(body))).collect();
    let golden: Vec<(String, String)> =
        GOLDEN.iter().map(|(name, body)| ((*name).to_owned(), body.replace([' ', '\n'], ""))).collect();
    assert_eq!(sections, golden);
    let bodies = split(&parts[0]);
    let named: Vec<(&str, Vec<u8>)> = bodies.iter().map(|(name, body)| (name.as_str(), body.clone())).collect();
    assert_eq!(parts, [part(&named)], "the frame around the sections");
    // Magic, version 1, part 0 of 1, [10, 20), 9 sections, checksum.
    let header = "4b525343 0100 00000000 01000000 0a00000000000000 1400000000000000 09000000 358a02a2d8ff3ccb";
    assert_eq!(hex(&parts[0][..HEADER_BYTES]), header.replace(' ', ""));
    assert_eq!(hex(&parts[0][parts[0].len() - 8..]), "477154939719b6f6", "the last section's checksum");
}

#[test]
fn golden_bytes_of_a_floor() {
    let chunk = Chunk { floor: Some(Timestamp(1_764_547_200_000_000)), ..sample() };
    let parts = encode(&chunk);
    let floor = split(&parts[0]).into_iter().find(|(name, _)| name == "floor");
    assert_eq!(floor.map(|(_, body)| hex(&body)).as_deref(), Some("8080dd9095b6a206"));
    assert_eq!(decode_parts(&parts).expect("a chunk").floor, chunk.floor);
    assert_eq!(decode_parts(&encode(&sample())).expect("a chunk").floor, None);
}

/// Bytes written as hex digits with blanks between what belongs together; `'…'` is text.
fn bytes(text: &str) -> Vec<u8> {
    let token = |token: &str| match token.strip_prefix('\'').and_then(|t| t.strip_suffix('\'')) {
        Some(text) => text.as_bytes().to_vec(),
        None => (0..token.len()).step_by(2).map(|i| u8::from_str_radix(&token[i..i + 2], 16).unwrap()).collect(),
    };
    text.split(' ').filter(|t| !t.is_empty()).flat_map(token).collect()
}

/// One section with this body; what reading it says.
fn check_body(name: &str, body: &str, expected: &str) {
    let read = decode(&part(&[(name, bytes(body))]));
    let said = read.map_or_else(|fault| fault.to_string(), |chunk| facts(&chunk)[1..].join("; "));
    assert_eq!(said, expected, "{name}: {body}");
}

/// Positions count from the part's beginning: 42 bytes of header, the section's name and its length come before the body.
#[test]
fn faults_in_bodies_are_named_with_their_place() {
    const ID: &str = "0100000000000000";
    const TEN: &str = "ffffffffffffffffff01";
    for (name, body, expected) in [
        (
            "cells",
            "00 ID 01 00 00 00 05",
            "cell AggregateId(1) None Bucket(0) Cell { count: 5, sum: 0, min: 170141183460469231731687303715884105727, max: -170141183460469231731687303715884105728 }",
        ),
        ("cells", "", "chunk truncated at byte 52: 1 more bytes are needed, 0 are left; MEND"),
        ("cells", "00 0100", "chunk truncated at byte 53: 8 more bytes are needed, 2 are left; MEND"),
        (
            "cells",
            "00 ID 02 00 00 00 05",
            "count 2 at byte 61 of a chunk is larger than the 4 bytes left in the section can hold",
        ),
        (
            "cells",
            "00 ID TEN 00 00 00 05",
            "count 18446744073709551615 at byte 61 of a chunk is larger than the 4 bytes left in the section can hold",
        ),
        (
            "cells",
            "TEN",
            "count 18446744073709551615 at byte 52 of a chunk is larger than the 0 bytes left in the section can hold",
        ),
        (
            "cells",
            "01 04 'SH1'",
            "count 4 at byte 53 of a chunk is larger than the 3 bytes left in the section can hold",
        ),
        ("cells", "01 03 'S' ff 'H'", "text at byte 55 of a chunk is not UTF-8"),
        (
            "cells",
            "01 03 'SH1' ID 01 00 02 00 05",
            "text 2 at byte 67 of a chunk is not in the section's dictionary of 1",
        ),
        ("cells", "00 ID 01 00 01 00 05", "text 1 at byte 63 of a chunk is not in the section's dictionary of 0"),
        ("cells", "00 ID 01 08 00 00 05", "a byte of flags at byte 63 of a chunk is out of range"),
        ("cells", "00 ID 01 00 00 8080808020 05", "a bucket at byte 69 of a chunk is out of range"),
        ("cells", "00 ID 01 00 00 00 8180808080808010", "a count at byte 73 of a chunk is out of range"),
        (
            "cells",
            "00 ID 01 00 00 00 ffffffffffffffffff02",
            "a number of 64 bits at byte 75 of a chunk is out of range",
        ),
        (
            "cells",
            "00 ID 01 01 00 00 01 ffffffffffffffffffffffffffffffffffff04",
            "a number of 128 bits at byte 85 of a chunk is out of range",
        ),
        ("bins", "00 ID 01 00 00 817b 01", "a sketch's bin at byte 65 of a chunk is out of range"),
        ("bins", "00 ID 01 00 00 ff7a 01", "bin AggregateId(1) None Bucket(0) -7872 1"),
        (
            "distinct",
            "00 ID 01 00 00 02 05 02",
            "distinct AggregateId(1) None Bucket(0) 5; distinct AggregateId(1) None Bucket(0) 7",
        ),
        ("distinct", "00 ID 01 00 00 02 05 TEN", "a distinct value at byte 79 of a chunk is out of range"),
        (
            "distinct",
            "00 ID 01 00 00 03 05 02",
            "count 3 at byte 67 of a chunk is larger than the 2 bytes left in the section can hold",
        ),
        ("distinct", "00 ID 01 01 00 01 05", "text 1 at byte 65 of a chunk is not in the section's dictionary of 0"),
        ("halves", "00 ID 01 03 00 00 00", "a unit of time at byte 64 of a chunk is out of range"),
        (
            "halves",
            "00 ID 01 00 00 02 05",
            "a pair's deadline or dimension without a start at byte 67 of a chunk is out of range",
        ),
        ("halves", "00 ID 01 00 00 08 05", "a pair's last end without a first at byte 67 of a chunk is out of range"),
        ("halves", "00 ID 01 00 00 0c 05 02 TEN", "a pair's last end at byte 78 of a chunk is out of range"),
        ("halves", "00 ID 01 02 feffffffffffffffff01 01 05 00", "a time at byte 77 of a chunk is out of range"),
        ("halves", "00 ID 02 00 00 10 TEN 10 01", "a key at byte 78 of a chunk is out of range"),
        (
            "halves",
            "00 ID 01 00 00 e1 05 00 7f",
            "count 127 at byte 68 of a chunk is larger than the 0 bytes left in the section can hold",
        ),
        ("ids/3", "ID 02 05 TEN", "an id at byte 72 of a chunk is out of range"),
        ("ids/3", "ID 02 05 02", "id EventId(1) 3 5; id EventId(1) 3 7"),
        ("ids/x", "", "unknown chunk section \"ids/x\" at byte 42: use the krscore that wrote it or a newer one"),
        (
            "ids/2147483648",
            "",
            "unknown chunk section \"ids/2147483648\" at byte 42: use the krscore that wrote it or a newer one",
        ),
        ("levels", "00 ID 01 03 00 00 00 00 00", "a unit of time at byte 64 of a chunk is out of range"),
        ("levels", "00 ID 02 00 00 00 TEN 00 00 00 01 00 00", "a key at byte 80 of a chunk is out of range"),
        ("levels", "00 ID 01 00 00 00 07 8080808020 00", "a bucket at byte 72 of a chunk is out of range"),
        ("levels", "00 ID 01 02 feffffffffffffffff01 00 07 00 01", "a time at byte 78 of a chunk is out of range"),
        (
            "levels",
            "00 ID 01 00 00 02 07 00 05 01",
            "text 1 at byte 69 of a chunk is not in the section's dictionary of 0",
        ),
        (
            "levels",
            "00 ID 01 00 00 fe 07 00 05 7f",
            "count 127 at byte 69 of a chunk is larger than the 0 bytes left in the section can hold",
        ),
        ("levels", "00 ID 01 00 00 00 07 02 05", "level AggregateId(1) 7 Bucket(1) Timestamp(5) None []"),
        ("sets", "00", "unknown chunk section \"sets\" at byte 42: use the krscore that wrote it or a newer one"),
        ("head", "00 00 00 00", "1 bytes too many at byte 54 of a chunk"),
        ("head", "04 00 00", "a byte of flags at byte 52 of a chunk is out of range"),
        ("head", "00 02 ID 00 ID 00 00", "an event that stands twice at byte 71 of a chunk is out of range"),
        ("head", "00 00 02 01 'a' 01 01 'a' 01", "a counter that stands twice at byte 60 of a chunk is out of range"),
        ("evaluated", "02 ID 00 ID 00", "an aggregate out of order at byte 74 of a chunk is out of range"),
        (
            "evaluated",
            "01 ID 02 00 04 00 08 01 00",
            "an offset range that touches the one before at byte 71 of a chunk is out of range",
        ),
        ("evaluated", "01 ID 01 02 TEN 00", "the end of an offset range at byte 77 of a chunk is out of range"),
    ] {
        let expected =
            expected.replace("MEND", "the bytes were changed after they were written, restore the store from a backup");
        check_body(name, &body.replace("ID", ID).replace("TEN", TEN), &expected);
    }
}

#[test]
fn faults_of_the_frame_are_named_with_their_place() {
    let good = part(&[("head", bytes("00 00 00"))]);
    assert_eq!(good.len(), 62);
    let changed = |at: usize, byte: u8| {
        let mut part = good.clone();
        part[at] = byte;
        part
    };
    let sealed = |at: usize, byte: u8| {
        let mut part = changed(at, byte);
        let sum = checksum(&part[..34]);
        part[34..42].copy_from_slice(&sum.to_le_bytes());
        part
    };
    let twice = part(&[("head", bytes("00 00 00")), ("head", bytes("00 00 00"))]);
    for (part, expected) in [
        (good.clone(), "read"),
        (b"PK".to_vec(), "no chunk: the first bytes are not \"KRSC\""),
        (vec![], "chunk truncated at byte 0: 4 more bytes are needed, 0 are left"),
        (good[..3].to_vec(), "chunk truncated at byte 0: 4 more bytes are needed, 3 are left"),
        (good[..40].to_vec(), "chunk truncated at byte 34: 8 more bytes are needed, 6 are left"),
        (good[..42].to_vec(), "chunk truncated at byte 42: 1 more bytes are needed, 0 are left"),
        (good[..53].to_vec(), "chunk truncated at byte 51: 3 more bytes are needed, 2 are left"),
        (
            changed(4, 7),
            "chunk format version 7 at byte 4, this krscore reads version 1: use the krscore that wrote it or a newer one",
        ),
        (changed(20, 7), "checksum of chunk header at byte 0 differs"),
        (changed(45, b'x'), "checksum of chunk section \"hexd\" at byte 42 differs"),
        (changed(52, 1), "checksum of chunk section \"head\" at byte 42 differs"),
        (changed(47, 0xff), "chunk truncated at byte 51: 255 more bytes are needed, 11 are left"),
        (sealed(6, 1), "the number of a part at byte 14 of a chunk is out of range"),
        (sealed(22, 9), "the end of an offset range at byte 30 of a chunk is out of range"),
        (sealed(30, 0), "20 bytes too many at byte 42 of a chunk"),
        (sealed(30, 2), "chunk truncated at byte 62: 1 more bytes are needed, 0 are left"),
        (twice, "chunk section \"head\" at byte 62 stands a second time"),
    ] {
        let said = decode(&part).map_or_else(|fault| fault.to_string(), |_| "read".to_owned());
        assert!(said.starts_with(expected), "{said}\nis not\n{expected}");
    }
}

#[test]
fn every_flipped_bit_is_found() {
    let good = encode(&sample()).remove(0);
    for bit in 0..good.len() * 8 {
        let mut part = good.clone();
        part[bit / 8] ^= 1 << (bit % 8);
        assert!(decode(&part).is_err(), "bit {bit}");
    }
}

/// Long texts and many rows: parts stay within their size, each can be read, and together they say what the chunk said.
#[test]
fn large_chunks_are_split() {
    let text = |n: u32| format!("{n:07}{}", "x".repeat(100_000));
    let mut chunk = sample();
    chunk.texts = (0..300).map(text).collect();
    let cell = |n: u32| CellRow { member: Some(TextIndex(n)), ..sample().cells[0] };
    chunk.cells = (0..300).map(cell).collect();
    chunk.ids = [((EventId(1), 5), (0..3 * SECTION_ROWS_MAX as u64).map(|id| id << 40).collect())].into();
    chunk.bins.iter_mut().for_each(|row| row.member = None);
    let parts = encode(&chunk);
    let sizes: Vec<usize> = parts.iter().map(Vec::len).collect();
    assert!(parts.len() > 3 && sizes.iter().all(|size| *size <= PART_BYTES_MAX), "{sizes:?}");
    assert_eq!(facts(&decode_parts(&parts).unwrap()), facts(&chunk));
    let alone: Vec<Chunk> = parts.iter().map(|part| decode(part).unwrap()).collect();
    assert!(alone[1..].iter().all(|part| part.head == Head::default() && part.evaluated.is_empty()));
    assert_eq!(alone.iter().map(|part| part.cells.len()).sum::<usize>(), 300);

    let check = |parts: &[&Vec<u8>], expected: &str| {
        assert_eq!(decode_parts(parts).unwrap_err().to_string(), expected);
    };
    let n = parts.len();
    check(
        &parts[..n - 1].iter().collect::<Vec<_>>(),
        &format!("chunk part {} of {n} is missing; restore the store from a backup", n - 1),
    );
    check(
        &[&parts[0], &parts[2]],
        &format!(
            "chunk part 2 of {n} over [10, 20) stands where part 1 of {n} is wanted: read all parts of one chunk, in order"
        ),
    );
    check(
        &[],
        "chunk truncated at byte 0: 42 more bytes are needed, 0 are left; the bytes were changed after they were written, restore the store from a backup",
    );
}
