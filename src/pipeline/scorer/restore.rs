//! Checks that stored chunks are whole before any is believed: facts only add, so a part that is missing or there twice is a wrong score.
//!
//! | stored parts of one partition | are |
//! |---|---|
//! | all parts of `[0, 5)`, all of `[5, 9)` | read |
//! | `[0, 5)` and `[7, 9)` | read: the log gave nothing between, which the claim recorded |
//! | part 0 of 2 alone | refused: a part is missing |
//! | a part twice, or parts of `[0, 5)` and of `[0, 7)`, in one lane | refused: facts would be added twice |
//! | the same in two lanes: live, and a back-fill that was joined | read if no aggregate is evaluated twice over one offset, else refused |

use std::collections::BTreeMap;

use crate::chunk::{self, PartHeader};
use crate::event::{Offset, Partition};
use crate::pipeline::message::RestoredChunk;

/// A partition whose stored chunks cannot be read, and why.
pub(super) type Refused = (Partition, String);

/// What is said of facts that are there twice.
pub(super) fn twice(from: Offset) -> String {
    format!("facts from offset {from} on are stored twice; restore the store from a backup")
}

/// Whether every chunk of each lane is there once, with all of its parts.
pub(super) fn check(chunks: &[RestoredChunk]) -> Result<(), Refused> {
    let mut headers: BTreeMap<(Partition, &str), Vec<PartHeader>> = BTreeMap::new();
    for stored in chunks {
        let header = chunk::part_header(&stored.bytes).map_err(|fault| (stored.partition, fault.to_string()))?;
        headers.entry((stored.partition, &stored.lane)).or_default().push(header);
    }
    for ((partition, _), mut headers) in headers {
        headers.sort_unstable_by_key(|header| (header.from, header.to, header.part));
        check_partition(&headers).map_err(|reason| (partition, reason))?;
    }
    Ok(())
}

/// Walks one partition's parts in order: each is the one that should come next.
fn check_partition(headers: &[PartHeader]) -> Result<(), String> {
    let mut covered = Offset::MIN;
    let mut rest = headers;
    while let Some(first) = rest.first() {
        let PartHeader { from, to, parts, .. } = *first;
        if from < covered {
            return Err(twice(from));
        }
        for part in 0..parts {
            if rest.first() != Some(&PartHeader { part, parts, from, to }) {
                return Err(format!(
                    "part {part} of {parts} of [{from}, {to}) is missing; restore the store from a backup"
                ));
            }
            rest = &rest[1..];
        }
        covered = to;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parts as `part/parts@from-to`.
    fn check_text(text: &str, expected: &str) {
        let number = |text: &str| text.parse::<i64>().expect("a number");
        let header = |text: &str| {
            let (part, range) = text.split_once('@').expect("part@range");
            let ((part, parts), (from, to)) = (part.split_once('/').expect("n/m"), range.split_once('-').expect("a-b"));
            PartHeader { part: number(part) as u32, parts: number(parts) as u32, from: number(from), to: number(to) }
        };
        let mut headers: Vec<PartHeader> = text.split_whitespace().map(header).collect();
        headers.sort_unstable_by_key(|header| (header.from, header.to, header.part));
        let said = check_partition(&headers).err().unwrap_or_default();
        assert_eq!(said.split(';').next(), Some(expected), "{text}");
    }

    #[test]
    fn stored_parts_are_believed_only_when_whole() {
        check_text("", "");
        check_text("0/1@0-5 0/2@5-9 1/2@5-9", "");
        check_text("0/1@0-5 0/1@7-9", "");
        check_text("0/2@0-5", "part 1 of 2 of [0, 5) is missing");
        check_text("1/2@0-5", "part 0 of 2 of [0, 5) is missing");
        check_text("0/2@0-5 0/1@5-9", "part 1 of 2 of [0, 5) is missing");
        check_text("0/1@0-5 0/1@0-5", "facts from offset 0 on are stored twice");
        check_text("0/1@0-5 0/1@0-7", "facts from offset 0 on are stored twice");
        check_text("0/1@0-5 0/1@4-7", "facts from offset 4 on are stored twice");
    }
}
