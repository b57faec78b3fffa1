//! The example of DESIGN §2.

use super::loaded;

const DESIGN: &str = include_str!("design.yaml");

#[test]
fn the_example_loads() {
    assert_eq!(loaded(&[DESIGN]).book.objectives.len(), 3);
}
