//! krscore's document against the exact answers.

use serde_json::Value;

use crate::answers::{Answer, Answers};
use crate::key_result::{KeyResult, Reads};

/// The document has 9 decimals; and a double of a large sum has 53 bits.
const OF_DECIMALS: f64 = 1e-9;

/// The sketch's error: half of a bin that is 1/64 of its lower edge wide.
const OF_PERCENTILES: f64 = 1.0 / 128.0;

/// What differs from the exact answers, a line each.
pub fn document(document: &Value, key_results: &[KeyResult], answers: &Answers, has_ids: bool) -> Vec<String> {
    let exact = if has_ids { &answers.once } else { &answers.raw };
    let found = document["objectives"][0]["key_results"].as_array().map_or(&[][..], Vec::as_slice);
    let mut faults = Vec::new();
    for key_result in key_results {
        let id = &key_result.id;
        let Some(one) = found.iter().find(|one| one["id"] == **id) else {
            faults.push(format!("{id}: not in the document"));
            continue;
        };
        match exact.get(id) {
            Some(answer) => compare(key_result, one, answer, &mut faults),
            None => faults.push(format!("{id}: the answers have none; they are of another version of OpsBench")),
        }
    }
    faults
}

fn compare(key_result: &KeyResult, one: &Value, answer: &Answer, faults: &mut Vec<String>) {
    let id = &key_result.id;
    let mut check = |what: &str, own: &Value, (n, value): (u64, Option<f64>)| {
        // The n of a formula is none of its parts'.
        if key_result.reads != Reads::Effort && own["n"].as_u64().unwrap_or(0) != n {
            faults.push(format!("{what}: n is {}, not {n}", own["n"]));
        }
        let is_near = match (own["value"].as_f64(), value) {
            (Some(own), Some(exact)) => (own - exact).abs() <= allowed(key_result.reads, exact),
            (None, None) => true,
            _ => false,
        };
        if !is_near {
            faults.push(format!("{what}: the value is {}, not {value:?}", own["value"]));
        }
    };
    check(id, one, (answer.n, answer.value));
    let members = one["members"].as_array().map_or(&[][..], Vec::as_slice);
    for member in members {
        let name =
            format!("{}/{}", member["dimension"].as_str().unwrap_or(""), member["member"].as_str().unwrap_or(""));
        let exact = answer.members.get(&name).copied().unwrap_or((0, None));
        check(&format!("{id} {name}"), member, exact);
    }
    if members.len() != answer.members.len() {
        faults.push(format!("{id}: {} members, not {}", members.len(), answer.members.len()));
    }
}

fn allowed(reads: Reads, exact: f64) -> f64 {
    match reads {
        Reads::Percentile(..) => exact.abs() * OF_PERCENTILES + OF_DECIMALS,
        _ => OF_DECIMALS + exact.abs() * f64::EPSILON * 4.0,
    }
}
