//! The documents to the letter.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{CounterKey, Snapshot, explain};
use crate::aggregate::facts::PartitionProgress;
use crate::aggregate::plan::Measure;
use crate::book::{Field, Judge, Kind, MetricKind, Milestone, RatioSense, Rows, Source, Stat, Unit, Window};
use crate::event::{FieldSlot, Partition, TopicIndex};
use crate::fixed::Fixed;
use crate::score::tests::world::{World, at, fixed, improve, maintain, span};
use crate::time::{Interval, Timestamp};

/// The key result of DESIGN §7, with its numbers.
fn world() -> World {
    let mut world = World::new("2026-10-01", "2027-01-01", "Asia/Shanghai");
    world.book.cycles[0].id = "2026-Q4".to_owned();
    world.book.topics[0].fields = vec![Field::named("picked_at"), Field::named("pick_id")];
    world.book.events[0].name = "picked".to_owned();
    world.book.topics[0].name = "wms.picks".to_owned();
    world.book.events[0].id = vec![FieldSlot(1)];
    let errors = world.event("mispicked", "wms.errors");
    world.book.events[1].filter_text = Some("category = 'mispick'".to_owned());
    let rows = |event| Rows { event, filter: None, filter_text: None, value_text: None };
    let part = world.metric("mispicks", MetricKind::Count(rows(errors)));
    let total = world.metric("picks", MetricKind::Count(rows(crate::event::EventIndex(0))));
    world.book.metrics[0].name = "pick_accuracy".to_owned();
    world.book.metrics[0].kind = MetricKind::Ratio { sense: RatioSense::Bad, part, total };
    let bad = world.tally("2026-11-01 n=941; 2026-11-29 n=22; 2026-11-29 n=29 @SH1");
    let all = world.tally("2026-11-01 n=50000; 2026-11-29 n=1234; 2026-11-29 n=999 @SH1");
    let ratio = Measure::Ratio(RatioSense::Bad, Box::new(Measure::Count(bad)), Box::new(Measure::Count(all)));
    world.measured(improve("0.96", "0.99"), ratio.clone(), |kr, plan| {
        kr.id = "pick-accuracy".to_owned();
        kr.title = "拣货准确率".to_owned();
        kr.unit = Unit::Ratio;
        kr.kind = Kind::Aspirational;
        kr.min_events = Some(500);
        plan.events.push(errors);
        plan.by = vec![("warehouse".to_owned(), ratio)];
    });
    world.facts.events[0].last_event_at = Some(at("2026-11-30T15:59:59.5"));
    world.facts.events[0].watermark = Some(at("2026-11-30T16:00:05"));
    world
}

fn snapshot(world: &World, now: &str) -> Snapshot {
    let partition = |number| PartitionProgress {
        partition: Partition { topic: TopicIndex(0), number },
        first_offset: 0,
        next_offset: 25_617,
        log_end: Some(25_618),
        log_end_at: None,
        complete_until: Some(at("2026-11-30T16:00:05")),
        last_record_at: Some(at("2026-11-30T15:59:59")),
    };
    let dead = CounterKey::DeadLetters { topic: "wms.picks".to_owned(), reason: "not_json".to_owned() };
    let other = CounterKey::DeadLetters { topic: "elsewhere".to_owned(), reason: "not_json".to_owned() };
    let fault = CounterKey::ValueFaults { metric: "mispicks".to_owned(), reason: "out_of_range".to_owned() };
    Snapshot {
        at: at(now),
        book: Arc::new(world.book.clone()),
        catching_up: false,
        scores: world.score(now),
        events: world.facts.events.clone(),
        partitions: vec![partition(0), partition(1)],
        evaluated: BTreeMap::new(),
        counters: BTreeMap::from([(dead, 3), (other, 9), (fault, 1)]),
        budgets: Vec::new(),
    }
}

fn texts(lines: &[impl ToString]) -> Vec<String> {
    lines.iter().map(ToString::to_string).collect()
}

#[test]
fn the_document_is_the_contract_to_the_letter() {
    let document = snapshot(&world(), "2026-11-30T16").to_document();
    let expected = concat!(
        r#"{"at":"2026-12-01T00:00:00+08:00","book":"sha256:0","catching_up":false,"#,
        r#""cycles":[{"id":"2026-Q4","start":"2026-10-01T00:00:00+08:00","end":"2027-01-01T00:00:00+08:00","elapsed":0.663043478,"closed":false}],"#,
        r#""objectives":[{"id":"o","cycle":"2026-Q4","title":"An objective","owner":"owner","team":"team","aligns_to":null,"#,
        r#""score":0.706796268,"coverage":1,"status":"on_track","plan":null,"#,
        r#""key_results":[{"id":"pick-accuracy","title":"拣货准确率","type":"improve","kind":"aspirational","weight":1,"owner":"owner","#,
        r#""unit":"ratio","stat":null,"direction":"up","#,
        r#""window":{"from":"2026-10-01T00:00:00+08:00","to":"2026-12-01T00:00:00+08:00","data_from":null},"#,
        r#""as_of":"2026-12-01T00:00:00+08:00","last_event_at":"2026-11-30T23:59:59.5+08:00","#,
        r#""value":0.981203888,"n":51234,"numerator":50271,"denominator":51234,"#,
        r#""baseline":0.96,"baseline_measured":null,"target":0.99,"band":null,"original":null,"restated":null,"#,
        r#""attainment":0.706796268,"days":null,"score":0.706796268,"success":0.7,"expected":0.464130435,"#,
        r#""status":"on_track","reason":"0.71 is past the 0.70 that counts as success","#,
        r#""change_7d":{"value":0.000023888,"score":0.000796268},"#,
        r#""required":null,"allowance":null,"forecast":null,"check_in":null,"plan":null,"#,
        r#""members":[{"dimension":"warehouse","member":"(none)","value":0.981203888,"n":51234,"target":0.99,"score":0.706796268,"status":"on_track"},"#,
        r#"{"dimension":"warehouse","member":"SH1","value":0.970970971,"n":999,"target":0.99,"score":0.365699032,"status":"at_risk"}]}]}],"#,
        r#""kpis":[]}"#,
    );
    assert_eq!(document, expected);
}

#[test]
fn what_has_no_value_is_null() {
    let mut world = World::q4();
    let none = world.tally("");
    world.measured(improve("600", "180"), Measure::Mean(none), |kr, _| {
        kr.unit = Unit::Seconds;
        kr.source = Source::Metric { metric: crate::book::MetricIndex(0), stat: Stat::Percentile(9_990) };
    });
    let manual =
        world.told(Source::Manual, maintain(Some("4.5"), None, Judge::AtEnd), |kr| kr.owner = Some("me".to_owned()));
    world.check_in(manual, "2026-10-02", Some("4.25"));
    let milestone = Milestone { name: "m".to_owned(), weight: Fixed::ONE, due: None, done: None };
    world.told(Source::Milestones(vec![milestone]), crate::book::Goal::Milestones, |_| {});
    let days = maintain(Some("-1"), Some("1"), Judge::Days(fixed("0.9")));
    world.measured(days, Measure::Count(none), |kr, _| {
        kr.min_events = Some(0);
        kr.window = Window::Trailing(span("1d"));
    });
    let pretty = snapshot(&world, "2026-10-03").to_document_pretty();
    let line = |text: &str| {
        pretty.lines().filter(|line| line.trim_start().starts_with(text)).map(str::trim).collect::<Vec<_>>()
    };
    assert_eq!(
        line(r#""type""#),
        [r#""type": "improve","#, r#""type": "manual","#, r#""type": "milestone","#, r#""type": "maintain","#]
    );
    assert_eq!(line(r#""stat""#), [r#""stat": "p99.9","#, r#""stat": null,"#, r#""stat": null,"#, r#""stat": null,"#]);
    let direction =
        [r#""direction": "down","#, r#""direction": "up","#, r#""direction": "up","#, r#""direction": null,"#];
    assert_eq!(line(r#""direction""#), direction);
    assert_eq!(line(r#""value""#)[..2], [r#""value": null,"#, r#""value": 4.25,"#]);
    assert_eq!(line(r#""window""#), [r#""window": {"#, r#""window": null,"#, r#""window": null,"#, r#""window": {"#]);
    assert_eq!(
        line(r#""owner""#)[1..],
        [r#""owner": "owner","#, r#""owner": "me","#, r#""owner": "owner","#, r#""owner": "owner","#]
    );
    assert_eq!(line(r#""band""#), [r#""band": null,"#, r#""band": ["#, r#""band": null,"#, r#""band": ["#]);
    assert_eq!(line(r#""in_band""#), [r#""in_band": 2,"#]);
    let parsed: serde_json::Value = serde_json::from_str(&pretty).expect("JSON");
    let compact: serde_json::Value = serde_json::from_str(&snapshot(&world, "2026-10-03").to_document()).expect("JSON");
    assert_eq!(parsed, compact);
}

#[test]
fn the_same_facts_give_the_same_document_whatever_the_order_of_members() {
    let (mut one, mut other) = (world(), world());
    for (world, names) in [(&mut one, ["@A", "@B", "@C"]), (&mut other, ["@C", "@A", "@B"])] {
        let lines = names.map(|name| format!("2026-11-01 n=7 {name}")).join(";");
        let tally = world.tally(&lines);
        let plan = world.plan.key_results[0][0].as_mut().expect("a plan");
        plan.by = vec![("warehouse".to_owned(), Measure::Count(tally))];
    }
    let now = "2026-11-30T16";
    assert_eq!(snapshot(&one, now).to_document(), snapshot(&other, now).to_document());
}

#[test]
fn an_explanation_says_where_the_score_comes_from() {
    let mut world = world();
    world.facts.events[0].watermark = Some(at("2026-11-30T15:30"));
    let snapshot = snapshot(&world, "2026-11-30T16");
    let explanation = explain(&snapshot, "o", "pick-accuracy").expect("a key result");
    let expected = "\
o/pick-accuracy  拣货准确率
  on_track: 0.71 is past the 0.70 that counts as success
what
  pick_accuracy = 1 − mispicks / picks
  mispicks = number of mispicked
  picks = number of picked
  mispicked = records of topic wms.errors where category = 'mispick', timed by at
  picked = records of topic wms.picks, timed by picked_at, each pick_id once
when
  window  the cycle so far: from 2026-10-01T00:00:00+08:00 to 2026-11-30T23:00:00+08:00
  as of   2026-11-30T23:30:00+08:00, held back by picked, known up to 2026-11-30T23:30:00+08:00: partition 0 of topic wms.picks, 1 record behind its end
how
  n = 51234
  value = 1 − 963 / 51234 = 50271 / 51234 = 0.981203888 (98.1203888 %)
  mispicks = 963
  picks = 51234
  attainment = (0.981203888 − 0.96) / (0.99 − 0.96) = 0.706796268
  score = 0.706796268; 0.7 counts as success
  expected = 0.7 · 60d23h30m / 92d = 0.46397192
events
  mispicked: known up to 9999-12-31T23:59:59.999999Z, latest –
    topic wms.errors: last record 9999-12-31T23:59:59.999999Z
  picked: known up to 2026-11-30T23:30:00+08:00, latest 2026-11-30T23:59:59.5+08:00
    topic wms.picks: last record 9999-12-31T23:59:59.999999Z
offsets
  wms.picks/0: [0, 25617), lag 1
  wms.picks/1: [0, 25617), lag 1
counted beside
  dead letters of wms.picks: not_json: 3
  value faults of mispicks: out_of_range: 1
";
    assert_eq!(explanation.to_string(), expected);
    assert_eq!(explain(&snapshot, "o", "nothing"), None);
    assert_eq!(explain(&snapshot, "nothing", "pick-accuracy"), None);
    let json: serde_json::Value = serde_json::from_str(&explanation.to_json()).expect("JSON");
    assert_eq!(json["events"][1]["behind_seconds"], 1800);
    assert_eq!(json["partitions"][0]["offsets"]["next"], 25_617);
}

#[test]
fn arithmetic_is_shown_for_every_goal() {
    let mut world = World::q4();
    let some = world.tally("2026-10-02 n=4 v=2");
    let none = world.tally("");
    let at_end = maintain(Some("1"), Some("3"), Judge::AtEnd);
    world.measured(at_end, Measure::Mean(some), |kr, _| kr.unit = Unit::Named("points".to_owned()));
    world.measured(maintain(None, Some("0"), Judge::Days(fixed("0.9"))), Measure::Count(none), |kr, _| {
        kr.min_events = None
    });
    world.measured(improve("-1", "1"), Measure::Mean(some), |kr, _| kr.due = Some(at("2026-10-11")));
    let done = Milestone { name: "m".to_owned(), weight: fixed("0.4"), due: None, done: Some(Timestamp(0)) };
    let open = Milestone { name: "m".to_owned(), weight: fixed("0.6"), due: None, done: None };
    world.told(Source::Milestones(vec![done, open]), crate::book::Goal::Milestones, |_| {});
    let snapshot = snapshot(&world, "2026-10-06");
    let table = [
        ("k0", vec!["value = 8 / 4 (sum / n) = 2 points", "attainment = 1 ≤ 2 ≤ 3 holds = 1"]),
        ("k1", vec!["value = 0", "attainment = 5 / 5 (days in band / days judged) = 1"]),
        ("k2", vec!["value = 8 / 4 (sum / n) = 2", "attainment = (2 − (-1)) / (1 − (-1)) = 1.5"]),
        ("k3", vec!["value = 0.4 / 1 (weight done / all weight) = 0.4", "attainment = 0.4"]),
    ];
    for (key_result, expected) in table {
        let explanation = explain(&snapshot, "o", key_result).expect("a key result");
        assert_eq!(texts(&explanation.arithmetic)[..2], expected, "{key_result}");
    }
    let stretched = explain(&snapshot, "o", "k2").expect("a key result");
    assert_eq!(
        texts(&stretched.arithmetic)[2..],
        ["score = 1, 1.5 clamped to 0..1; 1 counts as success", "expected = 1 · 5d / 10d = 0.5"]
    );
}

#[test]
fn calendars_rates_and_best_days_are_told_in_words() {
    let mut world = World::q4();
    let tally = world.tally("2026-10-03 n=4; 2026-10-04 n=10; 2026-10-05 n=99");
    let weekend = world.calendar("weekend", &[5, 6], &[]);
    let office = world.calendar("office", &[], &[(8, 20), (22, 6)]);
    let date = |text: &str| text.parse().expect("a date");
    world.book.calendars[1].except = vec![0];
    world.book.calendars[1].except_dates = vec![(date("2026-11-11"), date("2026-11-12"))];
    world.measured(improve("0", "10"), Measure::Count(tally), |kr, _| {
        (kr.per, kr.during, kr.unit) = (Some(Interval::Day), vec![weekend], Unit::Named("count/day".to_owned()));
    });
    for interval in [Interval::Day, Interval::Week] {
        world.measured(improve("0", "10"), Measure::Count(tally), |kr, _| {
            kr.source = Source::Metric { metric: crate::book::MetricIndex(0), stat: Stat::MostIn(interval) };
            kr.during = vec![office, weekend];
        });
    }
    let snapshot = snapshot(&world, "2026-10-06");
    let told = |key_result| explain(&snapshot, "o", key_result).expect("a key result");
    let span = "from 2026-10-01T00:00:00+00:00 to 2026-10-06T00:00:00+00:00";
    let weekend = "weekend = Saturday, Sunday";
    assert_eq!(texts(&told("k0").definition)[..3], ["m per day", weekend, "m = number of e"]);
    assert_eq!(told("k0").window, Some(format!("the cycle so far, during weekend: {span}")));
    assert_eq!(texts(&told("k0").arithmetic)[0], "value = 14 / 2 (amount / days) = 7 count/day");
    // The night before Monday is Sunday's, which is left out.
    let office = "office = every day 08:00-20:00, 22:00-06:00, without 2026-11-11 to 2026-11-12, weekend";
    assert_eq!(texts(&told("k1").definition)[..3], ["max day of m", weekend, office]);
    assert_eq!(told("k1").window, Some(format!("the cycle so far, during office or weekend: {span}")));
    let sunday = "value = 10, from 2026-10-04T00:00:00+00:00 to 2026-10-05T00:00:00+00:00";
    assert_eq!(texts(&told("k1").arithmetic)[0], sunday);
    assert_eq!(told("k2").reason, format!("no whole week has ended {span} during office or weekend"));
}

#[test]
fn what_stands_beside_the_scores_is_in_the_document_and_the_explanation() {
    let mut world = World::q4();
    let some = world.tally("2026-10-02 n=4 v=2");
    let step = |name: &str, done| crate::book::Step {
        name: name.to_owned(),
        start: Some("2026-10-01".parse().expect("a date")),
        end: Some(("2026-10-03".parse().expect("a date"), at("2026-10-04"))),
        owner: Some("it".to_owned()),
        resources: None,
        risk: Some("holidays".to_owned()),
        done: crate::book::Done::Share(fixed(done)),
        weight: Fixed::ONE,
    };
    world.book.objectives[0].plan = vec![step("build", "1")];
    let kr = world.measured(improve("0", "4"), Measure::Mean(some), |kr, _| {
        kr.plan = vec![step("build", "0.5"), step("run", "1")];
        kr.revisions = vec![crate::book::Revision {
            date: "2026-10-04".parse().expect("a date"),
            at: at("2026-10-04"),
            target: fixed("8"),
            why: "a second line".to_owned(),
            by: Some("coo".to_owned()),
        }];
    });
    let mut shown = world.book.objectives[0].key_results[kr].clone();
    shown.id = "stars".to_owned();
    shown.goal = crate::book::Goal::Nothing;
    world.book.kpis = vec![crate::book::Kpi { cycle: crate::book::CycleIndex(0), shown }];
    world.plan.kpis = vec![world.plan.key_results[0][kr].clone()];
    let snapshot = snapshot(&world, "2026-10-06");
    let document: serde_json::Value = serde_json::from_str(&snapshot.to_document()).expect("JSON");
    let found = &document["objectives"][0]["key_results"][0];
    assert_eq!(
        found["original"].to_string(),
        r#"{"attainment":0.5,"revisions":[{"by":"coo","date":"2026-10-04","target":8,"why":"a second line"}],"score":0.5,"target":4}"#
    );
    assert_eq!((found["target"].to_string(), found["score"].to_string()), ("8".to_owned(), "0.25".to_owned()));
    assert_eq!(document["objectives"][0]["plan"]["done"], 1);
    assert_eq!(found["plan"]["done"], 0.75);
    assert_eq!(
        found["plan"]["steps"][0].to_string(),
        r#"{"done":0.5,"end":"2026-10-03","late":true,"name":"build","owner":"it","resources":null,"risk":"holidays","start":"2026-10-01","weight":1}"#
    );
    assert_eq!(
        document["kpis"].to_string(),
        concat!(
            r#"[{"as_of":"2026-10-06T00:00:00+00:00","change_7d":null,"cycle":"c","denominator":4,"id":"stars","last_event_at":null,"n":4,"#,
            r#""numerator":8,"owner":null,"stat":null,"title":"A key result","unit":"count","value":2,"#,
            r#""window":{"data_from":null,"from":"2026-10-01T00:00:00+00:00","to":"2026-10-06T00:00:00+00:00"}}]"#
        )
    );
    let explanation = explain(&snapshot, "o", "k0").expect("a key result");
    assert_eq!(explanation.plan, ["build: 50 % done, it, by 2026-10-03, late", "run: 100 % done, it, by 2026-10-03"]);
    assert_eq!(
        texts(&explanation.arithmetic)[3..5],
        ["against the original target 4: attainment = 0.5", "target revised to 8 on 2026-10-04: a second line, by coo"]
    );
}
