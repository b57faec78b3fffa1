//! Advice is given by place, and only where something could be better.

use super::faults::BASE;
use super::{loaded, render_advice, sources};

fn check(text: &str, expected: &[&str]) {
    let found: Vec<String> =
        loaded(&[text]).advice.iter().map(|a| format!("{}:{} {}", a.0.line, a.0.column, a.0.message)).collect();
    assert_eq!(found, expected);
}

#[test]
fn the_base_needs_none() {
    check(BASE, &[]);
}

#[test]
fn each_advice_has_its_place() {
    let text = BASE.replacen("    owner: me\n", "", 1).replace(", stretch: 2d", "");
    check(&text, &["18:9 `one` has no owner", "22:9 `one/speed` has no stretch"]);
    let text = BASE.replace(
        "      - { id: stars, title: t, metric: stars, stat: mean, at_least: 4.5, plan: [{ name: ask }] }\n",
        "",
    );
    check(
        &text,
        &[
            "8:3 no key result reads the event `rated`",
            "15:3 no key result reads the metric `stars`",
            "18:9 `one` has no plan",
        ],
    );
    let text = BASE.replace("objectives:", "topics: { unread: {} }\nobjectives:");
    check(&text, &["17:11 no event reads the topic `unread`"]);
    let rate = |calendar: &str| {
        let text = BASE.replace("metric: orders, baseline", "metric: orders, per: day, during: c, baseline");
        text.replace("objectives:", &format!("calendars: {{ c: {{ {calendar} }} }}\nobjectives:"))
    };
    check(&rate("weekdays: [monday]"), &[]);
    check(&rate("hours: [08:00-20:00]"), &["32:53 `per: day` during `c`: 24 hours of it are a day"]);
    let loaded = loaded(&[&text]);
    assert_eq!(
        render_advice(&loaded.advice, &sources(&[&text]), false),
        "a.yaml:17:11: advice: no event reads the topic `unread`\n    topics: { unread: {} }\n              ^\n    mend: remove it, or check its name\n"
    );
    assert_eq!(
        loaded.advice[0].to_string(),
        "a.yaml:17:11: no event reads the topic `unread`; remove it, or check its name"
    );
}
