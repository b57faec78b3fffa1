//! YAML text → a tree of nodes that know their place, with every construct a book must not have refused by name.
//!
//! | construct | answer |
//! |---|---|
//! | scalars | text; what they mean is decided by the key they stand under, so `2026-Q4`, `96%`, `3m`, `1_000`, `no` are no surprise |
//! | the same key twice in a mapping | a fault at the second, naming the first |
//! | anchors and aliases | resolved, up to [`NODES_MAX`] nodes in all |
//! | merge keys `<<`, tags, several documents, directives | refused |
//! | deeper than [`DEPTH_MAX`], longer than [`FILE_BYTES_MAX`] | refused |
//! | a byte order mark | ignored |

use std::collections::BTreeMap;
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::fault::{Report, ascii_of};

/// Longest file of a book, in bytes. A book of a thousand key results has a fifth of this.
pub const FILE_BYTES_MAX: usize = 4 << 20;
/// Deepest nesting of mappings and lists; the syntax itself needs 7.
pub const DEPTH_MAX: usize = 32;
/// Most nodes of one file once its aliases are resolved.
pub const NODES_MAX: usize = 500_000;

/// A place in one of the sources. Ordered as a reader meets them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Position of the source in the list of sources.
    pub file: u16,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl Place {
    /// `chars` further right in the same line.
    pub(super) fn right(self, chars: usize) -> Place {
        Place { column: self.column.saturating_add(u32::try_from(chars).unwrap_or(u32::MAX)), ..self }
    }
}

/// A node of the tree. Aliased nodes are shared.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub place: Place,
    pub kind: NodeKind,
}

#[derive(Clone, Debug)]
pub(super) enum NodeKind {
    /// A scalar's text; `inset` is the number of characters between the node's place and the text (the quote).
    Scalar { text: String, plain: bool, inset: Option<usize> },
    /// Elements in order.
    List(Vec<Rc<Node>>),
    /// Entries in order; keys are unique scalars.
    Map(Vec<(Key, Rc<Node>)>),
}

/// A mapping's key.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub text: String,
    pub place: Place,
}

impl Node {
    /// An absent value: what stands behind `key:` without more.
    pub(super) fn is_empty(&self) -> bool {
        matches!(&self.kind, NodeKind::Scalar { text, plain: true, .. } if matches!(text.as_str(), "" | "~" | "null"))
    }

    /// A scalar's text.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Scalar { text, .. } if !self.is_empty() => Some(text),
            _ => None,
        }
    }

    /// The place of the scalar's character number `index`; the node's own where lines were folded.
    pub(super) fn place_of(&self, index: usize) -> Place {
        match &self.kind {
            NodeKind::Scalar { inset: Some(inset), .. } => self.place.right(inset + index),
            _ => self.place,
        }
    }

    /// The value under `key`, unless it is empty.
    pub(super) fn get(&self, key: &str) -> Option<&Rc<Node>> {
        let (_, value) = self.entries().iter().find(|(known, _)| known.text == key)?;
        (!value.is_empty()).then_some(value)
    }

    /// The place of the key itself.
    pub(super) fn key_place(&self, key: &str) -> Place {
        self.entries().iter().find(|(known, _)| known.text == key).map_or(self.place, |(known, _)| known.place)
    }

    /// A mapping's entries; none for other nodes.
    pub(super) fn entries(&self) -> &[(Key, Rc<Node>)] {
        match &self.kind {
            NodeKind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// A list's elements; none for other nodes.
    pub(super) fn elements(&self) -> &[Rc<Node>] {
        match &self.kind {
            NodeKind::List(elements) => elements,
            _ => &[],
        }
    }

    /// The node's kind as messages name it.
    pub(super) fn kind_name(&self) -> &'static str {
        match &self.kind {
            _ if self.is_empty() => "nothing",
            NodeKind::Scalar { .. } => "a single value",
            NodeKind::List(_) => "a list",
            NodeKind::Map(_) => "a mapping",
        }
    }
}

/// Reads one file. `None` if it is empty or broken; faults go to `report`.
pub(super) fn read(file: u16, text: &str, report: &mut Report) -> Option<Rc<Node>> {
    let start = Place { file, line: 1, column: 1 };
    if text.len() > FILE_BYTES_MAX {
        let message = format!("a book's file may have at most {FILE_BYTES_MAX} bytes, this one has {}", text.len());
        report.mend(start, message, "split it: the `*.yaml` of a folder are one book");
        return None;
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut builder =
        Builder { file, report, open: Vec::new(), root: None, anchors: BTreeMap::new(), nodes: 0, documents: 0 };
    let mut parser = Parser::new_from_str(text);
    while let Some(next) = parser.next_event() {
        let (event, span) = match next {
            Ok(found) => found,
            Err(error) => {
                builder.scan_fault(text, error.marker().line(), error.marker().col(), error.info());
                return None;
            }
        };
        if builder.take(event, span).is_err() {
            return None;
        }
    }
    let root = builder.root;
    if root.as_ref().is_none_or(|root| root.is_empty()) {
        report.mend(start, "the file is empty", "begin with `apiVersion: krscore/v1`");
        return None;
    }
    root
}

/// A collection that is not yet closed.
struct Open {
    place: Place,
    anchor: usize,
    nodes: usize,
    kind: OpenKind,
}

enum OpenKind {
    List(Vec<Rc<Node>>),
    Map(Vec<(Key, Rc<Node>)>, Option<Key>, BTreeMap<String, Place>),
}

struct Builder<'r> {
    file: u16,
    report: &'r mut Report,
    open: Vec<Open>,
    root: Option<Rc<Node>>,
    anchors: BTreeMap<usize, (Rc<Node>, usize)>,
    nodes: usize,
    documents: usize,
}

/// The file cannot be read on; a fault says why.
struct Stop;

impl Builder<'_> {
    fn place(&self, line: usize, column: usize) -> Place {
        let short = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Place { file: self.file, line: short(line), column: short(column).saturating_add(1) }
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        let place = self.place(span.start.line(), span.start.col());
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.report.mend(place, "a file holds one document", "remove `---`, or make it a file of its own");
                    return Err(Stop);
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                if let Some(tag) = tag {
                    self.tag(place, &tag);
                }
                let inset = match style {
                    _ if span.start.line() != span.end.line() => None,
                    ScalarStyle::Plain => Some(0),
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Some(1),
                    ScalarStyle::Literal | ScalarStyle::Folded => None,
                };
                let plain = style == ScalarStyle::Plain;
                let node = Node { place, kind: NodeKind::Scalar { text: text.into_owned(), plain, inset } };
                self.add(Rc::new(node), anchor, 1)?;
            }
            Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) if self.open.len() >= DEPTH_MAX => {
                let (_, _) = (anchor, tag);
                self.report.fault(place, format!("nested deeper than {DEPTH_MAX} levels"));
                return Err(Stop);
            }
            Event::SequenceStart(anchor, tag) => {
                self.begin(place, anchor, tag.as_deref(), OpenKind::List(Vec::new()));
            }
            Event::MappingStart(anchor, tag) => {
                let kind = OpenKind::Map(Vec::new(), None, BTreeMap::new());
                self.begin(place, anchor, tag.as_deref(), kind);
            }
            Event::SequenceEnd | Event::MappingEnd => self.end()?,
            Event::Alias(anchor) => {
                let Some((node, nodes)) = self.anchors.get(&anchor).cloned() else {
                    self.report.fault(place, "an alias inside the node that it names");
                    return Err(Stop);
                };
                self.add(node, 0, nodes)?;
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn begin(&mut self, place: Place, anchor: usize, tag: Option<&Tag>, kind: OpenKind) {
        if let Some(tag) = tag {
            self.tag(place, tag);
        }
        self.open.push(Open { place, anchor, nodes: 1, kind });
    }

    fn tag(&mut self, place: Place, tag: &Tag) {
        let shown = if tag.is_yaml_core_schema() { format!("!!{}", tag.suffix) } else { tag.to_string() };
        let mend = "remove it; quote the value if it begins with `!`";
        self.report.mend(place, format!("a tag `{shown}`: a book has none"), mend);
    }

    fn end(&mut self) -> Result<(), Stop> {
        let Some(Open { place, anchor, nodes, kind }) = self.open.pop() else {
            return Err(Stop);
        };
        let kind = match kind {
            OpenKind::List(elements) => NodeKind::List(elements),
            OpenKind::Map(entries, _, _) => NodeKind::Map(entries),
        };
        self.add(Rc::new(Node { place, kind }), anchor, nodes)
    }

    /// Puts a finished node of `nodes` nodes where it belongs.
    fn add(&mut self, node: Rc<Node>, anchor: usize, nodes: usize) -> Result<(), Stop> {
        self.nodes += nodes;
        if self.nodes > NODES_MAX {
            self.report.fault(node.place, format!("more than {NODES_MAX} values once aliases are resolved"));
            return Err(Stop);
        }
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), nodes));
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.nodes += nodes;
        match &mut open.kind {
            OpenKind::List(elements) => elements.push(node),
            OpenKind::Map(entries, key @ None, seen) => {
                let _ = entries;
                let NodeKind::Scalar { text, .. } = &node.kind else {
                    self.report.fault(node.place, "a key must be a single word, not a list or a mapping");
                    return Err(Stop);
                };
                if text == "<<" {
                    let mend = "write the keys out, or alias the whole value";
                    self.report.mend(node.place, "merge keys `<<` are not part of YAML 1.2", mend);
                } else if let Some(first) = seen.insert(text.clone(), node.place) {
                    let message = format!("`{text}` is there twice: first in line {}", first.line);
                    self.report.mend(node.place, message, "keep one of them");
                }
                *key = Some(Key { text: text.clone(), place: node.place });
            }
            OpenKind::Map(entries, key, _) => {
                if let Some(key) = key.take()
                    && key.text != "<<"
                {
                    entries.push((key, node));
                }
            }
        }
        Ok(())
    }

    /// A fault of YAML's own syntax, with a word about what usually causes it.
    fn scan_fault(&mut self, text: &str, line: usize, column: usize, info: &str) {
        let mut place = self.place(line.max(1), column);
        let lines: Vec<&str> = text.lines().collect();
        // The scanner often notices a wide colon or comma only in the line after it.
        let suspects = [line, line.saturating_sub(1)].into_iter().filter(|line| *line > 0);
        let wide = suspects.filter_map(|line| Some((line, wide_mark(lines.get(line - 1)?)?))).next();
        // Nor is the line that begins with a tab always the one that the scanner is in when it notices.
        let tabbed = [line, line + 1].into_iter().find(|line| {
            let begin = line.checked_sub(1).and_then(|at| lines.get(at));
            begin.is_some_and(|text| text.trim_start_matches(' ').starts_with('\t'))
        });
        let mend = if let Some(line) = tabbed {
            place = self.place(line, 0);
            Some("indent with spaces: YAML has no tabs there".to_owned())
        } else if let Some((line, (column, wide, ascii))) = wide {
            place = self.place(line, column);
            Some(format!("`{wide}` is full-width: write `{ascii}`"))
        } else if info.contains("mapping values") || info.contains("',' or '}'") {
            Some("look for a missing comma, brace or quote; quote a text that holds `: `, `#`, `{` or `,`".to_owned())
        } else {
            None
        };
        let message = format!("not YAML: {info}");
        match mend {
            Some(mend) => self.report.mend(place, message, mend),
            None => self.report.fault(place, message),
        }
    }
}

/// The first full-width mark outside quotes in a line: its column from 0, itself, and the ASCII that is meant.
fn wide_mark(line: &str) -> Option<(usize, char, char)> {
    let mut quote = None;
    for (column, c) in line.chars().enumerate() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c == '#' => return None,
            None => {
                if let Some(ascii) = ascii_of(c).filter(|ascii| ":,{}[]\"'#".contains(*ascii)) {
                    return Some((column, c, ascii));
                }
            }
        }
    }
    None
}
