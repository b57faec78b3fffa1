//! Takes one record into its partition's delta: decode once, then each event of the topic.
//!
//! | of a record | becomes |
//! |---|---|
//! | no value (a tombstone) | a count; the offset moves on |
//! | no JSON object, invalid UTF-8, too deep, too long | a dead letter of the record, whatever the book names |
//! | a row whose time can be read | moves the event's watermark, before `where` |
//! | a row that `where` does not accept, or cannot judge | nothing; a value fault of `event/NAME` where it cannot judge |
//! | an accepted row without a readable time or id | a dead letter of (record, event); the record's other events count |
//! | an accepted row below the floor | nothing but a count: no window, baseline or cohort can reach it. But what it tells of levels holds until something else is told |
//! | an accepted row whose id was seen | a counted copy |
//! | an event later than its record's timestamp + 5 min | counts in its own bucket, moves no watermark, and is a counted fault `future` |
//! | `each: items`, an array of n elements | n rows of that event, with the record's fields beside the element's |
//! | … nothing there, `null`, `[]` | no row; a time of the record's own moves the watermark |
//! | … an object, a text, a number; more than [`ELEMENTS_MAX`] elements | a dead letter of (record, event), unless `where` is FALSE whatever an element holds |
//! | … an element that is no object | a row: `items` is its value, and `items.sku` NULL; so for a `null` |
//! | … a fault of an element | of (record, event, element): the other elements count |
//! | a value that is NULL | not counted by that metric |
//! | a value of the wrong type or out of range | a value fault of that metric; the row's other metrics count |

use std::fmt::Write as _;

pub use super::sink::{FUTURE_TOLERANCE, Interned, Refusal};

use super::dedup::{Ids, Seen, utc_day};
use super::delta::{Delta, DeltaTable};
use super::level::Observation;
use super::member::MemberId;
use super::pair::Half;
use super::plan::{EventPlan, InputValue, Plan, Role};
use super::sink::{Sink, is_future};
use super::sketch::bin_of;
use super::slice::takes;
use crate::book::expr::{self, Evaluated, Expr};
use crate::book::{Book, Event};
use crate::decode::field::{TimeFault, TimeReader};
use crate::decode::{Decoder, ELEMENTS_MAX, IdentityFault, canonical, canonical_text, fingerprint, identity};
use crate::event::{Elements, EventIndex, FieldSlot, FieldValue, Record, Row, RowView, TopicIndex};
use crate::fixed::Fixed;
use crate::time::{TimeFormat, Timestamp};

/// Takes records in. Holds what is reused from one to the next: no allocation an event.
#[derive(Debug)]
pub struct Aggregator {
    decoders: Vec<Decoder>,
    row: Row,
    rows: RowTaker,
}

/// Takes the rows in that a record is decoded into.
#[derive(Debug)]
struct RowTaker {
    times: TimeReader,
    until: Option<Timestamp>,
    floor: Timestamp,
    text: String,
    part: String,
    inputs: Vec<Taken>,
    members: Vec<MemberId>,
    /// What was read last as the row's time, and from where: events of one topic mostly share it.
    time_of: Option<(FieldSlot, TimeFormat)>,
    time: Option<Timestamp>,
    /// Why there is none.
    time_fault: TimeFault,
}

/// What an input makes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    Not,
    /// An accepted row whose value is NULL.
    Null,
    Row,
    Value(Fixed),
    Fingerprint(u64),
}

impl Aggregator {
    /// One for the topics of `book`; rows whose event time is `until` or later are left out.
    pub fn new(book: &Book, until: Option<Timestamp>) -> Aggregator {
        Aggregator {
            decoders: book.topics.iter().map(|topic| Decoder::new(&topic.fields)).collect(),
            row: Row::default(),
            rows: RowTaker {
                times: TimeReader::new(&book.zones),
                until,
                floor: Timestamp(i64::MIN),
                text: String::new(),
                part: String::new(),
                inputs: Vec::new(),
                members: Vec::new(),
                time_of: None,
                time: None,
                time_fault: TimeFault::Missing,
            },
        }
    }

    /// Rows below `floor` are counted and left out from now on.
    pub fn leave_out_below(&mut self, floor: Timestamp) {
        self.rows.floor = floor;
    }

    /// Takes one record of `topic` into `delta`; whatever could not be counted is pushed to `refusals`.
    #[allow(clippy::too_many_arguments)]
    pub fn take(
        &mut self,
        (book, plan): (&Book, &Plan),
        topic: TopicIndex,
        record: &Record<'_>,
        interned: Interned<'_>,
        ids: &mut Ids,
        delta: &mut Delta,
        refusals: &mut Vec<Refusal>,
    ) {
        delta.last_record_at = delta.last_record_at.max(record.timestamp);
        let Some(payload) = record.payload else {
            delta.counts.tombstones += 1;
            return;
        };
        let Aggregator { decoders, row, rows } = self;
        let decoder = &mut decoders[usize::from(topic.0)];
        match decoder.decode(payload, row) {
            Ok(text) => {
                delta.counts.read += 1;
                decoder.fill(record, row);
                rows.time_of = None;
                let mut sink = Sink { interned, ids, delta, refusals, element: None };
                for event in &book.topics[usize::from(topic.0)].events {
                    match book.events[usize::from(event.0)].each {
                        None => rows.take((book, plan), *event, record, RowView { row, payload: text }, &mut sink),
                        Some(each) => {
                            rows.take_elements((book, plan), *event, record, (decoder, each, row, text), &mut sink);
                        }
                    }
                }
            }
            Err(malformed) => {
                delta.counts.dead_records += 1;
                let reason = malformed.reason.as_str();
                *delta.counts.dead_letters.entry(reason).or_default() += 1;
                let detail = malformed.to_string();
                refusals.push(Refusal { event: None, element: None, metric: None, reason, detail });
            }
        }
    }
}

impl RowTaker {
    /// The event's time in the row; else the fault is set.
    fn event_time(&mut self, event: &Event, view: RowView<'_>) -> Option<Timestamp> {
        let (slot, format) = (event.time, event.time_format);
        if self.time_of != Some((slot, format)) {
            self.time_of = Some((slot, format));
            // Apart: a result that was just written in pieces would be copied as a whole, for which the processor waits.
            match self.times.read(view.value(slot), format) {
                Ok(at) => self.time = Some(at),
                Err(fault) => (self.time, self.time_fault) = (None, fault),
            }
        }
        self.time
    }

    /// Each element of the array is a row.
    fn take_elements(
        &mut self,
        (book, plan): (&Book, &Plan),
        index: EventIndex,
        record: &Record<'_>,
        (decoder, each, row, payload): (&Decoder, FieldSlot, &mut Row, &str),
        sink: &mut Sink<'_>,
    ) {
        let Some(array) = decoder.array(each) else { return };
        let elements = decoder.elements(array, row);
        let refused = match elements {
            Elements::Count(count @ 1..) => {
                for element in 0..count {
                    decoder.load_element(array, element, row);
                    self.time_of = None;
                    sink.element = Some(element);
                    self.take((book, plan), index, record, RowView { row, payload }, sink);
                }
                sink.element = None;
                self.time_of = None;
                return;
            }
            Elements::Missing | Elements::Count(0) => None,
            Elements::NotAnArray => Some(("each_not_an_array", "something else than an array where `each` points")),
            Elements::TooMany => Some(("each_too_many", "more elements than a record may have")),
        };
        // No element: its fields are NULL.
        decoder.load_element(array, 0, row);
        self.time_of = None;
        let view = RowView { row, payload };
        let event = &book.events[usize::from(index.0)];
        if let Some(at) = self.event_time(event, view) {
            if self.until.is_some_and(|until| at >= until) {
                return;
            }
            sink.see_time(index, at, record.timestamp);
        }
        let Some((reason, detail)) = refused else { return };
        if !event.filter.as_ref().is_some_and(|filter| expr::rejects(filter, view)) {
            let most = if elements == Elements::TooMany { format!(": {ELEMENTS_MAX}") } else { String::new() };
            sink.refuse(index, reason, format!("{detail}{most}"));
        }
    }

    /// One row of one event.
    fn take(
        &mut self,
        (book, plan): (&Book, &Plan),
        index: EventIndex,
        record: &Record<'_>,
        view: RowView<'_>,
        sink: &mut Sink<'_>,
    ) {
        let event = &book.events[usize::from(index.0)];
        let event_plan = &plan.events[usize::from(index.0)];
        let time = self.event_time(event, view);
        if let Some(at) = time {
            if self.until.is_some_and(|until| at >= until) {
                return;
            }
            sink.see_time(index, at, record.timestamp);
        }
        match event.filter.as_ref().map_or(Ok(true), |filter| expr::accepts(filter, view)) {
            Ok(true) => {}
            Ok(false) => return,
            Err(fault) => return sink.value_fault(&format!("event/{}", event.name), fault.as_str()),
        }
        let Some(at) = time else {
            let fault = self.time_fault;
            return sink.refuse(index, fault.as_str(), format!("field of event time: {fault}"));
        };
        if at < self.floor {
            return self.take_below_floor((event, event_plan, index), at, view, sink);
        }
        if is_future(at, record.timestamp) {
            sink.value_fault(&format!("event/{}", event.name), "future");
        }
        if !self.is_new(event, index, at, view, sink) {
            return;
        }
        self.read_members(event, event_plan, view, sink);
        self.read_inputs(event_plan, view, sink);
        self.fill_tables(plan, event_plan, at, sink.delta);
        self.fill_halves(event_plan, at, record.timestamp, view, sink);
        self.fill_levels(event_plan, at, view, sink);
    }

    /// A row below the floor tells of levels only. Its id is not asked for: those of its day are gone, and to be told twice changes nothing.
    fn take_below_floor(
        &mut self,
        (event, plan, index): (&Event, &EventPlan, EventIndex),
        at: Timestamp,
        view: RowView<'_>,
        sink: &mut Sink<'_>,
    ) {
        if !plan.tells.is_empty() {
            self.read_members(event, plan, view, sink);
            self.read_inputs(plan, view, sink);
            self.fill_levels(plan, at, view, sink);
        }
        if !plan.tables.is_empty() || !plan.roles.is_empty() || plan.tells.is_empty() {
            *sink.delta.counts.below_floor.entry(index).or_default() += 1;
        }
    }

    /// Registers the row's id: after the event's `where`, before any metric's.
    fn is_new(
        &mut self,
        event: &Event,
        index: EventIndex,
        at: Timestamp,
        view: RowView<'_>,
        sink: &mut Sink<'_>,
    ) -> bool {
        if event.id.is_empty() {
            return true;
        }
        let Some(id) = self.identity(event, index, view, sink) else { return false };
        let day = utc_day(at);
        let counts = &mut sink.delta.counts;
        match sink.ids.insert(index, day, id) {
            Seen::First => sink.delta.ids.push((index, day, id)),
            Seen::Unchecked => *counts.unchecked.entry(index).or_default() += 1,
            Seen::Copy => {
                *counts.copies.entry(index).or_default() += 1;
                return false;
            }
        }
        true
    }

    /// The fingerprint of the row's identity; without one it is refused.
    fn identity(&mut self, event: &Event, index: EventIndex, view: RowView<'_>, sink: &mut Sink<'_>) -> Option<u64> {
        // The usual case needs no copy of the text: a single text is the identity as it is.
        if let ([slot], None) = (&*event.id, sink.element)
            && let FieldValue::Text(text) = view.value(*slot)
        {
            return Some(fingerprint(text));
        }
        let Err(fault) = identity(&event.id, sink.element, view, &mut self.part, &mut self.text) else {
            return Some(fingerprint(&self.text));
        };
        let (reason, detail) = match fault {
            IdentityFault::Missing(_) if event.id.len() > 1 => {
                ("id_missing", "a field of the id is null or missing".to_owned())
            }
            IdentityFault::Missing(_) => ("id_missing", "the id is null or missing".to_owned()),
            IdentityFault::Unreadable(_, fault) => {
                ("id_unreadable", format!("the id is unreadable: {}", fault.as_str()))
            }
        };
        sink.refuse(index, reason, detail);
        None
    }

    fn read_inputs(&mut self, plan: &EventPlan, view: RowView<'_>, sink: &mut Sink<'_>) {
        self.inputs.clear();
        for input in &plan.inputs {
            let taken = match &input.filter {
                _ if !takes(&input.only, &self.members, sink.interned.members) => Ok(Taken::Not),
                None => taken(&input.value, view, &mut self.text),
                Some(filter) => match expr::accepts(filter, view) {
                    Ok(true) => taken(&input.value, view, &mut self.text),
                    Ok(false) => Ok(Taken::Not),
                    Err(fault) => Err(fault.as_str()),
                },
            };
            self.inputs.push(taken.unwrap_or_else(|reason| {
                sink.value_fault(&input.metric, reason);
                Taken::Not
            }));
        }
    }

    fn read_members(&mut self, event: &Event, plan: &EventPlan, view: RowView<'_>, sink: &mut Sink<'_>) {
        self.members.clear();
        for dimension in &plan.dimensions {
            let member = match canonical_text(view.value(dimension.field), &mut self.text) {
                Ok(Some(name)) => sink.interned.members.intern(name),
                Ok(None) => MemberId::NONE,
                Err(fault) => {
                    sink.value_fault(&format!("event/{}", event.name), fault.as_str());
                    MemberId::NONE
                }
            };
            self.members.push(member);
        }
    }

    fn fill_tables(&self, plan: &Plan, event_plan: &EventPlan, at: Timestamp, delta: &mut Delta) {
        for position in &event_plan.tables {
            let table_plan = &plan.tables[*position];
            let member = table_plan.dimension.map_or(MemberId::NONE, |dimension| self.members[dimension]);
            let table = &mut delta.tables[*position];
            // Looked up once something is added: most rows that a metric's `where` leaves out touch no row here.
            let mut known = None;
            let mut row =
                |table: &mut DeltaTable| *known.get_or_insert_with(|| table.row(member, table_plan.grain.bucket(at)));
            for (column, (input, _)) in table_plan.tallies.iter().enumerate() {
                match self.inputs[*input] {
                    Taken::Not | Taken::Null | Taken::Fingerprint(_) => {}
                    Taken::Row => {
                        let row = row(table);
                        table.cell(row, column).add_row();
                    }
                    Taken::Value(value) => {
                        let row = row(table);
                        table.cell(row, column).add(value);
                    }
                }
            }
            for (column, (input, _)) in table_plan.sets.iter().enumerate() {
                if let Taken::Fingerprint(fingerprint) = self.inputs[*input] {
                    let row = row(table);
                    table.insert(row, column, fingerprint);
                }
            }
            for (column, (input, _)) in table_plan.sketches.iter().enumerate() {
                if let Taken::Value(value) = self.inputs[*input] {
                    let row = row(table);
                    table.sketch(row, column).add(bin_of(value), 1);
                }
            }
        }
    }

    fn fill_halves(
        &mut self,
        plan: &EventPlan,
        at: Timestamp,
        record_at: Option<Timestamp>,
        view: RowView<'_>,
        sink: &mut Sink<'_>,
    ) {
        for role in &plan.roles {
            match role.filter.as_ref().map_or(Ok(true), |filter| expr::accepts(filter, view)) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(fault) => {
                    sink.value_fault(&role.metric, fault.as_str());
                    continue;
                }
            }
            let Some(key) = self.key(view.value(role.key), &role.metric, sink) else { continue };
            let half = match role.role {
                Role::Start(deadline) => {
                    let deadline = deadline.and_then(|(slot, format)| match view.value(slot) {
                        FieldValue::Null => None,
                        value => self
                            .times
                            .read(value, format)
                            .map_err(|_| sink.value_fault(&role.metric, "deadline_unreadable"))
                            .ok(),
                    });
                    Half::start(at, deadline, sink.interned.tuples.intern(&self.members))
                }
                Role::End | Role::Void if is_future(at, record_at) => {
                    sink.value_fault(&role.metric, "future");
                    continue;
                }
                Role::End => Half::end(at),
                Role::Void => Half::void(at),
            };
            sink.delta.halves[role.pairs.0 as usize].push(key, half);
        }
    }

    /// A value that cannot be read is a counted fault and tells nothing: only NULL ends a key.
    fn fill_levels(&mut self, plan: &EventPlan, at: Timestamp, view: RowView<'_>, sink: &mut Sink<'_>) {
        for tell in &plan.tells {
            let value = match self.inputs[tell.input] {
                Taken::Value(value) => Some(value),
                Taken::Null => None,
                Taken::Not | Taken::Row | Taken::Fingerprint(_) => continue,
            };
            let Some(key) = self.key(view.value(tell.key), &tell.metric, sink) else { continue };
            let told = Observation { at, value, tuple: sink.interned.tuples.intern(&self.members) };
            let Interned { members, tuples } = &sink.interned;
            sink.delta.levels[tell.levels.0 as usize].join(key, tell.grain.bucket(at), told, tuples, members);
        }
    }

    /// The fingerprint of a row's key; without one a fault of `metric`.
    fn key(&mut self, value: FieldValue<'_>, metric: &str, sink: &mut Sink<'_>) -> Option<u64> {
        let reason = match canonical_text(value, &mut self.text) {
            Ok(Some(text)) => return Some(fingerprint(text)),
            Ok(None) => "key_missing",
            Err(fault) => fault.as_str(),
        };
        sink.value_fault(metric, reason);
        None
    }
}

/// What an input takes of an accepted row; the reason of a fault.
#[inline]
fn taken(value: &InputValue, view: RowView<'_>, text: &mut String) -> Result<Taken, &'static str> {
    match value {
        InputValue::Row => Ok(Taken::Row),
        InputValue::Number(value) => match expr::number(value, view) {
            Ok(number) => Ok(number.map_or(Taken::Null, Taken::Value)),
            Err(fault) => Err(fault.as_str()),
        },
        InputValue::Fingerprint(value) => {
            let is_there = canonical_of(value, view, text)?;
            Ok(if is_there { Taken::Fingerprint(fingerprint(text)) } else { Taken::Null })
        }
    }
}

/// Replaces `text` by the canonical text of what an expression yields; `false` for NULL, else why there is none. A field stands as it is
/// written, however many digits it has; what is computed has nine decimals.
fn canonical_of(value: &Expr, view: RowView<'_>, text: &mut String) -> Result<bool, &'static str> {
    if let Expr::Field(slot) = value {
        return canonical(view.value(*slot), text).map_err(|fault| fault.as_str());
    }
    text.clear();
    match expr::evaluate(value, view).map_err(|fault| fault.as_str())? {
        Evaluated::Null => return Ok(false),
        Evaluated::Bool(truth) => text.push_str(if truth { "true" } else { "false" }),
        // Writing to a String cannot fail.
        Evaluated::Number(number) => _ = write!(text, "{number}"),
        Evaluated::Text(found) => text.push_str(found),
    }
    Ok(true)
}
