//! Calendars: what `during` cuts windows by.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::Sections;
use crate::book::amounts;
use crate::book::fault::{Report, suggestion};
use crate::book::shape;
use crate::book::yaml::{Key, Node, Place};
use crate::time::Calendar;

/// Most calendars of one book: all that a key result's one is made of are laid out for it.
const CALENDARS_MAX: usize = 1_000;

/// The calendars, each after those that it excepts, and their names: one that is faulty stays known.
#[derive(Default)]
pub(super) struct Calendars {
    pub names: Vec<String>,
    pub calendars: Vec<Calendar>,
}

/// A calendar as it is written.
struct Written<'n> {
    key: &'n Key,
    calendar: Calendar,
    /// The calendars that it excepts: positions in the order of the files, and where they are named.
    except: Vec<(usize, Place)>,
}

const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Reads the section.
pub(super) fn read(sections: &Sections<'_>, report: &mut Report) -> Calendars {
    let entries = sections.entries("calendars", report);
    if let Some((key, _)) = entries.get(CALENDARS_MAX) {
        report.fault(key.place, format!("more than {CALENDARS_MAX} calendars"));
        return Calendars::default();
    }
    let names: Vec<&str> = entries.iter().map(|(key, _)| key.text.as_str()).collect();
    let written: Vec<Written<'_>> = entries.iter().map(|(key, node)| calendar(key, node, &names, report)).collect();
    let order = order(&written, report);
    let position: BTreeMap<usize, usize> = order.iter().enumerate().map(|(at, of)| (*of, at)).collect();
    let mut calendars = Calendars::default();
    for of in order {
        let Written { key, calendar, except } = &written[of];
        // In a circle, which is a fault, some are not before it.
        let except = except.iter().filter_map(|(other, _)| position.get(other).copied());
        let except = except.filter(|other| *other < calendars.names.len()).collect();
        calendars.names.push(key.text.clone());
        calendars.calendars.push(Calendar { except, ..calendar.clone() });
    }
    calendars
}

fn calendar<'n>(key: &'n Key, node: &Node, names: &[&str], report: &mut Report) -> Written<'n> {
    let name = &key.text;
    let mut calendar = Calendar { name: name.clone(), ..Calendar::default() };
    if let Err(fault) = shape::id(name) {
        report.mend(key.place.right(fault.at), fault.message, fault.mend.unwrap_or_default());
    } else if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        let mend = "begin it with a letter: where calendars are named, dates may stand, too";
        report.mend(key.place, format!("`{name}` as the name of a calendar"), mend);
    }
    let keys = ["weekdays", "dates", "hours", "except"];
    if node.entries().is_empty() && !node.is_empty() {
        let mend = "write `weekdays`, `dates` or `hours`";
        report.mend(key.place, format!("the calendar `{name}` holds nothing"), mend);
    }
    for key in keys {
        if let Some(list) = node.get(key).filter(|list| list.elements().is_empty() && list.text().is_none()) {
            report.mend(list.place, format!("`{key}` without any"), format!("name some, or remove `{key}`"));
        }
    }
    for weekday in node.get("weekdays").map_or(&[][..], |list| list.elements()) {
        let Some(at) = WEEKDAYS.iter().position(|known| weekday.text() == Some(known)) else { continue };
        if std::mem::replace(&mut calendar.weekdays[at], true) {
            report.mend(weekday.place, format!("`{}` is there twice", WEEKDAYS[at]), "keep one of them");
        }
    }
    for element in node.get("dates").map_or(&[][..], |list| list.elements()) {
        calendar.dates.extend(dates(element, report));
    }
    for element in node.get("hours").map_or(&[][..], |list| list.elements()) {
        calendar.hours.extend(element.text().and_then(|text| amounts::hours(text).ok()));
    }
    let mut except = Vec::new();
    for element in node.get("except").map_or(&[][..], |list| list.elements()) {
        match element.text() {
            Some(text) if text.starts_with(|c: char| c.is_ascii_alphabetic()) => {
                match names.iter().position(|known| *known == text) {
                    Some(other) => except.push((other, element.place)),
                    None => {
                        let mend = suggestion(text, names).unwrap_or_else(|| "define it under `calendars`".to_owned());
                        report.mend(element.place, format!("there is no calendar `{text}`"), mend);
                    }
                }
            }
            Some(text) => match amounts::date(text) {
                Ok(date) => calendar.except_dates.push((date, date)),
                Err(fault) => {
                    let mend = "name a calendar, or write a date as YYYY-MM-DD";
                    report.mend(element.place.right(fault.at), fault.message, mend);
                }
            },
            None => calendar.except_dates.extend(dates(element, report)),
        }
    }
    Written { key, calendar, except }
}

/// A day, or all from the first to the last.
fn dates(element: &Node, report: &mut Report) -> Option<(Date, Date)> {
    let date = |node: &Node| amounts::date(node.text()?).ok();
    if element.text().is_some() {
        return date(element).map(|date| (date, date));
    }
    let last_node = element.get("last")?;
    let (first, last) = (date(element.get("first")?)?, date(last_node)?);
    if last < first {
        let mend = "swap the two: both days are in the range";
        report.mend(last_node.place, format!("the last day {last} lies before the first, {first}"), mend);
        return None;
    }
    Some((first, last))
}

/// Positions so that each stands after those that it excepts; a circle is a fault, told once.
fn order(written: &[Written<'_>], report: &mut Report) -> Vec<usize> {
    let mut order = Vec::with_capacity(written.len());
    let mut placed = vec![false; written.len()];
    loop {
        let ready = |at: &usize| !placed[*at] && written[*at].except.iter().all(|(other, _)| placed[*other]);
        let next: Vec<usize> = (0..written.len()).filter(ready).collect();
        if next.is_empty() {
            break;
        }
        next.iter().for_each(|at| placed[*at] = true);
        order.extend(next);
    }
    let Some(stuck) = placed.iter().position(|placed| !placed) else {
        return order;
    };
    // Of what is left each one excepts another that is left: walking on, one comes round.
    let (mut path, mut at) = (Vec::new(), stuck);
    let place = loop {
        path.push(at);
        let waits = written[at].except.iter().find(|(other, _)| !placed[*other]);
        let Some((other, place)) = waits else { break written[at].key.place };
        at = *other;
        if path.contains(&at) {
            break *place;
        }
    };
    let begin = path.iter().position(|on| *on == at).unwrap_or(0);
    let names: Vec<&str> = path[begin..].iter().chain([&at]).map(|on| written[*on].key.text.as_str()).collect();
    report.mend(place, format!("calendars except each other in a circle: {}", names.join(" → ")), "let one of them go");
    order.extend((0..written.len()).filter(|at| !placed[*at]));
    order
}
