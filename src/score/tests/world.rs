//! A tiny world to score: one cycle, facts and key results written as text.
//!
//! | text | means |
//! |---|---|
//! | `2026-10-01T05` | that instant in UTC; minutes, hours may be left out |
//! | `2026-10-01T05 n=2 sum=3.5` | two rows that sum to 3.5 in that bucket |
//! | `2026-10-01T05 n=2 v=4` | two rows of the value 4: sum 8, also in the sketch |
//! | `2026-10-01..2026-10-08/1d n=1 @SH1` | so from the first up to before the second, a day apart, of member SH1 |

use crate::aggregate::cell::Cell;
use crate::aggregate::facts::{Coverage, EventProgress, Facts};
use crate::aggregate::member::MemberId;
use crate::aggregate::plan::{AggregateIndex, KeyResultPlan, Measure, Plan, SketchIndex, TallyIndex, WindowPlan};
use crate::aggregate::series::Series;
use crate::aggregate::sketch::{Sketch, bin_of};
use crate::book::{
    Book, CalendarIndex, Cycle, CycleIndex, Event, Field, Goal, Judge, KeyResult, Kind, Metric, MetricIndex,
    MetricKind, Objective, Rows, Source, Stat, Thresholds, Topic, Unit, Window,
};
use crate::event::{EventIndex, FieldSlot, TopicIndex};
use crate::fixed::Fixed;
use crate::score::{CheckIn, FrozenBaseline, KeyResultScore, ScoreInput, Scores, score};
use crate::time::{Calendar, ClockHours, Grain, Span, TimeFormat, Timestamp, Zone};

/// Everything that scoring reads.
pub(crate) struct World {
    pub(crate) book: Book,
    pub(crate) plan: Plan,
    pub(crate) facts: Facts,
    pub(crate) check_ins: Vec<CheckIn>,
    pub(crate) baselines: Vec<FrozenBaseline>,
}

/// An instant in UTC, as the table above has it.
pub(crate) fn at(text: &str) -> Timestamp {
    let filled = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        13 => format!("{text}:00:00Z"),
        16 => format!("{text}:00Z"),
        _ => format!("{text}Z"),
    };
    Timestamp::parse_rfc3339(&filled).unwrap_or_else(|| panic!("no time: {text}"))
}

pub(crate) fn fixed(text: &str) -> Fixed {
    Fixed::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

pub(crate) fn span(text: &str) -> Span {
    Span::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

pub(crate) fn improve(baseline: &str, target: &str) -> Goal {
    Goal::way(fixed(baseline), fixed(target))
}

/// `>= 4.5`, `<= 0` or both, and how it is judged.
pub(crate) fn maintain(at_least: Option<&str>, at_most: Option<&str>, judge: Judge) -> Goal {
    Goal::Maintain { at_least: at_least.map(fixed), at_most: at_most.map(fixed), judge }
}

impl World {
    /// A cycle from the first to before the second local day, in a zone; one objective `o`, an event `e` of a topic `t`, a metric `m`.
    /// Everything is known up to now, and no topic is silent.
    pub(crate) fn new(start: &str, end: &str, zone: &str) -> World {
        let zone = Zone::named(zone).expect("a zone of the bundled database");
        let (start_date, end_date) = (start.parse().expect("a date"), end.parse().expect("a date"));
        let cycle = Cycle {
            id: "c".to_owned(),
            start_date,
            end_date,
            start: zone.midnight(start_date).expect("a midnight"),
            end: zone.midnight(end_date).expect("a midnight"),
            grain: zone
                .grain(zone.midnight(start_date).expect("a midnight"), zone.midnight(end_date).expect("a midnight")),
            zone,
            settle: span("3d"),
        };
        let objective = Objective {
            id: "o".to_owned(),
            cycle: CycleIndex(0),
            title: "An objective".to_owned(),
            titles: Vec::new(),
            owner: Some("owner".to_owned()),
            collaborators: Vec::new(),
            team: Some("team".to_owned()),
            aligns_to: None,
            labels: Vec::new(),
            notes: None,
            plan: Vec::new(),
            key_results: Vec::new(),
        };
        let book = Book {
            hash: "sha256:0".to_owned(),
            cycles: vec![cycle],
            calendars: Vec::new(),
            topics: Vec::new(),
            events: Vec::new(),
            metrics: Vec::new(),
            objectives: vec![objective],
            zones: Vec::new(),
            kpis: Vec::new(),
        };
        let plan = Plan { key_results: vec![Vec::new()], ..Plan::default() };
        let mut world = World { book, plan, facts: Facts::default(), check_ins: Vec::new(), baselines: Vec::new() };
        world.event("e", "t");
        let rows = Rows { event: EventIndex(0), filter: None, filter_text: None, value_text: None };
        world.metric("m", MetricKind::Count(rows));
        world
    }

    pub(crate) fn q4() -> World {
        World::new("2026-10-01", "2027-01-01", "Etc/UTC")
    }

    /// One more calendar: of these weekdays, Monday being 0, and of these hours of each.
    pub(crate) fn calendar(&mut self, name: &str, weekdays: &[usize], hours: &[(u16, u16)]) -> CalendarIndex {
        let mut calendar = Calendar { name: name.to_owned(), ..Calendar::default() };
        weekdays.iter().for_each(|weekday| calendar.weekdays[*weekday] = true);
        calendar.hours = hours.iter().map(|(from, to)| ClockHours { from: from * 60, to: to * 60 }).collect();
        self.book.calendars.push(calendar);
        CalendarIndex(self.book.calendars.len() as u16 - 1)
    }

    /// One more event, of a topic of its own.
    pub(crate) fn event(&mut self, name: &str, topic: &str) -> EventIndex {
        let index = EventIndex(self.book.events.len() as u16);
        let topic_index = TopicIndex(self.book.topics.len() as u16);
        self.book.topics.push(Topic { name: topic.to_owned(), fields: vec![Field::named("at")], events: vec![index] });
        self.book.events.push(Event {
            name: name.to_owned(),
            topic: topic_index,
            each: None,
            id: Vec::new(),
            time: FieldSlot(0),
            time_format: TimeFormat::Rfc3339,
            dimensions: Vec::new(),
            filter: None,
            filter_text: None,
        });
        let (watermark, last) = (Some(Timestamp::MAX), Some(Timestamp::MAX));
        self.facts.events.push(EventProgress { watermark, last_event_at: None, last_record_at: last, unchecked: 0 });
        index
    }

    pub(crate) fn metric(&mut self, name: &str, kind: MetricKind) -> MetricIndex {
        self.book.metrics.push(Metric { name: name.to_owned(), kind, unit: Unit::Count, filter: None });
        MetricIndex(self.book.metrics.len() as u16 - 1)
    }

    /// A series of cells, and a sketch of the values beside it at the same index.
    pub(crate) fn tally(&mut self, lines: &str) -> TallyIndex {
        let grain = self.book.cycles[0].grain;
        let (mut cells, mut sketches) = (Series::<Cell>::default(), Series::<Sketch>::default());
        for line in lines.split(['\n', ';']).map(str::trim).filter(|line| !line.is_empty()) {
            let mut words = line.split_whitespace();
            let when = words.next().expect("a time");
            let (mut cell, mut member, mut value) = (Cell::EMPTY, MemberId::NONE, None);
            for word in words {
                match word.split_once('=') {
                    Some(("n", n)) => cell.count = n.parse().expect("a count"),
                    Some(("sum", sum)) => cell.sum = fixed(sum).0,
                    Some(("v", v)) => value = Some(fixed(v)),
                    _ => member = self.facts.members.intern(word.strip_prefix('@').expect("@member")),
                }
            }
            if let Some(value) = value {
                cell = Cell { count: cell.count, sum: value.0 * i128::from(cell.count), min: value.0, max: value.0 };
            }
            for instant in instants(when) {
                cells.entry(member, grain.bucket(instant)).merge(&cell);
                if let Some(value) = value {
                    sketches.entry(member, grain.bucket(instant)).add(bin_of(value), cell.count);
                }
            }
        }
        self.facts.tallies.push(cells);
        self.facts.sketches.push(sketches);
        TallyIndex(self.facts.tallies.len() as u32 - 1)
    }

    /// A key result measured by `measure` over the cycle, min_events 1, silent_after 3d; the last words are the caller's.
    pub(crate) fn measured(
        &mut self,
        goal: Goal,
        measure: Measure,
        change: impl FnOnce(&mut KeyResult, &mut KeyResultPlan),
    ) -> usize {
        let source = Source::Metric { metric: MetricIndex(0), stat: Stat::Natural };
        let mut key_result = key_result(self.book.objectives[0].key_results.len(), source, goal);
        self.facts.coverage.push(Coverage::Whole);
        let mut plan = KeyResultPlan {
            events: vec![EventIndex(0)],
            aggregates: vec![AggregateIndex(self.facts.coverage.len() as u32 - 1)],
            grain: self.book.cycles[0].grain,
            horizon: None,
            windows: WindowPlan::default(),
            measure,
            by: Vec::new(),
            baseline: None,
        };
        change(&mut key_result, &mut plan);
        plan.windows = WindowPlan::of(&self.book, &self.book.cycles[0], &key_result, plan.grain);
        self.add(key_result, Some(plan))
    }

    /// A key result of milestones or check-ins.
    pub(crate) fn told(&mut self, source: Source, goal: Goal, change: impl FnOnce(&mut KeyResult)) -> usize {
        let mut key_result = key_result(self.book.objectives[0].key_results.len(), source, goal);
        key_result.min_events = None;
        change(&mut key_result);
        self.add(key_result, None)
    }

    fn add(&mut self, key_result: KeyResult, plan: Option<KeyResultPlan>) -> usize {
        self.book.objectives[0].key_results.push(key_result);
        self.plan.key_results[0].push(plan);
        self.book.objectives[0].key_results.len() - 1
    }

    pub(crate) fn check_in(&mut self, key_result: usize, when: &str, value: Option<&str>) {
        self.check_ins.push(CheckIn {
            objective: "o".to_owned(),
            key_result: self.book.objectives[0].key_results[key_result].id.clone(),
            at: at(when),
            recorded_at: at(when),
            value: value.map(fixed),
            confidence: None,
            note: None,
            blocker: None,
            author: None,
        });
    }

    pub(crate) fn input(&self, now: &str) -> ScoreInput<'_> {
        let World { book, plan, facts, check_ins, baselines } = self;
        ScoreInput { book, plan, facts, check_ins, baselines, now: at(now) }
    }

    pub(crate) fn score(&self, now: &str) -> Scores {
        score(&self.input(now))
    }

    /// Checks what `expected` names of a key result as of `now`: `value=0.5 n=3 status=on_track`.
    #[track_caller]
    pub(crate) fn check(&self, key_result: usize, now: &str, expected: &str) {
        let scores = self.score(now);
        let found = &scores.objectives[0].key_results[key_result];
        assert_eq!(told_of(found, expected), expected, "as of {now}, {}", found.reason);
    }
}

/// The fields of a key result that `like` names, as text.
pub(crate) fn told_of(score: &KeyResultScore, like: &str) -> String {
    let number = |number: Option<Fixed>| number.map_or("-".to_owned(), |number| number.to_string());
    let time = |time: Option<Timestamp>| time.map_or("-".to_owned(), |time| time.to_string());
    let fields = like.split_whitespace().map(|word| {
        let name = word.split_once('=').map_or(word, |(name, _)| name);
        let text = match name {
            "value" => number(score.value),
            "n" => score.n.map_or("-".to_owned(), |n| n.to_string()),
            "of" => format!("{}/{}", number(score.numerator), number(score.denominator)),
            "attainment" => number(score.attainment),
            "baseline" => number(score.baseline),
            "target" => number(score.target),
            "state" => score.measured.map_or("-".to_owned(), |measured| measured.stage.as_str().to_owned()),
            "now" => score.measured.map_or("-".to_owned(), |measured| number(measured.now)),
            "original" => {
                score.original.map_or("-".to_owned(), |o| format!("{}/{}", number(o.target), number(o.score)))
            }
            "score" => number(score.score),
            "expected" => number(score.expected),
            "status" => score.status.as_str().to_owned(),
            "closed" => score.closed.to_string(),
            "from" => time(score.window_from),
            "to" => time(score.window_to),
            "data_from" => time(score.data_from),
            "as_of" => time(score.as_of),
            "interval" => time(score.interval.as_ref().map(|interval| interval.start)),
            "check_in" => time(score.check_in.as_ref().map(|check_in| check_in.at)),
            "days" => score.days.map_or("-".to_owned(), |days| format!("{}/{}", days.in_band, days.judged)),
            "change" => score.change_7d.map_or("-".to_owned(), |c| format!("{}/{}", number(c.value), number(c.score))),
            _ => panic!("no such field: {name}"),
        };
        format!("{name}={text}")
    });
    fields.collect::<Vec<_>>().join(" ")
}

/// The instants of `A` or `A..B/STEP`.
fn instants(text: &str) -> Vec<Timestamp> {
    let Some((from, rest)) = text.split_once("..") else {
        return vec![at(text)];
    };
    let (to, step) = rest.split_once('/').expect("a step");
    let (to, step) = (at(to), span(step));
    std::iter::successors(Some(at(from)), |instant| Some(*instant + step)).take_while(|instant| *instant < to).collect()
}

fn key_result(position: usize, source: Source, goal: Goal) -> KeyResult {
    KeyResult {
        id: format!("k{position}"),
        title: "A key result".to_owned(),
        titles: Vec::new(),
        owner: None,
        unit: Unit::Count,
        weight: Fixed::ONE,
        kind: Kind::Committed,
        source,
        goal,
        members: Vec::new(),
        pace: Vec::new(),
        revisions: Vec::new(),
        plan: Vec::new(),
        window: Window::Cycle,
        during: Vec::new(),
        per: None,
        by: Vec::new(),
        only: Vec::new(),
        min_events: Some(1),
        partial_accepted: false,
        silent_after: Some(span("3d")),
        due: None,
        thresholds: Thresholds::default(),
        labels: Vec::new(),
        notes: None,
    }
}

/// A sketch has the index of the tally that it was written with.
pub(crate) fn sketch_of(tally: TallyIndex) -> SketchIndex {
    SketchIndex(tally.0)
}

/// The grain of nearly every zone.
pub(crate) const HOUR: Grain = Grain::HOUR;
