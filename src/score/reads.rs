//! What a metric reads: its events, through whatever it is made of.

use crate::book::{Book, Formula, Metric, MetricIndex, MetricKind};
use crate::event::EventIndex;

/// Every event that a metric reads, each once, in the order of the definition.
pub(crate) fn metric_events(book: &Book, metric: &Metric, events: &mut Vec<EventIndex>) {
    let mut push = |event| {
        if !events.contains(&event) {
            events.push(event);
        }
    };
    match &metric.kind {
        MetricKind::Count(rows)
        | MetricKind::Sum(rows, _)
        | MetricKind::Value(rows, _)
        | MetricKind::Distinct(rows, _)
        | MetricKind::Level { rows, .. } => push(rows.event),
        MetricKind::Duration(duration) => {
            push(duration.from);
            push(duration.to);
            duration.void.iter().for_each(|(event, _)| push(*event));
        }
        MetricKind::Ratio { part, total, .. } => {
            metric_events(book, &book.metrics[usize::from(part.0)], events);
            metric_events(book, &book.metrics[usize::from(total.0)], events);
        }
        MetricKind::Derived { formula, .. } => {
            let mut metrics = Vec::new();
            formula_metrics(formula, &mut metrics);
            metrics.iter().for_each(|metric| metric_events(book, &book.metrics[usize::from(metric.0)], events));
        }
    }
}

/// The metrics that a formula names, in the order of the text.
pub(crate) fn formula_metrics(formula: &Formula, metrics: &mut Vec<MetricIndex>) {
    match formula {
        Formula::Metric(metric) => metrics.push(*metric),
        Formula::Number(_) => {}
        Formula::Negate(a) => formula_metrics(a, metrics),
        Formula::Arithmetic(_, a, b) => {
            formula_metrics(a, metrics);
            formula_metrics(b, metrics);
        }
    }
}
