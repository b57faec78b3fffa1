//! The identity of a row: the one text by which copies are known. Its fingerprint is part of the stored format.
//!
//! | `id` | the row's values | identity |
//! |---|---|---|
//! | `order_id` | `"A-1"` | `A-1`: the canonical text of a single field, as it is |
//! | `order_id` | `42`, `"42"` | `42` |
//! | `[order_id, line_no]` | `"A-1"`, `7` | `3:A-1,1:7,`: of each the bytes of its canonical text, `:`, the text, `,` |
//! | `[a, b]` | `"1"`, `"2:3"` and `"1,3:2"`, `"3"` | `1:1,3:2:3,` and `5:1,3:2,1:3,`: what differs in a part never looks the same |
//! | any of these, element 4 of `each` | | the same, and `#4`: an element's place in its array, from 0 |
//! | one field NULL or absent | | none: [`IdentityFault::Missing`] |

use std::fmt::Write as _;

use super::canonical::{CanonicalFault, canonical};
use crate::event::{FieldSlot, RowView};

/// Why a row has no identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityFault {
    /// That field is NULL.
    Missing(FieldSlot),
    /// That field has no canonical text.
    Unreadable(FieldSlot, CanonicalFault),
}

/// Replaces what `out` holds by the identity of a row; `element` is its place in its array. `part` is scratch.
///
/// # Errors
/// [`IdentityFault`] with the first field that has no text.
pub fn identity(
    fields: &[FieldSlot],
    element: Option<u32>,
    row: RowView<'_>,
    part: &mut String,
    out: &mut String,
) -> Result<(), IdentityFault> {
    out.clear();
    for slot in fields {
        let single = fields.len() == 1;
        let text = if single { &mut *out } else { &mut *part };
        match canonical(row.value(*slot), text) {
            Ok(true) => {}
            Ok(false) => return Err(IdentityFault::Missing(*slot)),
            Err(fault) => return Err(IdentityFault::Unreadable(*slot, fault)),
        }
        if !single {
            // Writing to a String does not fail.
            let _ = write!(out, "{}:{part},", part.len());
        }
    }
    if let Some(index) = element {
        let _ = write!(out, "#{index}");
    }
    Ok(())
}
