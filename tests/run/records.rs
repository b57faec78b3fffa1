//! Records that nobody should send, on the real broker: each is counted by its reason and sampled, the offset moves on, and what is
//! right among them counts.

use std::time::Duration;

use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use crate::place::Place;
use crate::service::{Setup, day, instant};
use crate::support::{kafka, services};

fn book(topic: &str) -> String {
    format!(
        r#"apiVersion: krscore/v1
cycles:
  - {{ id: now, start: {start}, end: {end}, timezone: UTC }}
events:
  sold: {{ topic: {topic}, id: id, time: at }}
metrics:
  sales: {{ type: count, event: sold }}
  revenue: {{ type: sum, event: sold, value: amount, unit: CNY }}
objectives:
  - id: shop
    title: Sell
    owner: me
    key_results:
      - {{ id: sales, title: t, metric: sales, baseline: 0, target: 100, window: cycle }}
      - {{ id: revenue, title: t, metric: revenue, baseline: 0, target: 1000, window: cycle }}
"#,
        start = day(-30),
        end = day(60),
    )
}

/// What is sent, and the reason under which it is a dead letter; `None`: it counts as a sale.
fn letters() -> Vec<(Vec<u8>, Option<&'static str>)> {
    let at = instant(-7_200);
    let sale = |id: &str, amount: &str| format!(r#"{{"id":{id},"at":"{at}","amount":{amount}}}"#).into_bytes();
    let mut long = sale("1", "1");
    long.splice(1..1, format!(r#""text":"{}","#, "x".repeat(1_000_000)).into_bytes());
    let deep = |levels: usize| {
        let nested = "[".repeat(levels) + &"]".repeat(levels);
        format!(r#"{{"id":2,"at":"{at}","amount":1,"deep":{nested}}}"#).into_bytes()
    };
    vec![
        (sale("100", "2"), None),
        (b"no json at all".to_vec(), Some("not_json")),
        (b"{\"id\":3,\"at\":\"\xff\xfe\"}".to_vec(), Some("invalid_utf8")),
        (b"[1,2,3]".to_vec(), Some("not_an_object")),
        (b"null".to_vec(), Some("not_an_object")),
        (b"".to_vec(), Some("empty")),
        (format!(r#"{{"at":"{at}","amount":1}}"#).into_bytes(), Some("id_missing")),
        (br#"{"id":4,"amount":1}"#.to_vec(), Some("time_missing")),
        (br#"{"id":5,"at":"yesterday","amount":1}"#.to_vec(), Some("time_unreadable")),
        (long, None),
        (vec![b'x'; 1_100_000], Some("too_long")),
        (deep(20), None),
        (deep(100_000), Some("too_deep")),
        (sale("6", "\"12.5\""), None),
        (sale("7", "1e999999999"), None),
        (sale("8", "123456789012345678901234567890"), None),
        (sale("9", "\"abc\""), None),
        (sale("10", "1").into_iter().chain(*b" trailing").collect(), Some("not_json")),
        // The last of two equal keys wins.
        (format!(r#"{{"id":11,"at":"{at}","amount":1,"amount":3}}"#).into_bytes(), None),
        (sale("101", "4"), None),
    ]
}

fn nothing_stops(place: &Place) {
    let Some(brokers) = services::kafka() else { return };
    let topic = services::unique();
    kafka::create_topic(&brokers, &topic, 1);
    let setup = Setup::new(&brokers, &place.url(), &book(&topic));
    let service = setup.spawn();
    let producer: BaseProducer =
        kafka::config(&brokers).set("message.max.bytes", "2000000").create().expect("a producer");
    let letters = letters();
    for (payload, _) in &letters {
        let record: BaseRecord<'_, (), [u8]> = BaseRecord::to(&topic).payload(payload);
        producer.send(record).map_err(|(fault, _)| fault).expect("queued");
    }
    let tombstone: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&topic).key(b"key");
    producer.send(tombstone).map_err(|(fault, _)| fault).expect("queued");
    producer.flush(Duration::from_secs(30)).expect("the broker has them");
    service.until_caught_up();
    let sales = letters.iter().filter(|(_, reason)| reason.is_none()).count();
    let value = |key_result| service.metric("okr_key_result_value", &[("key_result", key_result)]);
    let metrics = service.get("/metrics").unwrap_or_default();
    let own: String =
        metrics.lines().filter(|line| line.starts_with("krscore_")).map(|line| format!("{line}\n")).collect();
    let stored =
        place.rows("SELECT reason || ' ' || record_offset || ' ' || detail FROM dead_letter WHERE reason NOT LIKE 'value_fault/%' ORDER BY record_offset");
    println!("{stored:#?}");
    assert_eq!(value("sales"), Some(sales as f64), "{own}\n{stored:#?}");
    // 2, 1, 1, 3 and 4: what is no number adds nothing to the sum, and its record is a sale all the same.
    assert_eq!(value("revenue"), Some(11.0), "{own}");
    let mut expected: Vec<(String, usize)> = Vec::new();
    for (at, (_, reason)) in letters.iter().enumerate() {
        expected.extend(reason.map(|reason| (reason.to_owned(), at)));
    }
    let found: Vec<(String, usize)> = stored
        .iter()
        .map(|row| {
            let words: Vec<&str> = row.splitn(3, ' ').collect();
            (words[0].to_owned(), words[1].parse().expect("an offset"))
        })
        .collect();
    assert_eq!(found, expected, "{own}");
    for reason in expected.iter().map(|(reason, _)| reason) {
        let count = expected.iter().filter(|(known, _)| known == reason).count() as f64;
        let labels = [("topic", topic.as_str()), ("reason", reason.as_str())];
        assert_eq!(service.metric("krscore_dead_letters_total", &labels), Some(count), "{own}");
    }
    let faults: f64 = service.metrics("krscore_value_faults_total", &[]).iter().sum();
    assert!(faults >= 4.0, "{own}");
    let sampled = place.rows("SELECT event FROM dead_letter WHERE reason LIKE 'value_fault/%'");
    assert_eq!(sampled.len() as f64, faults, "{sampled:#?}");
    assert_eq!(service.metrics("krscore_consumer_lag_records", &[]), [0.0], "{own}");
    let next = place.rows("SELECT CAST(next_offset AS TEXT) FROM partition_claim");
    assert_eq!(next, [(letters.len() + 1).to_string()]);
    service.stop();
}

#[test]
fn broken_records_are_counted_and_sampled_over_sqlite() {
    nothing_stops(&Place::sqlite());
}

#[test]
fn broken_records_are_counted_and_sampled_over_postgres() {
    let Some(place) = Place::postgres() else { return };
    nothing_stops(&place);
}
