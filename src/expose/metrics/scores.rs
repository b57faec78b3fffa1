//! A Snapshot's scores as Prometheus text and as OpenMetrics: one pure function each, the same bytes for the same Snapshot.
//!
//! What has no value has no series: never NaN, and never 0 for "no data". Numbers keep all nine decimals.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::book::{KeyResult, Kind, MetricKind, Objective, Source};
use crate::conventions::{self as names, Family, MEMBER_OTHER, MEMBERS_EXPOSED_MAX};
use crate::fixed::Fixed;
use crate::score::{KeyResultScore, MemberScore, ObjectiveScore, Status};
use crate::snapshot::Snapshot;
use crate::time::Timestamp;

/// The `okr_*` families in Prometheus' text format 0.0.4, without timestamps: what a scrape reads.
pub fn encode_scores(snapshot: &Snapshot) -> String {
    let mut out = Exposition { text: String::with_capacity(16 * 1024), timestamp: None };
    write_families(&mut out, snapshot);
    out.text
}

/// The same families in OpenMetrics 1.0, each sample at the Snapshot's `at`, closed by `# EOF`: what
/// `promtool tsdb create-blocks-from openmetrics` loads. All are gauges, so no sample needs a suffix.
pub fn openmetrics(snapshot: &Snapshot) -> String {
    let timestamp = Some(seconds(snapshot.at).to_string());
    let mut out = Exposition { text: String::with_capacity(16 * 1024), timestamp };
    write_families(&mut out, snapshot);
    out.text.push_str("# EOF\n");
    out.text
}

/// An instant in seconds since the epoch, to the microsecond.
pub(super) fn seconds(at: Timestamp) -> Fixed {
    Fixed(i128::from(at.0) * 1_000)
}

/// The text so far, and what stands behind each value.
struct Exposition {
    text: String,
    timestamp: Option<String>,
}

/// One series' label values, in the order of its family's labels, and its value.
type Sample<'a> = (Vec<&'a str>, Fixed);

impl Exposition {
    /// A family with its samples; nothing at all, not even its HELP, where there are none.
    fn family<'a>(&mut self, family: &Family, samples: impl IntoIterator<Item = Sample<'a>>) {
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return;
        }
        let Family { name, help, .. } = family;
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {}", family.kind.as_str());
        for (values, number) in samples {
            debug_assert_eq!(values.len(), family.labels.len(), "{name}");
            self.text.push_str(name);
            for (index, (label, value)) in family.labels.iter().zip(values).enumerate() {
                let _ = write!(self.text, "{}{label}=\"", if index == 0 { '{' } else { ',' });
                push_escaped(&mut self.text, value);
                self.text.push('"');
            }
            let _ = write!(self.text, "}} {number}");
            if let Some(timestamp) = &self.timestamp {
                let _ = write!(self.text, " {timestamp}");
            }
            self.text.push('\n');
        }
    }
}

/// Both formats escape the same three characters in a label's value.
fn push_escaped(out: &mut String, value: &str) {
    for character in value.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
}

/// An objective with its score and its cycle's id.
struct ObjectiveView<'a> {
    cycle: &'a str,
    objective: &'a Objective,
    score: &'a ObjectiveScore,
}

/// A key result with its score, and the objective it stands in.
struct KeyResultView<'a> {
    within: &'a ObjectiveView<'a>,
    key_result: &'a KeyResult,
    score: &'a KeyResultScore,
}

impl<'a> ObjectiveView<'a> {
    fn labels(&self) -> Vec<&'a str> {
        vec![self.cycle, &self.objective.id]
    }

    fn sample(&self, value: Option<Fixed>) -> Option<Sample<'a>> {
        Some((self.labels(), value?))
    }
}

impl<'a> KeyResultView<'a> {
    fn labels(&self) -> Vec<&'a str> {
        vec![self.within.cycle, &self.within.objective.id, &self.key_result.id]
    }

    fn sample(&self, value: Option<Fixed>) -> Option<Sample<'a>> {
        Some((self.labels(), value?))
    }

    fn sample_with_unit(&self, value: Option<Fixed>) -> Option<Sample<'a>> {
        let mut labels = self.labels();
        labels.push(self.key_result.unit.as_str());
        Some((labels, value?))
    }
}

fn write_families(out: &mut Exposition, snapshot: &Snapshot) {
    let book = &*snapshot.book;
    let cycle_of =
        |objective: &Objective| book.cycles.get(usize::from(objective.cycle.0)).map_or("", |cycle| cycle.id.as_str());
    let objectives: Vec<ObjectiveView> = (book.objectives.iter().zip(&snapshot.scores.objectives))
        .map(|(objective, score)| ObjectiveView { cycle: cycle_of(objective), objective, score })
        .collect();
    let key_results: Vec<KeyResultView> = (objectives.iter())
        .flat_map(|within| {
            let pairs = within.objective.key_results.iter().zip(&within.score.key_results);
            pairs.map(move |(key_result, score)| KeyResultView { within, key_result, score })
        })
        .collect();

    let cycles = book.cycles.iter().zip(&snapshot.scores.cycles);
    out.family(&names::CYCLE_ELAPSED_RATIO, cycles.map(|(cycle, score)| (vec![cycle.id.as_str()], score.elapsed)));
    write_objectives(out, &objectives);
    write_key_results(out, &key_results);
    write_members(out, snapshot, &key_results);
    let kpis = book.kpis.iter().zip(&snapshot.scores.kpis);
    out.family(
        &names::KPI_VALUE,
        kpis.filter_map(|(kpi, score)| {
            let cycle = book.cycles.get(usize::from(kpi.cycle.0)).map_or("", |cycle| cycle.id.as_str());
            Some((vec![cycle, kpi.shown.id.as_str(), kpi.shown.unit.as_str()], score.value?))
        }),
    );
}

fn write_objectives(out: &mut Exposition, objectives: &[ObjectiveView]) {
    out.family(
        &names::OBJECTIVE_INFO,
        objectives.iter().map(|view| {
            let objective = view.objective;
            let mut labels = view.labels();
            labels.extend([&*objective.title, text(&objective.owner), text(&objective.team)]);
            (labels, Fixed::ONE)
        }),
    );
    out.family(&names::OBJECTIVE_SCORE, objectives.iter().filter_map(|view| view.sample(view.score.score)));
    out.family(&names::OBJECTIVE_COVERAGE, objectives.iter().filter_map(|view| view.sample(Some(view.score.coverage))));
    out.family(&names::OBJECTIVE_STATUS, objectives.iter().flat_map(|view| statuses(view.labels(), view.score.status)));
}

fn write_key_results(out: &mut Exposition, key_results: &[KeyResultView]) {
    out.family(
        &names::KEY_RESULT_INFO,
        key_results.iter().map(|view| {
            let (objective, key_result) = (view.within.objective, view.key_result);
            let mut labels = view.labels();
            let owner = key_result.owner.as_ref().or(objective.owner.as_ref());
            labels.extend([&*key_result.title, owner.map_or("", |owner| owner), text(&objective.team)]);
            labels.extend([kind(key_result.kind), key_result.unit.as_str()]);
            (labels, Fixed::ONE)
        }),
    );
    for (family, number) in WITH_UNIT {
        out.family(family, key_results.iter().filter_map(|view| view.sample_with_unit(number(view))));
    }
    for (family, number) in WITHOUT_UNIT {
        out.family(family, key_results.iter().filter_map(|view| view.sample(number(view))));
    }
    out.family(
        &names::KEY_RESULT_STATUS,
        key_results.iter().flat_map(|view| statuses(view.labels(), view.score.status)),
    );
}

/// A family and the number that it shows of a key result.
type Column = (&'static Family, fn(&KeyResultView) -> Option<Fixed>);

const WITH_UNIT: [Column; 4] = [
    (&names::KEY_RESULT_VALUE, |view| view.score.value),
    (&names::KEY_RESULT_BASELINE, |view| view.score.baseline),
    (&names::KEY_RESULT_TARGET, |view| view.score.target),
    (&names::KEY_RESULT_ATTAINMENT, |view| view.score.attainment),
];

const WITHOUT_UNIT: [Column; 6] = [
    (&names::KEY_RESULT_SCORE, |view| view.score.score),
    (&names::KEY_RESULT_EXPECTED_SCORE, |view| view.score.expected),
    (&names::KEY_RESULT_HAS_DATA, |view| Some(if view.score.value.is_some() { Fixed::ONE } else { Fixed::ZERO })),
    (&names::KEY_RESULT_WINDOW_EVENTS, |view| view.score.n.map(Fixed::from_int)),
    (&names::KEY_RESULT_AS_OF, |view| view.score.as_of.map(seconds)),
    (&names::KEY_RESULT_LAST_EVENT, |view| view.score.last_event_at.map(seconds)),
];

fn statuses<'a>(labels: Vec<&'a str>, holds: Status) -> impl Iterator<Item = Sample<'a>> {
    Status::ALL.into_iter().map(move |status| {
        let mut labels = labels.clone();
        labels.push(status.as_str());
        (labels, if status == holds { Fixed::ONE } else { Fixed::ZERO })
    })
}

fn write_members(out: &mut Exposition, snapshot: &Snapshot, key_results: &[KeyResultView]) {
    let exposed: Vec<(&KeyResultView, Exposed)> = (key_results.iter())
        .flat_map(|view| {
            let additive = is_additive(snapshot, view.key_result);
            let dimensions: BTreeSet<&str> =
                view.score.members.iter().map(|member| member.dimension.as_str()).collect();
            dimensions
                .into_iter()
                .map(move |dimension| (view, expose_members(&view.score.members, dimension, additive)))
        })
        .collect();
    for (family, of_member) in [
        (&names::KEY_RESULT_MEMBER_VALUE, (|member| member.value) as fn(&MemberScore) -> Option<Fixed>),
        (&names::KEY_RESULT_MEMBER_SCORE, |member| member.score),
    ] {
        let values = family.name == names::KEY_RESULT_MEMBER_VALUE.name;
        let samples = exposed.iter().flat_map(|(view, exposed)| {
            let of_members =
                exposed.members.iter().filter_map(move |member| Some((&*member.member, of_member(member)?)));
            let rest = exposed.other.filter(|_| values).map(|sum| (MEMBER_OTHER, sum));
            of_members.chain(rest).map(|(member, value)| {
                let mut labels = view.labels();
                labels.extend([exposed.dimension, member]);
                (labels, value)
            })
        });
        out.family(family, samples);
    }
}

/// The members of one dimension that have series of their own, and the sum of the rest.
struct Exposed<'a> {
    dimension: &'a str,
    members: Vec<&'a MemberScore>,
    other: Option<Fixed>,
}

/// The largest by n, then by name.
///
/// | members | series |
/// |---|---|
/// | at most [`MEMBERS_EXPOSED_MAX`] | each its own |
/// | more, of a count, sum or level | the largest, and `other`: the sum of the rest |
/// | more, of anything else | the largest; `other` has no value, because ratios, means, percentiles and distincts do not add |
/// | more, and one is itself called `other` | it belongs to the rest, so that no two series are the same |
fn expose_members<'a>(all: &'a [MemberScore], dimension: &'a str, additive: bool) -> Exposed<'a> {
    let mut members: Vec<&MemberScore> = all.iter().filter(|member| member.dimension == dimension).collect();
    members.sort_by(|a, b| b.n.cmp(&a.n).then_with(|| a.member.cmp(&b.member)));
    if members.len() <= MEMBERS_EXPOSED_MAX {
        return Exposed { dimension, members, other: None };
    }
    let (named_other, mut members): (Vec<_>, Vec<_>) =
        members.into_iter().partition(|member| member.member == MEMBER_OTHER);
    let rest = members.split_off(MEMBERS_EXPOSED_MAX.min(members.len()));
    let values: Vec<Fixed> = rest.iter().chain(&named_other).filter_map(|member| member.value).collect();
    let sum = || values.iter().try_fold(0_i128, |sum, value| sum.checked_add(value.0)).map(Fixed);
    let other = if additive && !values.is_empty() { sum() } else { None };
    Exposed { dimension, members, other }
}

fn is_additive(snapshot: &Snapshot, key_result: &KeyResult) -> bool {
    let Source::Metric { metric, .. } = &key_result.source else { return false };
    let metric = snapshot.book.metrics.get(usize::from(metric.0));
    metric.is_some_and(|metric| {
        matches!(metric.kind, MetricKind::Count(_) | MetricKind::Sum(..) | MetricKind::Level { .. })
    })
}

fn text(value: &Option<String>) -> &str {
    value.as_deref().unwrap_or("")
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Committed => "committed",
        Kind::Aspirational => "aspirational",
    }
}
