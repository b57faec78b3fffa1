//! One key result: from the cut to the status, and what changed in a week.

use std::ops::Range;

use super::Context;
use super::cut::{Cut, Silence, silence};
use super::days::{self, DayReadings};
use super::goal;
use super::line::Line;
use super::member;
use super::over::{Over, over};
use super::plan;
use super::reason::reason;
use super::result::{Change, CheckIn, KeyResultScore, Part};
use super::status::{Evidence, WindowCoverage};
use super::value::{Quantity, Reader, each_facet};
use super::window::{Frame, Laid};
use crate::aggregate::budget::Budget;
use crate::aggregate::facts::Coverage;
use crate::aggregate::member::MemberId;
use crate::aggregate::plan::{AggregateIndex, Facet, KeyResultPlan, Measure};
use crate::book::{Cycle, CycleIndex, Formula, Goal, Judge, KeyResult, MetricIndex, MetricKind, Objective, Source};
use crate::fixed::Fixed;
use crate::time::{Span, Timestamp};

/// A key result about to be scored.
pub(super) struct Scorer<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) key_result: &'a KeyResult,
    pub(super) cycle: &'a Cycle,
    pub(super) cut: Cut,
    pub(super) silence: Option<Silence>,
    /// What the value is held against; nothing until it is known.
    pub(super) line: Line,
    /// Its own, the latest last.
    check_ins: &'a [&'a CheckIn],
    pub(super) plan: Option<&'a KeyResultPlan>,
    pub(super) day_ends: &'a [Timestamp],
    pub(super) reader: Reader<'a>,
    pub(super) day_readings: DayReadings,
}

/// A measure, and since when the aggregates that it reads are covered.
#[derive(Clone, Copy)]
pub(super) struct Covered<'m> {
    pub(super) measure: &'m Measure,
    coverage: Coverage,
    /// That of levels: what was told of a key before the window holds in it, so a window that is covered is not enough.
    lasting: Coverage,
    /// The budget that something it reads is past: then it has no value.
    pub(super) passed: Option<Budget>,
}

/// A value at one instant.
pub(super) struct Reading {
    pub(super) window: Option<Laid>,
    pub(super) coverage: WindowCoverage,
    pub(super) passed: Option<Budget>,
    pub(super) quantity: Quantity,
    /// The hour, day or week that it is of, where it is one's alone.
    pub(super) interval: Option<Range<Timestamp>>,
}

impl Reading {
    /// Of what has no window.
    fn plain(quantity: Quantity) -> Reading {
        Reading { window: None, coverage: WindowCoverage::Whole, passed: None, quantity, interval: None }
    }
}

/// Scores one key result as of now. `None` if there is none at these positions.
pub(super) fn score(context: &Context<'_>, objective: usize, key_result: usize) -> Option<KeyResultScore> {
    let Place { owner, kr, check_ins, plan } = place(context, objective, key_result)?;
    Some(Scorer::new(context, kr, owner.cycle, plan, check_ins, None, reader(context, plan)).score(true).0)
}

/// The same as of past instants. They share what they read, which goes on from each to the next: in rising order a window of a cycle's
/// whole length costs what is new in it, not all of it, at each of them.
pub(super) fn scores_at(
    context: &Context<'_>,
    objective: usize,
    key_result: usize,
    instants: impl Iterator<Item = Timestamp>,
) -> Option<Vec<KeyResultScore>> {
    let Place { owner, kr, check_ins, plan } = place(context, objective, key_result)?;
    let mut known = (reader(context, plan), DayReadings::default());
    let mut scores = Vec::new();
    for instant in instants {
        let scorer = Scorer {
            day_readings: known.1,
            ..Scorer::new(context, kr, owner.cycle, plan, check_ins, Some(instant), known.0)
        };
        let score;
        (score, known) = scorer.score(false);
        scores.push(score);
    }
    Some(scores)
}

/// A key result with what is said and planned of it.
struct Place<'a> {
    owner: &'a Objective,
    kr: &'a KeyResult,
    check_ins: &'a [&'a CheckIn],
    plan: Option<&'a KeyResultPlan>,
}

fn place<'a>(context: &'a Context<'_>, objective: usize, key_result: usize) -> Option<Place<'a>> {
    let owner = context.input.book.objectives.get(objective)?;
    let kr = owner.key_results.get(key_result)?;
    let check_ins = context.check_ins.get(&(owner.id.as_str(), kr.id.as_str())).map_or(&[][..], Vec::as_slice);
    Some(Place { owner, kr, check_ins, plan: context.plan(objective, key_result) })
}

fn reader<'a>(context: &Context<'a>, plan: Option<&'a KeyResultPlan>) -> Reader<'a> {
    Reader::new(context.input.facts, plan.and_then(|plan| plan.windows.during.as_ref()))
}

/// The value of a KPI and all that led to it.
pub(super) fn kpi(context: &Context<'_>, index: usize) -> Option<KeyResultScore> {
    let kpi = context.input.book.kpis.get(index)?;
    let plan = context.input.plan.kpis.get(index)?.as_ref();
    Some(Scorer::new(context, &kpi.shown, kpi.cycle, plan, &[], None, reader(context, plan)).score(true).0)
}

impl<'a> Scorer<'a> {
    fn new(
        context: &'a Context<'a>,
        kr: &'a KeyResult,
        cycle_index: CycleIndex,
        plan: Option<&'a KeyResultPlan>,
        all: &'a [&'a CheckIn],
        past: Option<Timestamp>,
        reader: Reader<'a>,
    ) -> Scorer<'a> {
        let book = context.input.book;
        let cycle = &book.cycles[usize::from(cycle_index.0)];
        let now = past.map_or(context.input.now, |past| past.min(context.input.now));
        let facts = context.input.facts;
        let cut = Cut::of(kr, plan, cycle, facts, now, past.is_some());
        let until = cut.as_of.map_or(0, |as_of| all.partition_point(|check_in| check_in.at <= as_of));
        let check_ins = &all[..until];
        let last_check_in = check_ins.last().map(|check_in| check_in.at);
        let silence = silence(book, kr, plan, cycle, facts, &cut, last_check_in);
        let day_ends = match kr.goal {
            Goal::Maintain { judge: Judge::Days(_), .. } => context.day_ends(cycle_index),
            _ => &[],
        };
        let line = Line::Nothing;
        let day_readings = DayReadings::default();
        Scorer { context, key_result: kr, cycle, cut, silence, line, check_ins, plan, day_ends, reader, day_readings }
    }
}

impl<'a> Scorer<'a> {
    /// The score, and what was read, for the next one.
    fn score(mut self, with_change: bool) -> (KeyResultScore, (Reader<'a>, DayReadings)) {
        let measure = self.plan.map(|plan| self.covered(plan, &plan.measure));
        let (as_of, open) = (self.cut.as_of, self.cut.open);
        let (measured, line, before) = self.lines(measure);
        self.line = line;
        let days = as_of.map(|as_of| self.days(measure, MemberId::NONE, as_of, &line)).unwrap_or_default();
        let reading = match as_of {
            Some(as_of) => self.read(measure, MemberId::NONE, as_of, open),
            None => Reading::plain(Quantity::default()),
        };
        let value = reading.quantity.value.as_ref().and_then(goal::rounded);
        let attainment = line.attainment(reading.quantity.value.as_ref(), &days);
        let score = attainment.map(goal::clamped);
        let expected = as_of.and_then(|as_of| goal::expected(self.key_result, &line, self.cycle, as_of));
        let original = before.map(|before| before.original(reading.quantity.value.as_ref(), &days));
        let evidence = Evidence { measured: measured.as_ref(), ..self.evidence(&reading, attainment, expected) };
        let rule = evidence.rule();
        let mut reason = reason(self.context.input.book, self.context.input.facts, &evidence, rule);
        let change_7d = match with_change {
            true => self.change(measure, &reading, value, score, &days),
            false => None,
        };
        let (members, hidden) = match self.plan {
            Some(plan) => member::scores(&mut self, plan, &reading, expected, rule),
            None => Default::default(),
        };
        reason.remarks.extend(hidden);
        let score = KeyResultScore {
            window_from: reading.window.as_ref().map(|window| window.from),
            window_to: reading.window.as_ref().map(|window| window.to),
            data_from: match reading.coverage {
                WindowCoverage::From(at) => Some(at),
                WindowCoverage::Nothing(at) => at,
                WindowCoverage::Whole => None,
            },
            as_of,
            last_event_at: self.last_event_at(),
            value,
            n: reading.quantity.n,
            numerator: reading.quantity.numerator,
            denominator: reading.quantity.denominator,
            baseline: line.baseline(),
            target: line.target(),
            measured,
            original,
            attainment,
            score,
            success: goal::success(self.key_result),
            expected,
            status: rule.status(),
            closed: self.cut.closed,
            reason,
            change_7d,
            check_in: self.check_ins.last().map(|check_in| (*check_in).clone()),
            interval: reading.interval.clone(),
            days: self.counts_days().then(|| days::count(&days)),
            parts: self.parts(&reading),
            plan: plan::progress(&self.key_result.plan, self.cut.now),
            members,
        };
        (score, (self.reader, self.day_readings))
    }

    pub(super) fn counts_days(&self) -> bool {
        matches!(self.key_result.goal, Goal::Maintain { judge: Judge::Days(_), .. })
    }

    /// What is judged; `attainment` may be a member's.
    pub(super) fn evidence<'b>(
        &'b self,
        reading: &'b Reading,
        attainment: Option<Fixed>,
        expected: Option<Fixed>,
    ) -> Evidence<'b> {
        Evidence {
            key_result: self.key_result,
            cycle: self.cycle,
            cut: &self.cut,
            silence: self.silence.as_ref(),
            window: reading.window.as_ref(),
            coverage: reading.coverage,
            passed: reading.passed,
            unchecked: self.unchecked(),
            value: reading.quantity.value.as_ref().and_then(goal::rounded),
            n: reading.quantity.n,
            score: attainment.map(goal::clamped),
            success: goal::success(self.key_result),
            expected,
            measured: None,
        }
    }

    /// The value as of an instant. A measure reads its window; milestones and check-ins have none.
    pub(super) fn read(
        &mut self,
        measure: Option<Covered<'_>>,
        member: MemberId,
        as_of: Timestamp,
        open: bool,
    ) -> Reading {
        match (&self.key_result.source, measure, self.plan) {
            (Source::Milestones(milestones), ..) => {
                let (done, all) = goal::milestones_done(milestones, as_of);
                Reading::plain(Quantity {
                    value: goal::share(&done, &all),
                    n: None,
                    numerator: goal::rounded(&done),
                    denominator: goal::rounded(&all),
                })
            }
            (Source::Manual, ..) => {
                let mut said = self.check_ins.iter().rev().filter(|check_in| check_in.at <= as_of);
                let value = said.find_map(|check_in| check_in.value).map(Fixed::to_rational);
                Reading::plain(Quantity { value, ..Quantity::default() })
            }
            (Source::Metric { .. }, Some(measure), Some(plan)) => {
                let (cycle, window) = (self.cycle, self.key_result.window);
                let window = Frame { window, cycle, grain: plan.grain, horizon: plan.horizon }.lay(as_of, open);
                self.read_over(measure, member, window)
            }
            (Source::Metric { .. }, ..) => Reading::plain(Quantity::default()),
        }
    }

    /// The value over a window.
    pub(super) fn read_over(&mut self, measure: Covered<'_>, member: MemberId, window: Laid) -> Reading {
        let coverage = Self::coverage(&measure, &window);
        let since = match (measure.passed, coverage) {
            (Some(_), _) | (_, WindowCoverage::Nothing(_)) => None,
            (None, WindowCoverage::From(since)) => Some(since),
            (None, WindowCoverage::Whole) => Some(window.from),
        };
        let over = self.plan.zip(since).map(|(plan, since)| {
            over(&mut self.reader, (self.key_result, plan), measure.measure, member, (&window, since))
        });
        let Over { quantity, interval } = over.unwrap_or_default();
        Reading { window: Some(window), coverage, passed: measure.passed, quantity, interval }
    }

    /// The measure with the coverage of the aggregates that it reads itself: a dimension that was added yesterday makes its members
    /// partial, not the whole.
    pub(super) fn covered<'m>(&self, plan: &KeyResultPlan, measure: &'m Measure) -> Covered<'m> {
        let mut facets = Vec::new();
        each_facet(measure, &mut |facet| facets.push(facet));
        let aggregates = &self.context.input.plan.aggregates;
        // Derived cells stand for their half-pairs, which hold all dimensions at once.
        let reads = |index: &AggregateIndex| match aggregates.get(index.0 as usize).map(|aggregate| aggregate.facet) {
            Some(facet @ (Facet::Tally(_) | Facet::Sketch(_) | Facet::Set(_))) => facets.contains(&facet),
            Some(Facet::Pairs(_) | Facet::Levels(_)) | None => true,
        };
        let facts = self.context.input.facts;
        let passed = facets.iter().find_map(|facet| facts.past_budget(*facet));
        let mut covered = Covered { measure, coverage: Coverage::Whole, lasting: Coverage::Whole, passed };
        for index in plan.aggregates.iter().copied().filter(reads) {
            let facet = aggregates.get(index.0 as usize).map(|aggregate| aggregate.facet);
            let coverage = match facet {
                Some(Facet::Levels(_)) => &mut covered.lasting,
                _ => &mut covered.coverage,
            };
            *coverage = (*coverage).max(facts.coverage(index));
            covered.passed = facet.and_then(|facet| facts.passed.of(facet)).or(covered.passed);
        }
        covered
    }

    /// How much of the window is covered: the worse of both.
    ///
    /// | covered | a level | anything else |
    /// |---|---|---|
    /// | whole partitions, from offset 0 | whole | whole |
    /// | from before the window on | from there: a key that has not changed since is unknown | whole |
    /// | from within the window on | from there | from there |
    /// | from after the window on, or nothing | nothing | nothing |
    fn coverage(covered: &Covered<'_>, window: &Laid) -> WindowCoverage {
        let of = |coverage: Coverage| match coverage {
            Coverage::Whole => WindowCoverage::Whole,
            // In an empty window nothing is missing.
            Coverage::From(_) | Coverage::Nothing if window.is_empty() => WindowCoverage::Whole,
            Coverage::From(at) if at < window.to => WindowCoverage::From(at),
            Coverage::From(at) => WindowCoverage::Nothing(Some(at)),
            Coverage::Nothing => WindowCoverage::Nothing(None),
        };
        let in_window = match covered.coverage {
            Coverage::From(at) if at <= window.from => WindowCoverage::Whole,
            coverage => of(coverage),
        };
        in_window.max(of(covered.lasting))
    }

    /// Value and score less those recomputed at as_of − 7 d. A past window that is covered less than today's tells nothing.
    fn change(
        &mut self,
        measure: Option<Covered<'_>>,
        today: &Reading,
        value: Option<Fixed>,
        score: Option<Fixed>,
        days: &[(Timestamp, bool)],
    ) -> Option<Change> {
        let then = self.cut.as_of?.checked_sub(Span::WEEK)?;
        let past = self.read(measure, MemberId::NONE, then, false);
        let same_start = past.window.as_ref().map(|w| w.from) == today.window.as_ref().map(|w| w.from);
        if past.coverage != WindowCoverage::Whole && !same_start && !self.key_result.partial_accepted {
            return None;
        }
        let ended = days.partition_point(|(at, _)| *at <= then);
        let past_score = self.line.attainment(past.quantity.value.as_ref(), &days[..ended]).map(goal::clamped);
        let past_value = past.quantity.value.as_ref().and_then(goal::rounded);
        let less = |(now, then): (Fixed, Fixed)| now.0.checked_sub(then.0).map(Fixed);
        let change =
            Change { value: value.zip(past_value).and_then(less), score: score.zip(past_score).and_then(less) };
        (change.value.is_some() || change.score.is_some()).then_some(change)
    }

    /// Rows of its events that could not be checked for copies.
    fn unchecked(&self) -> u64 {
        let events = self.plan.map_or(&[][..], |plan| &plan.events);
        events.iter().map(|event| self.context.input.facts.event(*event).unchecked).sum()
    }

    fn last_event_at(&self) -> Option<Timestamp> {
        let events = &self.plan?.events;
        events.iter().filter_map(|event| self.context.input.facts.event(*event).last_event_at).max()
    }

    /// The metrics that a ratio or a formula is made of.
    fn parts(&mut self, reading: &Reading) -> Vec<Part> {
        let (Some(plan), Some(window)) = (self.plan, &reading.window) else {
            return Vec::new();
        };
        let Source::Metric { metric, .. } = self.key_result.source else {
            return Vec::new();
        };
        let metrics = &self.context.input.book.metrics;
        let mut found: Vec<(MetricIndex, &Measure)> = Vec::new();
        match (&metrics[usize::from(metric.0)].kind, &plan.measure) {
            (MetricKind::Ratio { part, total, .. }, Measure::Ratio(_, a, b)) => {
                found.extend([(*part, a.as_ref()), (*total, b.as_ref())]);
            }
            (MetricKind::Derived { formula, .. }, measure) => formula_parts(formula, measure, &mut found),
            _ => {}
        }
        let empty = window.is_empty()
            || reading.passed.is_some()
            || matches!(reading.coverage, WindowCoverage::Nothing(_))
            || self.reader.is_cut_away(&window.buckets);
        let parts = found.into_iter().map(|(metric, measure)| {
            let quantity = match empty {
                true => Quantity::default(),
                false => self.reader.read(measure, MemberId::NONE, &window.buckets),
            };
            let value = quantity.value.as_ref().and_then(goal::rounded);
            Part { metric: metrics[usize::from(metric.0)].name.clone(), value, n: quantity.n }
        });
        parts.collect()
    }
}

/// A formula and the measure made from it have the same shape; each metric once, in order of the text.
fn formula_parts<'a>(formula: &Formula, measure: &'a Measure, found: &mut Vec<(MetricIndex, &'a Measure)>) {
    match (formula, measure) {
        (Formula::Metric(metric), _) if found.iter().any(|(known, _)| known == metric) => {}
        (Formula::Metric(metric), measure) => found.push((*metric, measure)),
        (Formula::Negate(formula), Measure::Negate(measure)) => formula_parts(formula, measure, found),
        (Formula::Arithmetic(_, a, b), Measure::Arithmetic(_, c, d)) => {
            formula_parts(a, c, found);
            formula_parts(b, d, found);
        }
        _ => {}
    }
}
