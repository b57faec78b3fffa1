//! Every route, and every way past them.

use std::io::{Read, Write};
use std::net::TcpStream;

use krscore::score::{Ground, Status};

use crate::sample;
use crate::server::{Running, block_on};

const KEY_RESULT: &str = "smart-warehouse/pick-accuracy";

#[test]
fn every_route_answers_with_its_type() {
    let running = Running::start(Some(sample::company()), true);
    let json = "application/json";
    for (path, status, content_type) in [
        ("/", 200, "text/html; charset=utf-8"),
        ("/?fragment=1", 200, "text/html; charset=utf-8"),
        ("/objectives/smart-warehouse/pick-accuracy", 200, "text/html; charset=utf-8"),
        ("/objectives/smart-warehouse/none", 404, "text/html; charset=utf-8"),
        ("/assets/app.css", 200, "text/css; charset=utf-8"),
        ("/assets/app.js", 200, "text/javascript; charset=utf-8"),
        ("/assets/icon.svg", 200, "image/svg+xml"),
        ("/assets/..%2Fmod.rs", 404, json),
        ("/metrics", 200, "text/plain; version=0.0.4; charset=utf-8"),
        ("/healthz", 200, json),
        ("/readyz", 200, json),
        ("/api/v1/scores", 200, json),
        ("/api/v1/key-results/smart-warehouse/pick-accuracy", 200, json),
        ("/api/v1/key-results/smart-warehouse/none", 404, json),
        ("/api/v1/explain/smart-warehouse/pick-accuracy", 200, json),
        ("/api/v1/explain/none/none", 404, json),
        ("/api/v1/book", 200, json),
        ("/api/v1/status", 200, json),
        ("/api/v1/coverage", 200, json),
        ("/api/v1/check-ins", 405, json),
        ("/api/v2/scores", 404, json),
        ("/metrics/", 404, json),
        ("/api/v1/explain/%FF/x", 400, json),
        ("/objectives/%FF/x", 400, json),
        ("/assets/%FF", 400, json),
        ("/?lang=en&lang=zh", 200, "text/html; charset=utf-8"),
    ] {
        let answer = running.get(path, &[]);
        assert_eq!((answer.status, answer.header("content-type")), (status, content_type), "{path}");
        if status >= 400 && content_type == json {
            let error = &answer.json()["error"];
            assert!(error["code"].is_string() && error["message"].is_string(), "{path}: {}", answer.body);
        }
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
    }
}

#[test]
fn a_method_that_a_route_does_not_take_is_named() {
    let running = Running::start(Some(sample::company()), true);
    let answer = running.post("/api/v1/scores", &[], b"{}");
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (405, Some("method_not_allowed")));
    assert_eq!(answer.header("allow"), "GET,HEAD");
}

#[test]
fn before_the_first_snapshot_everything_says_what_is_awaited() {
    let running = Running::start(None, true);
    let ready = running.get("/readyz", &[]);
    assert_eq!(ready.status, 503);
    let ready = ready.json();
    assert_eq!(ready["ready"], false);
    assert_eq!(ready["waiting_for"]["phase"], "catching_up");
    assert_eq!(ready["waiting_for"]["partitions"][0]["lag"], 1_204_331);
    assert_eq!(ready["waiting_for"]["partitions"][2]["lag"], serde_json::Value::Null);
    assert_eq!(running.get("/healthz", &[]).status, 200);
    for path in ["/api/v1/scores", "/api/v1/key-results/a/b", "/api/v1/explain/a/b"] {
        let answer = running.get(path, &[]);
        assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (503, Some("not_ready")), "{path}");
    }
    let page = running.get("/?lang=en", &[]);
    assert_eq!(page.status, 200);
    assert!(page.body.contains("the end of the topics") && page.body.contains("1,204,331"), "{}", page.body);
    let metrics = running.get("/metrics", &[]).body;
    assert!(!metrics.contains("okr_") && metrics.contains("krscore_ready 0\n"), "{metrics}");
    assert!(metrics.contains("krscore_phase{phase=\"catching_up\"} 1\n"), "{metrics}");
    assert_eq!(running.get("/api/v1/book", &[]).json()["cycles"][0]["id"], "2026-Q4");
}

#[test]
fn a_key_result_is_cut_from_the_document_digit_by_digit() {
    let running = Running::start(Some(sample::company()), true);
    let document = running.get("/api/v1/scores", &[]).body;
    let one = running.get(&format!("/api/v1/key-results/{KEY_RESULT}"), &[]);
    let cut = one.body.split_once("\"key_result\":").expect("the cut").1.strip_suffix('}').expect("closed");
    assert!(cut.starts_with("{\"id\":\"pick-accuracy\"") && document.contains(cut), "{}", one.body);
    let one = one.json();
    assert_eq!((one["objective"].as_str(), one["cycle"].as_str()), (Some("smart-warehouse"), Some("2026-Q4")));
    assert_eq!(one["at"], "2026-12-01T00:00:00+08:00");
}

#[test]
fn an_unchanged_document_is_not_sent_twice() {
    let running = Running::start(Some(sample::company()), true);
    let tag = running.get("/api/v1/scores", &[]).header("etag").to_owned();
    assert!(tag.starts_with('"'), "{tag}");
    let again = running.get("/api/v1/scores", &[("if-none-match", &format!("\"other\", {tag}"))]);
    assert_eq!((again.status, again.body.as_str(), again.header("etag")), (304, "", tag.as_str()));
    assert_eq!(running.get("/api/v1/scores", &[("if-none-match", "\"other\"")]).status, 200);
}

#[test]
fn status_lists_partitions_events_and_counters() {
    let running = Running::start(Some(sample::company()), true);
    let status = running.get("/api/v1/status", &[]).json();
    let snapshot = &status["snapshot"];
    assert_eq!(status["ready"], true);
    assert_eq!(snapshot["partitions"].as_array().map(Vec::len), Some(8));
    assert_eq!(snapshot["partitions"][1]["lag"], 3);
    assert_eq!(snapshot["events"][0]["event"], "picked");
    let copies =
        snapshot["counters"].as_array().expect("counters").iter().find(|counter| counter["counter"] == "copies");
    assert_eq!(copies.map(|counter| counter["count"].clone()), Some(41.into()));
}

#[test]
fn an_explanation_has_its_arithmetic() {
    let running = Running::start(Some(sample::company()), true);
    let explanation = running.get(&format!("/api/v1/explain/{KEY_RESULT}"), &[]);
    assert!(explanation.body.contains("(0.981203888 − 0.96) / (0.99 − 0.96) = 0.706796268"), "{}", explanation.body);
    let page = running.get(&format!("/objectives/{KEY_RESULT}?lang=en"), &[]).body;
    assert!(page.contains("(0.981203888 − 0.96) / (0.99 − 0.96) = 0.706796268"), "{page}");
}

/// A title is text of the book's author, an id in an address is text of anyone: neither is ever markup.
#[test]
fn markup_in_titles_and_addresses_is_text() {
    let evil = "<script>alert(1)</script>";
    let row = sample::improve("evil", evil, 0, krscore::book::Unit::Named(evil.into()), ["0", "1"]).at(
        "0.5",
        "0.5",
        Status::AtRisk,
        Ground::NotBegun { cycle: evil.into(), date: evil.into() },
    );
    let row = row.by(evil, &[(evil, "1", 1, None)]);
    let mut objective = sample::objective("o", evil, vec![row], Some("0.5"), "1", Status::AtRisk);
    objective.0.owner = Some(evil.into());
    let running = Running::start(Some(sample::snapshot(vec![objective])), true);
    for path in [
        "/",
        "/?fragment=1",
        "/objectives/o/evil",
        "/objectives/%3Cscript%3Ealert(1)%3C%2Fscript%3E/x",
        "/?lang=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
    ] {
        let body = running.get(path, &[]).body;
        assert!(!body.contains("<script>alert"), "{path}: {body}");
    }
    assert!(running.get("/", &[]).body.contains("&#60;script&#62;alert(1)"));
}

#[test]
fn the_page_speaks_the_readers_language() {
    let running = Running::start(Some(sample::company()), true);
    for (path, accept, word, other) in [
        ("/", "", "On track", "正常"),
        ("/", "zh-CN,zh;q=0.9,en;q=0.8", "正常", "On track"),
        ("/?lang=en", "zh-CN", "On track", "正常"),
        ("/?lang=zh", "en", "有风险", "At risk"),
    ] {
        let body = running.get(path, &[("accept-language", accept)]).body;
        assert!(body.contains(word) && !body.contains(other), "{path} {accept}");
        let (english, chinese) =
            ("0.50 is 0.16 short of the 0.66 expected by now", "得分 0.50 比目前的预期 0.66 低 0.16");
        let (own, strange) = if word == "On track" { (english, chinese) } else { (chinese, english) };
        assert!(body.contains(own) && !body.contains(strange), "{path} {accept}: {body}");
        // Titles are the book's in every language.
        assert!(body.contains("构建弹性高效的智能仓储体系") && body.contains("Support that customers rate highly"));
        let beside =
            if word.is_ascii() { ["Plan", "late", "not scored"] } else { ["行动计划", "已逾期", "不计分"] };
        assert!(beside.iter().all(|word| body.contains(word)), "{path} {accept}: {body}");
        assert!(["自动分拣线", "the vendor is late", "近7日出库订单", "6,120"].iter().all(|word| body.contains(word)));
    }
}

#[test]
fn the_page_asks_for_nothing_from_elsewhere_and_has_nothing_inline() {
    let running = Running::start(Some(sample::company()), true);
    for path in ["/", "/objectives/smart-warehouse/pick-accuracy"] {
        let body = running.get(path, &[]).body;
        for forbidden in ["http://", "https://", "style=", "<style", "onclick", "javascript:"] {
            assert!(!body.contains(forbidden), "{path}: {forbidden}");
        }
        let scripts: Vec<&str> = body.match_indices("<script").map(|(at, _)| &body[at..at + 30]).collect();
        assert!(scripts.iter().all(|script| script.starts_with("<script src=\"/assets/app.js")), "{scripts:?}");
    }
}

/// What hyper itself must refuse: heads too long or with too many lines.
#[test]
fn heads_are_limited() {
    let running = Running::start(Some(sample::company()), true);
    let long = format!("GET / HTTP/1.1\r\nhost: x\r\nlong: {}\r\n\r\n", "a".repeat(64 * 1024));
    let many = format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", "h: v\r\n".repeat(200));
    for request in [long, many] {
        let mut stream = TcpStream::connect(running.address).expect("it listens");
        // The server may have answered and closed before all is written.
        drop(stream.write_all(request.as_bytes()));
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer));
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
    assert_eq!(running.get("/healthz", &[]).status, 200);
}

#[test]
fn a_taken_port_is_one_clear_sentence() {
    let running = Running::start(None, false);
    let listen = running.address.to_string();
    let error = block_on(krscore::expose::bind(&listen)).expect_err("taken").to_string();
    assert_eq!(
        error,
        format!(
            "http.listen: {listen} is in use by another program; stop it, or set http.listen (KRSCORE__HTTP__LISTEN) to a free port"
        )
    );
    let error = block_on(krscore::expose::bind("nowhere")).expect_err("no address").to_string();
    assert!(
        error.starts_with("http.listen: cannot listen on nowhere: ") && error.ends_with("like 127.0.0.1:9464"),
        "{error}"
    );
}
