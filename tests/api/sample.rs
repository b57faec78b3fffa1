//! A made-up book and its scores: what readers show without Kafka, store or scoring.

use std::collections::BTreeMap;
use std::sync::Arc;

use krscore::aggregate::budget::{Budget, BudgetUse};
use krscore::aggregate::facts::{EventProgress, PartitionProgress};
use krscore::book::*;
use krscore::event::{EventIndex, FieldSlot, Partition, TopicIndex};
use krscore::fixed::Fixed;
use krscore::score::*;
use krscore::snapshot::{CounterKey, Snapshot};
use krscore::time::{Grain, Period, Span, TimeFormat, Timestamp, Zone};

/// 2026-12-01T00:00:00+08:00.
pub const AT: Timestamp = Timestamp(1_796_054_400_000_000);

/// A number from its text.
pub fn fixed(text: &str) -> Fixed {
    Fixed::parse(text).expect("the sample's numbers are numbers")
}

fn event(name: &str, topic: u16, filter: Option<&str>) -> Event {
    Event {
        name: name.into(),
        topic: TopicIndex(topic),
        each: None,
        id: Vec::new(),
        time: FieldSlot(0),
        time_format: TimeFormat::Rfc3339,
        dimensions: Vec::new(),
        filter: None,
        filter_text: filter.map(str::to_owned),
    }
}

fn metric(name: &str, kind: MetricKind, unit: Unit) -> Metric {
    Metric { name: name.into(), kind, unit, filter: None }
}

fn count(name: &str, event: u16) -> Metric {
    let rows = Rows { event: EventIndex(event), filter: None, filter_text: None, value_text: None };
    metric(name, MetricKind::Count(rows), Unit::Count)
}

fn duration(name: &str, from: u16, to: u16) -> Metric {
    let duration = Duration {
        from: EventIndex(from),
        to: EventIndex(to),
        from_key: FieldSlot(1),
        to_key: FieldSlot(1),
        end: EndChoice::First,
        deadline: None,
        void: None,
        placed: Placed::End,
        give_up: Span(60 * Span::DAY.0),
    };
    metric(name, MetricKind::Duration(duration), Unit::Seconds)
}

/// A member: its name, value and n, and if it is judged its target, score and status.
pub type Member<'a> = (&'a str, &'a str, i64, Option<(&'a str, &'a str, Status)>);

/// A key result with its score; the parts that a test does not name are the usual ones.
pub struct Row {
    /// What the book declares.
    pub key_result: KeyResult,
    /// What it scored.
    pub score: KeyResultScore,
}

/// An improve key result over metric number `metric`.
pub fn improve(id: &str, title: &str, metric: u16, unit: Unit, [baseline, target]: [&str; 2]) -> Row {
    let goal = Goal::way(fixed(baseline), fixed(target));
    row(id, title, Source::Metric { metric: MetricIndex(metric), stat: Stat::Natural }, unit, goal)
}

/// Any key result, without data.
pub fn row(id: &str, title: &str, source: Source, unit: Unit, goal: Goal) -> Row {
    let (baseline, target) = match &goal {
        Goal::Improve { target, .. } => (goal.written_baseline(), target.amount(goal.written_baseline())),
        Goal::Maintain { at_least, at_most, .. } => (None, at_least.xor(*at_most)),
        Goal::Milestones => (None, Some(Fixed::ONE)),
        Goal::Nothing => (None, None),
    };
    let key_result = KeyResult {
        titles: Vec::new(),
        id: id.into(),
        title: title.into(),
        owner: Some("ops-director".into()),
        unit,
        weight: Fixed::ONE,
        kind: Kind::Committed,
        source,
        goal,
        members: Vec::new(),
        pace: Vec::new(),
        revisions: Vec::new(),
        plan: Vec::new(),
        window: Window::ToDate(Period::Quarter),
        during: Vec::new(),
        per: None,
        by: Vec::new(),
        only: Vec::new(),
        min_events: None,
        partial_accepted: false,
        silent_after: None,
        due: None,
        thresholds: Thresholds::default(),
        labels: Vec::new(),
        notes: None,
    };
    let score = KeyResultScore {
        window_from: Some(Timestamp(AT.0 - 7 * Span::DAY.0)),
        window_to: Some(AT),
        data_from: None,
        as_of: None,
        last_event_at: None,
        value: None,
        n: None,
        numerator: None,
        denominator: None,
        interval: None,
        baseline,
        target,
        measured: None,
        original: None,
        plan: None,
        attainment: None,
        days: None,
        parts: Vec::new(),
        closed: false,
        score: None,
        success: Fixed::ONE,
        expected: Some(fixed("0.663043478")),
        status: Status::NoData,
        reason: because(Ground::Empty(Absence::NoBucketYet)),
        change_7d: None,
        check_in: None,
        members: Vec::new(),
    };
    Row { key_result, score }
}

impl Row {
    /// With a value, an attainment and a status.
    pub fn at(mut self, value: &str, attainment: &str, status: Status, ground: Ground) -> Row {
        let attainment = fixed(attainment);
        self.score.value = Some(fixed(value));
        self.score.attainment = Some(attainment);
        self.score.score = Some(attainment.clamp(Fixed::ZERO, Fixed::ONE));
        self.score.status = status;
        self.score.reason = because(ground);
        self.score.as_of = Some(Timestamp(AT.0 - 4 * Span::SECOND.0));
        self.score.last_event_at = Some(Timestamp(AT.0 - 9 * Span::SECOND.0 + 123_456));
        self
    }

    /// With what changed in a week.
    pub fn changed(mut self, value: &str, score: &str) -> Row {
        self.score.change_7d = Some(Change { value: Some(fixed(value)), score: Some(fixed(score)) });
        self
    }

    /// Aspirational: 0.7 is success.
    pub fn aspirational(mut self) -> Row {
        self.key_result.kind = Kind::Aspirational;
        self.score.success = fixed("0.7");
        self.score.expected = Some(fixed("0.464130435"));
        self
    }

    /// With rows and members of a dimension: name, value, n, target and score.
    pub fn by(mut self, dimension: &str, members: &[Member]) -> Row {
        self.key_result.by.push(dimension.into());
        self.score.members.extend(members.iter().map(|(member, value, n, judged)| MemberScore {
            dimension: dimension.into(),
            member: (*member).into(),
            value: Some(fixed(value)),
            n: Some(*n),
            target: judged.map(|(target, _, _)| fixed(target)),
            score: judged.map(|(_, score, _)| fixed(score)),
            status: judged.map(|(_, _, status)| status),
        }));
        self
    }

    /// With the rows behind it.
    pub fn rows(mut self, n: i64) -> Row {
        self.score.n = Some(n);
        self
    }
}

/// A reason without remarks.
pub fn because(ground: Ground) -> Reason {
    Reason { ground, remarks: Vec::new() }
}

/// Why a score is on track.
pub fn reached(score: &str, success: &str, exactly: bool) -> Ground {
    Ground::Reached { score: score.into(), success: success.into(), exactly }
}

fn short(score: &str, gap: &str) -> Shortfall {
    let expected = fixed(score).0 + fixed(gap).0;
    Shortfall { score: score.into(), gap: gap.into(), expected: Fixed(expected).to_string() }
}

/// An objective of these rows.
pub fn objective(
    id: &str,
    title: &str,
    rows: Vec<Row>,
    score: Option<&str>,
    coverage: &str,
    status: Status,
) -> (Objective, ObjectiveScore) {
    let (key_results, scores) = rows.into_iter().map(|row| (row.key_result, row.score)).unzip();
    let objective = Objective {
        titles: Vec::new(),
        id: id.into(),
        cycle: CycleIndex(0),
        title: title.into(),
        owner: Some("ops-director".into()),
        collaborators: Vec::new(),
        team: Some("operations".into()),
        aligns_to: None,
        labels: Vec::new(),
        notes: None,
        plan: Vec::new(),
        key_results,
    };
    let (score, coverage) = (score.map(fixed), fixed(coverage));
    (objective, ObjectiveScore { score, coverage, status, plan: None, key_results: scores })
}

/// A Snapshot of these objectives, scored at [`AT`].
pub fn snapshot(objectives: Vec<(Objective, ObjectiveScore)>) -> Snapshot {
    let zone = Zone::named("Asia/Shanghai").expect("bundled");
    let midnight = |month, day, year| zone.midnight(jiff::civil::date(year, month, day)).expect("in range");
    let cycle = Cycle {
        id: "2026-Q4".into(),
        start_date: jiff::civil::date(2026, 10, 1),
        end_date: jiff::civil::date(2027, 1, 1),
        start: midnight(10, 1, 2026),
        end: midnight(1, 1, 2027),
        zone: zone.clone(),
        settle: Span(3 * Span::DAY.0),
        grain: Grain::HOUR,
    };
    let topic = |name: &str, event: u16| Topic {
        name: name.into(),
        fields: vec![Field::named("at"), Field::named("id")],
        events: vec![EventIndex(event)],
    };
    let (objectives, scores) = objectives.into_iter().unzip();
    let book = Book {
        hash: "sha256:5f2c6a1b0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d1e0f9a8b7c6d5e4f3a".into(),
        zones: Vec::new(),
        cycles: vec![cycle],
        calendars: Vec::new(),
        topics: vec![topic("wms.picks", 0), topic("wms.errors", 1), topic("oms.orders", 2), topic("crm.tickets", 4)],
        events: vec![
            event("picked", 0, None),
            event("mispicked", 1, Some("category = 'mispick'")),
            event("ordered", 2, Some("type = 'order.created'")),
            event("delivered", 2, Some("type = 'order.delivered'")),
            event("opened", 3, None),
            event("resolved", 3, None),
        ],
        metrics: vec![
            count("picks", 0),
            count("mispicks", 1),
            metric(
                "pick_accuracy",
                MetricKind::Ratio { sense: RatioSense::Bad, part: MetricIndex(1), total: MetricIndex(0) },
                Unit::Ratio,
            ),
            count("orders", 2),
            duration("fulfilment", 2, 3),
            duration("aht", 4, 5),
        ],
        objectives,
        kpis: Vec::new(),
    };
    let progress = |seconds: i64| EventProgress {
        watermark: Some(Timestamp(AT.0 - seconds * Span::SECOND.0)),
        last_event_at: Some(Timestamp(AT.0 - seconds * Span::SECOND.0)),
        last_record_at: Some(Timestamp(AT.0 - seconds * Span::SECOND.0)),
        unchecked: 0,
    };
    Snapshot {
        at: AT,
        book: Arc::new(book),
        catching_up: false,
        scores: Scores {
            cycles: vec![CycleScore { elapsed: fixed("0.663043478"), closed: false }],
            objectives: scores,
            kpis: Vec::new(),
        },
        events: vec![progress(9), progress(14), progress(4), progress(4), progress(31), progress(31)],
        partitions: (0..4_u16).flat_map(|topic| (0..2).map(move |number| partition(topic, number))).collect(),
        evaluated: BTreeMap::new(),
        counters: counters(),
        budgets: vec![BudgetUse {
            budget: Budget::Pairs,
            of: "fulfilment".to_owned(),
            limit: 10_000_000,
            held: 18_231,
            passed: false,
        }],
    }
}

fn partition(topic: u16, number: i32) -> PartitionProgress {
    let next = 120_000 + i64::from(topic) * 31_007 + i64::from(number) * 517;
    PartitionProgress {
        partition: Partition { topic: TopicIndex(topic), number },
        first_offset: 0,
        next_offset: next,
        log_end: Some(next + i64::from(number) * 3),
        log_end_at: Some(AT),
        complete_until: Some(AT),
        last_record_at: Some(AT),
    }
}

fn counters() -> BTreeMap<CounterKey, u64> {
    let text = str::to_owned;
    BTreeMap::from([
        (CounterKey::Records { topic: text("wms.picks"), result: text("read") }, 240_517),
        (CounterKey::Records { topic: text("wms.picks"), result: text("dead_letter") }, 3),
        (CounterKey::DeadLetters { topic: text("wms.picks"), reason: text("malformed_json") }, 3),
        (CounterKey::ValueFaults { metric: text("aht"), reason: text("not_a_number") }, 2),
        (CounterKey::Copies { event: text("picked") }, 41),
        (CounterKey::Unchecked { event: text("picked") }, 1),
        (CounterKey::Incidents { topic: text("oms.orders"), kind: text("retention_passed") }, 1),
        (CounterKey::BelowFloor { event: text("picked") }, 4),
        (CounterKey::KeysAgain { metric: text("fulfilment") }, 2),
        (CounterKey::SkippedOffsets { topic: text("oms.orders") }, 12),
    ])
}

/// A company's quarter, as the demo would show it.
pub fn company() -> Snapshot {
    use Status::*;
    let band = |at_least: Option<&str>, at_most: Option<&str>| Goal::Maintain {
        at_least: at_least.map(fixed),
        at_most: at_most.map(fixed),
        judge: Judge::Days(fixed("0.9")),
    };
    let of_metric = |metric| Source::Metric { metric: MetricIndex(metric), stat: Stat::Natural };
    let silent = SilentSource::CheckIns { last: "2026-11-15T00:00:00+08:00".into() };
    let told_last = Ground::Silent { source: silent, lasted: Span(16 * Span::DAY.0), allowed: Span(14 * Span::DAY.0) };
    let mut training =
        row("training", "培训覆盖率100%并通过认证", Source::Manual, Unit::Ratio, Goal::way(fixed("0"), fixed("1")))
            .at("0.58", "0.58", Stale, told_last)
            .changed("0", "0");
    training.score.as_of = Some(Timestamp(AT.0 - 16 * Span::DAY.0));
    training.score.check_in = Some(CheckIn {
        objective: "loved-support".into(),
        key_result: "training".into(),
        at: Timestamp(AT.0 - 16 * Span::DAY.0),
        recorded_at: Timestamp(AT.0 - 16 * Span::DAY.0),
        value: Some(fixed("0.58")),
        confidence: Some(fixed("0.6")),
        note: Some("第三批学员完成课程".into()),
        blocker: Some("exam slots are full until 8 December".into()),
        author: Some("hr".into()),
    });
    let warehouse = vec![
        improve("pick-accuracy", "拣货准确率 96% → 99%", 2, Unit::Ratio, ["0.96", "0.99"])
            .aspirational()
            .at("0.981203888", "0.706796268", OnTrack, reached("0.71", "0.70", false))
            .changed("0.002", "0.066666667")
            .rows(51_234)
            .by(
                "warehouse",
                &[
                    ("SH1", "0.9711", 27_410, Some(("0.98", "0.555", OnTrack))),
                    ("GZ2", "0.9924", 15_202, Some(("0.99", "1", OnTrack))),
                    ("BJ1", "0.9632", 8_622, Some(("0.99", "0.106666667", OffTrack))),
                ],
            ),
        improve(
            "fulfilment-p50",
            "Half of all orders arrive within 3 days (from 5)",
            4,
            Unit::Seconds,
            ["432000", "259200"],
        )
        .at("345600", "0.5", AtRisk, Ground::Between { short: short("0.50", "0.16"), least: "0.60".into() })
        .changed("-12960", "0.075")
        .rows(18_377),
        improve("capacity", "日订单处理能力提升20%", 3, Unit::Count, ["10250", "12300"])
            .at(
                "10402",
                "0.074146341",
                OffTrack,
                Ground::WellBelow { short: short("0.07", "0.59"), share: "60 %".into() },
            )
            .changed("-118", "-0.057560976")
            .rows(956_984)
            .by(
                "channel",
                &[
                    ("app", "6120", 563_040, None),
                    ("marketplace", "3301", 303_692, None),
                    ("(none)", "981", 90_252, None),
                ],
            ),
        row("wms-erp", "WMS–ERP integration live", Source::Milestones(Vec::new()), Unit::Ratio, Goal::Milestones).at(
            "0.6",
            "0.6",
            OnTrack,
            Ground::NearByShare { score: "0.60".into(), expected: "0.66".into(), share: "90 %".into() },
        ),
    ];
    let support = vec![
        improve("aht", "Average handle time down to 3 minutes", 5, Unit::Seconds, ["570", "180"])
            .at("161.4", "1.047692308", OnTrack, reached("1.00", "1.00", true))
            .changed("-22.6", "0.021")
            .rows(7_204),
        row("csat", "客户满意度 ≥ 4.5 / 5", of_metric(0), Unit::Named("points".into()), band(Some("4.5"), None))
            .at("4.354", "0.84", AtRisk, Ground::Between { short: short("0.84", "0.06"), least: "0.85".into() })
            .changed("-0.03", "-0.01")
            .rows(2_918),
        training,
        row("complaints", "Complaints stay at or below 1 %", of_metric(1), Unit::Ratio, band(None, Some("0.01"))),
    ];
    let (mut warehouse, warehouse_score) =
        objective("smart-warehouse", "构建弹性高效的智能仓储体系", warehouse, Some("0.470235652"), "1", OffTrack);
    warehouse.aligns_to = Some("loved-support".into());
    warehouse.owner = Some("warehouse-director".into());
    warehouse.team = Some("warehouse".into());
    let support =
        objective("loved-support", "Support that customers rate highly", support, Some("0.92"), "0.5", AtRisk);
    let step = Step {
        name: "自动分拣线".into(),
        start: Some(jiff::civil::date(2026, 10, 12)),
        end: None,
        owner: Some("warehouse-director".into()),
        resources: Some("two engineers".into()),
        risk: Some("the vendor is late".into()),
        done: Done::Share(fixed("0.4")),
        weight: Fixed::ONE,
    };
    warehouse.plan = vec![step];
    let mut warehouse_score = warehouse_score;
    let steps = vec![StepProgress { done: fixed("0.4"), late: true }];
    warehouse_score.plan = Some(PlanProgress { done: fixed("0.4"), steps });
    let mut snapshot = snapshot(vec![support, (warehouse, warehouse_score)]);
    let orders = row("orders-shipped", "近7日出库订单", of_metric(3), Unit::Count, Goal::Nothing)
        .at("6120", "0", NoData, Ground::Empty(Absence::NoBucketYet))
        .changed("-118", "0");
    Arc::make_mut(&mut snapshot.book).kpis = vec![Kpi { cycle: CycleIndex(0), shown: orders.key_result }];
    snapshot.scores.kpis = vec![orders.score];
    snapshot
}
