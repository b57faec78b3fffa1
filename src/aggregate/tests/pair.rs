//! The table of [`crate::aggregate::pair`], in every order of arrival.

use crate::aggregate::member::{MemberId, Members};
use crate::aggregate::pair::{Half, Tuples};
use crate::book::EndChoice;
use crate::time::{Span, Timestamp};

/// `start 10 [deadline 12] [@SH1]`, `end 9`, `void`, separated by commas: hours.
fn halves(text: &str, members: &mut Members, tuples: &mut Tuples) -> Vec<Half> {
    let hour = |text: &str| Timestamp(text.parse::<i64>().expect("an hour") * Span::HOUR.0);
    let mut half = |text: &str| {
        let words: Vec<&str> = text.split_whitespace().collect();
        let tuple = match words.iter().find_map(|word| word.strip_prefix('@')) {
            Some(name) => members.intern(name),
            None => MemberId::NONE,
        };
        match words[0] {
            "start" => {
                let deadline = words.iter().position(|word| *word == "deadline").map(|at| hour(words[at + 1]));
                Half::start(hour(words[1]), deadline, tuples.intern(&[tuple]))
            }
            "end" => Half::end(hour(words[1])),
            _ => Half::void(hour(words.get(1).unwrap_or(&"11"))),
        }
    };
    text.split(", ").map(&mut half).collect()
}

/// What all orders of arrival give: `first / last / start`.
fn check(text: &str, expected: &str) {
    let count = text.split(", ").count();
    let mut orders: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..count {
        let longer = |order: &Vec<usize>| {
            let left: Vec<usize> = (0..count).filter(|i| !order.contains(i)).collect();
            left.into_iter().map(|i| [order.as_slice(), &[i]].concat()).collect::<Vec<_>>()
        };
        orders = orders.iter().flat_map(longer).collect();
    }
    for order in orders {
        // Numbers of members and tuples depend on the order in which they come, as they do in life.
        let (mut members, mut tuples) = (Members::default(), Tuples::default());
        let parts: Vec<&str> = text.split(", ").collect();
        let arrived: Vec<&str> = order.iter().map(|i| parts[*i]).collect();
        let mut all = Half::default();
        for half in halves(&arrived.join(", "), &mut members, &mut tuples) {
            all.join(&half, &tuples, &members);
            all.join(&half, &tuples, &members); // idempotent
        }
        let start = all.started().map_or("-".to_owned(), |(at, deadline, tuple)| {
            let name = members.name(tuples.members(tuple)[0]).to_owned();
            let hours = |at: Timestamp| at.0 / Span::HOUR.0;
            format!("{} {} {name}", hours(at), deadline.map_or("-".to_owned(), |at| hours(at).to_string()))
        });
        let states =
            [EndChoice::First, EndChoice::Last].map(|choice| format!("{:?}", all.state(choice)).to_lowercase());
        assert_eq!(format!("{} / {} / {start}", states[0], states[1]), expected, "{arrived:?}");
    }
}

#[test]
fn pairs_are_what_the_table_says_in_every_order() {
    check("start 10, end 12, end 15", "finished / finished / 10 - (none)");
    check("start 10, end 9, end 12, end 15", "inverted / finished / 10 - (none)");
    check("start 10, end 9", "inverted / inverted / 10 - (none)");
    check("start 10", "open / open / 10 - (none)");
    check("end 12", "unstarted / unstarted / -");
    check("start 10, end 12, void", "void / void / 10 - (none)");
    check("void", "void / void / -");
    check("start 10, start 11, end 12", "finished / finished / 10 - (none)");
    check("start 10 @b, start 10 @a", "open / open / 10 - a");
    check("start 10, start 10 @z", "open / open / 10 - z");
    check("start 10 @a, start 10 deadline 12 @b", "open / open / 10 12 b");
    check("start 10 deadline 13 @a, start 10 deadline 12 @b", "open / open / 10 12 b");
    check("start 10 deadline 12, start 9 @z", "open / open / 9 - z");
    check("start 10, end 10", "finished / finished / 10 - (none)");
}
