//! Chunks to bytes: rows in their one order, packed into sections, sections into parts. The format itself stands in [`crate::chunk`].

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::order::{self, Ranks};
use super::wire::{Writer, checksum};
use super::{
    BinRow, CELL_MAX, CELL_MIN, CELL_SUM, CellRow, Chunk, DistinctRow, Evaluated, HALF_ARITY_LONG, HALF_ARITY_SHIFT,
    HALF_DEADLINE, HALF_END, HALF_LAST_END, HALF_START, HALF_VOID, HEADER_BYTES, HalfRow, Head, LEVEL_ARITY_LONG,
    LEVEL_ARITY_SHIFT, LEVEL_VALUE, LevelRow, MAGIC, PART_BYTES_MAX, SECTION_FRAME_BYTES, SECTION_ROWS_MAX,
    TIMES_FIRST, TIMES_SECOND, TextIndex, UNITS, VERSION,
};
use crate::aggregate::plan::{AggregateId, EventId};
use crate::aggregate::spread::sort_spread;
use crate::time::Timestamp;

/// A chunk as bytes, in parts: see [`encode`].
pub type Encoded = Vec<Vec<u8>>;

/// Packs a chunk into one or more parts, each readable by itself and at most [`PART_BYTES_MAX`] long. (Only the head, or a single row
/// whose texts are longer than that, can make a part longer.)
///
/// Equal facts give equal bytes, whatever the order of rows and texts. Rows with the same key are kept apart: folding joins them.
///
/// # Panics
/// If a row names a text that is not in [`Chunk::texts`].
pub fn encode(chunk: &Chunk) -> Encoded {
    let ranks = Ranks::new(&chunk.texts);
    let mut sections = Sections::default();
    sections.push("head", head(&chunk.head));
    if !chunk.evaluated.is_empty() {
        sections.push("evaluated", evaluated(&chunk.evaluated));
    }
    if let Some(floor) = chunk.floor {
        let mut body = Writer::default();
        body.signed(floor.0);
        sections.push("floor", body.0);
    }
    let mut cells: Vec<&CellRow> = chunk.cells.iter().collect();
    cells.sort_unstable_by(|a, b| order::cells(a, b, &ranks));
    sections.push_rows("cells", &cells, |rows| self::cells(rows, &ranks));
    let mut bins: Vec<&BinRow> = chunk.bins.iter().collect();
    bins.sort_unstable_by(|a, b| order::bins(a, b, &ranks));
    sections.push_rows("bins", &bins, |rows| self::bins(rows, &ranks));
    let mut distincts: Vec<&DistinctRow> = chunk.distincts.iter().collect();
    distincts.sort_unstable_by(|a, b| order::distincts(a, b, &ranks));
    distincts.dedup_by(|a, b| order::distincts(a, b, &ranks).is_eq());
    sections.push_rows("distinct", &distincts, |rows| self::distincts(rows, &ranks));
    sections.push_rows("halves", &sorted_halves(&chunk.halves, &ranks), |rows| self::halves(rows, &ranks));
    let mut levels: Vec<&LevelRow> = chunk.levels.iter().collect();
    levels.sort_unstable_by(|a, b| order::levels(a, b, &ranks));
    sections.push_rows("levels", &levels, |rows| self::levels(rows, &ranks));
    for (day, ids) in ids_by_day(chunk) {
        sections.push_rows(&format!("ids/{day}"), &ids, self::ids);
    }
    sections.into_parts(chunk)
}

/// Half-pairs in their order.
fn sorted_halves<'c>(halves: &'c [HalfRow], ranks: &Ranks) -> Vec<&'c HalfRow> {
    // As a cut hands them over.
    if halves.is_sorted_by(|a, b| order::halves(a, b, ranks).is_le()) {
        return halves.iter().collect();
    }
    let mut by_aggregate: BTreeMap<AggregateId, Vec<&HalfRow>> = BTreeMap::new();
    for run in halves.chunk_by(|a, b| a.aggregate == b.aggregate) {
        by_aggregate.entry(run[0].aggregate).or_default().extend(run);
    }
    let mut sorted = Vec::with_capacity(halves.len());
    for rows in by_aggregate.into_values() {
        // The key beside the row: sorting then rarely has to look at the rows.
        let mut keyed: Vec<(u64, &HalfRow)> = rows.iter().map(|row| (row.key, *row)).collect();
        sort_spread(&mut keyed, |(key, _)| *key, |(_, a), (_, b)| order::halves(a, b, ranks));
        sorted.extend(keyed.into_iter().map(|(_, row)| row));
    }
    sorted
}

/// Ids in their order, each once.
fn ids_by_day(chunk: &Chunk) -> BTreeMap<i32, Vec<(EventId, u64)>> {
    let mut days: BTreeMap<i32, Vec<(EventId, u64)>> = BTreeMap::new();
    for ((event, day), ids) in &chunk.ids {
        let mut ids = ids.clone();
        sort_spread(&mut ids, |id| *id, |_, _| Ordering::Equal);
        ids.dedup();
        // The map is in the order of events.
        days.entry(*day).or_default().extend(ids.iter().map(|id| (*event, *id)));
    }
    days
}

/// Finished sections, in order.
#[derive(Debug, Default)]
struct Sections(Vec<Vec<u8>>);

impl Sections {
    /// Frames a body: name, length, body, checksum over all three.
    fn push(&mut self, name: &str, body: Vec<u8>) {
        let mut section = Writer(Vec::with_capacity(body.len() + SECTION_FRAME_BYTES + name.len()));
        section.raw(&[name.len() as u8]);
        section.raw(name.as_bytes());
        section.raw(&(body.len() as u32).to_le_bytes());
        section.raw(&body);
        section.raw(&checksum(&section.0).to_le_bytes());
        self.0.push(section.0);
    }

    /// Rows in runs of at most [`SECTION_ROWS_MAX`]; a run whose texts make it too long for a part is halved until it fits.
    fn push_rows<R>(&mut self, name: &str, rows: &[R], body: impl Fn(&[R]) -> Vec<u8> + Copy) {
        for run in rows.chunks(SECTION_ROWS_MAX) {
            let bytes = body(run);
            let part = HEADER_BYTES + SECTION_FRAME_BYTES + name.len() + bytes.len();
            if run.len() > 1 && part > PART_BYTES_MAX {
                let (left, right) = run.split_at(run.len() / 2);
                self.push_rows(name, left, body);
                self.push_rows(name, right, body);
            } else {
                self.push(name, bytes);
            }
        }
    }

    /// Fills one part after the other, in order.
    fn into_parts(self, chunk: &Chunk) -> Vec<Vec<u8>> {
        let mut parts: Vec<(u32, Vec<u8>)> = Vec::new();
        for section in self.0 {
            match parts.last_mut() {
                Some((sections, part)) if part.len() + section.len() <= PART_BYTES_MAX => {
                    *sections += 1;
                    part.extend_from_slice(&section);
                }
                _ => parts.push((1, [vec![0; HEADER_BYTES], section].concat())),
            }
        }
        let count = parts.len() as u32;
        let with_header = |(number, (sections, mut part)): (usize, (u32, Vec<u8>))| {
            let mut header = Writer(MAGIC.to_vec());
            header.raw(&VERSION.to_le_bytes());
            header.raw(&(number as u32).to_le_bytes());
            header.raw(&count.to_le_bytes());
            header.raw(&chunk.from.to_le_bytes());
            header.raw(&chunk.to.to_le_bytes());
            header.raw(&sections.to_le_bytes());
            header.raw(&checksum(&header.0).to_le_bytes());
            part[..HEADER_BYTES].copy_from_slice(&header.0);
            part
        };
        parts.into_iter().enumerate().map(with_header).collect()
    }
}

/// A flag byte, then what it says is there.
fn times(out: &mut Writer, first: Option<Timestamp>, second: Option<Timestamp>) {
    out.flags(&[(first.is_some(), TIMES_FIRST), (second.is_some(), TIMES_SECOND)]);
    for at in [first, second].into_iter().flatten() {
        out.signed(at.0);
    }
}

fn head(head: &Head) -> Vec<u8> {
    let mut out = Writer::default();
    times(&mut out, head.last_record_at, head.complete_until);
    out.varint(head.events.len() as u64);
    for (event, event_times) in &head.events {
        out.raw(&event.0.to_le_bytes());
        times(&mut out, event_times.watermark, event_times.last_event_at);
    }
    out.varint(head.counters.len() as u64);
    for (name, count) in &head.counters {
        out.text(name);
        out.varint(*count);
    }
    out.0
}

fn evaluated(evaluated: &[Evaluated]) -> Vec<u8> {
    let by_aggregate = super::merge::unite_evaluated(evaluated);
    let mut out = Writer::default();
    out.varint(by_aggregate.len() as u64);
    for (aggregate, ranges) in by_aggregate {
        out.raw(&aggregate.0.to_le_bytes());
        out.varint(ranges.len() as u64);
        for range in ranges {
            out.signed(range.from);
            out.varint(range.to.wrapping_sub(range.from) as u64);
            out.raw(&[u8::from(range.since.is_some())]);
            if let Some(since) = range.since {
                out.signed(since.0);
            }
        }
    }
    out.0
}

/// The texts that a section's rows use, in order.
struct Dictionary {
    /// By rank: the text's place in the section, from 1; 0 where no row uses it.
    numbers: Vec<u32>,
}

impl Dictionary {
    /// Writes the texts of `members` and gives their numbers.
    fn write(out: &mut Writer, ranks: &Ranks, members: impl Iterator<Item = Option<TextIndex>>) -> Dictionary {
        let mut numbers = vec![0; ranks.len()];
        for rank in members.filter_map(|member| ranks.member(member)) {
            numbers[rank as usize] = 1;
        }
        let mut used = 0;
        for number in &mut numbers {
            used += *number;
            *number *= used;
        }
        out.varint(u64::from(used));
        for (_, rank) in numbers.iter().zip(0..).filter(|(number, _)| **number > 0) {
            out.text(ranks.text(rank));
        }
        Dictionary { numbers }
    }

    /// 0 for NULL, else the text's place in the section, from 1.
    fn number(&self, ranks: &Ranks, member: Option<TextIndex>) -> u64 {
        ranks.member(member).map_or(0, |rank| u64::from(self.numbers[rank as usize]))
    }
}

/// Rows of one aggregate at a time: its id and how many, then whatever `group` writes.
fn groups<R>(out: &mut Writer, rows: &[R], id: impl Fn(&R) -> u64, mut group: impl FnMut(&mut Writer, &[R])) {
    for run in rows.chunk_by(|a, b| id(a) == id(b)) {
        out.raw(&id(&run[0]).to_le_bytes());
        out.varint(run.len() as u64);
        group(out, run);
    }
}

fn cells(rows: &[&CellRow], ranks: &Ranks) -> Vec<u8> {
    let mut out = Writer::default();
    let dictionary = Dictionary::write(&mut out, ranks, rows.iter().map(|row| row.member));
    groups(
        &mut out,
        rows,
        |row| row.aggregate.0,
        |out, run| {
            let (mut last_member, mut last_bucket) = (0, 0);
            for row in run {
                let cell = &row.cell;
                debug_assert!(cell.count >= 0, "stored facts only add");
                let (sum, min, max) = (cell.sum != 0, cell.min != i128::MAX, cell.max != i128::MIN);
                out.flags(&[(sum, CELL_SUM), (min, CELL_MIN), (max, CELL_MAX)]);
                let member = dictionary.number(ranks, row.member);
                out.varint(member - last_member);
                out.signed(i64::from(row.bucket.0) - last_bucket);
                (last_member, last_bucket) = (member, i64::from(row.bucket.0));
                out.varint(cell.count as u64);
                if sum {
                    out.wide_signed(cell.sum);
                }
                if min {
                    out.wide_signed(cell.min);
                }
                match (min, max) {
                    (true, true) => out.wide_signed(cell.max.wrapping_sub(cell.min)),
                    (false, true) => out.wide_signed(cell.max),
                    (_, false) => {}
                }
            }
        },
    );
    out.0
}

fn bins(rows: &[&BinRow], ranks: &Ranks) -> Vec<u8> {
    let mut out = Writer::default();
    let dictionary = Dictionary::write(&mut out, ranks, rows.iter().map(|row| row.member));
    groups(
        &mut out,
        rows,
        |row| row.aggregate.0,
        |out, run| {
            let (mut last_member, mut last_bucket, mut last_bin) = (0, 0, 0);
            for row in run {
                debug_assert!(row.count >= 0, "stored facts only add");
                let member = dictionary.number(ranks, row.member);
                out.varint(member - last_member);
                out.signed(i64::from(row.bucket.0) - last_bucket);
                out.signed(i64::from(row.bin) - last_bin);
                out.varint(row.count as u64);
                (last_member, last_bucket, last_bin) = (member, i64::from(row.bucket.0), i64::from(row.bin));
            }
        },
    );
    out.0
}

fn distincts(rows: &[&DistinctRow], ranks: &Ranks) -> Vec<u8> {
    let mut out = Writer::default();
    let dictionary = Dictionary::write(&mut out, ranks, rows.iter().map(|row| row.member));
    let place = |row: &DistinctRow| (ranks.member(row.member), row.bucket);
    for run in rows.chunk_by(|a, b| a.aggregate == b.aggregate) {
        out.raw(&run[0].aggregate.0.to_le_bytes());
        out.varint(run.chunk_by(|a, b| place(a) == place(b)).count() as u64);
        let (mut last_member, mut last_bucket) = (0, 0);
        for set in run.chunk_by(|a, b| place(a) == place(b)) {
            let member = dictionary.number(ranks, set[0].member);
            out.varint(member - last_member);
            out.signed(i64::from(set[0].bucket.0) - last_bucket);
            (last_member, last_bucket) = (member, i64::from(set[0].bucket.0));
            out.varint(set.len() as u64);
            let mut last = 0;
            for row in set {
                out.varint(row.value - last);
                last = row.value;
            }
        }
    }
    out.0
}

/// How the times of a run are written: in the coarsest unit that holds them all exactly, from the least on.
struct Clock {
    unit: i64,
    base: i64,
}

impl Clock {
    /// For `times`, counted from the least of `firsts`.
    fn write(
        out: &mut Writer,
        times: impl Iterator<Item = Timestamp> + Clone,
        firsts: impl Iterator<Item = Timestamp>,
    ) -> Clock {
        let whole = |unit: &i64| times.clone().all(|at| at.0 % unit == 0);
        let code = UNITS.iter().rposition(whole).unwrap_or(0);
        let base = firsts.map(|at| at.0 / UNITS[code]).min().unwrap_or(0);
        out.raw(&[code as u8]);
        out.signed(base);
        Clock { unit: UNITS[code], base }
    }

    fn units(&self, at: Timestamp) -> i64 {
        at.0 / self.unit
    }
}

fn halves(rows: &[&HalfRow], ranks: &Ranks) -> Vec<u8> {
    let mut out = Writer::default();
    let dimensions = rows.iter().filter_map(|row| row.start.as_ref()).flat_map(|s| s.dimensions.iter().copied());
    let dictionary = Dictionary::write(&mut out, ranks, dimensions);
    groups(
        &mut out,
        rows,
        |row| row.aggregate.0,
        |out, run| {
            let started = run.iter().filter_map(|row| row.start.as_ref());
            let starts = started.flat_map(|start| [Some(start.at), start.deadline]);
            let times = starts.chain(run.iter().flat_map(|row| [row.first_end, row.last_end])).flatten();
            let firsts = run.iter().filter_map(|row| row.start.as_ref().map(|s| s.at).or(row.first_end));
            let clock = Clock::write(out, times, firsts);
            let mut last_key = 0;
            for row in run {
                half(out, row, row.key - last_key, &clock, |member| dictionary.number(ranks, member));
                last_key = row.key;
            }
        },
    );
    out.0
}

fn half(out: &mut Writer, row: &HalfRow, key: u64, clock: &Clock, number: impl Fn(Option<TextIndex>) -> u64) {
    debug_assert!(row.first_end.is_some() == row.last_end.is_some() && row.first_end <= row.last_end);
    let last_end = row.last_end.filter(|_| row.last_end != row.first_end);
    let deadline = row.start.as_ref().and_then(|start| start.deadline);
    let arity = row.start.as_ref().map_or(0, |start| start.dimensions.len() as u64);
    let short = arity.min(HALF_ARITY_LONG);
    out.flags(&[
        (row.start.is_some(), HALF_START),
        (deadline.is_some(), HALF_DEADLINE),
        (row.first_end.is_some(), HALF_END),
        (last_end.is_some(), HALF_LAST_END),
        (row.void, HALF_VOID),
        (true, (short as u8) << HALF_ARITY_SHIFT),
    ]);
    out.varint(key);
    let mut before = clock.base;
    if let Some(start) = &row.start {
        let at = clock.units(start.at);
        out.varint(at.wrapping_sub(clock.base) as u64);
        before = at;
        if let Some(deadline) = deadline {
            out.signed(clock.units(deadline).wrapping_sub(at));
        }
        if short == HALF_ARITY_LONG {
            out.varint(arity - HALF_ARITY_LONG);
        }
        for member in &start.dimensions {
            out.varint(number(*member));
        }
    }
    if let Some(first) = row.first_end {
        out.signed(clock.units(first).wrapping_sub(before));
        if let Some(last) = last_end {
            out.varint(clock.units(last).wrapping_sub(clock.units(first)) as u64);
        }
    }
}

fn levels(rows: &[&LevelRow], ranks: &Ranks) -> Vec<u8> {
    let mut out = Writer::default();
    let dimensions = rows.iter().flat_map(|row| row.dimensions.iter().copied());
    let dictionary = Dictionary::write(&mut out, ranks, dimensions);
    groups(
        &mut out,
        rows,
        |row| row.aggregate.0,
        |out, run| {
            let times = run.iter().map(|row| row.at);
            let clock = Clock::write(out, times.clone(), times);
            let (mut last_key, mut last_bucket) = (0, 0);
            for row in run {
                let arity = row.dimensions.len() as u64;
                let short = arity.min(LEVEL_ARITY_LONG);
                out.flags(&[(row.value.is_some(), LEVEL_VALUE), (true, (short as u8) << LEVEL_ARITY_SHIFT)]);
                out.varint(row.key - last_key);
                out.signed(i64::from(row.bucket.0) - last_bucket);
                out.varint(clock.units(row.at).wrapping_sub(clock.base) as u64);
                if let Some(value) = row.value {
                    out.wide_signed(value);
                }
                if short == LEVEL_ARITY_LONG {
                    out.varint(arity - LEVEL_ARITY_LONG);
                }
                row.dimensions.iter().for_each(|member| out.varint(dictionary.number(ranks, *member)));
                (last_key, last_bucket) = (row.key, i64::from(row.bucket.0));
            }
        },
    );
    out.0
}

fn ids(rows: &[(EventId, u64)]) -> Vec<u8> {
    let mut out = Writer::default();
    groups(
        &mut out,
        rows,
        |row| row.0.0,
        |out, run| {
            let mut last = 0;
            for (_, id) in run {
                out.varint(id - last);
                last = *id;
            }
        },
    );
    out.0
}
