//! Makes a [`Plan`] of a [`Book`]: each distinct facet once, however many key results read it.

use std::collections::{BTreeMap, BTreeSet};

use super::definition;
use super::plan::*;
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
        let measure = self.measure(metric, stat, None, grain, &mut reads);
        let by = key_result
            .by
            .iter()
            .map(|name| (name.clone(), self.measure(metric, stat, Some(name), grain, &mut reads)))
            .collect();
        let horizon = match stat {
            Stat::Within(span) => Some(span),
            Stat::OnTime => Some(Span(0)),
            _ => None,
        };
        Some(KeyResultPlan {
            events: reads.events.into_iter().collect(),
            aggregates: reads.aggregates.into_iter().collect(),
            grain,
            horizon,
            windows: WindowPlan::of(self.book, cycle, key_result, grain),
            measure,
            by,
        })
    }

    fn measure(
        &mut self,
        metric: MetricIndex,
        stat: Stat,
        by: Option<&str>,
        grain: Grain,
        reads: &mut Reads,
    ) -> Measure {
        let book = self.book;
        match &book.metrics[usize::from(metric.0)].kind {
            MetricKind::Count(rows) => Measure::Count(self.tally(metric, rows, None, by, grain, reads)),
            MetricKind::Sum(rows, value) => Measure::Sum(self.tally(metric, rows, Some(value), by, grain, reads)),
            MetricKind::Distinct(rows, value) => Measure::Distinct(self.set(metric, rows, value, by, grain, reads)),
            MetricKind::Level { rows, key, value } => {
                Measure::Level(self.level(metric, rows, (*key, value), by, grain, reads))
            }
            MetricKind::Value(rows, value) => {
                let tally = self.tally(metric, rows, Some(value), by, grain, reads);
                match stat {
                    Stat::Percentile(p) => {
                        Measure::Percentile(tally, self.sketch(metric, rows, value, by, grain, reads), p)
                    }
                    Stat::Min => Measure::Min(tally),
                    Stat::Max => Measure::Max(tally),
                    _ => Measure::Mean(tally),
                }
            }
            MetricKind::Ratio { sense, part, total } => {
                let part = self.measure(*part, Stat::Natural, by, grain, reads);
                let total = self.measure(*total, Stat::Natural, by, grain, reads);
                Measure::Ratio(*sense, Box::new(part), Box::new(total))
            }
            MetricKind::Duration(duration) => self.duration(metric, duration, stat, by, grain, reads),
            MetricKind::Derived { formula, .. } => self.formula(formula, by, grain, reads),
        }
    }

    fn formula(&mut self, formula: &Formula, by: Option<&str>, grain: Grain, reads: &mut Reads) -> Measure {
        match formula {
            Formula::Metric(metric) => self.measure(*metric, Stat::Natural, by, grain, reads),
            Formula::Number(number) => Measure::Number(*number),
            Formula::Negate(a) => Measure::Negate(Box::new(self.formula(a, by, grain, reads))),
            Formula::Arithmetic(operator, a, b) => Measure::Arithmetic(
                *operator,
                Box::new(self.formula(a, by, grain, reads)),
                Box::new(self.formula(b, by, grain, reads)),
            ),
        }
    }

    fn tally(
        &mut self,
        metric: MetricIndex,
        rows: &Rows,
        value: Option<&Expr>,
        by: Option<&str>,
        grain: Grain,
        reads: &mut Reads,
    ) -> TallyIndex {
        let next = Facet::Tally(TallyIndex(self.plan.tallies));
        match self.cells("tally", next, metric, rows, value, by, grain, reads) {
            Facet::Tally(index) => index,
            _ => TallyIndex(0), // a definition begins with its facet's name
        }
    }

    fn sketch(
        &mut self,
        metric: MetricIndex,
        rows: &Rows,
        value: &Expr,
        by: Option<&str>,
        grain: Grain,
        reads: &mut Reads,
    ) -> SketchIndex {
        let next = Facet::Sketch(SketchIndex(self.plan.sketches));
        match self.cells("sketch", next, metric, rows, Some(value), by, grain, reads) {
            Facet::Sketch(index) => index,
            _ => SketchIndex(0), // a definition begins with its facet's name
        }
    }

    fn set(
        &mut self,
        metric: MetricIndex,
        rows: &Rows,
        value: &Expr,
        by: Option<&str>,
        grain: Grain,
        reads: &mut Reads,
    ) -> SetIndex {
        let next = Facet::Set(SetIndex(self.plan.sets));
        match self.cells("distinct", next, metric, rows, Some(value), by, grain, reads) {
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
        by: Option<&str>,
        grain: Grain,
        reads: &mut Reads,
    ) -> Facet {
        let event = &self.book.events[usize::from(rows.event.0)];
        let dimension = by.and_then(|name| self.dimension(rows.event, name));
        let field = dimension.map(|position| self.plan.events[usize::from(rows.event.0)].dimensions[position].field);
        let definition = definition::cells(name, self.book, event, (rows.filter.as_ref(), value), field, grain);
        reads.events.insert(rows.event);
        if let Some(index) = self.known.get(&definition) {
            reads.aggregates.insert(*index);
            return self.plan.aggregates[index.0 as usize].facet;
        }
        reads.aggregates.insert(self.aggregate(definition, vec![rows.event], metric, next));
        let input = InputPlan {
            filter: rows.filter.clone(),
            value: match (next, value.cloned()) {
                (_, None) => InputValue::Row,
                (Facet::Set(_), Some(value)) => InputValue::Fingerprint(value),
                (_, Some(value)) => InputValue::Number(value),
            },
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
        let same = |known: &InputPlan| known.filter == input.filter && known.value == input.value;
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
        by: Option<&str>,
        grain: Grain,
        reads: &mut Reads,
    ) -> TallyIndex {
        let event = &self.book.events[usize::from(rows.event.0)];
        let definition = definition::levels(self.book, event, rows.filter.as_ref(), (key, value), grain);
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
                let input = InputPlan { filter: rows.filter.clone(), value, metric: metric.clone() };
                let input = self.input(rows.event, input);
                let tells = &mut self.plan.events[usize::from(rows.event.0)].tells;
                tells.push(TellPlan { levels, input, key, grain, metric });
                (aggregate, levels)
            }
        };
        reads.aggregates.insert(aggregate);
        let dimension = by.and_then(|name| self.dimension(rows.event, name));
        let derived = &mut self.plan.levels[levels.0 as usize].derived;
        match derived.iter().find(|(known, _)| *known == dimension) {
            Some((_, tally)) => *tally,
            None => {
                let tally = TallyIndex(self.plan.tallies);
                self.plan.tallies += 1;
                derived.push((dimension, tally));
                tally
            }
        }
    }

    fn duration(
        &mut self,
        metric: MetricIndex,
        duration: &Duration,
        stat: Stat,
        by: Option<&str>,
        grain: Grain,
        reads: &mut Reads,
    ) -> Measure {
        let pairs = self.pairs(metric, duration, reads);
        let kind = match stat {
            Stat::Within(span) => DerivedKind::Within(span),
            Stat::OnTime => DerivedKind::OnTime,
            _ => DerivedKind::Finished(duration.placed),
        };
        let percentile = match stat {
            Stat::Percentile(p) => Some(p),
            _ => None,
        };
        let dimension = by.and_then(|name| self.dimension(duration.from, name));
        let (tallies, sketches) = (&mut self.plan.tallies, &mut self.plan.sketches);
        let derived = &mut self.plan.pairs[pairs.0 as usize].derived;
        let wanted = DerivedPlan {
            kind,
            end: duration.end,
            give_up: duration.give_up,
            dimension,
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

    fn pairs(&mut self, metric: MetricIndex, duration: &Duration, reads: &mut Reads) -> PairsIndex {
        let events: BTreeSet<EventIndex> =
            [Some(duration.from), Some(duration.to), duration.void.map(|(event, _)| event)]
                .into_iter()
                .flatten()
                .collect();
        reads.events.extend(events.iter().copied());
        let definition = definition::pairs(self.book, duration);
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
        let mut role = |event: EventIndex, role, key| {
            let metric = name.clone();
            self.plan.events[usize::from(event.0)].roles.push(RolePlan { pairs, role, key, metric });
        };
        role(duration.from, Role::Start(duration.deadline), duration.from_key);
        role(duration.to, Role::End, duration.to_key);
        if let Some((event, key)) = duration.void {
            role(event, Role::Void, key);
        }
        pairs
    }
}
