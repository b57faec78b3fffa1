//! Metrics: what is computed from events, each after those that it reads.

use std::collections::{BTreeMap, BTreeSet};

use super::events::{NamedEvent, time};
use super::{Context, Scope, Sections, find, put_expression_fault, span, text};
use crate::book::expr::Purpose;
use crate::book::fault::Report;
use crate::book::formula;
use crate::book::model::{
    Duration, EndChoice, Metric, MetricFilter, MetricIndex, MetricKind, Placed, RatioSense, Rows, Unit,
};
use crate::book::shape;
use crate::book::yaml::{Node, Place};
use crate::event::EventIndex;
use crate::time::{Span, TimeFormat};

/// How long an open pair is remembered where a duration does not say.
const GIVE_UP_DEFAULT: Span = Span(60 * Span::DAY.0);

/// A metric by its name; what is faulty stays known without its meaning.
pub(super) struct NamedMetric<'n> {
    pub name: &'n str,
    pub place: Place,
    /// The word under `type`.
    pub kind: &'n str,
    pub metric: Option<Metric>,
    size: Size,
}

/// What a metric is made of, written out to where events are read.
#[derive(Clone, Copy)]
struct Size {
    parts: usize,
    /// Formulas within formulas.
    depth: usize,
}

/// Metrics that a formula may be made of, those of the formulas that it reads included: `b = a + a`, `c = b + b` and so on double at each
/// step, and all of it is evaluated for each key result and member.
const FORMULA_PARTS_MAX: usize = 1_000;

/// Formulas that may stand within each other.
const FORMULAS_NESTED_MAX: usize = 64;

struct Entry<'n> {
    name: &'n str,
    place: Place,
    node: &'n Node,
    kind: &'n str,
    reads: Vec<String>,
}

/// Reads all metrics, in an order in which each stands after those that it reads.
pub(super) fn read<'n>(
    sections: &Sections<'n>,
    events: &[NamedEvent],
    context: &mut Context<'_>,
) -> Vec<NamedMetric<'n>> {
    let mut entries = Vec::new();
    for (key, node) in sections.entries("metrics", context.report) {
        if let Err(fault) = shape::name(&key.text) {
            context.report.mend(key.place.right(fault.at), fault.message, fault.mend.unwrap_or_default());
        }
        let kind = node.get("type").and_then(|kind| kind.text()).unwrap_or_default();
        let reads = reads(kind, node);
        entries.push(Entry { name: &key.text, place: key.place, node, kind, reads });
    }
    let order = order(&entries, context.report);
    let names: Vec<&str> = order.iter().map(|at| entries[*at].name).collect();
    let mut metrics: Vec<NamedMetric<'n>> = Vec::with_capacity(order.len());
    for at in &order {
        let Entry { name, place, node, kind, .. } = &entries[*at];
        let mut reader = MetricReader { events, done: &metrics, names: &names, context };
        let metric = reader.metric(name, kind, node);
        let (metric, size) = measured(metric, node, &metrics, context.report);
        metrics.push(NamedMetric { name, place: *place, kind, metric, size });
    }
    metrics
}

/// The metric with its size; nothing, and a fault, where its formula is too large.
fn measured(
    metric: Option<Metric>,
    node: &Node,
    done: &[NamedMetric<'_>],
    report: &mut Report,
) -> (Option<Metric>, Size) {
    let mut size = Size { parts: 1, depth: 0 };
    let Some(MetricKind::Derived { formula, .. }) = metric.as_ref().map(|metric| &metric.kind) else {
        return (metric, size);
    };
    size.parts = 0;
    formula.metrics(&mut |index| {
        let read = done.get(usize::from(index.0)).map_or(Size { parts: 1, depth: 0 }, |read| read.size);
        size = Size { parts: size.parts.saturating_add(read.parts), depth: size.depth.max(read.depth + 1) };
    });
    let place = node.get("formula").map_or(node.place, |formula| formula.place);
    let fault = if size.parts > FORMULA_PARTS_MAX {
        format!("written out, the formula is made of {} metrics; {FORMULA_PARTS_MAX} is the most", size.parts)
    } else if size.depth > FORMULAS_NESTED_MAX {
        format!("{} formulas stand within each other; {FORMULAS_NESTED_MAX} is the most", size.depth)
    } else {
        return (metric, size);
    };
    report.mend(place, fault, "read fewer metrics, or such as read events");
    // Said once, not of every formula that reads this one.
    (None, Size { parts: 1, depth: 0 })
}

/// The names of the metrics that one reads.
fn reads(kind: &str, node: &Node) -> Vec<String> {
    match kind {
        "ratio" => ["good", "bad", "part", "total"].iter().filter_map(|key| text(node, key)).collect(),
        "derived" => text(node, "formula").and_then(|formula| formula::names(&formula).ok()).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// Positions in an order in which each metric stands after those that it reads, else as the book has them. Circles are faults.
fn order(entries: &[Entry<'_>], report: &mut Report) -> Vec<usize> {
    let index: BTreeMap<&str, usize> = entries.iter().enumerate().map(|(at, entry)| (entry.name, at)).collect();
    let mut order = Vec::with_capacity(entries.len());
    // 0: not seen, 1: on the path, 2: placed.
    let mut state = vec![0u8; entries.len()];
    for root in 0..entries.len() {
        // A walk with its own stack: formulas may be chained as deep as there are metrics.
        let mut path = vec![(root, 0)];
        while let Some((at, next)) = path.pop() {
            if state[at] == 2 {
                continue;
            }
            state[at] = 1;
            let Some(read) = entries[at].reads.get(next) else {
                state[at] = 2;
                order.push(at);
                continue;
            };
            path.push((at, next + 1));
            match index.get(read.as_str()) {
                Some(&to) if state[to] == 1 => {
                    let circle = path.iter().skip_while(|(on, _)| *on != to).map(|(on, _)| entries[*on].name);
                    let circle: Vec<&str> = circle.chain([entries[to].name]).collect();
                    let message = format!("metrics in a circle: {}", circle.join(" → "));
                    report.mend(entries[at].place, message, "let one of them read events");
                }
                Some(&to) if state[to] == 0 => path.push((to, 0)),
                _ => {}
            }
        }
    }
    order
}

struct MetricReader<'a, 'n, 'r> {
    events: &'a [NamedEvent],
    done: &'a [NamedMetric<'n>],
    names: &'a [&'n str],
    context: &'a mut Context<'r>,
}

impl MetricReader<'_, '_, '_> {
    fn metric(&mut self, name: &str, kind: &str, node: &Node) -> Option<Metric> {
        let unit = || match text(node, "unit").unwrap_or_default().as_str() {
            "ratio" => Unit::Ratio,
            "seconds" => Unit::Seconds,
            "count" => Unit::Count,
            named => Unit::Named(named.to_owned()),
        };
        let (kind, unit) = match kind {
            "count" => (MetricKind::Count(self.rows(node)?.0), Unit::Count),
            "sum" | "value" => {
                let rows = self.rows(node);
                let topic = rows.as_ref().map(|(_, topic)| *topic);
                let value = topic.and_then(|topic| self.context.expression(topic, node.get("value")?, Purpose::Number));
                let ((mut rows, _), (value, value_text)) = (rows?, value?);
                rows.value_text = Some(value_text);
                if kind == "sum" {
                    (MetricKind::Sum(rows, value), unit())
                } else {
                    (MetricKind::Value(rows, value), unit())
                }
            }
            "ratio" => (self.ratio(name, node)?, Unit::Ratio),
            "duration" => (MetricKind::Duration(self.duration(node)?), Unit::Seconds),
            "derived" => (self.derived(node)?, unit()),
            "distinct" => {
                let (mut rows, topic) = self.rows(node)?;
                let (value, value_text) = self.context.expression(topic, node.get("value")?, Purpose::Any)?;
                rows.value_text = Some(value_text);
                (MetricKind::Distinct(rows, value), Unit::Count)
            }
            "level" => (self.level(node)?, unit()),
            _ => return None,
        };
        let filter = match node.get("where") {
            Some(filter)
                if matches!(kind, MetricKind::Ratio { .. } | MetricKind::Duration(_) | MetricKind::Derived { .. }) =>
            {
                Some(self.filter(filter, &kind)?)
            }
            _ => None,
        };
        Some(Metric { name: name.to_owned(), kind, unit, filter })
    }

    /// A `where` over the rows of every event that feeds the value, each with the fields of its own rows.
    fn filter(&mut self, node: &Node, kind: &MetricKind) -> Option<MetricFilter> {
        let mut filter = MetricFilter { text: node.text()?.to_owned(), events: Vec::new() };
        for event in self.feeding_events(kind) {
            let scope = self.events[usize::from(event.0)].scope?;
            filter.events.push((event, self.context.expression(scope, node, Purpose::Filter)?.0));
        }
        Some(filter)
    }

    /// The events whose rows a metric is computed from; of a duration only the start.
    fn feeding_events(&self, kind: &MetricKind) -> BTreeSet<EventIndex> {
        let (mut events, mut seen, mut open) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        let mut feed = |kind: &MetricKind, open: &mut Vec<MetricIndex>| match kind {
            MetricKind::Count(rows)
            | MetricKind::Sum(rows, _)
            | MetricKind::Value(rows, _)
            | MetricKind::Distinct(rows, _)
            | MetricKind::Level { rows, .. } => {
                events.insert(rows.event);
            }
            MetricKind::Duration(duration) => {
                events.insert(duration.from);
            }
            MetricKind::Ratio { part, total, .. } => open.extend([*part, *total]),
            MetricKind::Derived { formula, .. } => formula.metrics(&mut |metric| open.push(metric)),
        };
        feed(kind, &mut open);
        while let Some(index) = open.pop() {
            if let Some(metric) = self.done.get(usize::from(index.0)).and_then(|named| named.metric.as_ref())
                && seen.insert(index)
            {
                feed(&metric.kind, &mut open);
            }
        }
        events
    }

    fn event(&mut self, node: &Node, key: &str) -> Option<(EventIndex, Scope)> {
        let names: Vec<&str> = self.events.iter().map(|event| event.name.as_str()).collect();
        let at = find(self.context.report, node.get(key)?, "event", &names)?;
        Some((EventIndex(u16::try_from(at).ok()?), self.events[at].scope?))
    }

    fn rows(&mut self, node: &Node) -> Option<(Rows, Scope)> {
        let (event, topic) = self.event(node, "event")?;
        let filter = match node.get("where") {
            Some(filter) => Some(self.context.expression(topic, filter, Purpose::Filter)?),
            None => None,
        };
        let (filter, filter_text) = filter.unzip();
        Some((Rows { event, filter, filter_text, value_text: None }, topic))
    }

    fn level(&mut self, node: &Node) -> Option<MetricKind> {
        let (mut rows, topic) = self.rows(node)?;
        let key = self.context.field(topic, node.get("key")?);
        let (value, value_text) = self.context.expression(topic, node.get("value")?, Purpose::Number)?;
        rows.value_text = Some(value_text);
        Some(MetricKind::Level { rows, key: key?, value })
    }

    fn metric_index(&mut self, node: &Node) -> Option<MetricIndex> {
        let at = find(self.context.report, node, "metric", self.names)?;
        Some(MetricIndex(u16::try_from(at).ok()?))
    }

    /// A count, a sum or a distinct, else a fault.
    fn additive(&mut self, node: &Node) -> Option<MetricIndex> {
        let index = self.metric_index(node)?;
        let metric = self.done.get(usize::from(index.0))?;
        if matches!(metric.kind, "value" | "ratio" | "duration" | "level" | "derived") {
            let message =
                format!("a ratio is made of counts, sums and distincts, but `{}` is a {}", metric.name, metric.kind);
            self.context.report.mend(node.place, message, "use a `derived` metric for other arithmetic");
            return None;
        }
        Some(index)
    }

    fn ratio(&mut self, name: &str, node: &Node) -> Option<MetricKind> {
        let senses = [("good", RatioSense::Good), ("bad", RatioSense::Bad), ("part", RatioSense::Part)];
        let written: Vec<_> = senses.into_iter().filter(|(key, _)| node.get(key).is_some()).collect();
        let total = node.get("total").and_then(|total| self.additive(total));
        let mend = "write one: `good` (good / total), `bad` (1 - bad / total) or `part` (part / total)";
        let [(key, sense)] = written.as_slice() else {
            match written.as_slice() {
                [] => self.context.report.mend(node.place, format!("the ratio `{name}` has no part"), mend),
                [_, (second, _), ..] => {
                    let message = format!("the ratio `{name}` has more than one of good, bad and part");
                    self.context.report.mend(node.key_place(second), message, mend);
                }
                [_] => {}
            }
            return None;
        };
        let part = self.additive(node.get(key)?)?;
        Some(MetricKind::Ratio { sense: *sense, part, total: total? })
    }

    fn derived(&mut self, node: &Node) -> Option<MetricKind> {
        let formula = node.get("formula")?;
        let text = formula.text()?;
        let known: Vec<(&str, MetricIndex)> =
            (0u16..).zip(self.names).map(|(at, name)| (*name, MetricIndex(at))).collect();
        match formula::names(text).and_then(|_| formula::parse(text, &known)) {
            Ok(formula) => Some(MetricKind::Derived { formula, text: text.to_owned() }),
            Err(fault) => {
                put_expression_fault(self.context.report, formula, fault);
                None
            }
        }
    }

    fn duration(&mut self, node: &Node) -> Option<Duration> {
        let from = self.event(node, "from");
        let to = self.event(node, "to");
        let void = node.get("void").map(|_| self.event(node, "void"));
        let end = if text(node, "end").as_deref() == Some("last") { EndChoice::Last } else { EndChoice::First };
        let placed = if text(node, "placed").as_deref() == Some("start") { Placed::Start } else { Placed::End };
        let give_up = span(node, "give_up").unwrap_or(GIVE_UP_DEFAULT);
        let deadline = match (node.get("deadline"), from) {
            (Some(deadline), Some((event, topic))) => {
                let start = self.events[usize::from(event.0)].event.as_ref();
                // How the topic writes its times; the record's own timestamp says nothing of that.
                let bare = start.filter(|start| !self.context.is_timestamp(topic, start.time));
                let bare = bare.map_or(TimeFormat::Rfc3339, |start| start.time_format);
                Some(time(topic, deadline, bare, self.context)?)
            }
            _ => None,
        };
        let ((from, from_topic), (to, to_topic)) = (from?, to?);
        if from == to && end == EndChoice::First {
            let message = "from and to are the same event, so its first end is its start";
            self.context.report.mend(node.get("to")?.place, message, "name another event, or write `end: last`");
        }
        let key = node.get("key")?;
        let of = |side: &str| {
            if key.text().is_some() { Some(key) } else { key.get(side) }
        };
        let (from_key, to_key) = (of("from"), of("to"));
        let from_key = self.context.field(from_topic, from_key?);
        let to_key = self.context.field(to_topic, to_key?);
        if void.is_none() && key.get("void").is_some() {
            self.context.report.mend(
                key.key_place("void"),
                "a key for a `void` that is not there",
                "remove it, or add `void: event`",
            );
        }
        let void = match void {
            None => None,
            Some(None) => return None,
            Some(Some((event, topic))) => {
                if event == from || event == to {
                    let message = "the void event is also the start or the end, so no pair would count";
                    self.context.report.mend(node.get("void")?.place, message, "name the event that cancels");
                }
                let Some(field) = of("void") else {
                    let mend = "write { from: …, to: …, void: … }";
                    self.context.report.mend(key.place, "the key has no field for the void event", mend);
                    return None;
                };
                Some((event, self.context.field(topic, field)?))
            }
        };
        Some(Duration { from, to, from_key: from_key?, to_key: to_key?, end, deadline, void, placed, give_up })
    }
}
