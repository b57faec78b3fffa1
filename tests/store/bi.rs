//! Stories of the BI star, read as a BI tool reads it: by plain SQL.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;

use jiff::civil::{Date, date};
use krscore::book::{Book, Cycle, CycleIndex, Goal, KeyResult, Kind, Objective, Source, Thresholds, Unit, Window};
use krscore::fixed::Fixed;
use krscore::score::{CycleScore, Ground, KeyResultScore, ObjectiveScore, Reason, Scores, Status};
use krscore::snapshot::Snapshot;
use krscore::store::bi::{BiUpdate, FactValues, KeyResultFact, current, daily, dimensions};
use krscore::time::{Grain, Span, Timestamp, Zone};

use crate::place::Place;

/// 2026-10-02T00:00:00Z and so many seconds.
fn at(seconds: i64) -> Timestamp {
    Timestamp((1_790_899_200 + seconds) * 1_000_000)
}

fn key_result(id: &str, target: &str) -> KeyResult {
    KeyResult {
        id: id.to_owned(),
        title: "拣货准确率".to_owned(),
        titles: Vec::new(),
        owner: None,
        unit: Unit::Ratio,
        weight: Fixed::ONE,
        kind: Kind::Aspirational,
        source: Source::Manual,
        goal: Goal::way(number("0.96"), number(target)),
        members: Vec::new(),
        pace: Vec::new(),
        revisions: Vec::new(),
        plan: Vec::new(),
        window: Window::Cycle,
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
    }
}

fn number(text: &str) -> Fixed {
    text.parse().expect("a number")
}

fn objective(id: &str, team: &str, aligns_to: Option<&str>, key_results: Vec<KeyResult>) -> Objective {
    Objective {
        id: id.to_owned(),
        cycle: CycleIndex(0),
        title: format!("title of {id}"),
        titles: Vec::new(),
        owner: Some("coo".to_owned()),
        collaborators: Vec::new(),
        team: Some(team.to_owned()),
        aligns_to: aligns_to.map(str::to_owned),
        labels: Vec::new(),
        notes: None,
        plan: Vec::new(),
        key_results,
    }
}

/// Two objectives; one key result in `smart-warehouse`, `pick-accuracy`, with this target.
fn book(target: &str) -> Book {
    let zone = Zone::named("Asia/Shanghai").expect("a zone");
    let (start_date, end_date) = (date(2026, 9, 28), date(2027, 1, 1));
    let cycle = Cycle {
        id: "2026-Q4".to_owned(),
        start_date,
        end_date,
        start: zone.midnight(start_date).expect("an instant"),
        end: zone.midnight(end_date).expect("an instant"),
        zone,
        settle: Span::DAY,
        grain: Grain::HOUR,
    };
    Book {
        hash: "sha256:1".to_owned(),
        zones: Vec::new(),
        calendars: Vec::new(),
        cycles: vec![cycle],
        topics: Vec::new(),
        events: Vec::new(),
        metrics: Vec::new(),
        objectives: vec![
            objective("customer-first", "company", None, vec![]),
            objective(
                "smart-warehouse",
                "warehouse",
                Some("customer-first/satisfaction"),
                vec![key_result("pick-accuracy", target)],
            ),
        ],
        kpis: Vec::new(),
    }
}

fn fact(date: Date, value: Option<&str>, status: &'static str) -> KeyResultFact {
    let value = value.map(str::to_owned);
    KeyResultFact {
        cycle_id: "2026-Q4".to_owned(),
        objective_id: "smart-warehouse".to_owned(),
        key_result_id: "pick-accuracy".to_owned(),
        date,
        values: FactValues {
            as_of: Some("2026-10-01T16:00:00.000000Z".to_owned()),
            value: value.clone(),
            n: Some(51_234),
            numerator: Some("1000000000000.000000001".to_owned()),
            denominator: Some("51234".to_owned()),
            baseline: Some("0.96".to_owned()),
            target: Some("0.99".to_owned()),
            attainment: None,
            score: value,
            expected_score: Some("0.464130435".to_owned()),
            status,
            status_order: 3,
        },
    }
}

fn update(seconds: i64) -> BiUpdate {
    BiUpdate { at: at(seconds), dimensions: Some(dimensions(&book("0.99"))), daily: Vec::new(), current: Vec::new() }
}

pub async fn what_was_known_first_stays_and_what_is_known_now_moves(place: Arc<Place>) {
    let store = place.consumer().await;
    let day = date(2026, 10, 1);
    for (seconds, value, status) in
        [(0, Some("0.5"), "at_risk"), (10, Some("0.25"), "off_track"), (20, None, "no_data")]
    {
        store.write_bi(&BiUpdate { daily: vec![fact(day, value, status)], ..update(seconds) }).await.expect("written");
    }
    let columns = [
        "date",
        "as_known_value",
        "as_known_status",
        "restated_value",
        "restated_status",
        "as_known_at",
        "restated_at",
    ];
    let found = place.rows(&columns, &place.bi("fact_key_result_daily")).await;
    let expected = if place.postgres {
        "2026-10-01|0.500000000|at_risk||no_data|2026-10-02 00:00:00+00|2026-10-02 00:00:20+00"
    } else {
        "2026-10-01|0.5|at_risk||no_data|2026-10-02T00:00:00.000000Z|2026-10-02T00:00:20.000000Z"
    };
    assert_eq!(found, [expected]);
}

pub async fn writing_the_same_again_changes_nothing(place: Arc<Place>) {
    let store = place.consumer().await;
    let whole = |seconds| BiUpdate {
        daily: vec![fact(date(2026, 10, 1), Some("0.5"), "at_risk"), fact(date(2026, 9, 30), None, "no_data")],
        ..update(seconds)
    };
    let mut seen = Vec::new();
    for seconds in [0, 60] {
        store.write_bi(&whole(seconds)).await.expect("written");
        let mut all = place.rows(&["key_result_key", "valid_from", "valid_to"], &place.bi("dim_key_result")).await;
        for table in ["dim_cycle", "dim_objective", "dim_team", "fact_key_result_daily"] {
            all.extend(place.rows(&["count(*)", "min(updated_at)", "max(updated_at)"], &place.bi(table)).await);
        }
        seen.push(all);
    }
    assert_eq!(seen[0], seen[1]);
    assert!(seen[0][4].starts_with("2|2026-10-02"), "{:?}", seen[0]);
}

pub async fn a_change_in_the_book_makes_a_version(place: Arc<Place>) {
    let store = place.consumer().await;
    let write = async |seconds, dimensions| {
        store.write_bi(&BiUpdate { dimensions: Some(dimensions), ..update(seconds) }).await.expect("written");
    };
    write(0, dimensions(&book("0.99"))).await;
    store
        .write_bi(&BiUpdate { daily: vec![fact(date(2026, 10, 1), Some("0.5"), "at_risk")], ..update(1) })
        .await
        .expect("written");
    write(2, dimensions(&book("0.995"))).await;
    let mut removed = book("0.995");
    removed.objectives[1].key_results.clear();
    write(3, dimensions(&removed)).await;
    write(4, dimensions(&book("0.995"))).await;

    let seconds = |column: &str| {
        if place.postgres {
            format!("to_char({column} AT TIME ZONE 'UTC', 'SS')")
        } else {
            format!("substr({column}, 18, 2)")
        }
    };
    let columns = ["target", "is_current", &seconds("valid_from"), &seconds("valid_to")];
    let found = place.rows(&columns, &format!("{} ORDER BY key_result_key", place.bi("dim_key_result"))).await;
    let expected = if place.postgres {
        ["0.990000000|false|00|02", "0.995000000|false|02|03", "0.995000000|true|04|"]
    } else {
        ["0.99|0|00|02", "0.995|0|02|03", "0.995|1|04|"]
    };
    assert_eq!(found, expected);
    // The fact keeps its version's key; the view shows the fact once, with the latest title.
    assert_eq!(place.rows(&["key_result_key"], &place.bi("fact_key_result_daily")).await, ["1"]);
    assert_eq!(place.rows(&["target", "key_result_title"], place.view()).await.len(), 1);
}

pub async fn the_running_day_is_replaced_until_its_fact_comes(place: Arc<Place>) {
    let store = place.consumer().await;
    let (first, second) = (date(2026, 10, 1), date(2026, 10, 2));
    let write = async |seconds, daily: Vec<KeyResultFact>, current: Vec<KeyResultFact>| {
        store.write_bi(&BiUpdate { daily, current, ..update(seconds) }).await.expect("written");
    };
    let progress = async || {
        let columns = ["date", "is_running", "value", "as_known_value"];
        let found = place.rows(&columns, &format!("{} ORDER BY date", place.view())).await;
        // Both backends' ways of writing a number and a flag, as one.
        found
            .iter()
            .map(|row| row.replace("00000000", "").replace("true", "1").replace("false", "0"))
            .collect::<Vec<_>>()
    };
    write(0, vec![], vec![fact(first, Some("0.1"), "at_risk")]).await;
    write(1, vec![], vec![fact(first, Some("0.2"), "at_risk")]).await;
    assert_eq!(progress().await, ["2026-10-01|1|0.2|"]);
    write(2, vec![fact(first, Some("0.3"), "at_risk")], vec![]).await;
    assert_eq!(progress().await, ["2026-10-01|0|0.3|0.3"], "the ended day hides the running one");
    write(3, vec![fact(first, Some("0.4"), "at_risk")], vec![fact(second, Some("0.5"), "at_risk")]).await;
    assert_eq!(progress().await, ["2026-10-01|0|0.4|0.3", "2026-10-02|1|0.5|"]);
    let other = KeyResultFact { key_result_id: "gone".to_owned(), ..fact(second, None, "no_data") };
    let unknown = store.write_bi(&BiUpdate { current: vec![other], ..update(4) }).await;
    assert!(unknown.is_err(), "a fact without its dimension is an error, not a row that nobody sees");
    assert_eq!(progress().await.len(), 2, "and leaves all as it was");
}

pub async fn a_plain_client_reads_the_view(place: Arc<Place>) {
    let store = place.consumer().await;
    let update = BiUpdate { current: vec![fact(date(2026, 10, 2), Some("0.981203888"), "on_track")], ..update(0) };
    store.write_bi(&update).await.expect("written");
    let columns = "date, objective_title, objective_path, key_result_title, owner, team, value, numerator, status";
    if !place.postgres {
        let columns: Vec<&str> = columns.split(", ").collect();
        assert_eq!(
            place.rows(&columns, place.view()).await,
            [
                "2026-10-02|title of smart-warehouse|customer-first/smart-warehouse|拣货准确率|coo|warehouse|0.981203888|1000000000000.0|on_track"
            ]
        );
        return;
    }
    let psql = |sql: &str| {
        let output = Command::new("psql")
            .args([
                place.options.url.as_str(),
                "-X",
                "-A",
                "-t",
                "-v",
                "ON_ERROR_STOP=1",
                "-c",
                "SET ROLE bi_reader",
                "-c",
                sql,
            ])
            .output()
            .expect("psql runs");
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    place.execute("GRANT bi_reader TO CURRENT_USER").await;
    let (_, read, error) = psql(&format!("SELECT {columns} FROM bi.v_key_result_progress"));
    let expected = "2026-10-02|title of smart-warehouse|customer-first/smart-warehouse|拣货准确率|coo|warehouse|0.981203888|1000000000000.000000001|on_track";
    assert_eq!(read.lines().last(), Some(expected), "{error}");
    for forbidden in ["SELECT 1 FROM chunk", "DELETE FROM bi.dim_team"] {
        let (may, _, error) = psql(forbidden);
        assert!(!may && error.contains("permission denied"), "{forbidden}: {error}");
    }
}

pub async fn every_column_has_a_comment(place: Arc<Place>) {
    place.consumer().await;
    if !place.postgres {
        return;
    }
    let bare = "pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        WHERE c.relnamespace = 'bi'::regnamespace AND c.relkind IN ('r', 'v') AND a.attnum > 0
          AND col_description(c.oid, a.attnum) IS NULL";
    assert_eq!(place.rows(&["c.relname", "a.attname"], bare).await, [""; 0]);
    let rich = "information_schema.columns
        WHERE table_schema = 'bi' AND data_type NOT IN
          ('text', 'date', 'integer', 'bigint', 'boolean', 'numeric', 'timestamp with time zone')";
    assert_eq!(place.rows(&["table_name", "column_name", "data_type"], rich).await, [""; 0]);
}

pub async fn a_book_becomes_dimensions(place: Arc<Place>) {
    place.consumer().await.write_bi(&update(0)).await.expect("written");
    let dates = place.bi("dim_date");
    let columns = ["date", "year_quarter", "year_week", "day_name", "month_name"];
    assert_eq!(
        place.rows(&columns, &format!("{dates} WHERE date IN ('2026-09-28', '2026-12-31') ORDER BY date")).await,
        ["2026-09-28|2026-Q3|2026-W40|Monday|September", "2026-12-31|2026-Q4|2026-W53|Thursday|December"]
    );
    assert_eq!(place.rows(&["count(*)"], &dates).await, ["95"]);
    let cycle = place.rows(&["first_date", "last_date", "days", "timezone"], &place.bi("dim_cycle")).await;
    assert_eq!(cycle, ["2026-09-28|2026-12-31|95|Asia/Shanghai"]);
    let columns = ["objective_id", "parent_objective_id", "parent_key_result_id", "path", "depth"];
    assert_eq!(
        place.rows(&columns, &format!("{} ORDER BY position", place.bi("dim_objective"))).await,
        [
            "customer-first|||customer-first|0",
            "smart-warehouse|customer-first|satisfaction|customer-first/smart-warehouse|1"
        ]
    );
    let columns = ["key_result_id", "title", "owner", "team", "type", "kind", "unit"];
    let found = place.rows(&columns, &place.bi("dim_key_result")).await;
    assert_eq!(found, ["pick-accuracy|拣货准确率|coo|warehouse|manual|aspirational|ratio"]);
    assert_eq!(
        place.rows(&["team_id"], &format!("{} ORDER BY team_id", place.bi("dim_team"))).await,
        ["company", "warehouse"]
    );
}

fn scored(status: Status) -> KeyResultScore {
    KeyResultScore {
        window_from: None,
        window_to: None,
        data_from: None,
        as_of: Some(at(-1)),
        last_event_at: None,
        value: Some(number("0.981203888")),
        n: Some(51_234),
        numerator: Some(number("50271")),
        denominator: Some(number("51234")),
        baseline: Some(number("0.96")),
        target: Some(number("0.99")),
        measured: None,
        original: None,
        plan: None,
        attainment: Some(number("-0.1")),
        score: Some(Fixed::ZERO),
        success: number("0.7"),
        expected: None,
        status,
        reason: Reason { ground: Ground::NotRead, remarks: Vec::new() },
        change_7d: None,
        check_in: None,
        closed: false,
        interval: None,
        days: None,
        parts: Vec::new(),
        members: Vec::new(),
    }
}

/// | the Snapshot's instant | the running day in Asia/Shanghai, in a cycle to the end of 2026 |
/// |---|---|
/// | 2026-10-02T00:00Z | 10-02, 08:00 there |
/// | 2026-10-02T15:59:59Z | 10-02 |
/// | 2026-10-02T16:00Z | 10-03, its midnight |
/// | a year later | 12-31, the cycle's last |
#[test]
fn the_running_day_is_the_local_one_within_the_cycle() {
    for (seconds, expected) in [
        (0, date(2026, 10, 2)),
        (16 * 3_600 - 1, date(2026, 10, 2)),
        (16 * 3_600, date(2026, 10, 3)),
        (365 * 86_400, date(2026, 12, 31)),
    ] {
        let book = book("0.99");
        let objective = |key_results| {
            let (coverage, status) = (Fixed::ONE, Status::OnTrack);
            ObjectiveScore { score: None, coverage, status, plan: None, key_results }
        };
        let scores = Scores {
            cycles: vec![CycleScore { elapsed: Fixed::ZERO, closed: false }],
            objectives: vec![objective(vec![]), objective(vec![scored(Status::Stale)])],
            kpis: Vec::new(),
        };
        assert_eq!(daily(&book, &scores, CycleIndex(1), expected), [], "another cycle's");
        let of_the_day = daily(&book, &scores, CycleIndex(0), expected);
        let snapshot = Snapshot {
            at: at(seconds),
            book: Arc::new(book),
            catching_up: false,
            scores,
            events: Vec::new(),
            partitions: Vec::new(),
            evaluated: BTreeMap::new(),
            counters: BTreeMap::new(),
            budgets: Vec::new(),
        };
        let facts = current(&snapshot);
        assert_eq!(facts, of_the_day);
        let fact = &facts[0];
        assert_eq!((facts.len(), fact.date, fact.key_result_id.as_str()), (1, expected, "pick-accuracy"));
        let values = &fact.values;
        assert_eq!(values.as_of.as_deref(), Some("2026-10-01T23:59:59.000000Z"));
        assert_eq!((values.value.as_deref(), values.target.as_deref()), (Some("0.981203888"), Some("0.99")));
        assert_eq!((values.attainment.as_deref(), values.expected_score.as_deref()), (Some("-0.1"), None));
        assert_eq!((values.status, values.status_order), ("stale", 4));
    }
}
