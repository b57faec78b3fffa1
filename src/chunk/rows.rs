//! Section bodies to rows: every count, number and text is checked before it is believed.

use super::fault::ChunkFault;
use super::wire::Reader;
use super::{
    BinRow, CELL_MAX, CELL_MIN, CELL_SUM, COUNT_MAX, CellRow, Chunk, Dimensions, DistinctRow, Evaluated,
    EvaluatedRange, EventTimes, HALF_ARITY_LONG, HALF_ARITY_SHIFT, HALF_DEADLINE, HALF_END, HALF_LAST_END, HALF_START,
    HALF_VOID, HalfRow, Head, LEVEL_ARITY_LONG, LEVEL_ARITY_SHIFT, LEVEL_VALUE, LevelRow, SECTION_ROWS_MAX, StartRow,
    TIMES_FIRST, TIMES_SECOND, TextIndex, UNITS,
};
use crate::aggregate::cell::Cell;
use crate::aggregate::plan::{AggregateId, EventId};
use crate::aggregate::sketch::Bin;
use crate::time::{Bucket, Timestamp};

/// The largest bin of a 128-bit value, and of its mirror; beyond it a sketch, which is dense, would take memory for nothing.
const BIN_MAX: Bin = 64 * 122 + 64;

/// A byte of flags of which only those in `known` may be set.
fn flags(body: &mut Reader, known: u8) -> Result<u8, ChunkFault> {
    let flags = body.byte()?;
    if flags & !known == 0 { Ok(flags) } else { Err(body.range("a byte of flags")) }
}

fn times(body: &mut Reader) -> Result<(Option<Timestamp>, Option<Timestamp>), ChunkFault> {
    let there = flags(body, TIMES_FIRST | TIMES_SECOND)?;
    let mut time = |bit: u8| {
        if there & bit == 0 { Ok(None) } else { body.signed().map(|at| Some(Timestamp(at))) }
    };
    Ok((time(TIMES_FIRST)?, time(TIMES_SECOND)?))
}

/// Reads the body of a `head` section.
pub(super) fn head(body: &mut Reader) -> Result<Head, ChunkFault> {
    let mut head = Head::default();
    (head.last_record_at, head.complete_until) = times(body)?;
    for _ in 0..body.count(9)? {
        let event = EventId(body.fixed()?);
        let (watermark, last_event_at) = times(body)?;
        if head.events.insert(event, EventTimes { watermark, last_event_at }).is_some() {
            return Err(body.range("an event that stands twice"));
        }
    }
    for _ in 0..body.count(2)? {
        let name = body.text()?.to_owned();
        let value = count(body)?;
        if head.counters.insert(name, value as u64).is_some() {
            return Err(body.range("a counter that stands twice"));
        }
    }
    Ok(head)
}

/// Reads the body of a `evaluated` section.
pub(super) fn evaluated(body: &mut Reader) -> Result<Vec<Evaluated>, ChunkFault> {
    let mut all: Vec<Evaluated> = Vec::new();
    for _ in 0..body.count(9)? {
        let aggregate = AggregateId(body.fixed()?);
        if all.last().is_some_and(|last| last.aggregate >= aggregate) {
            return Err(body.range("an aggregate out of order"));
        }
        let mut ranges: Vec<EvaluatedRange> = Vec::new();
        for _ in 0..body.count(3)? {
            let from = body.signed()?;
            let to =
                from.checked_add_unsigned(body.varint()?).ok_or_else(|| body.range("the end of an offset range"))?;
            if ranges.last().is_some_and(|last| last.to >= from) {
                return Err(body.range("an offset range that touches the one before"));
            }
            let since = if flags(body, 1)? == 0 { None } else { Some(Timestamp(body.signed()?)) };
            ranges.push(EvaluatedRange { from, to, since });
        }
        all.push(Evaluated { aggregate, ranges });
    }
    Ok(all)
}

/// A section's texts, appended to the chunk's; numbers in the section begin behind what was there.
struct Dictionary {
    first: u32,
    texts: usize,
}

impl Dictionary {
    fn read(chunk: &mut Chunk, body: &mut Reader) -> Result<Dictionary, ChunkFault> {
        let first = u32::try_from(chunk.texts.len()).map_err(|_| body.range("the number of texts"))?;
        let texts = body.count(1)?;
        for _ in 0..texts {
            chunk.texts.push(body.text()?.to_owned());
        }
        match first.checked_add(texts as u32) {
            Some(_) if texts <= u32::MAX as usize => Ok(Dictionary { first, texts }),
            _ => Err(body.range("the number of texts")),
        }
    }

    /// The text of a number from 1; 0 is NULL.
    fn member(&self, number: u64, at: usize) -> Result<Option<TextIndex>, ChunkFault> {
        match number.checked_sub(1) {
            None => Ok(None),
            Some(place) if place < self.texts as u64 => Ok(Some(TextIndex(self.first + place as u32))),
            Some(_) => Err(ChunkFault::Index { at, index: number, texts: self.texts }),
        }
    }
}

fn count(body: &mut Reader) -> Result<i64, ChunkFault> {
    let count = body.varint()?;
    if count <= COUNT_MAX { Ok(count as i64) } else { Err(body.range("a count")) }
}

/// Member and bucket of a row, from those of the row before.
#[derive(Default)]
struct Place {
    number: u64,
    bucket: i32,
}

impl Place {
    fn next(&mut self, body: &mut Reader, texts: &Dictionary) -> Result<(Option<TextIndex>, Bucket), ChunkFault> {
        let at = body.at();
        self.number = self.number.saturating_add(body.varint()?);
        let member = texts.member(self.number, at)?;
        self.bucket = next_bucket(body, self.bucket)?;
        Ok((member, Bucket(self.bucket)))
    }
}

fn next_bucket(body: &mut Reader, before: i32) -> Result<i32, ChunkFault> {
    let bucket = body.signed()?.checked_add(i64::from(before)).and_then(|bucket| i32::try_from(bucket).ok());
    bucket.ok_or_else(|| body.range("a bucket"))
}

/// The head of a group: its id, and how many rows of at least `bytes_min` follow.
fn group(body: &mut Reader, bytes_min: usize) -> Result<(u64, usize), ChunkFault> {
    Ok((body.fixed()?, body.count(bytes_min)?))
}

/// Reads the body of a `cells` section.
pub(super) fn cells(chunk: &mut Chunk, body: &mut Reader) -> Result<(), ChunkFault> {
    let texts = Dictionary::read(chunk, body)?;
    while body.left() > 0 {
        let (aggregate, rows) = group(body, 4)?;
        chunk.cells.reserve(rows.min(SECTION_ROWS_MAX));
        let mut place = Place::default();
        for _ in 0..rows {
            let there = flags(body, CELL_SUM | CELL_MIN | CELL_MAX)?;
            let (member, bucket) = place.next(body, &texts)?;
            let mut cell = Cell { count: count(body)?, ..Cell::EMPTY };
            if there & CELL_SUM != 0 {
                cell.sum = body.wide_signed()?;
            }
            if there & CELL_MIN != 0 {
                cell.min = body.wide_signed()?;
            }
            if there & CELL_MAX != 0 {
                let above = if there & CELL_MIN == 0 { 0 } else { cell.min };
                cell.max = body.wide_signed()?.wrapping_add(above);
            }
            chunk.cells.push(CellRow { aggregate: AggregateId(aggregate), member, bucket, cell });
        }
    }
    Ok(())
}

/// Reads the body of a `bins` section.
pub(super) fn bins(chunk: &mut Chunk, body: &mut Reader) -> Result<(), ChunkFault> {
    let texts = Dictionary::read(chunk, body)?;
    while body.left() > 0 {
        let (aggregate, rows) = group(body, 4)?;
        chunk.bins.reserve(rows.min(SECTION_ROWS_MAX));
        let mut place = Place::default();
        let mut bin: Bin = 0;
        for _ in 0..rows {
            let (member, bucket) = place.next(body, &texts)?;
            let next = body.signed()?.checked_add(i64::from(bin)).and_then(|bin| Bin::try_from(bin).ok());
            bin = next.filter(|bin| (-BIN_MAX..=BIN_MAX).contains(bin)).ok_or_else(|| body.range("a sketch's bin"))?;
            chunk.bins.push(BinRow { aggregate: AggregateId(aggregate), member, bucket, bin, count: count(body)? });
        }
    }
    Ok(())
}

/// Reads the body of a `distinct` section.
pub(super) fn distincts(chunk: &mut Chunk, body: &mut Reader) -> Result<(), ChunkFault> {
    let texts = Dictionary::read(chunk, body)?;
    while body.left() > 0 {
        let (aggregate, sets) = group(body, 3)?;
        let mut place = Place::default();
        for _ in 0..sets {
            let (member, bucket) = place.next(body, &texts)?;
            let values = body.count(1)?;
            chunk.distincts.reserve(values.min(SECTION_ROWS_MAX));
            let mut value = 0u64;
            for _ in 0..values {
                value = value.checked_add(body.varint()?).ok_or_else(|| body.range("a distinct value"))?;
                chunk.distincts.push(DistinctRow { aggregate: AggregateId(aggregate), member, bucket, value });
            }
        }
    }
    Ok(())
}

/// Reads the body of a `halves` section.
pub(super) fn halves(chunk: &mut Chunk, body: &mut Reader) -> Result<(), ChunkFault> {
    let texts = Dictionary::read(chunk, body)?;
    while body.left() > 0 {
        let (aggregate, rows) = group(body, 2)?;
        let aggregate = AggregateId(aggregate);
        let clock = Clock::read(body)?;
        chunk.halves.reserve(rows.min(SECTION_ROWS_MAX));
        let mut key = 0u64;
        for _ in 0..rows {
            let there = body.byte()?;
            key = key.checked_add(body.varint()?).ok_or_else(|| body.range("a key"))?;
            chunk.halves.push(half(body, there, (aggregate, key), &clock, &texts)?);
        }
    }
    Ok(())
}

/// The unit of a group's times, and what they are counted from.
struct Clock {
    unit: i64,
    base: i64,
}

impl Clock {
    fn read(body: &mut Reader) -> Result<Clock, ChunkFault> {
        let code = usize::from(body.byte()?);
        let unit = *UNITS.get(code).ok_or_else(|| body.range("a unit of time"))?;
        Ok(Clock { unit, base: body.signed()? })
    }

    fn time(&self, units: i64, body: &Reader) -> Result<Timestamp, ChunkFault> {
        units.checked_mul(self.unit).map(Timestamp).ok_or_else(|| body.range("a time"))
    }
}

fn half(
    body: &mut Reader,
    there: u8,
    (aggregate, key): (AggregateId, u64),
    clock: &Clock,
    texts: &Dictionary,
) -> Result<HalfRow, ChunkFault> {
    let mut row =
        HalfRow { aggregate, key, start: None, first_end: None, last_end: None, void: there & HALF_VOID != 0 };
    let mut before = clock.base;
    let short = u64::from(there >> HALF_ARITY_SHIFT);
    if there & HALF_START != 0 {
        let at = clock.base.wrapping_add(body.varint()? as i64);
        before = at;
        let mut deadline = None;
        if there & HALF_DEADLINE != 0 {
            let units = at.wrapping_add(body.signed()?);
            deadline = Some(clock.time(units, body)?);
        }
        let dimensions = dimensions(body, short, HALF_ARITY_LONG, texts)?;
        row.start = Some(StartRow { at: clock.time(at, body)?, deadline, dimensions });
    } else if there & HALF_DEADLINE != 0 || short != 0 {
        return Err(body.range("a pair's deadline or dimension without a start"));
    }
    if there & HALF_END != 0 {
        let first = before.wrapping_add(body.signed()?);
        let last = if there & HALF_LAST_END == 0 { first } else { first.wrapping_add(body.varint()? as i64) };
        if last < first {
            return Err(body.range("a pair's last end"));
        }
        row.first_end = Some(clock.time(first, body)?);
        row.last_end = Some(clock.time(last, body)?);
    } else if there & HALF_LAST_END != 0 {
        return Err(body.range("a pair's last end without a first"));
    }
    Ok(row)
}

/// As many dimensions as a row's first byte says; from `long` on, a number of its own says how many more.
fn dimensions(body: &mut Reader, short: u64, long: u64, texts: &Dictionary) -> Result<Dimensions, ChunkFault> {
    let mut arity = short;
    if short == long {
        // No row has more dimensions than the section has bytes.
        arity += body.count(1)? as u64;
    }
    let mut dimensions = Dimensions::with_capacity((arity as usize).min(body.left()));
    for _ in 0..arity {
        let at = body.at();
        dimensions.push(texts.member(body.varint()?, at)?);
    }
    Ok(dimensions)
}

/// Reads the body of a `levels` section.
pub(super) fn levels(chunk: &mut Chunk, body: &mut Reader) -> Result<(), ChunkFault> {
    let texts = Dictionary::read(chunk, body)?;
    while body.left() > 0 {
        let (aggregate, rows) = group(body, 4)?;
        let aggregate = AggregateId(aggregate);
        let clock = Clock::read(body)?;
        chunk.levels.reserve(rows.min(SECTION_ROWS_MAX));
        let (mut key, mut bucket) = (0u64, 0);
        for _ in 0..rows {
            let there = body.byte()?;
            key = key.checked_add(body.varint()?).ok_or_else(|| body.range("a key"))?;
            bucket = next_bucket(body, bucket)?;
            let at = clock.base.wrapping_add(body.varint()? as i64);
            let at = clock.time(at, body)?;
            let value = if there & LEVEL_VALUE == 0 { None } else { Some(body.wide_signed()?) };
            let dimensions = dimensions(body, u64::from(there >> LEVEL_ARITY_SHIFT), LEVEL_ARITY_LONG, &texts)?;
            chunk.levels.push(LevelRow { aggregate, key, bucket: Bucket(bucket), at, value, dimensions });
        }
    }
    Ok(())
}

/// Reads the body of an `ids/DAY` section.
pub(super) fn ids(chunk: &mut Chunk, day: i32, body: &mut Reader) -> Result<(), ChunkFault> {
    while body.left() > 0 {
        let (event, rows) = group(body, 1)?;
        let ids = chunk.ids.entry((EventId(event), day)).or_default();
        ids.reserve(rows.min(SECTION_ROWS_MAX));
        let mut id = 0u64;
        for _ in 0..rows {
            id = id.checked_add(body.varint()?).ok_or_else(|| body.range("an id"))?;
            ids.push(id);
        }
    }
    Ok(())
}
