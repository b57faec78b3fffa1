//! Faults and advice: what is wrong with a book, where, and how to mend it.

use std::collections::BTreeMap;
use std::fmt;

use super::yaml::Place;

/// One file of a book: its name as people know it, and its whole text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Name or path, as messages show it.
    pub name: String,
    /// The file's text.
    pub text: String,
}

/// Something that keeps a book from being read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The [`SourceFile`]'s name.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// How to mend it, where that can be said.
    pub mend: Option<String>,
}

/// Something that a good book would have otherwise; it is read all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice(pub Fault);

/// `file:line:column: message; mend`, in one line.
impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `file:line:column: message; mend`, in one line.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { file, line, column, message, mend } = self;
        write!(f, "{file}:{line}:{column}: {message}")?;
        mend.as_ref().map_or(Ok(()), |mend| write!(f, "; {mend}"))
    }
}

/// Where messages about one load are collected. Places are resolved and sorted at the end.
#[derive(Debug, Default)]
pub(super) struct Report {
    files: Vec<String>,
    faults: Vec<(Place, String, Option<String>)>,
    advice: Vec<(Place, String, Option<String>)>,
}

impl Report {
    pub(super) fn new(sources: &[SourceFile]) -> Report {
        Report { files: sources.iter().map(|source| source.name.clone()).collect(), ..Report::default() }
    }

    /// A place as a message names it.
    pub(super) fn at(&self, place: Place) -> String {
        let file = self.files.get(usize::from(place.file)).map_or("", String::as_str);
        format!("{file}:{}:{}", place.line, place.column)
    }

    /// Adds a fault without a mend.
    pub(super) fn fault(&mut self, place: Place, message: impl Into<String>) {
        self.faults.push((place, message.into(), None));
    }

    /// Adds a fault and how to mend it.
    pub(super) fn mend(&mut self, place: Place, message: impl Into<String>, mend: impl Into<String>) {
        self.faults.push((place, message.into(), Some(mend.into())));
    }

    /// Refuses by name what the contract has and this version does not.
    pub(super) fn later(&mut self, place: Place, what: &str, mend: &str) {
        self.mend(place, format!("not supported yet: {what}"), mend);
    }

    /// Adds advice.
    pub(super) fn advise(&mut self, place: Place, message: impl Into<String>, mend: impl Into<String>) {
        self.advice.push((place, message.into(), Some(mend.into())));
    }

    pub(super) fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }

    /// All faults by place, each once.
    pub(super) fn into_faults(self) -> Vec<Fault> {
        resolve(self.faults, &self.files)
    }

    /// All advice by place, each once.
    pub(super) fn into_advice(self) -> Vec<Advice> {
        resolve(self.advice, &self.files).into_iter().map(Advice).collect()
    }
}

/// Most faults that are listed; what follows is only counted.
pub const FAULTS_MAX: usize = 500;

fn resolve(mut found: Vec<(Place, String, Option<String>)>, files: &[String]) -> Vec<Fault> {
    found.sort();
    // An aliased node is read once for each place that names it; what is wrong with it is said once.
    found.dedup();
    let file = |place: Place| files.get(usize::from(place.file)).cloned().unwrap_or_default();
    let beyond = found.len().saturating_sub(FAULTS_MAX);
    let last = found.get(FAULTS_MAX).map(|(place, ..)| *place);
    found.truncate(FAULTS_MAX);
    found.extend(last.map(|place| (place, format!("and {beyond} more faults"), None)));
    found
        .into_iter()
        .map(|(place, message, mend)| Fault {
            file: file(place),
            line: place.line,
            column: place.column,
            message,
            mend,
        })
        .collect()
}

/// The faults as text for a terminal: `file:line:column: message`, the line with a caret below, `mend: …`.
///
/// `colour` adds ANSI escapes and changes nothing else.
pub fn render(faults: &[Fault], sources: &[SourceFile], colour: bool) -> String {
    let (mut out, lines) = (String::new(), lines_of(sources));
    for fault in faults {
        render_one(&mut out, fault, &lines, ["\x1b[1;31m", "fault: "], colour);
    }
    out
}

/// The advice as text for a terminal, in the same form as [`render`].
pub fn render_advice(advice: &[Advice], sources: &[SourceFile], colour: bool) -> String {
    let (mut out, lines) = (String::new(), lines_of(sources));
    for Advice(advice) in advice {
        render_one(&mut out, advice, &lines, ["\x1b[1;33m", "advice: "], colour);
    }
    out
}

/// Widest part of a line that is shown; a longer one is cut to a window around the caret.
const LINE_CHARS_MAX: usize = 160;

fn render_one(out: &mut String, fault: &Fault, lines: &Lines<'_>, [accent, word]: [&str; 2], colour: bool) {
    let (bold, accent, reset) = if colour { ("\x1b[1m", accent, "\x1b[0m") } else { ("", "", "") };
    let Fault { file, line, column, message, mend } = fault;
    let message: String = message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    *out += &format!("{bold}{file}:{line}:{column}:{reset} {accent}{word}{reset}{message}\n");
    let text = (*line as usize).checked_sub(1).and_then(|at| lines.get(file.as_str())?.get(at).copied());
    if let Some(text) = text {
        let (shown, caret) = excerpt(text, *column as usize);
        *out += &format!("    {shown}\n    {caret}{accent}^{reset}\n");
    }
    if let Some(mend) = mend {
        *out += &format!("    mend: {mend}\n");
    }
}

/// The lines of each file, split once.
type Lines<'a> = BTreeMap<&'a str, Vec<&'a str>>;

fn lines_of(sources: &[SourceFile]) -> Lines<'_> {
    sources.iter().map(|source| (source.name.as_str(), source_text(source).lines().collect())).collect()
}

/// The text without a byte order mark.
fn source_text(source: &SourceFile) -> &str {
    source.text.strip_prefix('\u{feff}').unwrap_or(&source.text)
}

/// The part of `line` around `column`, and the blanks that put a caret below that column.
fn excerpt(line: &str, column: usize) -> (String, String) {
    let chars: Vec<char> = line.chars().collect();
    let at = column.saturating_sub(1).min(chars.len());
    let from = if chars.len() <= LINE_CHARS_MAX { 0 } else { at.saturating_sub(LINE_CHARS_MAX / 2) };
    let to = chars.len().min(from + LINE_CHARS_MAX);
    let visible = |c: char| {
        if c.is_control() && c != '\t' { '\u{fffd}' } else { c }
    };
    let shown: String = chars[from..to].iter().copied().map(visible).collect();
    // A wide blank under a wide character keeps the caret straight without a table of widths for every terminal.
    let blank = |c: char| match c {
        '\t' => '\t',
        c if is_wide(c) => '\u{3000}',
        _ => ' ',
    };
    let blanks: String = chars[from..at.clamp(from, to)].iter().copied().map(blank).collect();
    (shown, blanks)
}

/// Whether terminals give the character two columns: CJK, Hangul, kana, full-width forms, most emoji.
fn is_wide(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}' | '\u{ff01}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}' | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}')
}

/// The known word nearest to `word`, if it is near enough to be meant.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let near = |candidate: &&'a str| {
        let distance = strsim::damerau_levenshtein(&lower, &candidate.to_lowercase());
        // A third of the word may be wrong: two letters in `traget`, one in `of`.
        (distance <= (candidate.chars().count().max(lower.chars().count()) / 3).max(1))
            .then_some((distance, *candidate))
    };
    known.into_iter().filter_map(|candidate| near(&candidate)).min().map(|(_, candidate)| candidate)
}

/// ``did you mean `…`?`` where something near is known, else the list of what is known.
pub(super) fn suggestion(word: &str, known: &[&str]) -> Option<String> {
    if let Some(near) = nearest(word, known.iter().copied()) {
        return Some(format!("did you mean `{near}`?"));
    }
    match known.len() {
        0 => None,
        1..=24 => Some(format!("known here: {}", known.join(", "))),
        _ => None,
    }
}

/// The ASCII character that a full-width one was probably meant to be, in places where ASCII is meant.
pub(super) fn ascii_of(c: char) -> Option<char> {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0),
        '\u{3000}' => Some(' '),
        '、' => Some(','),
        '。' => Some('.'),
        '“' | '”' | '「' | '」' => Some('"'),
        '‘' | '’' => Some('\''),
        '【' => Some('['),
        '】' => Some(']'),
        '《' => Some('<'),
        '》' => Some('>'),
        '—' | '–' | '−' => Some('-'),
        _ => None,
    }
}
