//! Makes a [`Plan`] of a [`Book`]: each distinct facet once, however many key results read it.

use std::collections::{BTreeMap, BTreeSet};

use super::definition;
use super::measured;
use super::plan::*;
use super::slice::Slice;
use super::window_plan;
use crate::book::expr::Expr;
use crate::book::{Book, Cycle, Duration, Formula, KeyResult, MetricIndex, MetricKind, Rows, Source, Stat};
use crate::event::{EventIndex, FieldSlot};
use crate::time::{Grain, Span};

impl Plan {
    /// What `book` needs.
    pub fn of(book: &Book) -> Plan {
        let mut planner = Planner { book, plan: Plan::default(), known: BTreeMap::new() };
        for event in &book.events {
            let definition = definition::event(book, event);
            planner.plan.events.push(EventPlan {
                id: definition::event_id(&definition),
                definition,
                inputs: Vec::new(),
                tables: Vec::new(),
                roles: Vec::new(),
                tells: Vec::new(),
                dimensions: definition::dimensions(book, event),
            });
        }
        for objective in &book.objectives {
            let cycle = &book.cycles[usize::from(objective.cycle.0)];
            let plans = objective.key_results.iter().map(|kr| planner.key_result(kr, cycle)).collect();
            planner.plan.key_results.push(plans);
        }
        for kpi in &book.kpis {
            let plan = planner.key_result(&kpi.shown, &book.cycles[usize::from(kpi.cycle.0)]);
            planner.plan.kpis.push(plan);
        }
        planner.plan
    }
}

struct Planner<'b> {
    book: &'b Book,
    plan: Plan,
    known: BTreeMap<String, AggregateIndex>,
}

/// What a measure reads, gathered while it is built.
#[derive(Default)]
struct Reads {
    events: BTreeSet<EventIndex>,
    aggregates: BTreeSet<AggregateIndex>,
}

impl Planner<'_> {
    fn key_result(&mut self, key_result: &KeyResult, cycle: &Cycle) -> Option<KeyResultPlan> {
        let Source::Metric { metric, stat } = key_result.source else { return None };
        let grain = window_plan::grain(self.book, cycle, key_result);
        let mut reads = Reads::default();
        let only = &key_result.only;
        let measure = self.measure(metric, stat, Slice::new(None, only), grain, &mut reads);
        let by = key_result
            .by
            .iter()
            .map(|name| (name.clone(), self.measure(metric, stat, Slice::new(Some(name), only), grain, &mut reads)))
            .collect();
        let horizon = match stat {
            Stat::Within(span) => Some(span),
            Stat::OnTime => Some(Span(0)),
            _ => None,
        };
        let windows = WindowPlan::of(self.book, cycle, key_result, grain);
        let baseline = measured::id(&self.plan, key_result, &measure, &windows, grain);
        Some(KeyResultPlan {
            events: reads.events.into_iter().collect(),
            aggregates: reads.aggregates.into_iter().collect(),
            grain,
            horizon,
            windows,
            measure,
            by,
            baseline,
        })
    }

    fn measure(
        &mut self,
        metric: MetricIndex,
        stat: Stat,
        slice: Slice<'_>,
        grain: Grain,
        reads: &mut Reads,
    ) -> Measure {
        let book = self.book;
        let filter = &book.metrics[usize::from(metric.0)].filter;
        let narrowed = slice.narrowed(filter);
        let slice = slice.below(narrowed.as_ref());
        match &book.metrics[usize::from(metric.0)].kind {
            MetricKind::Count(rows) => Measure::Count(self.tally(metric, rows, None, slice, grain, reads)),
            MetricKind::Sum(rows, value) => Measure::Sum(self.tally(metric, rows, Some(value), slice, grain, reads)),
            MetricKind::Distinct(rows, value) => Measure::Distinct(self.set(metric, rows, value, slice, grain, reads)),
            MetricKind::Level { rows, key, value } => {
                Measure::Level(self.level(metric, rows, (*key, value), slice, grain, reads))
            }
            MetricKind::Value(rows, value) => {
                let tally = self.tally(metric, rows, Some(value), slice, grain, reads);
                match stat {
                    Stat::Percentile(p) => {
                        Measure::Percentile(tally, self.sketch(metric, rows, value, slice, grain, reads), p)
                    }
                    Stat::Min => Measure::Min(tally),
                    Stat::Max => Measure::Max(tally),
                    _ => Measure::Mean(tally),
                }
            }
            MetricKind::Ratio { sense, part, total } => {
                let part = self.measure(*part, Stat::Natural, slice, grain, reads);
                let total = self.measure(*total, Stat::Natural, slice, grain, reads);
                Measure::Ratio(*sense, Box::new(part), Box::new(total))
            }
            MetricKind::Duration(duration) => self.duration(metric, duration, stat, slice, grain, reads),
            MetricKind::Derived { formula, .. } => self.formula(formula, slice, grain, reads),
        }
    }

    fn formula(&mut self, formula: &Formula, slice: Slice<'_>, grain: Grain, reads: &mut Reads) -> Measure {
        match formula {
            Formula::Metric(metric) => self.measure(*metric, Stat::Natural, slice, grain, reads),
            Formula::Number(number) => Measure::Number(*number),
            Formula::Negate(a) => Measure::Negate(Box::new(self.formula(a, slice, grain, reads))),
            Formula::Arithmetic(operator, a, b) => Measure::Arithmetic(
                *operator,
                Box::new(self.formula(a, slice, grain, reads)),
                Box::new(self.formula(b, slice, grain, reads)),
            ),
        }
    }

    fn tally(
        &mut self,
        metric: MetricIndex,
        rows: &Rows,
        value: Option<&Expr>,
        slice: Slice<'_>,
        grain: Grain,
        reads: &mut Reads,
    ) -> TallyIndex {
        let next = Facet::Tally(TallyIndex(self.plan.tallies));
        match self.cells("tally", next, metric, rows, value, slice, grain, reads) {
            Facet::Tally(index) => index,
            _ => TallyIndex(0), // a definition begins with its facet's name
        }
    }

    fn sketch(
        &mut self,
        metric: MetricIndex,
        rows: &Rows,
        value: &Expr,
        slice: Slice<'_>,
        grain: Grain,
        reads: &mut Reads,
    ) -> SketchIndex {
        let next = Facet::Sketch(SketchIndex(self.plan.sketches));
        match self.cells("sketch", next, metric, rows, Some(value), slice, grain, reads) {
            Facet::Sketch(index) => index,
            _ => SketchIndex(0), // a definition begins with its facet's name
        }
    }

    fn set(
        &mut self,
        metric: MetricIndex,
        rows: &Rows,
        value: &Expr,
        slice: Slice<'_>,
        grain: Grain,
        reads: &mut Reads,
    ) -> SetIndex {
        let next = Facet::Set(SetIndex(self.plan.sets));
        match self.cells("distinct", next, metric, rows, Some(value), slice, grain, reads) {
            Facet::Set(index) => index,
            _ => SetIndex(0), // a definition begins with its facet's name
        }
    }

    /// The facet that the definition already has, else `next`, entered everywhere.
    #[allow(clippy::too_many_arguments)]
    fn cells(
        &mut self,
        name: &str,
        next: Facet,
        metric: MetricIndex,
        rows: &Rows,
        value: Option<&Expr>,
        slice: Slice<'_>,
        grain: Grain,
        reads: &mut Reads,
    ) -> Facet {
        let event = &self.book.events[usize::from(rows.event.0)];
        let dimension = slice.by.and_then(|name| self.dimension(rows.event, name));
        let dimensions = &self.plan.events[usize::from(rows.event.0)].dimensions;
        let only = slice.members(dimensions);
        let cut = definition::Cut {
            dimension: dimension.map(|position| dimensions[position].field),
            only: only.iter().map(|only| (dimensions[only.dimension].field, &*only.member)).collect(),
        };
        let filter = slice.filter(rows.event, rows.filter.as_ref());
        let definition = definition::cells(name, self.book, event, (filter.as_ref(), value), &cut, grain);
        reads.events.insert(rows.event);
        if let Some(index) = self.known.get(&definition) {
            reads.aggregates.insert(*index);
            return self.plan.aggregates[index.0 as usize].facet;
        }
        reads.aggregates.insert(self.aggregate(definition, vec![rows.event], metric, next));
        let input = InputPlan {
            filter,
            value: match (next, value.cloned()) {
                (_, None) => InputValue::Row,
                (Facet::Set(_), Some(value)) => InputValue::Fingerprint(value),
                (_, Some(value)) => InputValue::Number(value),
            },
            only,
            metric: self.book.metrics[usize::from(metric.0)].name.clone(),
        };
        let input = self.input(rows.event, input);
        let table = self.table(rows.event, dimension, grain);
        match next {
            Facet::Tally(index) => {
                table.tallies.push((input, index));
                self.plan.tallies += 1;
            }
            Facet::Sketch(index) => {
                table.sketches.push((input, index));
                self.plan.sketches += 1;
            }
            Facet::Set(index) => {
                table.sets.push((input, index));
                self.plan.sets += 1;
            }
            Facet::Pairs(_) | Facet::Levels(_) => {}
        }
        next
    }

    fn aggregate(
        &mut self,
        definition: String,
        events: Vec<EventIndex>,
        metric: MetricIndex,
        facet: Facet,
    ) -> AggregateIndex {
        let index = AggregateIndex(self.plan.aggregates.len() as u32);
        let id = definition::aggregate_id(&definition);
        self.known.insert(definition.clone(), index);
        let metric = self.book.metrics[usize::from(metric.0)].name.clone();
        self.plan.aggregates.push(Aggregate { id, definition, events, metric, facet });
        index
    }

    fn input(&mut self, event: EventIndex, input: InputPlan) -> usize {
        let inputs = &mut self.plan.events[usize::from(event.0)].inputs;
        let same = |known: &InputPlan| {
            (&known.filter, &known.value, &known.only) == (&input.filter, &input.value, &input.only)
        };
        inputs.iter().position(same).unwrap_or_else(|| {
            inputs.push(input);
            inputs.len() - 1
        })
    }

    fn table(&mut self, event: EventIndex, dimension: Option<usize>, grain: Grain) -> &mut TablePlan {
        let same = |t: &TablePlan| t.event == event && t.dimension == dimension && t.grain == grain;
        let position = self.plan.tables.iter().position(same).unwrap_or_else(|| {
            let position = self.plan.tables.len();
            let (tallies, sketches, sets) = (Vec::new(), Vec::new(), Vec::new());
            self.plan.tables.push(TablePlan { event, dimension, grain, tallies, sketches, sets });
            self.plan.events[usize::from(event.0)].tables.push(position);
            position
        });
        &mut self.plan.tables[position]
    }

    /// Position of the dimension that the event itself calls so: an event that shares its half-pairs may call it otherwise.
    fn dimension(&self, event: EventIndex, name: &str) -> Option<usize> {
        self.plan.events[usize::from(event.0)].dimensions.iter().position(|dimension| dimension.name == name)
    }

    fn level(
        &mut self,
        metric: MetricIndex,
        rows: &Rows,
        (key, value): (FieldSlot, &Expr),
        slice: Slice<'_>,
        grain: Grain,
        reads: &mut Reads,
    ) -> TallyIndex {
        let event = &self.book.events[usize::from(rows.event.0)];
        let filter = slice.filter(rows.event, rows.filter.as_ref());
        let definition = definition::levels(self.book, event, filter.as_ref(), (key, value), grain);
        reads.events.insert(rows.event);
        let known = self.known.get(&definition).map(|index| (*index, self.plan.aggregates[index.0 as usize].facet));
        let (aggregate, levels) = match known {
            Some((aggregate, Facet::Levels(levels))) => (aggregate, levels),
            _ => {
                let levels = LevelsIndex(self.plan.levels.len() as u32);
                let aggregate = self.aggregate(definition, vec![rows.event], metric, Facet::Levels(levels));
                self.plan.levels.push(LevelsPlan { aggregate, grain, derived: Vec::new() });
                let metric = self.book.metrics[usize::from(metric.0)].name.clone();
                let value = InputValue::Number(value.clone());
                let input = InputPlan { filter, value, only: Vec::new(), metric: metric.clone() };
                let input = self.input(rows.event, input);
                let tells = &mut self.plan.events[usize::from(rows.event.0)].tells;
                tells.push(TellPlan { levels, input, key, grain, metric });
                (aggregate, levels)
            }
        };
        reads.aggregates.insert(aggregate);
        let dimension = slice.by.and_then(|name| self.dimension(rows.event, name));
        let only = slice.members(&self.plan.events[usize::from(rows.event.0)].dimensions);
        let derived = &mut self.plan.levels[levels.0 as usize].derived;
        match derived.iter().find(|known| known.dimension == dimension && known.only == only) {
            Some(known) => known.tally,
            None => {
                let tally = TallyIndex(self.plan.tallies);
                self.plan.tallies += 1;
                derived.push(ChangesPlan { dimension, only, tally });
                tally
            }
        }
    }

    fn duration(
        &mut self,
        metric: MetricIndex,
        duration: &Duration,
        stat: Stat,
        slice: Slice<'_>,
        grain: Grain,
        reads: &mut Reads,
    ) -> Measure {
        let pairs = self.pairs(metric, duration, slice, reads);
        let kind = match stat {
            Stat::Within(span) => DerivedKind::Within(span),
            Stat::OnTime => DerivedKind::OnTime,
            _ => DerivedKind::Finished(duration.placed),
        };
        let percentile = match stat {
            Stat::Percentile(p) => Some(p),
            _ => None,
        };
        let dimension = slice.by.and_then(|name| self.dimension(duration.from, name));
        let only = slice.members(&self.plan.events[usize::from(duration.from.0)].dimensions);
        let (tallies, sketches) = (&mut self.plan.tallies, &mut self.plan.sketches);
        let derived = &mut self.plan.pairs[pairs.0 as usize].derived;
        let wanted = DerivedPlan {
            kind,
            end: duration.end,
            give_up: duration.give_up,
            dimension,
            only,
            grain,
            tally: TallyIndex(*tallies),
            sketch: None,
        };
        let same = |d: &DerivedPlan| DerivedPlan { tally: wanted.tally, sketch: None, ..d.clone() } == wanted;
        let position = derived.iter().position(same).unwrap_or_else(|| {
            *tallies += 1;
            derived.push(wanted);
            derived.len() - 1
        });
        let known = &mut derived[position];
        match percentile {
            None if matches!(known.kind, DerivedKind::Finished(_)) => Measure::Mean(known.tally),
            None => Measure::Share(known.tally),
            Some(p) => {
                let sketch = *known.sketch.get_or_insert_with(|| {
                    *sketches += 1;
                    SketchIndex(*sketches - 1)
                });
                Measure::Percentile(known.tally, sketch, p)
            }
        }
    }

    fn pairs(&mut self, metric: MetricIndex, duration: &Duration, slice: Slice<'_>, reads: &mut Reads) -> PairsIndex {
        let filter = slice.filter(duration.from, None);
        let events: BTreeSet<EventIndex> =
            [Some(duration.from), Some(duration.to), duration.void.map(|(event, _)| event)]
                .into_iter()
                .flatten()
                .collect();
        reads.events.extend(events.iter().copied());
        let definition = definition::pairs(self.book, duration, filter.as_ref());
        if let Some(index) = self.known.get(&definition) {
            reads.aggregates.insert(*index);
            let pairs = match self.plan.aggregates[index.0 as usize].facet {
                Facet::Pairs(pairs) => pairs,
                _ => PairsIndex(0), // a definition begins with its facet's name
            };
            let metrics = &mut self.plan.pairs[pairs.0 as usize].metrics;
            let named = (self.book.metrics[usize::from(metric.0)].name.clone(), duration.end);
            if !metrics.contains(&named) {
                metrics.push(named);
            }
            return pairs;
        }
        let pairs = PairsIndex(self.plan.pairs.len() as u32);
        let aggregate = self.aggregate(definition, events.into_iter().collect(), metric, Facet::Pairs(pairs));
        reads.aggregates.insert(aggregate);
        let name = &self.book.metrics[usize::from(metric.0)].name;
        let dimensions =
            self.plan.events[usize::from(duration.from.0)].dimensions.iter().map(|d| d.name.clone()).collect();
        self.plan.pairs.push(PairsPlan {
            aggregate,
            metrics: vec![(name.clone(), duration.end)],
            from: duration.from,
            dimensions,
            derived: Vec::new(),
        });
        let mut role = |event: EventIndex, role, key, filter| {
            let metric = name.clone();
            self.plan.events[usize::from(event.0)].roles.push(RolePlan { pairs, role, key, filter, metric });
        };
        role(duration.from, Role::Start(duration.deadline), duration.from_key, filter);
        role(duration.to, Role::End, duration.to_key, None);
        if let Some((event, key)) = duration.void {
            role(event, Role::Void, key, None);
        }
        pairs
    }
}
