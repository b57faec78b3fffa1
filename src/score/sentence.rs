//! Reasons in English: what the documents, the command line and the English page say.

use std::fmt::{self, Display, Formatter};

use super::reason::{Absence, Ground, PassedBudget, Reason, Remark, Shortfall, SilentSource, Stretch};
use crate::time::Span;

impl Display for Reason {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.ground.fmt(f)?;
        self.remarks.iter().try_for_each(|remark| write!(f, "; {remark}"))
    }
}

impl Display for Ground {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        const ALL_THE_SAME: &str = "`partial: accept` judges it all the same";
        match self {
            Ground::Closed { score, success, reached } => {
                let verb = if *reached { "reached" } else { "did not reach" };
                write!(f, "closed: {score} {verb} the {success} that counts as success")
            }
            Ground::ClosedEmpty(absence) => write!(f, "closed without a score: {absence}"),
            Ground::NotBegun { cycle, date } => write!(f, "the cycle {cycle} begins on {date}"),
            Ground::PastBudget(passed) => write!(f, "there is no value: {passed}"),
            Ground::Empty(absence) => absence.fmt(f),
            Ground::Silent { source, lasted, allowed } => silent(f, source, *lasted, *allowed),
            Ground::Unchecked { rows, ids_max } => {
                let noun = plural(*rows, "row");
                write!(
                    f,
                    "{rows} {noun} could not be checked for copies: there were more than {ids_max} ids in a partition, and those of the oldest days were let go; raise `dedup_ids_max` in [state]"
                )
            }
            Ground::TooFew { n, least } => {
                let noun = plural(n.unsigned_abs(), "event");
                write!(f, "{n} {noun} in the window, fewer than the {least} that it takes (min_events)")
            }
            Ground::CoveredLate { from, window } => {
                write!(f, "the events reach back only to {from} but the window begins at {window}; {ALL_THE_SAME}")
            }
            Ground::ChangedBefore { from } => {
                let unknown = "what has not changed since then is unknown";
                write!(f, "the events reach back only to {from}, and {unknown}; {ALL_THE_SAME}")
            }
            Ground::NotRead => f.write_str("the events of the window were not read"),
            Ground::BaselineMeasuring { from, to } => {
                write!(f, "the baseline is still being measured from {from} to {to}")
            }
            Ground::BaselineEmpty { from, to } => write!(f, "the baseline has no value from {from} to {to}"),
            Ground::BaselineTooFew { n, least, from, to } => {
                let noun = plural(n.unsigned_abs(), "event");
                let takes = format!("fewer than the {least} that it takes (min_events)");
                write!(f, "the baseline has {n} {noun} from {from} to {to}, {takes}")
            }
            Ground::BaselineCoveredLate { covered, from, to } => {
                let measured = format!("the baseline is measured from {from} to {to}");
                write!(f, "the events reach back only to {covered} but {measured}; {ALL_THE_SAME}")
            }
            Ground::NoTarget => f.write_str("the measured baseline is 0, and a share of nothing is no target"),
            Ground::NoDayYet => f.write_str("no day of the cycle has ended with enough events to judge it"),
            Ground::Reached { score, success, exactly } => {
                let verb = if *exactly { "meets" } else { "is past" };
                write!(f, "{score} {verb} the {success} that counts as success")
            }
            Ground::AsExpected { score, expected } => write!(f, "{score} is the {expected} expected by now"),
            Ground::PastExpected { score, expected } => write!(f, "{score} is past the {expected} expected by now"),
            Ground::NearByShare { score, expected, share } => {
                write!(f, "{score} is at least {share} of the {expected} expected by now")
            }
            Ground::NearByGap { short, allowed } => write!(f, "{short}, within the {allowed} that is allowed"),
            Ground::TooEarly { short, elapsed } => {
                write!(f, "{short}, but only {elapsed} of the cycle has elapsed")
            }
            Ground::Between { short, least } => write!(f, "{short}; from {least} on it is on track"),
            Ground::WellBelow { short: Shortfall { score, gap, expected }, share } => {
                write!(f, "{score} is below {share} of the {expected} expected by now, and {gap} short of it")
            }
        }
    }
}

/// What fell silent, since when, and how long it may.
fn silent(f: &mut Formatter<'_>, source: &SilentSource, lasted: Span, allowed: Span) -> fmt::Result {
    match source {
        SilentSource::Topic { topic, last } => {
            let ago = format!("its last record is of {last}, {lasted} ago");
            write!(f, "topic {topic} is silent: {ago}, and {allowed} are allowed (silent_after)")
        }
        SilentSource::NewTopic { topic } => {
            let allowed = format!("{allowed} of silence are allowed (silent_after)");
            write!(f, "topic {topic} never had a record, {lasted} into the cycle, and {allowed}")
        }
        SilentSource::Watermark { known } => {
            let known = format!("everything is known only up to {known}");
            write!(f, "{known}, {lasted} ago, and {allowed} are allowed (silent_after)")
        }
        SilentSource::CheckIns { last } => {
            write!(f, "the last check-in is of {last}, {lasted} ago, and {allowed} are allowed (stale_after)")
        }
    }
}

impl Display for Absence {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Absence::PastBudget(passed) => passed.fmt(f),
            Absence::NoCheckIn => f.write_str("nobody has checked in a value"),
            Absence::NoMilestones => f.write_str("there are no milestones"),
            Absence::Unread { topics } => match &topics[..] {
                [] => f.write_str("nothing was read yet"),
                [topic] => write!(f, "nothing is known yet: topic {topic} has a partition that was not read"),
                _ => {
                    let topics = topics.join(", ");
                    write!(f, "nothing is known yet: topics {topics} have partitions that were not read")
                }
            },
            Absence::TooYoung { horizon } => {
                write!(f, "no start of the window is {horizon} old yet, so none is judged")
            }
            Absence::NoBucketYet => f.write_str("no bucket of the window has ended yet"),
            Absence::NoInterval { interval, stretch } => write!(f, "no whole {interval} has ended {stretch}"),
            Absence::BeginsLater { at, stretch } => {
                write!(f, "the events begin only at {at}, after the window {stretch}")
            }
            Absence::NotRead { stretch } => write!(f, "the events of the window {stretch} were not read"),
            Absence::NoTotal { total, metric, stretch } => {
                write!(f, "{total} is 0 {stretch}, so {metric} has no value")
            }
            Absence::NoFormula { formula, stretch } => {
                write!(f, "`{formula}` has no value {stretch}: an input is missing or a divisor is 0")
            }
            Absence::NoTime { stretch } => write!(f, "there is no time {stretch}"),
            Absence::NoEvents { metric, stretch } => write!(f, "{metric} has no events {stretch}"),
        }
    }
}

impl Display for Stretch {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "from {} to {}", self.from, self.to)?;
        if self.during.is_empty() { Ok(()) } else { write!(f, " during {}", self.during.join(" or ")) }
    }
}

impl Display for Shortfall {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Shortfall { score, gap, expected } = self;
        write!(f, "{score} is {gap} short of the {expected} expected by now")
    }
}

/// Which budget was passed, and what to do about it.
impl Display for PassedBudget {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (limit, noun, setting) = (self.limit, self.budget.noun(), self.budget.as_str());
        let held = format!("more than {limit} {noun}, which is all that may be held");
        write!(f, "there are {held}; raise `{setting}` in [state] and restart")
    }
}

impl Display for Remark {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Remark::BeyondWhole { part, total } => {
                write!(f, "{part} does not lie within {total}: a part greater than its whole, or one below 0")
            }
            Remark::ProvisionalBaseline { until } => write!(f, "its measured baseline is provisional until {until}"),
            Remark::MembersHidden { dimension, passed } => {
                write!(f, "members of {dimension} are not shown: {passed}")
            }
        }
    }
}

fn plural(n: u64, noun: &str) -> String {
    if n == 1 { noun.to_owned() } else { format!("{noun}s") }
}
