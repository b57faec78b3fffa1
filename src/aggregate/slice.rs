//! A slice of a metric: which of its rows a measure takes beside the metric's own `where`, and by which dimension.
//!
//! | the book says | a slice takes |
//! |---|---|
//! | `by: [warehouse]` | all rows, by the member of the dimension |
//! | `only: { warehouse: SH1 }` | rows of that member; of a duration, pairs whose start is of it |
//! | `where` on a ratio or a formula | of every event below it, rows that its own `where` takes too |
//! | `where` on a duration | starts; an end need not have the fields of its start |

use super::member::{MemberId, Members};
use super::plan::OnlyMember;
use crate::book::expr::Expr;
use crate::book::{Dimension, MetricFilter};
use crate::event::EventIndex;

/// What a measure takes of its metrics' rows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slice<'a> {
    /// The dimension by whose members the rows are kept apart.
    pub(super) by: Option<&'a str>,
    /// Dimensions and the one member of each that is taken, by dimension.
    pub(super) only: &'a [(String, String)],
    /// The `where` of the metric above, if it has one.
    above: Option<&'a Narrowed<'a>>,
}

/// The `where` of a metric, and those of the metrics above it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Narrowed<'a> {
    filter: &'a MetricFilter,
    above: Option<&'a Narrowed<'a>>,
}

impl<'a> Slice<'a> {
    pub(super) fn new(by: Option<&'a str>, only: &'a [(String, String)]) -> Slice<'a> {
        Slice { by, only, above: None }
    }

    /// What stands above the inputs of a metric that has this filter; to be kept beside the slice made of it.
    pub(super) fn narrowed(&self, filter: &'a Option<MetricFilter>) -> Option<Narrowed<'a>> {
        filter.as_ref().map(|filter| Narrowed { filter, above: self.above })
    }

    /// The same slice for the inputs of a metric.
    pub(super) fn below<'b>(&self, narrowed: Option<&'b Narrowed<'b>>) -> Slice<'b>
    where
        'a: 'b,
    {
        Slice { by: self.by, only: self.only, above: narrowed.or(self.above) }
    }

    /// `own` and every filter above it, the nearest first.
    pub(super) fn filter(&self, event: EventIndex, own: Option<&Expr>) -> Option<Expr> {
        let mut filter = own.cloned();
        let mut above = self.above;
        while let Some(narrowed) = above {
            if let Some(theirs) = narrowed.filter.of(event) {
                filter = Some(match filter {
                    Some(known) => Expr::And(Box::new(known), Box::new(theirs.clone())),
                    None => theirs.clone(),
                });
            }
            above = narrowed.above;
        }
        filter
    }

    /// The members that are taken, by the positions of their dimensions in `dimensions`.
    pub(super) fn members(&self, dimensions: &[Dimension]) -> Vec<OnlyMember> {
        let position = |name: &str| dimensions.iter().position(|dimension| dimension.name == name);
        let found = self.only.iter().filter_map(|(name, member)| {
            Some(OnlyMember { dimension: position(name)?, member: member.as_str().into() })
        });
        let mut found: Vec<OnlyMember> = found.collect();
        found.sort();
        found
    }
}

/// Whether a row, or a start, of these members (by position of their dimension) is taken.
pub(super) fn takes(only: &[OnlyMember], members: &[MemberId], names: &Members) -> bool {
    only.iter().all(|only| {
        let member = members.get(only.dimension).copied().unwrap_or(MemberId::NONE);
        names.name(member) == &*only.member
    })
}
