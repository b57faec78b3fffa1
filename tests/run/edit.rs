//! The book is edited while the service runs: what the edit misses is filled from the log, through a SIGKILL, and the document is then that of a
//! replay of the whole log by the edited book. One with faults is not used.

use std::time::Duration;

use serde_json::Value;

use crate::kill::{By, Company, PARTITIONS, Producers, TOPICS, book, check_equal, live_and_replayed};
use crate::live::{picks, warehouse};
use crate::place::Place;
use crate::service::{Service, Setup};
use crate::support::{kafka, services};

/// Records before the edit; more than a lane reads before it asks live to hold.
const PIECES: usize = 60;
const RECORDS_OF_A_PIECE: usize = 1_000;

/// How long a process may wait for a book before it ends, and some.
const END_LIMIT: Duration = Duration::from_secs(90);

/// The book before the edit: no p90, no p50, no members, no durations.
fn before(prefix: &str) -> String {
    let edited = book(prefix);
    let kept = edited.lines().filter(|line| {
        ["id: seconds-p90", "id: fulfilment", "id: within", "id: on-time"].iter().all(|id| !line.contains(id))
    });
    let lines: Vec<String> =
        kept.map(|line| line.replace(", by: [channel]", "").replace(", by: [warehouse]", "")).collect();
    lines.join("\n")
}

fn edit_state(service: &Service) -> String {
    service.readiness().1["edit"]["state"].as_str().unwrap_or_default().to_owned()
}

/// Every aggregate of the book was evaluated over the whole of each log that feeds it: the lane left no hole, not even one without a record.
fn check_covered(service: &Service) {
    let told = service.get("/api/v1/coverage").expect("an answer");
    let told: Value = serde_json::from_str(&told).expect("JSON");
    let active = told["aggregates"].as_array().expect("a list");
    for partition in told["partitions"].as_array().expect("a list") {
        let name = format!("{}/{}", partition["topic"], partition["partition"]);
        for (aggregate, ranges) in partition["evaluated"].as_object().expect("a table") {
            if !active.iter().any(|id| id == aggregate) {
                continue;
            }
            let ranges = ranges.as_array().expect("a list");
            let is_whole = ranges.len() == 1 && ranges[0][0] == 0 && ranges[0][1] == partition["next_offset"];
            assert!(is_whole, "{name}, aggregate {aggregate}: {ranges:?}, next {}\n{told}", partition["next_offset"]);
        }
    }
}

fn edited_and_killed(place: &Place, seed: u64) {
    let Some(brokers) = services::kafka() else { return };
    let prefix = services::unique();
    TOPICS.iter().for_each(|name| kafka::create_topic(&brokers, &format!("{prefix}.{name}"), PARTITIONS));
    let mut setup = Setup::new(&brokers, &place.url(), &before(&prefix));
    setup.set("STORE__COMMIT_INTERVAL", "100ms");
    let mut company = Company::new(seed);
    let producers = Producers::new(&brokers, &prefix);
    let mut produce = |by| {
        let piece = company.piece(RECORDS_OF_A_PIECE, by);
        producers.produce(&piece, by);
    };
    for piece in 0..PIECES {
        produce([By::Plain, By::Transaction, By::AbortedTransaction][piece % 3]);
    }
    let service = setup.spawn();
    service.until_caught_up();
    let old = service.scores()["book"].clone();
    setup.file("book.yaml", book(&prefix));
    let url = format!("http://{}", service.address());
    for target in [url.as_str(), place.url().as_str()] {
        let told = setup.asked(&["check", "book.yaml", "--against", target]);
        let told: Vec<&str> = told.lines().filter(|line| line.contains("  for  ")).collect();
        assert!(told.iter().any(|line| line.contains("now-results/seconds-p90")), "{told:?}");
        assert!(told.iter().all(|line| !line.contains("per-order")), "{told:?}");
    }
    service.signal("HUP");
    service.until("the back-fill begins", || service.has_said("back-fill begins").then_some(()));
    let stored = "SELECT CAST(next_offset AS TEXT) FROM partition_claim WHERE lane LIKE 'fill/%' AND next_offset > 0";
    service.until("some of it is stored", || (!place.rows(stored).is_empty()).then_some(()));
    service.kill();
    // Live goes on by the book before the edit; records keep coming.
    let service = setup.spawn();
    service.until("the book before the edit scores", || {
        service.has_said("the book was edited: the one before").then_some(())
    });
    produce(By::Transaction);
    produce(By::Plain);
    service.until("the edit takes effect", || (service.scores()["book"] != old).then_some(()));
    produce(By::Plain);
    service.until_caught_up();
    service.until("nothing is edited", || (edit_state(&service) == "none").then_some(()));
    check_covered(&service);
    let (live, replayed) = live_and_replayed(&setup, &service, &brokers, &prefix);
    check_equal(&live, &replayed);
    let lines = service.lines();
    let begins = lines.iter().find(|line| line["message"] == "back-fill begins");
    let from = begins.and_then(|line| line["from"].as_str()).unwrap_or_default();
    assert!(from.split(", ").any(|from| !from.ends_with("@0")), "it goes on where it stood: {from}");

    // One with faults keeps the one before it, and says so everywhere.
    setup.file("book.yaml", book(&prefix).replace("type: ratio", "type: raito"));
    service.signal("HUP");
    service.until("the faults are told", || (edit_state(&service) == "faulty").then_some(()));
    let (ready, told) = service.readiness();
    assert!(ready, "{told}");
    let fault = told["edit"]["faults"][0].as_str().expect("a fault").to_owned();
    assert!(fault.contains("book.yaml:") && fault.contains("raito"), "{fault}");
    assert!(service.log().contains("raito"), "{}", service.log());
    assert_eq!(service.metric("krscore_book_faults", &[]), Some(1.0));
    assert_eq!(service.scores()["book"], live["book"]);
    setup.file("book.yaml", book(&prefix));
    service.signal("HUP");
    service.until("it is mended", || (edit_state(&service) == "none").then_some(()));
    service.stop();
}

#[test]
fn an_edit_is_filled_through_a_kill_over_sqlite() {
    edited_and_killed(&Place::sqlite(), 5);
}

#[test]
fn an_edit_is_filled_through_a_kill_over_postgres() {
    let Some(place) = Place::postgres() else { return };
    edited_and_killed(&place, 6);
}

#[test]
fn a_title_takes_effect_when_the_watched_file_changes() {
    let Some(brokers) = services::kafka() else { return };
    let place = Place::sqlite();
    let prefix = services::unique();
    TOPICS.iter().for_each(|name| kafka::create_topic(&brokers, &format!("{prefix}.{name}"), PARTITIONS));
    let mut setup = Setup::new(&brokers, &place.url(), &book(&prefix));
    setup.set("BOOK_RELOAD", "watch");
    let service = setup.spawn();
    service.until_ready();
    setup.file("book.yaml", book(&prefix).replace("Everything that there is", "All"));
    service.until("the title is new", || {
        service.scores()["objectives"][0]["title"].as_str()?.starts_with("All").then_some(())
    });
    assert!(!service.has_said("back-fill begins"), "{}", service.log());
    service.until_caught_up();
    service.stop();
}

/// Another book has taken effect in the store, and the editor here does not bring it: a join's answer that never came. Nothing is consumed by the
/// book before it any more, and after a while the process ends, so that the next start scores by the active one.
#[test]
fn a_book_that_another_one_has_superseded_commits_nothing_and_ends() {
    let (Some(brokers), Some(place)) = (services::kafka(), Place::postgres()) else { return };
    let topic = services::unique();
    kafka::create_topic(&brokers, &topic, 1);
    let setup = Setup::new(&brokers, &place.url(), &warehouse(&topic));
    kafka::produce(&brokers, &topic, None, &picks(0, 10));
    let picked = |service: &Service| service.metric("okr_key_result_value", &[("key_result", "picks")]);
    let mut service = setup.spawn();
    service.until("they are counted", || (picked(&service)? == 10.0).then_some(()));
    let stands = || place.rows("SELECT next_offset::text FROM partition_claim");
    let stood = stands();
    place.execute(
        "INSERT INTO book_revision (hash, text, first_at, last_at, activated_at)
         SELECT 'sha256:joined', 'joined', 1, 1, max(activated_at) + 1 FROM book_revision;
         UPDATE partition_claim SET epoch = epoch + 1",
    );
    kafka::produce(&brokers, &topic, None, &picks(10, 10));
    service.until("it waits for the other book", || {
        service.has_said("an edited book has taken effect in the store: waiting for it").then_some(())
    });
    let status = service.ended(END_LIMIT);
    assert_eq!(status.code(), Some(1), "{}", service.log());
    assert!(service.log().contains("start again to score by it"), "{}", service.log());
    assert_eq!(stands(), stood);
    let service = setup.spawn();
    service.until("all are counted, once", || (picked(&service)? == 20.0).then_some(()));
    service.stop();
}
