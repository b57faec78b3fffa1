//! Values: a measure over the buckets of a window, in exact rationals.
//!
//! | measure | value | null where | n | numerator / denominator |
//! |---|---|---|---|---|
//! | count, sum | itself, 0 without rows | never | rows | – |
//! | distinct | how many different values, 0 without rows | never | that number: the things that were counted, not their rows | – |
//! | level | the sum over keys at the window's end, 0 without keys | never | keys | – |
//! | mean | sum / count | count is 0 | rows | sum / count |
//! | min, max | itself | count is 0 | rows | – |
//! | pNN | the midpoint of its bin, which is off by 0.8 % at most; of values, not of pairs, at least the min and at most the max | count is 0 | rows | – |
//! | share (a cohort) | good / judged | none is judged | judged | good / judged |
//! | ratio | part / total, or 1 − bad / total | total is 0 | n of the total | good (or part) / total |
//! | formula | itself | an input is, or a division by zero | – | – |
//!
//! Whether the window is covered at all is asked elsewhere: here a bucket that is not there holds nothing. A calendar cuts whatever is
//! read: of the buckets only those count that lie in it.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::aggregate::cell::Cell;
use crate::aggregate::facts::Facts;
use crate::aggregate::member::MemberId;
use crate::aggregate::plan::{Facet, Measure, SetIndex, SketchIndex, TallyIndex};
use crate::aggregate::series::{Mergeable, Series};
use crate::aggregate::sketch::Sketch;
use crate::book::RatioSense;
use crate::book::expr::Operator;
use crate::fixed::{Fixed, Rational, SCALE};
use crate::time::{Bucket, BucketSet};

/// A value and what it came from.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Quantity {
    /// Exact.
    pub(super) value: Option<Rational>,
    pub(super) n: Option<i64>,
    pub(super) numerator: Option<Fixed>,
    pub(super) denominator: Option<Fixed>,
}

/// Count and sum of a run of buckets, which can also be taken back.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rows {
    pub(super) count: i64,
    pub(super) sum: i128,
}

impl Rows {
    fn apply(&mut self, cell: &Cell, sign: i64) {
        self.count = self.count.wrapping_add(cell.count.wrapping_mul(sign));
        self.sum = self.sum.wrapping_add(cell.sum.wrapping_mul(i128::from(sign)));
    }
}

/// What a run of buckets adds up to. It follows the run as that moves, adding what enters and taking back what leaves, so that a window
/// that slides over a cycle touches each bucket twice, not once a day. All is integers: the way there leaves no trace.
#[derive(Clone, Debug)]
struct Sliding<A> {
    buckets: Range<Bucket>,
    total: A,
}

impl<A: Default> Sliding<A> {
    fn new() -> Sliding<A> {
        Sliding { buckets: Bucket(0)..Bucket(0), total: A::default() }
    }

    fn slide<T: Mergeable>(
        &mut self,
        series: &Series<T>,
        member: MemberId,
        (to, during): (&Range<Bucket>, Option<&BucketSet>),
        apply: impl Fn(&mut A, &T, i64),
    ) -> &A {
        let width = |range: &Range<Bucket>| i64::from(range.end.0) - i64::from(range.start.0);
        let (start, end) = (self.buckets.start..to.start, self.buckets.end..to.end);
        let mut each = |range: Range<Bucket>, sign: i64| {
            each_run(during, range, |run| {
                series.buckets(member, run).iter().for_each(|(_, value)| apply(&mut self.total, value, sign));
            });
        };
        // Runs of which one moves into the other by fewer steps than it is wide do overlap.
        if width(&start).abs() + width(&end).abs() < width(to) {
            match width(&start) < 0 {
                true => each(start.end..start.start, 1),
                false => each(start, -1),
            }
            match width(&end) < 0 {
                true => each(end.end..end.start, -1),
                false => each(end, 1),
            }
        } else {
            self.total = A::default();
            each_run(during, to.clone(), |run| {
                series.buckets(member, run).iter().for_each(|(_, value)| apply(&mut self.total, value, 1));
            });
        }
        self.buckets = to.clone();
        &self.total
    }
}

/// Calls `each` with what the calendar leaves of `range`: all of it where there is none.
fn each_run(during: Option<&BucketSet>, range: Range<Bucket>, mut each: impl FnMut(Range<Bucket>)) {
    match during {
        None => each(range),
        Some(during) => during.within(&range).for_each(each),
    }
}

/// Reads facts; remembers where each series was read last.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    facts: &'a Facts,
    /// The calendar that cuts all that is read.
    during: Option<&'a BucketSet>,
    /// Hours, days or weeks that were read, by their first bucket.
    intervals: BTreeMap<(TallyIndex, MemberId, Bucket), Rows>,
    tallies: BTreeMap<(TallyIndex, MemberId), Sliding<Rows>>,
    sketches: BTreeMap<(SketchIndex, MemberId), Sliding<Sketch>>,
    sets: BTreeMap<(SetIndex, MemberId), (Range<Bucket>, i64)>,
    extremes: BTreeMap<(TallyIndex, MemberId), (Range<Bucket>, Cell)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(facts: &'a Facts, during: Option<&'a BucketSet>) -> Reader<'a> {
        Reader {
            facts,
            during,
            intervals: BTreeMap::new(),
            tallies: BTreeMap::new(),
            sketches: BTreeMap::new(),
            sets: BTreeMap::new(),
            extremes: BTreeMap::new(),
        }
    }

    /// What the calendar leaves of `buckets`, in order.
    pub(super) fn runs(&self, buckets: &Range<Bucket>) -> impl Iterator<Item = Range<Bucket>> {
        let mut runs = Vec::new();
        each_run(self.during, buckets.clone(), |run| runs.push(run));
        runs.into_iter()
    }

    /// The end of the last bucket that the calendar leaves of `buckets`.
    pub(super) fn end(&self, buckets: &Range<Bucket>) -> Bucket {
        self.runs(buckets).last().map_or(buckets.end, |run| run.end)
    }

    /// Whether the calendar leaves nothing of `buckets`.
    pub(super) fn is_cut_away(&self, buckets: &Range<Bucket>) -> bool {
        self.during.is_some_and(|during| during.within(buckets).next().is_none())
    }

    /// Whether a member has any rows in what the calendar leaves of `buckets`.
    pub(super) fn has_rows(&self, tally: TallyIndex, member: MemberId, buckets: &Range<Bucket>) -> bool {
        let (series, mut found) = (self.facts.tally(tally), false);
        each_run(self.during, buckets.clone(), |run| {
            found |= series.buckets(member, run).iter().any(|(_, cell)| !cell.is_empty());
        });
        found
    }

    /// Count and sum of one hour, day or week; `buckets` are always the same for the same first one.
    pub(super) fn of_interval(&mut self, tally: TallyIndex, member: MemberId, buckets: Range<Bucket>) -> Rows {
        let (series, during) = (self.facts.tally(tally), self.during);
        *self.intervals.entry((tally, member, buckets.start)).or_insert_with(|| {
            let mut rows = Rows::default();
            each_run(during, buckets, |run| {
                series.buckets(member, run).iter().for_each(|(_, cell)| rows.apply(cell, 1));
            });
            rows
        })
    }

    /// The measure of one member over `buckets`.
    pub(super) fn read(&mut self, measure: &Measure, member: MemberId, buckets: &Range<Bucket>) -> Quantity {
        match measure {
            Measure::Count(tally) => counted(self.rows(*tally, member, buckets).count),
            Measure::Distinct(set) => counted(self.distinct(*set, member, buckets)),
            Measure::Sum(tally) => {
                let rows = self.rows(*tally, member, buckets);
                Quantity { value: Some(Fixed(rows.sum).to_rational()), n: Some(rows.count), ..Quantity::default() }
            }
            Measure::Level(tally) => {
                // All changes ever, whatever the calendar: what was told before the window, or the cycle, holds until something else is.
                let until = Bucket::FIRST..self.end(buckets);
                let sliding = self.tallies.entry((*tally, member)).or_insert_with(Sliding::new);
                let rows = *sliding.slide(self.facts.tally(*tally), member, (&until, None), Rows::apply);
                Quantity { value: Some(Fixed(rows.sum).to_rational()), n: Some(rows.count), ..Quantity::default() }
            }
            Measure::Mean(tally) | Measure::Share(tally) => {
                let rows = self.rows(*tally, member, buckets);
                Quantity {
                    // Without rows the denominator is 0, and there is no value.
                    value: Rational::new(rows.sum, i128::from(rows.count.max(0)) * SCALE),
                    n: Some(rows.count),
                    numerator: Some(Fixed(rows.sum)),
                    denominator: Some(Fixed::from_int(rows.count)),
                }
            }
            Measure::Min(tally) => self.extreme(*tally, member, buckets, |cell| cell.min),
            Measure::Max(tally) => self.extreme(*tally, member, buckets, |cell| cell.max),
            Measure::Percentile(tally, sketch, rank) => {
                let n = self.rows(*tally, member, buckets).count;
                let value = self.percentile(*sketch, member, buckets, *rank);
                Quantity { value: self.within(*tally, member, buckets, value), n: Some(n), ..Quantity::default() }
            }
            Measure::Ratio(sense, part, total) => {
                let (part, total) = (self.read(part, member, buckets), self.read(total, member, buckets));
                ratio(*sense, &part, &total)
            }
            Measure::Number(number) => formula(Some(number.to_rational())),
            Measure::Negate(a) => formula(self.read(a, member, buckets).value.map(|a| -a)),
            Measure::Arithmetic(operator, a, b) => {
                let (a, b) = (self.read(a, member, buckets).value, self.read(b, member, buckets).value);
                formula(a.zip(b).and_then(|(a, b)| arithmetic(*operator, a, b)))
            }
        }
    }

    fn rows(&mut self, tally: TallyIndex, member: MemberId, buckets: &Range<Bucket>) -> Rows {
        let sliding = self.tallies.entry((tally, member)).or_insert_with(Sliding::new);
        *sliding.slide(self.facts.tally(tally), member, (buckets, self.during), Rows::apply)
    }

    /// A run that begins where the last one did and ends later only adds what is new; any other is counted anew.
    fn distinct(&mut self, set: SetIndex, member: MemberId, buckets: &Range<Bucket>) -> i64 {
        let values = self.facts.set(set);
        if self.during.is_some() {
            return values.count_in(member, &self.runs(buckets).collect::<Vec<_>>());
        }
        let count = match self.sets.get(&(set, member)) {
            Some((last, count)) if last.start == buckets.start && last.end <= buckets.end => {
                count + values.count_more(member, last.start, &(last.end..buckets.end))
            }
            _ => values.count(member, buckets),
        };
        self.sets.insert((set, member), (buckets.clone(), count));
        count
    }

    fn percentile(
        &mut self,
        sketch: SketchIndex,
        member: MemberId,
        buckets: &Range<Bucket>,
        rank: u16,
    ) -> Option<Rational> {
        let sliding = self.sketches.entry((sketch, member)).or_insert_with(Sliding::new);
        let apply = |total: &mut Sketch, sketch: &Sketch, sign: i64| {
            sketch.bins().for_each(|(bin, count)| total.add(bin, sign * count));
        };
        sliding.slide(self.facts.sketch(sketch), member, (buckets, self.during), apply).percentile(rank)
    }

    fn extreme(
        &mut self,
        tally: TallyIndex,
        member: MemberId,
        buckets: &Range<Bucket>,
        of: impl Fn(&Cell) -> i128,
    ) -> Quantity {
        let cell = self.extremes(tally, member, buckets);
        let known = cell.count > 0 && cell.min <= cell.max;
        let value = known.then(|| Fixed(of(&cell)).to_rational());
        Quantity { value, n: Some(cell.count), ..Quantity::default() }
    }

    /// A percentile is the midpoint of its bin; where least and greatest are kept, which is of values and not of pairs, it never lies outside
    /// them: of equal values it is that value.
    fn within(
        &mut self,
        tally: TallyIndex,
        member: MemberId,
        buckets: &Range<Bucket>,
        value: Option<Rational>,
    ) -> Option<Rational> {
        let cell = self.extremes(tally, member, buckets);
        if cell.min > cell.max {
            return value;
        }
        value.map(|value| value.clamp(Fixed(cell.min).to_rational(), Fixed(cell.max).to_rational()))
    }

    /// Least and greatest cannot be taken back: a run that begins where the last one did and ends later takes what is new, any other is
    /// read anew.
    fn extremes(&mut self, tally: TallyIndex, member: MemberId, buckets: &Range<Bucket>) -> Cell {
        let (mut from, mut cell) = (buckets.start, Cell::EMPTY);
        if let Some((last, known)) = self.extremes.get(&(tally, member))
            && last.start == buckets.start
            && last.end <= buckets.end
        {
            (from, cell) = (last.end, *known);
        }
        let series = self.facts.tally(tally);
        each_run(self.during, from..buckets.end, |run| cell.merge(&series.total(member, run)));
        self.extremes.insert((tally, member), (buckets.clone(), cell));
        cell
    }
}

/// A number of things, which is its own n.
fn counted(count: i64) -> Quantity {
    Quantity { value: Some(Rational::from(i128::from(count))), n: Some(count), ..Quantity::default() }
}

fn ratio(sense: RatioSense, part: &Quantity, total: &Quantity) -> Quantity {
    let (Some(part), Some(whole)) = (&part.value, &total.value) else {
        return Quantity::default();
    };
    let numerator = match sense {
        RatioSense::Bad => whole.clone() - part.clone(),
        RatioSense::Good | RatioSense::Part => part.clone(),
    };
    Quantity {
        value: numerator.checked_div(whole),
        n: total.n,
        numerator: Fixed::round(&numerator),
        denominator: Fixed::round(whole),
    }
}

/// A formula has a value, and no number of rows.
fn formula(value: Option<Rational>) -> Quantity {
    Quantity { value, ..Quantity::default() }
}

fn arithmetic(operator: Operator, a: Rational, b: Rational) -> Option<Rational> {
    match operator {
        Operator::Add => Some(a + b),
        Operator::Subtract => Some(a - b),
        Operator::Multiply => Some(a * b),
        Operator::Divide => a.checked_div(&b),
        // Does not occur in a formula.
        Operator::Modulo => None,
    }
}

/// Whether a value grows with what it is taken over, so that the whole's target says nothing of one member: counts, sums and levels, whose
/// members add up to the whole, and distincts, whose members may share values and then add up to more.
pub(super) fn is_extensive(measure: &Measure) -> bool {
    let constant = |measure: &Measure| matches!(measure, Measure::Number(_));
    match measure {
        Measure::Count(_) | Measure::Sum(_) | Measure::Level(_) | Measure::Distinct(_) => true,
        Measure::Negate(a) => is_extensive(a),
        Measure::Arithmetic(Operator::Add | Operator::Subtract, a, b) => is_extensive(a) && is_extensive(b),
        Measure::Arithmetic(Operator::Multiply, a, b) => {
            is_extensive(a) && constant(b) || constant(a) && is_extensive(b)
        }
        Measure::Arithmetic(Operator::Divide, a, b) => is_extensive(a) && constant(b),
        _ => false,
    }
}

/// Calls `each` with every measure that reads facts itself.
pub(super) fn each_leaf(measure: &Measure, each: &mut impl FnMut(&Measure)) {
    match measure {
        Measure::Ratio(_, a, b) | Measure::Arithmetic(_, a, b) => {
            each_leaf(a, each);
            each_leaf(b, each);
        }
        Measure::Negate(a) => each_leaf(a, each),
        Measure::Number(_) => {}
        leaf => each(leaf),
    }
}

/// Calls `each` with every series of cells, sketches or sets that the measure reads.
pub(crate) fn each_facet(measure: &Measure, each: &mut impl FnMut(Facet)) {
    each_leaf(measure, &mut |leaf| match leaf {
        Measure::Count(tally)
        | Measure::Sum(tally)
        | Measure::Mean(tally)
        | Measure::Min(tally)
        | Measure::Max(tally)
        | Measure::Level(tally)
        | Measure::Share(tally) => each(Facet::Tally(*tally)),
        Measure::Percentile(tally, sketch, _) => {
            each(Facet::Tally(*tally));
            each(Facet::Sketch(*sketch));
        }
        Measure::Distinct(set) => each(Facet::Set(*set)),
        Measure::Ratio(..) | Measure::Arithmetic(..) | Measure::Negate(_) | Measure::Number(_) => {}
    });
}
