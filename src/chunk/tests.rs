//! Properties of the stored format over random chunks and random bytes.

use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;

use super::wire::{Writer, checksum};
use super::*;

mod golden;

/// All that a chunk says, a line a fact, by content: what two chunks must share to be equal but for order.
fn facts(chunk: &Chunk) -> Vec<String> {
    let text = |member: Option<TextIndex>| member.map(|index| chunk.texts[index.0 as usize].as_str());
    let mut lines = Vec::new();
    for row in &chunk.cells {
        lines.push(format!("cell {:?} {:?} {:?} {:?}", row.aggregate, text(row.member), row.bucket, row.cell));
    }
    for row in &chunk.bins {
        let member = text(row.member);
        lines.push(format!("bin {:?} {member:?} {:?} {} {}", row.aggregate, row.bucket, row.bin, row.count));
    }
    for row in &chunk.distincts {
        lines.push(format!("distinct {:?} {:?} {:?} {}", row.aggregate, text(row.member), row.bucket, row.value));
    }
    for row in &chunk.halves {
        let dimensions = |s: &StartRow| s.dimensions.iter().map(|d| text(*d)).collect::<Vec<_>>();
        let start = row.start.as_ref().map(|s| (s.at, s.deadline, dimensions(s)));
        let ends = (row.first_end, row.last_end, row.void);
        lines.push(format!("half {:?} {} {start:?} {ends:?}", row.aggregate, row.key));
    }
    for row in &chunk.levels {
        let dimensions: Vec<_> = row.dimensions.iter().map(|d| text(*d)).collect();
        let LevelRow { aggregate, key, bucket, at, value, .. } = row;
        lines.push(format!("level {aggregate:?} {key} {bucket:?} {at:?} {value:?} {dimensions:?}"));
    }
    for ((event, day), ids) in &chunk.ids {
        lines.extend(ids.iter().map(|id| format!("id {event:?} {day} {id}")));
    }
    lines.sort();
    lines.insert(0, format!("[{}, {}) {:?} {:?}", chunk.from, chunk.to, chunk.head, chunk.evaluated));
    lines
}

// --- random chunks ---------------------------------------------------------------------------------------------------

const TEXTS: [&str; 5] = ["", "SH1", "上海", "a\u{0}b", "(none)"];

fn text_index() -> impl Strategy<Value = Option<TextIndex>> {
    option::of((0..TEXTS.len() as u32).prop_map(TextIndex))
}

fn time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        (0..4i64).prop_map(|s| Timestamp(s * 1_000_000)),
        (-9..9_000_000i64).prop_map(|ms| Timestamp(ms * 1_000)),
        any::<i64>().prop_map(Timestamp),
    ]
}

fn cell() -> impl Strategy<Value = Cell> {
    let amount = || prop_oneof![-3..3i128, any::<i128>()];
    let least = prop_oneof![Just((i128::MAX, i128::MIN)), (amount(), amount()).prop_map(|(a, b)| (a.min(b), a.max(b)))];
    (0..1i64 << 40, amount(), least).prop_map(|(count, sum, (min, max))| Cell { count, sum, min, max })
}

fn cell_row() -> impl Strategy<Value = CellRow> {
    (0..3u64, text_index(), prop_oneof![495_000..495_003, any::<i32>()], cell()).prop_map(
        |(aggregate, member, bucket, cell)| CellRow {
            aggregate: AggregateId(aggregate),
            member,
            bucket: Bucket(bucket),
            cell,
        },
    )
}

fn distinct_row() -> impl Strategy<Value = (AggregateId, Option<TextIndex>, Bucket, u64)> {
    let value = prop_oneof![0..4u64, any::<u64>()];
    (0..3u64, text_index(), prop_oneof![495_000..495_003, any::<i32>()], value)
        .prop_map(|(aggregate, member, bucket, value)| (AggregateId(aggregate), member, Bucket(bucket), value))
}

fn bin_row() -> impl Strategy<Value = BinRow> {
    (0..3u64, text_index(), any::<i32>(), -7_872..=7_872i32, 0..1i64 << 40).prop_map(
        |(aggregate, member, bucket, bin, count)| BinRow {
            aggregate: AggregateId(aggregate),
            member,
            bucket: Bucket(bucket % 2),
            bin,
            count,
        },
    )
}

fn half_row() -> impl Strategy<Value = HalfRow> {
    let start = (time(), option::of(time()), vec(text_index(), 0..9)).prop_map(|(at, deadline, dimensions)| StartRow {
        at,
        deadline,
        dimensions: dimensions.into(),
    });
    let key = prop_oneof![0..4u64, any::<u64>()];
    (0..3u64, key, option::of(start), option::of((time(), time())), any::<bool>()).prop_map(
        |(aggregate, key, start, ends, void)| HalfRow {
            aggregate: AggregateId(aggregate),
            key,
            start,
            first_end: ends.map(|(a, b)| a.min(b)),
            last_end: ends.map(|(a, b)| a.max(b)),
            void,
        },
    )
}

fn level_row() -> impl Strategy<Value = LevelRow> {
    let bucket = prop_oneof![495_000..495_003, any::<i32>()];
    let value = option::of(prop_oneof![-3..3i128, any::<i128>()]);
    // Few keys and times, so that they meet.
    ((0..3u64, prop_oneof![0..4u64, any::<u64>()], bucket), time(), value, vec(text_index(), 0..3)).prop_map(
        |((aggregate, key, bucket), at, value, dimensions)| LevelRow {
            aggregate: AggregateId(aggregate),
            key,
            bucket: Bucket(bucket),
            at,
            value,
            dimensions: dimensions.into(),
        },
    )
}

fn head() -> impl Strategy<Value = Head> {
    let times = (option::of(time()), option::of(time()))
        .prop_map(|(watermark, last_event_at)| EventTimes { watermark, last_event_at });
    let counters = btree_map("records/[a-c]|价", 0..1u64 << 40, 0..4);
    (option::of(time()), option::of(time()), btree_map((0..4u64).prop_map(EventId), times, 0..4), counters).prop_map(
        |(last_record_at, complete_until, events, counters)| Head { last_record_at, complete_until, events, counters },
    )
}

/// A chunk over [from, to): each aggregate evaluated over some of it, or all.
fn chunk_over(from: Offset, to: Offset) -> impl Strategy<Value = Chunk> {
    let evaluated = btree_map(0..4u64, (any::<bool>(), option::of(time())), 0..4).prop_map(move |aggregates| {
        let range = |(aggregate, (whole, since)): (u64, (bool, Option<Timestamp>))| Evaluated {
            aggregate: AggregateId(aggregate),
            ranges: vec![EvaluatedRange { from, to: if whole { to } else { from.midpoint(to) }, since }],
        };
        aggregates.into_iter().map(range).collect()
    });
    let ids =
        btree_map(((0..2u64).prop_map(EventId), -1..2i32), btree_set(prop_oneof![0..9u64, any::<u64>()], 1..9), 0..4)
            .prop_map(|days| days.into_iter().map(|(key, ids)| (key, ids.into_iter().collect())).collect());
    let distincts = btree_set(distinct_row(), 0..12);
    let levels = vec(level_row(), 0..12);
    let rows = (vec(cell_row(), 0..12), vec(bin_row(), 0..12), distincts, vec(half_row(), 0..12), levels, ids);
    (head(), evaluated, rows).prop_map(move |(head, evaluated, (cells, bins, distincts, halves, levels, ids))| {
        let texts = TEXTS.map(str::to_owned).to_vec();
        let row = |(aggregate, member, bucket, value)| DistinctRow { aggregate, member, bucket, value };
        let distincts = distincts.into_iter().map(row).collect();
        Chunk { from, to, head, evaluated, floor: None, texts, cells, bins, distincts, halves, levels, ids }
    })
}

/// The same facts with rows in reverse, texts in reverse and each twice, and an id twice.
fn turned(chunk: &Chunk) -> Chunk {
    let mut other = chunk.clone();
    let last = chunk.texts.len() as u32 * 2 - 1;
    other.texts = chunk.texts.iter().chain(&chunk.texts).rev().cloned().collect();
    let turn = |index: TextIndex| TextIndex(last - index.0);
    other.cells.iter_mut().for_each(|row| row.member = row.member.map(turn));
    other.bins.iter_mut().for_each(|row| row.member = row.member.map(turn));
    other.distincts.iter_mut().for_each(|row| row.member = row.member.map(turn));
    let dimensions = other.halves.iter_mut().flat_map(|row| &mut row.start).flat_map(|s| &mut s.dimensions);
    for member in dimensions.chain(other.levels.iter_mut().flat_map(|row| &mut row.dimensions)) {
        *member = member.map(turn);
    }
    other.cells.reverse();
    other.bins.reverse();
    other.distincts.reverse();
    other.distincts.extend_from_within(..other.distincts.len().min(1));
    other.halves.reverse();
    other.levels.reverse();
    for ids in other.ids.values_mut() {
        ids.reverse();
        ids.extend_from_within(..1);
    }
    other
}

proptest! {
    #[test]
    fn decoding_gives_what_was_encoded(chunk in chunk_over(10, 20)) {
        let parts = encode(&chunk);
        prop_assert_eq!(parts.len(), 1);
        prop_assert_eq!(facts(&decode(&parts[0]).unwrap()), facts(&chunk));
        prop_assert_eq!(facts(&decode_parts(&parts).unwrap()), facts(&chunk));
        prop_assert_eq!(part_header(&parts[0]).unwrap(), PartHeader { part: 0, parts: 1, from: 10, to: 20 });
    }

    #[test]
    fn equal_facts_give_equal_bytes(chunk in chunk_over(10, 20)) {
        prop_assert_eq!(encode(&turned(&chunk)), encode(&chunk));
        prop_assert_eq!(facts(&fold(vec![turned(&chunk)]).unwrap()), facts(&fold(vec![chunk.clone()]).unwrap()));
        prop_assert_eq!(encode(&decode_parts(&encode(&chunk)).unwrap()), encode(&chunk));
    }

    #[test]
    fn any_grouping_and_order_folds_to_the_same_bytes(
        a in chunk_over(0, 5), b in chunk_over(5, 9), c in chunk_over(9, 9), d in chunk_over(9, 30),
    ) {
        let whole = encode(&fold(vec![a.clone(), b.clone(), c.clone(), d.clone()]).unwrap());
        let stored = |chunk: Chunk| decode_parts(&encode(&chunk)).unwrap();
        let left = fold(vec![stored(fold(vec![b.clone(), a.clone()]).unwrap()), fold(vec![d.clone(), c.clone()]).unwrap()]);
        let right = fold(vec![turned(&fold(vec![c, d, b]).unwrap()), a]);
        prop_assert_eq!(encode(&left.unwrap()), whole.clone());
        let right = right.unwrap();
        prop_assert_eq!(encode(&fold(vec![right.clone()]).unwrap()), whole.clone());
        prop_assert_eq!(encode(&right), whole);
    }

    #[test]
    fn a_changed_byte_is_always_found(chunk in chunk_over(10, 20), at in any::<prop::sample::Index>(), xor in 1..=255u8) {
        let mut part = encode(&chunk).remove(0);
        let at = at.index(part.len());
        part[at] ^= xor;
        prop_assert!(decode(&part).is_err(), "byte {} of {}", at, part.len());
        part[at] ^= xor;
        prop_assert!(decode(&part[..at]).is_err(), "cut at {} of {}", at, part.len());
        part.push(xor);
        prop_assert_eq!(decode(&part).unwrap_err(), ChunkFault::Trailing { at: part.len() - 1, bytes: 1 });
    }

    #[test]
    fn bytes_under_a_right_checksum_never_panic(
        chunk in chunk_over(10, 20), changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let sections: Vec<_> = split(&encode(&chunk)[0]);
        for (name, body) in sections {
            let mut body = body;
            for (at, byte) in &changes {
                let at = at.index(body.len().max(1));
                if let Some(changed) = body.get_mut(at) {
                    *changed = *byte;
                }
            }
            if let Ok(chunk) = decode(&part(&[(&name, body)])) {
                prop_assert_eq!(encode(&decode_parts(&encode(&chunk)).unwrap()), encode(&chunk));
                let _ = fold(vec![chunk]);
            }
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..200), name in "head|evaluated|cells|bins|distinct|halves|levels|ids/-?[0-9]{1,11}|x") {
        let _ = (decode(&bytes), part_header(&bytes), decode_parts(&[&bytes]));
        let _ = decode(&part(&[(&name, bytes.clone())]));
        let mut cells_with_text = Writer::default();
        cells_with_text.varint(1);
        cells_with_text.text("SH1");
        cells_with_text.raw(&bytes);
        let _ = decode(&part(&[(&name, cells_with_text.0)]));
    }
}

// --- parts written by hand -------------------------------------------------------------------------------------------

/// A part over [10, 20) with these sections, laid out from the specification, not by the encoder.
fn part(sections: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = b"KRSC\x01\0\0\0\0\0\x01\0\0\0\x0a\0\0\0\0\0\0\0\x14\0\0\0\0\0\0\0".to_vec();
    bytes.extend((sections.len() as u32).to_le_bytes());
    bytes.extend(checksum(&bytes).to_le_bytes());
    for (name, body) in sections {
        let begin = bytes.len();
        bytes.push(name.len() as u8);
        bytes.extend(name.as_bytes());
        bytes.extend((body.len() as u32).to_le_bytes());
        bytes.extend(body);
        bytes.extend(checksum(&bytes[begin..]).to_le_bytes());
    }
    bytes
}

/// Names and bodies of a part's sections.
fn split(part: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut rest = &part[HEADER_BYTES..];
    let mut sections = Vec::new();
    while !rest.is_empty() {
        let name = usize::from(rest[0]) + 1;
        let length = u32::from_le_bytes(rest[name..name + 4].try_into().unwrap()) as usize;
        sections.push((String::from_utf8(rest[1..name].to_vec()).unwrap(), rest[name + 4..name + 4 + length].to_vec()));
        rest = &rest[name + 4 + length + 8..];
    }
    sections
}
