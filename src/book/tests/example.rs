//! The example of DESIGN §2.

use super::{faults, loaded};

const DESIGN: &str = include_str!("design.yaml");

#[test]
fn the_example_has_only_what_is_not_built_yet() {
    let expected = [
        "41:48 not supported yet: `targets`",
        "44:74 not supported yet: a measured baseline",
        "44:112 not supported yet: `change`",
    ];
    assert_eq!(faults(&[DESIGN]), expected);
}

#[test]
fn the_example_without_them_loads() {
    let text = DESIGN.replace(", targets: { SH1: 98% }", "").replace(
        "per: day, baseline: { from: 2026-07-01, to: 2026-10-01 }, change: +20%",
        "per: day, baseline: 1_000, target: 1200",
    );
    let loaded = loaded(&[&text]);
    assert_eq!(loaded.book.objectives.len(), 3);
}
