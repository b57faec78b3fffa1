//! The last step: fields get their final numbers, in order within their topic, and all parts become one [`Book`].

use super::cycles::NamedCycle;
use super::events::NamedEvent;
use super::metrics::NamedMetric;
use super::{Context, FIELDS_MAX, TopicFields};
use crate::book::model::{Book, Event, Kpi, Metric, MetricKind, Objective, Topic};
use crate::event::{EventIndex, FieldSlot, TopicIndex};
use crate::time::Calendar;

/// The book, if nothing was wrong.
pub(super) fn finish(
    hash: String,
    calendars: Vec<Calendar>,
    cycles: Vec<NamedCycle>,
    events: Vec<NamedEvent>,
    metrics: Vec<NamedMetric<'_>>,
    (objectives, kpis): (Vec<Objective>, Vec<Kpi>),
    context: Context<'_>,
) -> Option<Book> {
    let Context { report, topics, zones } = context;
    for topic in topics.iter().filter(|topic| topic.fields.len() > FIELDS_MAX) {
        let reader = events.iter().find(|e| e.topic.is_some_and(|t| topics[usize::from(t.0)].name == topic.name));
        let place = reader.map(|event| event.place).unwrap_or_default();
        report.fault(place, format!("more than {FIELDS_MAX} fields of the topic `{}` are read", topic.name));
    }
    if !report.is_clean() {
        return None;
    }
    let cycles = cycles.into_iter().map(|named| named.cycle).collect::<Option<Vec<_>>>()?;
    let mut events = events.into_iter().map(|named| named.event).collect::<Option<Vec<Event>>>()?;
    let mut metrics = metrics.into_iter().map(|named| named.metric).collect::<Option<Vec<Metric>>>()?;
    let (mut topics, slots): (Vec<Topic>, Vec<Vec<FieldSlot>>) = topics.into_iter().map(sorted).unzip();
    let of_event: Vec<TopicIndex> = events.iter().map(|event| event.topic).collect();
    for (index, event) in events.iter_mut().enumerate() {
        topics[usize::from(event.topic.0)].events.push(EventIndex(u16::try_from(index).ok()?));
        renumber_event(event, &slots[usize::from(event.topic.0)]);
    }
    for metric in &mut metrics {
        for (event, filter) in metric.filter.iter_mut().flat_map(|filter| &mut filter.events) {
            let topic = of_event[usize::from(event.0)];
            filter.map_fields(&mut |slot| renumber(slot, &slots[usize::from(topic.0)]));
        }
        renumber_metric(metric, &|event| &slots[usize::from(of_event[usize::from(event.0)].0)]);
    }
    Some(Book { hash, cycles, calendars, topics, events, metrics, objectives, zones, kpis })
}

/// The topic with its fields in order, and the final slot of each provisional one.
fn sorted(topic: TopicFields) -> (Topic, Vec<FieldSlot>) {
    let TopicFields { name, fields: met, slots: by_name } = topic;
    let mut slots = vec![FieldSlot(0); met.len()];
    let mut fields = Vec::with_capacity(met.len());
    for (at, (field, provisional)) in (0u16..).zip(by_name) {
        slots[usize::from(provisional.0)] = FieldSlot(at);
        fields.push(field);
    }
    (Topic { name, fields, events: Vec::new() }, slots)
}

fn renumber(slot: &mut FieldSlot, slots: &[FieldSlot]) {
    *slot = slots[usize::from(slot.0)];
}

fn renumber_event(event: &mut Event, slots: &[FieldSlot]) {
    renumber(&mut event.time, slots);
    event.each.iter_mut().chain(&mut event.id).for_each(|slot| renumber(slot, slots));
    event.dimensions.iter_mut().for_each(|dimension| renumber(&mut dimension.field, slots));
    event.filter.iter_mut().for_each(|filter| filter.map_fields(&mut |slot| renumber(slot, slots)));
}

fn renumber_metric<'s>(metric: &mut Metric, slots: &dyn Fn(EventIndex) -> &'s Vec<FieldSlot>) {
    match &mut metric.kind {
        MetricKind::Count(rows) => {
            let slots = slots(rows.event);
            rows.filter.iter_mut().for_each(|filter| filter.map_fields(&mut |slot| renumber(slot, slots)));
        }
        MetricKind::Sum(rows, value) | MetricKind::Value(rows, value) | MetricKind::Distinct(rows, value) => {
            let slots = slots(rows.event);
            value.map_fields(&mut |slot| renumber(slot, slots));
            rows.filter.iter_mut().for_each(|filter| filter.map_fields(&mut |slot| renumber(slot, slots)));
        }
        MetricKind::Level { rows, key, value } => {
            let slots = slots(rows.event);
            renumber(key, slots);
            value.map_fields(&mut |slot| renumber(slot, slots));
            rows.filter.iter_mut().for_each(|filter| filter.map_fields(&mut |slot| renumber(slot, slots)));
        }
        MetricKind::Duration(duration) => {
            renumber(&mut duration.from_key, slots(duration.from));
            renumber(&mut duration.to_key, slots(duration.to));
            if let Some((deadline, _)) = &mut duration.deadline {
                renumber(deadline, slots(duration.from));
            }
            if let Some((event, field)) = &mut duration.void {
                renumber(field, slots(*event));
            }
        }
        MetricKind::Ratio { .. } | MetricKind::Derived { .. } => {}
    }
}
