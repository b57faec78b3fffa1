//! Bytes → chunk: never a panic, never more memory than the bytes can hold rows for, and what was accepted is the same when it is
//! written and read again.
//!
//! Each input is read twice: as it is, and with its checksums set right, without which nothing would come past them.
#![no_main]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use krscore::chunk::{Chunk, decode, decode_parts, encode, fold, part_header};
use libfuzzer_sys::fuzz_target;
use xxhash_rust::xxh3::xxh3_64;

/// Bytes of memory for each byte of a chunk: the shortest row of half-pairs has 2 bytes and takes 128 in memory, a growing `Vec` has
/// the old and the doubled one for a moment.
const BYTES_A_BYTE_MAX: usize = 64 * 3;

/// And for none.
const BYTES_MAX: usize = 16 << 10;

/// Bytes allocated now, and the most since the last reset.
static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: all calls go on to the system's allocator; only sizes are added up.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(now, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const HEADER_BYTES: usize = 42;

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    check(&with_checksums(bytes));
});

fn check(bytes: &[u8]) {
    let before = NOW.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let read = decode(bytes);
    let most = MOST.load(Ordering::Relaxed) - before;
    let bound = BYTES_MAX + BYTES_A_BYTE_MAX * bytes.len();
    assert!(most <= bound, "{most} bytes of memory for {} bytes of a chunk", bytes.len());
    let header = part_header(bytes);
    let chunk = match read {
        Ok(chunk) => chunk,
        Err(fault) => {
            assert!(!fault.to_string().is_empty());
            return;
        }
    };
    assert!(header.is_ok(), "read without a header");
    let written = encode(&chunk);
    let again = decode_parts(&written).expect("what was written is read");
    assert_eq!(encode(&again), written, "the same bytes again");
    assert_eq!(facts(&again), facts(&chunk));
    if let Ok(folded) = fold(vec![chunk]) {
        let written = encode(&folded);
        assert_eq!(decode_parts(&written).expect("what was folded is read"), decode_parts(&written).expect("twice"));
        assert_eq!(encode(&fold(vec![folded]).expect("folded once more")), written, "folding is done once");
    }
}

/// Everything that a chunk says, texts in place of their numbers, in order: what encoding must keep.
fn facts(chunk: &Chunk) -> Vec<String> {
    let text = |index: Option<krscore::chunk::TextIndex>| index.map(|index| chunk.texts[index.0 as usize].clone());
    let mut facts =
        vec![format!("{} {} {:?} {:?} {:?}", chunk.from, chunk.to, chunk.head, chunk.evaluated, chunk.floor)];
    facts.extend(
        chunk
            .cells
            .iter()
            .map(|row| format!("cell {:?} {:?} {:?} {:?}", row.aggregate, text(row.member), row.bucket, row.cell)),
    );
    facts.extend(chunk.bins.iter().map(|row| {
        format!("bin {:?} {:?} {:?} {} {}", row.aggregate, text(row.member), row.bucket, row.bin, row.count)
    }));
    facts.extend(chunk.halves.iter().map(|row| {
        let start = row.start.as_ref().map(|start| {
            (start.at, start.deadline, start.dimensions.iter().map(|index| text(*index)).collect::<Vec<_>>())
        });
        format!("half {:?} {} {start:?} {:?} {:?} {}", row.aggregate, row.key, row.first_end, row.last_end, row.void)
    }));
    // An id is there or not, however often it stands.
    facts.extend(chunk.ids.iter().flat_map(|(of, ids)| ids.iter().map(move |id| format!("id {of:?} {id}"))));
    facts.sort();
    let ids = facts.partition_point(|fact| fact.as_str() < "id ");
    let mut tail = facts.split_off(ids);
    tail.dedup();
    facts.append(&mut tail);
    facts
}

/// The same bytes with the checksums that their header and sections should have, as far as there are any.
fn with_checksums(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if bytes.len() < HEADER_BYTES {
        return bytes;
    }
    let sum = xxh3_64(&bytes[..HEADER_BYTES - 8]);
    bytes[HEADER_BYTES - 8..HEADER_BYTES].copy_from_slice(&sum.to_le_bytes());
    let mut at = HEADER_BYTES;
    while at < bytes.len() {
        let length_at = at + 1 + usize::from(bytes[at]);
        let Some(length) = bytes.get(length_at..length_at + 4) else { break };
        let length = u32::from_le_bytes(length.try_into().expect("four bytes")) as usize;
        let end = length_at + 4 + length;
        if bytes.get(end..end + 8).is_none() {
            break;
        }
        let sum = xxh3_64(&bytes[at..end]);
        bytes[end..end + 8].copy_from_slice(&sum.to_le_bytes());
        at = end + 8;
    }
    bytes
}
