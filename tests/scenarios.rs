//! Scenarios: each folder of `tests/scenarios` is a row of CASES.md (or a case of its own), replayed by the real binary.
//!
//! | file | holds |
//! |---|---|
//! | `book.yaml` | the book |
//! | `TOPIC.ndjson`, `TOPIC@1.ndjson` … | the events: partitions 0, 1 … of a topic |
//! | `case.txt` | `at:` instants to score at; `show:` fields of a key result (`counters`: those too); `order: any`: facts do not depend on order |
//! | `expected.txt` | what comes out; `UPDATE_EXPECTED=1 cargo test --test scenarios` writes it anew |
//!
//! With `order: any` the lines are replayed reversed, shuffled, and spread over 1 to 4 partitions: the whole document is the same, byte for byte.
//! Every case is also driven through the library's pipeline, which must give the binary's document.
//!
//! # Where each row of CASES.md is held
//!
//! | # | tests |
//! |---|---|
//! | 1 | scenarios: case_01_lines_in_any_order |
//! | 2 | pipeline: case_02_a_pair_over_two_processes_counts_once_though_one_is_fenced |
//! | 3 | pipeline: case_03_after_a_crash_and_a_dropped_partition_the_document_is_that_of_a_quiet_run; properties: whatever_happens_the_document_is_that_of_a_quiet_run |
//! | 4 | scenarios: case_04_ends_before_and_after_the_start |
//! | 5 | scenarios: case_05_two_starts_at_the_same_time |
//! | 6 | scenarios: case_06_void_before_between_and_after |
//! | 7 | scenarios: case_07_numbers_and_texts_are_the_same_key |
//! | 8 | pipeline: case_08_the_first_copy_by_offset_wins_wherever_the_batch_edge_falls |
//! | 9 | tests/pipeline/backfill.rs: case_09_a_key_result_put_back_nine_days_later_has_only_its_gap_filled; tests/pipeline/backfill.rs: case_09_where_the_gap_is_gone_from_the_log_data_from_tells |
//! | 10 | tests/pipeline/backfill.rs: case_10_a_p90_is_added_40_days_into_a_topic_of_7_and_the_mean_keeps_its_40 |
//! | 11 | tests/pipeline/backfill.rs: case_11_a_crash_in_a_back_fill_and_a_copy_across_each_seam_count_once; tests/pipeline/backfill.rs: whatever_is_edited_and_crashes_the_document_is_that_of_a_quiet_run_of_the_last_book |
//! | 12 | pipeline: case_12_a_commit_whose_answer_is_lost_is_neither_lost_nor_counted_twice |
//! | 13 | pipeline: case_13_no_cohort_falls_while_deliveries_drain_after_orders; src/score/tests/statuses.rs: case_13_a_cohort_does_not_fall_while_deliveries_lag |
//! | 14 | pipeline: case_14_accuracy_does_not_rise_while_errors_lag_behind_picks; src/score/tests/statuses.rs: case_14_accuracy_does_not_rise_while_errors_lag_behind_picks |
//! | 15 | pipeline: case_15_a_log_that_ends_in_control_records_is_caught_up |
//! | 16 | pipeline: case_16_an_event_dated_2099_moves_no_watermark_and_closes_nothing; scenarios: case_16_an_event_dated_2099 |
//! | 17 | src/time/tests/zones.rs: case_17_local_midnights_are_exact; scenarios: case_17_odd_zones; scenarios: case_17_sao_paulo_2018 |
//! | 18 | src/time/tests/zones.rs: case_18_a_to_date_window_at_the_first_instant_is_the_period_that_has_just_ended; src/score/tests/windows.rs: case_18_to_date_on_the_first_instant_of_a_month_is_the_month_that_has_just_ended; scenarios: case_18_to_date_at_the_first_instant |
//! | 19 | src/score/tests/windows.rs: case_19_the_last_days_orders_are_judged_before_the_cycle_closes |
//! | 20 | pipeline: case_20_replay_at_an_instant_and_a_live_service_then_show_the_same |
//! | 21 | scenarios: case_21_a_perfect_week; src/score/tests/statuses.rs: case_21_a_perfect_week_is_judged |
//! | 22 | pipeline: case_22_a_silent_error_topic_turns_stale_and_leaves_the_roll_up; src/score/tests/statuses.rs: case_22_a_silent_error_topic_makes_it_stale_and_leaves_the_roll_up |
//! | 23 | scenarios: case_23_decreasing_target; src/score/tests/goals.rs: case_23_decreasing_target_goes_the_same_formula |
//! | 24 | scenarios: case_24_a_measured_baseline_past_its_target; src/score/tests/goals.rs: case_24_a_measured_baseline_past_its_target_becomes_a_line_to_hold |
//! | 25 | scenarios: case_25_members_of_a_count; src/score/tests/values.rs: case_25_members_of_additive_metrics_have_values_but_no_score |
//! | 26 | scenarios: case_26_exact_sums_and_value_faults |
//! | 27 | scenarios: case_27_a_broken_field_that_nothing_reads |
//! | 28 | scenarios: case_28_weights_of_which_one_is_judged; src/score/tests/statuses.rs: case_28_the_roll_up_is_over_the_judged_with_its_coverage |
//! | 29 | src/score/tests/goals.rs: case_29_an_aspirational_key_result_exactly_on_its_way_is_on_track_throughout |
//! | 30 | scenarios: case_30_a_milestone_exactly_on_plan; src/score/tests/goals.rs: case_30_a_milestone_key_result_exactly_on_plan_is_on_track_throughout |
//! | 31 | scenarios: case_31_no_data_at_the_close; src/score/tests/statuses.rs: case_31_without_data_it_closes_as_no_data |
//! | 32 | src/score/tests/goals.rs: case_32_87_of_92_days_in_band_is_achieved |
//! | 33 | scenarios: case_33_exactly_seven_tenths; src/score/tests/goals.rs: case_33_exactly_seven_tenths_is_achieved |
//! | 34 | scenarios: case_34_no_complaints_at_all; src/score/tests/goals.rs: case_34_no_complaints_at_all_is_in_band |
//! | 35 | src/score/tests/windows.rs: case_35_a_trailing_cohort_shows_the_last_days_that_are_judged |
//! | 36 | pipeline: case_36_after_the_cycle_nothing_turns_stale_before_it_settles; src/score/tests/statuses.rs: case_36_nothing_turns_stale_because_the_cycle_has_ended |
//! | 37 | pipeline: case_37_while_the_broker_and_then_the_store_is_away_nothing_advances; src/score/tests/statuses.rs: case_37_while_the_broker_is_away_nothing_advances_and_no_cohort_fails |
//! | 38 | pipeline: case_38_a_restart_in_a_backlog_goes_on_from_the_stored_watermarks; src/score/tests/statuses.rs: case_38_as_of_goes_on_from_the_stored_watermarks |
//! | 39 | pipeline: case_39_of_two_events_of_a_record_the_one_with_a_readable_time_counts |
//! | 40 | tests/kafka: case_40_a_kept_partition_at_its_end_goes_on_after_a_cooperative_rebalance |

mod world;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use world::World;
use world::storage::Memory;

macro_rules! scenarios {
    ($($name:ident)*) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];
        $(#[test]
        fn $name() {
            run(stringify!($name));
        })*
    };
}

scenarios! {
    calendars_cut_windows
    case_01_lines_in_any_order
    case_04_ends_before_and_after_the_start
    case_05_two_starts_at_the_same_time
    case_06_void_before_between_and_after
    case_07_numbers_and_texts_are_the_same_key
    case_16_an_event_dated_2099
    case_17_odd_zones
    case_17_sao_paulo_2018
    case_18_to_date_at_the_first_instant
    case_21_a_perfect_week
    case_23_decreasing_target
    case_24_a_measured_baseline_past_its_target
    case_25_members_of_a_count
    case_26_exact_sums_and_value_faults
    case_27_a_broken_field_that_nothing_reads
    case_28_weights_of_which_one_is_judged
    case_30_a_milestone_exactly_on_plan
    case_31_no_data_at_the_close
    case_33_exactly_seven_tenths
    case_34_no_complaints_at_all
    days_on_which_clocks_change
    distinct_values_over_members_and_windows
    fields_composite_ids
    fields_dotted_paths
    fields_each_element
    fields_keys_of_different_names
    fields_local_times_over_dst
    level_ties_ends_late_changes_and_moves
    only_some_members
    pace_and_revisions
    rates_and_best_days
    several_cycles_at_once
    targets_of_members
    where_on_any_metric
}

/// Lines of each partition, by topic.
type Events = BTreeMap<String, Vec<Vec<String>>>;

struct Case {
    folder: PathBuf,
    at: Vec<String>,
    show: Vec<String>,
    any_order: bool,
    events: Events,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

impl Case {
    fn read(name: &str) -> Case {
        let folder = root().join(name);
        let text =
            std::fs::read_to_string(folder.join("case.txt")).unwrap_or_else(|error| panic!("{name}/case.txt: {error}"));
        let mut case = Case { folder, at: Vec::new(), show: Vec::new(), any_order: false, events: Events::new() };
        for line in text.lines() {
            let (key, value) = line.split_once(':').unwrap_or_else(|| panic!("{name}/case.txt: {line}"));
            let words = value.split_whitespace().map(str::to_owned);
            match key {
                "at" => case.at.extend(words),
                "show" => case.show.extend(words),
                "order" => case.any_order = value.trim() == "any",
                _ => panic!("{name}/case.txt: no such key: {key}"),
            }
        }
        let entries = std::fs::read_dir(&case.folder).expect("a folder");
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
        files.sort();
        for path in files {
            let file = path.file_name().and_then(|name| name.to_str()).expect("a name");
            let Some(name) = file.strip_suffix(".ndjson") else { continue };
            let topic = name.split('@').next().expect("a topic").to_owned();
            let text = std::fs::read_to_string(&path).expect("a file");
            case.events.entry(topic).or_default().push(text.lines().map(str::to_owned).collect());
        }
        case
    }

    fn book(&self) -> PathBuf {
        self.folder.join("book.yaml")
    }
}

fn run(name: &str) {
    let case = Case::read(name);
    let mut out = String::new();
    for at in &case.at {
        let document = replay(&case, &case.events, at);
        let counters = through_the_library(&case, at, &document);
        show(&case, at, &document, &mut out);
        if case.show.iter().any(|field| field == "counters") {
            out.push_str(&counters);
        }
        if case.any_order {
            for (how, events) in permutations(&case.events) {
                assert_eq!(replay(&case, &events, at), document, "{name} at {at}: {how}");
            }
        }
    }
    let path = case.folder.join("expected.txt");
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(&path, &out).expect("expected.txt can be written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(out, expected, "{name}: UPDATE_EXPECTED=1 writes expected.txt anew");
}

/// The document of `krscore replay`.
fn replay(case: &Case, events: &Events, at: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_krscore"));
    command.arg("replay").arg(case.book()).args(["--format", "json", "--at", at]);
    for (topic, partitions) in events {
        for (number, lines) in partitions.iter().enumerate() {
            let path = folder.path().join(format!("{topic}@{number}.ndjson"));
            std::fs::write(&path, lines.join("\n")).expect("a file");
            command.arg("--events").arg(format!("{topic}={}", path.display()));
        }
    }
    let output = command.output().expect("krscore runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("a document")
}

/// The same through the library: the document must be the same; the counters come from there.
fn through_the_library(case: &Case, at: &str, document: &str) -> String {
    let book = world::book(&std::fs::read_to_string(case.book()).expect("a book"));
    let mut world = World::new(book, Memory::default(), at);
    world.until = Some(world::at(at));
    for (topic, partitions) in &case.events {
        for (number, lines) in partitions.iter().enumerate() {
            let partition = world.partition(topic, number as i32);
            lines.iter().for_each(|line| world.append(partition, None, Some(line.clone())));
        }
    }
    let process = world.start();
    let library: Value = serde_json::from_str(&world.settle(process, at)).expect("a document");
    let mut binary: Value = serde_json::from_str(document).expect("a document");
    binary["book"] = library["book"].clone(); // the hash covers the file's name
    assert_eq!(library, binary);
    let counters = world.counters(process);
    counters.lines().map(|line| format!("  {line}\n")).collect()
}

/// The fields that the case shows, a key result a line.
fn show(case: &Case, at: &str, document: &str, out: &mut String) {
    let document: Value = serde_json::from_str(document).expect("a document");
    let text = |value: &Value| match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    out.push_str(&format!("at {at}\n"));
    for objective in list(&document["objectives"]) {
        let [id, score, coverage, status] = ["id", "score", "coverage", "status"].map(|key| text(&objective[key]));
        out.push_str(&format!("  {id}: score={score} coverage={coverage} status={status}\n"));
        for key_result in list(&objective["key_results"]) {
            let fields: Vec<String> = (case.show.iter().filter(|field| *field != "counters"))
                .map(|field| format!("{field}={}", text(&key_result[field])))
                .collect();
            out.push_str(&format!("  {id}/{}: {}\n", text(&key_result["id"]), fields.join(" ")));
            for member in list(&key_result["members"]) {
                let fields = ["value", "n", "score", "status"].map(|field| format!("{field}={}", text(&member[field])));
                let (dimension, member) = (text(&member["dimension"]), text(&member["member"]));
                out.push_str(&format!("    {dimension}={member}: {}\n", fields.join(" ")));
            }
        }
    }
}

/// The lines in other orders, and spread over other numbers of partitions.
fn permutations(events: &Events) -> Vec<(String, Events)> {
    let mut all = Vec::new();
    for partitions in 1..=4 {
        for order in ["as they are", "reversed", "shuffled"] {
            let spread = |(topic, known): (&String, &Vec<Vec<String>>)| {
                let mut lines: Vec<String> = known.concat();
                match order {
                    "reversed" => lines.reverse(),
                    // The same shuffle every time.
                    "shuffled" => lines
                        .sort_by_key(|line| xxhash_rust::xxh3::xxh3_64_with_seed(line.as_bytes(), partitions as u64)),
                    _ => {}
                }
                let mut spread = vec![Vec::new(); partitions];
                lines.into_iter().enumerate().for_each(|(i, line)| spread[i % partitions].push(line));
                (topic.clone(), spread)
            };
            all.push((format!("{order} over {partitions} partitions"), events.iter().map(spread).collect()));
        }
    }
    all
}

#[test]
fn every_folder_is_a_scenario() {
    let entries = std::fs::read_dir(root()).expect("a folder");
    let mut folders: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    folders.sort();
    assert_eq!(folders, NAMES);
}

#[test]
fn every_row_of_the_cases_has_its_tests() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source =
        |path: &str| std::fs::read_to_string(manifest.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let folder = |path: &str| -> String {
        let entries = std::fs::read_dir(manifest.join(path)).expect("a folder");
        entries.map(|entry| std::fs::read_to_string(entry.expect("an entry").path()).unwrap_or_default()).collect()
    };
    let mut rows = Vec::new();
    for line in include_str!("scenarios.rs").lines().filter_map(|line| line.strip_prefix("//! | ")) {
        let Some((Ok(number), tests)) = line.split_once(" | ").map(|(number, tests)| (number.parse::<u32>(), tests))
        else {
            continue;
        };
        rows.push(number);
        for test in tests.trim_end_matches(" |").split("; ") {
            let (place, name) = test.split_once(": ").expect("place: name");
            let found = match place {
                "next issue" => true,
                "scenarios" => NAMES.contains(&name),
                "pipeline" | "properties" => source(&format!("tests/{place}.rs")).contains(&format!("fn {name}(")),
                "tests/kafka" => folder(place).contains(&format!("fn {name}(")),
                path => source(path).contains(&format!("fn {name}(")),
            };
            assert!(found, "case {number}: {place} has no test {name}");
        }
    }
    assert_eq!(rows, (1..=40).collect::<Vec<_>>());
}
