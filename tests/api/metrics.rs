//! `/metrics` and OpenMetrics, byte by byte, and as Prometheus' own tool reads them.

use std::collections::BTreeSet;

use krscore::book::Unit;
use krscore::conventions::{FAMILIES, MEMBERS_EXPOSED_MAX};
use krscore::expose::metrics::{encode_scores, openmetrics};
use krscore::score::Status;
use krscore::snapshot::Snapshot;

use crate::alerts::promtool;
use crate::sample::{self, improve, objective, reached, snapshot};
use crate::server::{Running, block_on};

/// Quotes, backslashes, line breaks, CJK; one key result with data and members, one without.
fn small() -> Snapshot {
    let accuracy = improve("accuracy", "拣货 \"准确率\"\\n\nsecond line", 2, Unit::Ratio, ["0.96", "0.99"])
        .at("0.981203888", "0.706796268", Status::OnTrack, reached("0.71", "0.70", false))
        .aspirational()
        .rows(51_234)
        .by(
            "warehouse",
            &[("SH\"1\\", "0.97", 999, Some(("0.98", "0.5", Status::AtRisk))), ("(none)", "0.5", 1, None)],
        );
    let silent = improve("silent", "nothing yet", 3, Unit::Count, ["0", "10"]);
    let (mut objective, score) =
        objective("o", "目标", vec![accuracy, silent], Some("0.706796268"), "0.5", Status::OnTrack);
    objective.owner = None;
    snapshot(vec![(objective, score)])
}

fn check(name: &str, actual: &str, expected: &str) {
    if std::env::var("KRSCORE_TEST_BLESS").is_ok() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api").join(name);
        std::fs::write(path, actual).expect("written");
        return;
    }
    assert_eq!(
        actual, expected,
        "{name}; if the change is meant, run once with KRSCORE_TEST_BLESS=1 and read the difference"
    );
}

#[test]
fn scores_as_prometheus_text() {
    check("scores.prom", &encode_scores(&small()), include_str!("scores.prom"));
}

#[test]
fn scores_as_openmetrics() {
    check("scores.openmetrics", &openmetrics(&small()), include_str!("scores.openmetrics"));
}

#[test]
fn absence_is_no_series_never_nan_and_never_zero() {
    let text = encode_scores(&small());
    assert!(!text.contains("NaN") && !text.contains("Inf"));
    let of_silent: BTreeSet<&str> = text
        .lines()
        .filter(|line| line.contains("key_result=\"silent\""))
        .filter_map(|line| line.split('{').next())
        .collect();
    for absent in
        ["value", "score", "attainment", "window_events", "as_of_timestamp_seconds", "last_event_timestamp_seconds"]
    {
        assert!(!of_silent.contains(format!("okr_key_result_{absent}").as_str()), "{absent}");
    }
    assert!(text.contains("okr_key_result_has_data{cycle=\"2026-Q4\",objective=\"o\",key_result=\"silent\"} 0\n"));
}

#[test]
fn a_kpi_has_a_value_and_no_score() {
    let text = krscore::expose::metrics::encode_scores(&sample::company());
    let series: Vec<&str> = text.lines().filter(|line| line.contains("orders-shipped")).collect();
    assert_eq!(series, [r#"okr_kpi_value{cycle="2026-Q4",kpi="orders-shipped",unit="count"} 6120"#]);
}

/// Members beyond the most are one series where they add up, and none where they do not.
#[test]
fn the_rest_of_the_members_is_other() {
    let many: Vec<(String, i64)> = (0..60)
        .map(|number| (if number == 7 { "other".into() } else { format!("m{number:02}") }, 1_000 - number))
        .collect();
    // Metric 3 is a count, metric 2 a ratio.
    for (metric, adds_up) in [(3, true), (2, false)] {
        let members: Vec<_> = many.iter().map(|(name, n)| (name.as_str(), "10", *n, None)).collect();
        let row = improve("k", "k", metric, Unit::Count, ["0", "10"])
            .at("1", "1", Status::OnTrack, reached("1.00", "1.00", true))
            .by("who", &members);
        let text = encode_scores(&snapshot(vec![objective("o", "o", vec![row], None, "1", Status::OnTrack)]));
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("okr_key_result_member_value{")).collect();
        assert_eq!(lines.len(), MEMBERS_EXPOSED_MAX + usize::from(adds_up));
        assert!(lines[0].contains("m00") && lines[49].contains("m50"), "{} {}", lines[0], lines[49]);
        // The rest is m51 to m59 and the member that is itself called `other`, 10 each.
        assert_eq!(text.contains("member=\"other\"} 100\n"), adds_up);
    }
}

#[test]
fn series_are_unique_and_families_come_once() {
    let text = encode_scores(&sample::company());
    let series: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.rsplit_once(' ').map(|(series, _)| series))
        .collect();
    assert_eq!(series.iter().collect::<BTreeSet<_>>().len(), series.len());
    let types: Vec<&str> = text.lines().filter(|line| line.starts_with("# TYPE")).collect();
    assert_eq!(types.iter().collect::<BTreeSet<_>>().len(), types.len());
}

#[test]
fn every_family_of_the_service_is_served() {
    let text = Running::start(Some(sample::company()), true).get("/metrics", &[]).body;
    for family in FAMILIES.iter().filter(|family| family.name.starts_with("krscore_")) {
        assert!(text.contains(&format!("# TYPE {} {}\n", family.name, family.kind.as_str())), "{}", family.name);
        assert!(text.contains(&format!("# HELP {} {}\n", family.name, family.help)), "{}", family.name);
    }
    for line in [
        "krscore_records_total{result=\"read\",topic=\"wms.picks\"} 240517",
        "krscore_consumer_lag_records{partition=\"1\",topic=\"oms.orders\"} 3",
        "krscore_watermark_timestamp_seconds{event=\"picked\"} 1796054391",
        "krscore_budget_limit{budget=\"pairs_max\"} 10000000",
        "krscore_budget_held{budget=\"pairs_max\",of=\"fulfilment\"} 18231",
        "krscore_budget_passed{budget=\"pairs_max\",of=\"fulfilment\"} 0",
        "krscore_last_commit_timestamp_seconds 1796054400",
        "krscore_store_bytes 4096",
        "krscore_ready 1",
        "krscore_incidents_total{kind=\"retention_passed\",topic=\"oms.orders\"} 1",
        "krscore_below_floor_total{event=\"picked\"} 4",
        "krscore_keys_again_total{metric=\"fulfilment\"} 2",
        "krscore_partition_standing{partition=\"1\",reason=\"offset_out_of_range\",topic=\"oms.orders\"} 1",
        "krscore_compactions_total 3",
        "krscore_compaction_refused_partitions 1",
        "krscore_commit_seconds_bucket{le=\"0.01\"} 1",
        "krscore_cut_seconds_bucket{le=\"0.01\"} 1",
        "krscore_scoring_seconds_bucket{le=\"0.025\"} 1",
    ] {
        assert!(text.lines().any(|served| served == line), "{line}\n{text}");
    }
}

/// Each Snapshot is encoded for readers as it comes; when none can come any more, the task ends.
#[test]
fn a_snapshot_is_published_encoded() {
    block_on(async {
        let (snapshots, incoming) = tokio::sync::watch::channel(None);
        let (published, mut readers) = tokio::sync::watch::channel(None);
        let task = tokio::spawn(krscore::expose::publish(incoming, published));
        assert!(readers.borrow().is_none());
        for snapshot in [small(), sample::company()] {
            let (text, document) = (encode_scores(&snapshot), snapshot.to_document());
            snapshots.send_replace(Some(std::sync::Arc::new(snapshot)));
            readers.changed().await.expect("the task lives");
            let seen = readers.borrow_and_update().clone().expect("published");
            let encoded = seen.document().await.expect("a document");
            assert_eq!((&seen.okr_text[..], &encoded[..]), (text.as_bytes(), document.as_bytes()));
        }
        drop(snapshots);
        task.await.expect("it ends by itself");
    });
}

#[test]
fn promtool_finds_nothing_to_say_about_metrics() {
    let folder = tempfile::tempdir().expect("a folder");
    for snapshot in [small(), sample::company()] {
        let text = Running::start(Some(snapshot), true).get("/metrics", &[]).body;
        if let Some((success, said)) =
            promtool("promtool_finds_nothing_to_say_about_metrics", &["check", "metrics"], folder.path(), &text)
        {
            assert!(success && said.is_empty(), "{said}");
        }
    }
}

#[test]
fn promtool_makes_blocks_of_openmetrics() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("scores"), openmetrics(&small())).expect("written");
    // `tsdb dump` wants a log beside the blocks.
    std::fs::create_dir_all(folder.path().join("data/wal")).expect("made");
    let arguments = ["tsdb", "create-blocks-from", "openmetrics", "scores", "data"];
    if let Some((success, said)) = promtool("promtool_makes_blocks_of_openmetrics", &arguments, folder.path(), "") {
        assert!(success, "{said}");
        let dump = promtool("promtool_makes_blocks_of_openmetrics", &["tsdb", "dump", "data"], folder.path(), "")
            .expect("it was there");
        assert!(dump.1.contains("0.706796268 1796054400000"), "{}", dump.1);
    }
}
