//! `docs/book.md`, run: what the page shows is what krscore does.
//!
//! | block | what is done with it |
//! |---|---|
//! | `yaml FILE` | saved under that name; it has no fault, unless its name begins with `wrong` |
//! | `yaml` | one more file of the page's book, which is the first `yaml FILE` and all such blocks above; none has a fault |
//! | `yaml`, a list | the same, as the key results of an objective |
//! | `json FILE` | events, one a line, saved under that name |
//! | `console` | each `$ krscore …` is run where the files are; what it prints stands below it |
//! | between `<!-- keys -->` and `<!-- end of keys -->` | made from the JSON Schema, and so from the tables of keys |
//!
//! `UPDATE_EXPECTED=1 cargo test --test book_docs` writes what consoles print, and the keys, anew.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use krscore::book::{SourceFile, load, render, schema};
use serde_json::Value;

const BEGIN_OF_KEYS: &str = "<!-- keys -->\n";
const END_OF_KEYS: &str = "<!-- end of keys -->\n";

/// A fenced block, and where its text lies in the page.
struct Block {
    language: String,
    file: Option<String>,
    from: usize,
    to: usize,
    line: usize,
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/book.md")
}

fn page() -> String {
    std::fs::read_to_string(path()).expect("docs/book.md")
}

fn updating() -> bool {
    std::env::var_os("UPDATE_EXPECTED").is_some()
}

fn blocks(page: &str) -> Vec<Block> {
    let (mut blocks, mut open, mut at) = (Vec::<Block>::new(), false, 0);
    for (index, line) in page.split_inclusive('\n').enumerate() {
        let next = at + line.len();
        match line.strip_prefix("```") {
            Some(_) if open => {
                blocks.last_mut().expect("an open block").to = at;
                open = false;
            }
            Some(info) => {
                let mut words = info.split_whitespace().map(str::to_owned);
                let language = words.next().unwrap_or_else(|| panic!("line {}: a block of no language", index + 1));
                blocks.push(Block { language, file: words.next(), from: next, to: next, line: index + 1 });
                open = true;
            }
            None => {}
        }
        at = next;
    }
    assert!(!open, "the last block does not end");
    blocks
}

fn source(name: &str, text: &str) -> SourceFile {
    SourceFile { name: name.to_owned(), text: text.to_owned() }
}

/// A part of the book as a file of it.
fn part(line: usize, text: &str) -> SourceFile {
    let mut file = "apiVersion: krscore/v1\n".to_owned();
    if text.starts_with('-') {
        let _ = write!(file, "objectives:\n  - id: line-{line}\n    title: t\n    owner: somebody\n    key_results:\n");
        text.lines().for_each(|line| file.push_str(&format!("      {line}\n")));
    } else {
        file.push_str(text);
    }
    source(&format!("line-{line}.yaml"), &file)
}

fn assert_clean(sources: &[SourceFile], line: usize) {
    if let Err(faults) = load(sources) {
        panic!("docs/book.md, the block in line {line}:\n{}", render(&faults, sources, false));
    }
}

/// What a console block shows, after its commands were run in `folder`.
fn run(folder: &Path, text: &str) -> String {
    let mut out = String::new();
    for command in text.lines().filter_map(|line| line.strip_prefix("$ ")) {
        let mut words = command.split_whitespace();
        assert_eq!(words.next(), Some("krscore"), "{command}");
        let output = Command::new(env!("CARGO_BIN_EXE_krscore")).args(words).current_dir(folder).output();
        let output = output.expect("krscore runs");
        let _ = writeln!(out, "$ {command}");
        for bytes in [output.stderr, output.stdout] {
            for line in String::from_utf8(bytes).expect("text").lines() {
                let _ = writeln!(out, "{}", line.trim_end());
            }
        }
    }
    out
}

#[test]
fn every_example_of_the_page_is_what_krscore_does() {
    let page = page();
    let folder = tempfile::tempdir().expect("a folder");
    let save = |file: &str, text: &str| {
        let path = folder.path().join(file);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    };
    let mut book: Vec<SourceFile> = Vec::new();
    let (mut shown, mut written) = (String::new(), 0);
    let blocks = blocks(&page);
    for block in &blocks {
        let text = &page[block.from..block.to];
        match (&*block.language, &block.file) {
            ("yaml", Some(file)) => {
                save(file, text);
                // The files of a folder are checked together, by a console.
                if !file.starts_with("wrong") && !file.contains('/') {
                    assert_clean(&[source(file, text)], block.line);
                }
                if book.is_empty() {
                    book.push(source(file, text));
                }
            }
            ("yaml", None) => {
                book.push(part(block.line, text));
                assert_clean(&book, block.line);
            }
            ("json", Some(file)) => save(file, text),
            ("console", None) => {
                let printed = run(folder.path(), text);
                if !updating() {
                    assert_eq!(printed, text, "the block in line {}: UPDATE_EXPECTED=1 writes it anew", block.line);
                }
                shown.push_str(&page[written..block.from]);
                shown.push_str(&printed);
                written = block.to;
            }
            // Read by people only: the shell, SQL.
            ("sh" | "sql" | "text", None) => {}
            (language, _) => panic!("line {}: nothing is known to do with `{language}`", block.line),
        }
    }
    shown.push_str(&page[written..]);
    assert!(blocks.iter().filter(|block| block.language == "yaml").count() > 20, "the page has its examples");
    if updating() {
        let (head, rest) = shown.split_once(BEGIN_OF_KEYS).expect("the beginning of the keys");
        let (_, tail) = rest.split_once(END_OF_KEYS).expect("the end of the keys");
        let text = format!("{head}{BEGIN_OF_KEYS}{}{END_OF_KEYS}{tail}", keys());
        std::fs::write(path(), text).expect("docs/book.md can be written");
    }
}

#[test]
fn the_page_ends_with_every_key_there_is() {
    let page = page();
    let (_, rest) = page.split_once(BEGIN_OF_KEYS).expect("the beginning of the keys");
    let (shown, _) = rest.split_once(END_OF_KEYS).expect("the end of the keys");
    if !updating() {
        assert_eq!(shown, keys(), "UPDATE_EXPECTED=1 cargo test --test book_docs writes the keys anew");
    }
}

/// A key that people read about only in the list at the end is one that nobody uses.
#[test]
fn every_key_stands_in_an_example() {
    let page = page();
    let blocks = blocks(&page);
    let examples: String =
        blocks.iter().filter(|block| block.language == "yaml").map(|block| &page[block.from..block.to]).collect();
    let schema: Value = serde_json::from_str(&schema()).expect("a schema");
    let mut missing = Vec::new();
    for (name, table) in tables(&schema) {
        for (key, of_key) in table["properties"].as_object().into_iter().flatten() {
            if of_key["deprecated"] != true && table["deprecated"] != true && !is_used(&examples, key) {
                missing.push(format!("{key} of {name}"));
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}

fn is_used(examples: &str, key: &str) -> bool {
    examples.match_indices(key).any(|(at, _)| {
        let before = examples[..at].chars().next_back();
        examples[at + key.len()..].starts_with(':') && !before.is_some_and(|c| c.is_alphanumeric() || "_-.".contains(c))
    })
}

/// The tables of the schema, each once: the book first, then as one leads to the next.
fn tables(schema: &Value) -> Vec<(String, &Value)> {
    let mut found: Vec<(String, &Value)> = vec![("book".to_owned(), schema)];
    let mut at = 0;
    while let Some((_, table)) = found.get(at).cloned() {
        let mut names = Vec::new();
        references(&table["properties"], &mut names);
        for name in names {
            if found.iter().all(|(known, _)| *known != name) {
                let table = &schema["$defs"][&name];
                found.push((name, table));
            }
        }
        at += 1;
    }
    found
}

fn references(schema: &Value, names: &mut Vec<String>) {
    match schema {
        // Where a key is not supported yet, what lies below it is not, either.
        Value::Object(object) if object.get("deprecated") == Some(&Value::Bool(true)) => {}
        Value::Object(object) => {
            if let Some(name) = object.get("$ref").and_then(Value::as_str) {
                names.push(name.trim_start_matches("#/$defs/").to_owned());
            }
            object.values().for_each(|value| references(value, names));
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, names)),
        _ => {}
    }
}

/// The keys of every table of the book, as Markdown.
fn keys() -> String {
    let schema: Value = serde_json::from_str(&schema()).expect("a schema");
    let mut out = String::new();
    for (name, table) in tables(&schema) {
        let later = if table["deprecated"] == true { " (not supported yet)" } else { "" };
        let _ = write!(out, "\n### {}{later}\n\n| key | written | what it is |\n|---|---|---|\n", heading(&name));
        let required: Vec<&str> =
            table["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (key, of_key) in table["properties"].as_object().into_iter().flatten() {
            let needed = if required.contains(&&**key) { " *" } else { "" };
            let what = of_key["description"].as_str().unwrap_or_default().replace('|', "\\|");
            let _ = writeln!(out, "| `{key}`{needed} | {} | {what} |", written(of_key));
        }
    }
    out.push('\n');
    out
}

/// `duration_s_key` → `duration's key`.
fn heading(name: &str) -> String {
    name.replace("_s_", "'s ").replace('_', " ")
}

/// How a value is written: its words, an example, or the table that it is.
fn written(schema: &Value) -> String {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let coded = |values: Vec<Value>| {
        let coded: Vec<String> = values.iter().map(|value| format!("`{}`", text(value))).collect();
        coded.join(", ")
    };
    if let Some(name) = schema["$ref"].as_str() {
        let heading = heading(name.trim_start_matches("#/$defs/"));
        let anchor = heading.replace('\'', "").replace(' ', "-");
        return format!("[{heading}](#{anchor})");
    }
    if !schema["enum"].is_null() {
        return coded(list(&schema["enum"]));
    }
    let examples = list(&schema["examples"]);
    if examples.iter().any(|example| example == "$key") {
        return "[field](#fields)".to_owned();
    }
    if !examples.is_empty() {
        return coded(examples.into_iter().take(3).collect());
    }
    if !schema["anyOf"].is_null() {
        return list(&schema["anyOf"]).iter().map(written).collect::<Vec<_>>().join(" or ");
    }
    match schema["type"].as_str() {
        Some("array") => format!("list: {}", written(&schema["items"])),
        Some("object") if schema["allOf"].is_array() => {
            list(&schema["allOf"]).iter().map(|case| written(&case["then"])).collect::<Vec<_>>().join(", ")
        }
        Some("object") => format!("names: {}", written(&schema["additionalProperties"])),
        _ => of_pattern(schema).to_owned(),
    }
}

/// What a scalar of a pattern is, as the page calls it.
fn of_pattern(schema: &Value) -> &'static str {
    let pattern = schema["pattern"].as_str().unwrap_or_default();
    let allows = |name: &str| schema["type"].as_array().is_some_and(|types| types.iter().any(|kind| kind == name));
    match () {
        () if pattern.starts_with("^(mean") => "`mean`, `min`, `max`, `p90`, `on_time`",
        () if pattern.contains("{4}") => "`2026-10-01`",
        () if pattern.starts_with("^[A-Za-z_]") => "name",
        () if pattern.starts_with("^[A-Za-z0-9") => "id",
        () if allows("boolean") => "text",
        () if allows("integer") => "whole number",
        () => "number",
    }
}
