//! What the stored format costs: ns and bytes a row, to encode, decode and fold, and what zstd would save.
//!
//! `cargo bench --bench chunk`. Rows are drawn from a fixed seed: keys and ids are hashes, times lie within a quarter, to the second or to
//! the microsecond, as producers write them.

use std::hint::black_box;
use std::time::{Duration, Instant};

use krscore::aggregate::cell::Cell;
use krscore::aggregate::plan::{AggregateId, EventId};
use krscore::aggregate::sketch::bin_of;
use krscore::chunk::{BinRow, CellRow, Chunk, Dimensions, HalfRow, StartRow, TextIndex, decode_parts, encode, fold};
use krscore::fixed::Fixed;
use krscore::time::{Bucket, Timestamp};

const WAREHOUSES: u32 = 40;
const QUARTER_SECONDS: u64 = 92 * 86_400;
const ROUNDS: usize = 3;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

fn empty() -> Chunk {
    Chunk { from: 0, to: 1, texts: (0..WAREHOUSES).map(|n| format!("WH-{n:03}")).collect(), ..Chunk::default() }
}

/// Half-pairs: start with a deadline and a warehouse, nine of ten with an end. Times are multiples of `unit` µs.
fn halves(rows: usize, unit: u64) -> Chunk {
    let mut random = Random(1);
    let row = |_| {
        let mut time = |below: u64| random.below(below * 1_000_000 / unit) * unit;
        let at = Timestamp((1_790_000_000_000_000 + time(QUARTER_SECONDS)) as i64);
        let end = Timestamp(at.0 + time(5 * 86_400) as i64);
        let end = (random.below(10) > 0).then_some(end);
        let deadline = Some(Timestamp(at.0 + 3 * 86_400_000_000));
        let dimensions = Dimensions::from_slice(&[Some(TextIndex(random.below(WAREHOUSES.into()) as u32))]);
        let start = Some(StartRow { at, deadline, dimensions });
        HalfRow { aggregate: AggregateId(1), key: random.next(), start, first_end: end, last_end: end, void: false }
    };
    Chunk { halves: (0..rows).map(row).collect(), ..empty() }
}

/// Cells of a value with two decimals: 40 members, each bucket of a quarter.
fn cells(rows: usize) -> Chunk {
    let mut random = Random(2);
    let row = |n: usize| {
        let mut cell = Cell::EMPTY;
        for _ in 0..1 + random.below(50) {
            cell.add(Fixed(i128::from(random.below(100_000)) * 10_000_000));
        }
        let member = Some(TextIndex((n % WAREHOUSES as usize) as u32));
        let bucket = Bucket(497_000 + (n / WAREHOUSES as usize) as i32 % 2_208);
        CellRow { aggregate: AggregateId(1 + n as u64 / 88_320), member, bucket, cell }
    };
    Chunk { cells: (0..rows).map(row).collect(), ..empty() }
}

fn bins(rows: usize) -> Chunk {
    let mut random = Random(3);
    let row = |n: usize| {
        let member = Some(TextIndex((n / 50 % WAREHOUSES as usize) as u32));
        let bin = bin_of(Fixed(i128::from(1 + random.below(500_000)) * 1_000_000_000));
        let bucket = Bucket(497_000 + (n / 2_000) as i32);
        BinRow { aggregate: AggregateId(1), member, bucket, bin, count: 1 + random.below(20) as i64 }
    };
    Chunk { bins: (0..rows).map(row).collect(), ..empty() }
}

fn ids(rows: usize) -> Chunk {
    let mut random = Random(4);
    Chunk { ids: [((EventId(1), 20_700), (0..rows).map(|_| random.next()).collect())].into(), ..empty() }
}

/// The shortest of a few rounds.
fn time<T>(mut run: impl FnMut() -> T) -> Duration {
    let round = |_| {
        let begin = Instant::now();
        black_box(run());
        begin.elapsed()
    };
    (0..ROUNDS).map(round).min().unwrap_or_default()
}

fn measure(name: &str, rows: usize, chunk: &Chunk) {
    let parts = encode(chunk);
    let bytes: usize = parts.iter().map(Vec::len).sum();
    let encoding = time(|| encode(black_box(chunk)));
    let decoding = time(|| decode_parts(black_box(&parts)));
    let folding = time(|| fold(vec![chunk.clone(), Chunk { from: 1, to: 2, ..chunk.clone() }]));
    let packed: Vec<Vec<u8>> = parts.iter().filter_map(|part| zstd::bulk::compress(part, 1).ok()).collect();
    let packing = time(|| parts.iter().map(|part| zstd::bulk::compress(part, 1).map_or(0, |p| p.len())).sum::<usize>());
    let unpacking =
        time(|| packed.iter().map(|p| zstd::bulk::decompress(p, 8 << 20).map_or(0, |p| p.len())).sum::<usize>());
    let each = |time: Duration| time.as_nanos() as f64 / rows as f64;
    println!(
        "{name:<22} {rows:>9} rows {:>2} parts {:>6.2} B/row  encode {:>6.1}  decode {:>6.1}  fold two {:>6.1} ns/row \
         | zstd-1 {:>6.2} B/row  +{:>5.1} to write  +{:>5.1} ns/row to read",
        parts.len(),
        bytes as f64 / rows as f64,
        each(encoding),
        each(decoding),
        each(folding),
        packed.iter().map(Vec::len).sum::<usize>() as f64 / rows as f64,
        each(packing),
        each(unpacking),
    );
}

fn main() {
    measure("halves, whole seconds", 1_000_000, &halves(1_000_000, 1_000_000));
    measure("halves, milliseconds", 1_000_000, &halves(1_000_000, 1_000));
    measure("halves, microseconds", 1_000_000, &halves(1_000_000, 1));
    measure("halves, one commit", 1_000, &halves(1_000, 1_000));
    measure("cells", 100_000, &cells(100_000));
    measure("cells, one commit", 80, &cells(80));
    measure("bins", 1_000_000, &bins(1_000_000));
    measure("ids of a day", 1_000_000, &ids(1_000_000));
}
