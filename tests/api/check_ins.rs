//! `POST /api/v1/check-ins`: who may write, and what.

use crate::sample;
use crate::server::{Answer, Running, TOKEN};

fn post(running: &Running, body: &str) -> Answer {
    running.post("/api/v1/check-ins", &[("authorization", &format!("Bearer {TOKEN}"))], body.as_bytes())
}

#[test]
fn a_check_in_reaches_the_sink_exactly() {
    let running = Running::start(Some(sample::company()), true);
    let body = r#"{"objective":"loved-support","key_result":"training","value":0.123456789,"confidence":"0.7","note":"第三批","at":"2026-11-01T09:00:00+08:00"}"#;
    let answer = post(&running, body);
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(answer.json()["at"], "2026-11-01T01:00:00Z");
    let kept = running.notebook.0.lock().expect("not poisoned");
    assert_eq!(kept.len(), 1);
    assert_eq!((kept[0].objective.as_str(), kept[0].key_result.as_str()), ("loved-support", "training"));
    assert_eq!((kept[0].value, kept[0].confidence), (Some(sample::fixed("0.123456789")), Some(sample::fixed("0.7"))));
    assert_eq!((kept[0].note.as_deref(), kept[0].blocker.as_deref()), (Some("第三批"), None));
}

#[test]
fn only_the_token_writes() {
    let running = Running::start(Some(sample::company()), true);
    let body = br#"{"objective":"loved-support","key_result":"training","note":"x"}"#;
    for authorization in ["", "Bearer", "Bearer ", "Bearer wrong", "Basic 0123456789abcdef0123456789abcdef", TOKEN] {
        let answer = running.post("/api/v1/check-ins", &[("authorization", authorization)], body);
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, "Bearer"), "{authorization:?}");
    }
    let closed = Running::start(Some(sample::company()), false);
    let answer = post(&closed, std::str::from_utf8(body).expect("text"));
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (403, Some("writing_off")));
    assert!(
        running.notebook.0.lock().expect("not poisoned").is_empty()
            && closed.notebook.0.lock().expect("not poisoned").is_empty()
    );
}

#[test]
fn the_table_of_refused_bodies() {
    let running = Running::start(Some(sample::company()), true);
    let of = |rest: &str| format!(r#"{{"objective":"loved-support","key_result":"training"{rest}}}"#);
    let computed = r#"{"objective":"loved-support","key_result":"aht","value":1}"#.to_owned();
    let long = "x".repeat(4_001);
    for (body, status, word) in [
        ("".to_owned(), 400, "no check-in"),
        ("[]".to_owned(), 400, "no check-in"),
        ("{\"objective\":".to_owned(), 400, "no check-in"),
        (of(r#","valeu":1"#), 400, "valeu"),
        (r#"{"objective":"loved-support","note":"x"}"#.to_owned(), 400, "key_result"),
        (r#"{"objective":"loved-support","key_result":"none","note":"x"}"#.to_owned(), 404, "loved-support/none"),
        (of(""), 422, "says something"),
        (of(r#","note":"  ""#), 422, "says something"),
        (of(r#","value":null"#), 422, "says something"),
        (computed, 422, "is computed"),
        (of(r#","value":"much""#), 422, "not a number"),
        (of(r#","value":true"#), 422, "not a number"),
        (of(r#","value":1e999999999"#), 422, "out of range"),
        (of(r#","confidence":1.5"#), 422, "from 0 to 1"),
        (of(r#","note":"x","at":"yesterday""#), 422, "RFC 3339"),
        (of(r#","note":"x","at":"2999-01-01T00:00:00Z""#), 422, "future"),
        (of(&format!(r#","note":"{long}""#)), 422, "longer than 4000"),
    ] {
        let answer = post(&running, &body);
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
        let message = answer.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert!(message.contains(word), "{body}: {message}");
    }
    assert!(running.notebook.0.lock().expect("not poisoned").is_empty());
}

#[test]
fn a_huge_body_is_refused_before_it_is_read() {
    let running = Running::start(Some(sample::company()), true);
    let answer = post(&running, &"x".repeat(33 * 1024));
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (413, Some("body")));
}

#[test]
fn a_store_that_is_away_is_said_to_be() {
    let running = Running::start(Some(sample::company()), true);
    let answer = post(&running, r#"{"objective":"loved-support","key_result":"training","note":"the store is away"}"#);
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (503, Some("store_unavailable")));
}
