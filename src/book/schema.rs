//! The JSON Schema of the book for editors, made from the same tables of keys that the reader uses.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::keys::{BOOK, Key, Shape, Table};
use super::shape::{NAME_BYTES_MAX, TEXT_BYTES_MAX};

/// The JSON Schema (draft 2020-12) of a book's file, as indented JSON with a newline at the end.
///
/// It knows forms, not meanings: a book that fits may still have faults that only `krscore check` sees.
pub fn schema() -> String {
    let mut definitions = BTreeMap::new();
    let root = of_table(&BOOK, &mut definitions);
    let mut document = Map::new();
    document.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    document.insert("title".to_owned(), json!("krscore book"));
    if let Value::Object(root) = root {
        document.extend(root);
    }
    document.insert("$defs".to_owned(), Value::Object(definitions.into_iter().collect()));
    format!("{:#}\n", Value::Object(document))
}

type Definitions = BTreeMap<String, Value>;

fn of_table(table: &Table, definitions: &mut Definitions) -> Value {
    let properties: Map<String, Value> =
        table.keys.iter().map(|key| (key.name.to_owned(), of_key(key, definitions))).collect();
    let required: Vec<&str> = table.keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    let mut schema = json!({ "type": "object", "additionalProperties": false, "properties": properties });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    if table.later.is_some() {
        schema["description"] = json!("not supported yet");
        schema["deprecated"] = json!(true);
    }
    schema
}

fn of_key(key: &Key, definitions: &mut Definitions) -> Value {
    let mut schema = of_shape(&key.shape, definitions);
    // Editors show a description beside `$ref` too: since draft 2019-09 its siblings count.
    schema["description"] = match key.later {
        None => json!(key.doc),
        Some(_) => json!(format!("{} (not supported yet)", key.doc)),
    };
    if key.later.is_some() {
        schema["deprecated"] = json!(true);
    }
    schema
}

/// A table by reference, so that each is there once.
fn reference(table: &Table, definitions: &mut Definitions) -> Value {
    let name: String = table.name.trim_start_matches("an ").trim_start_matches("a ").replace([' ', '\''], "_");
    if !definitions.contains_key(&name) {
        // Entered first: a table that holds itself would never end.
        definitions.insert(name.clone(), Value::Null);
        let schema = of_table(table, definitions);
        definitions.insert(name.clone(), schema);
    }
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn of_shape(shape: &Shape, definitions: &mut Definitions) -> Value {
    let text = |pattern: &str| json!({ "type": ["string", "number"], "pattern": pattern, "maxLength": NAME_BYTES_MAX });
    match shape {
        Shape::Text => json!({ "type": ["string", "number", "boolean"], "minLength": 1, "maxLength": TEXT_BYTES_MAX }),
        Shape::Sql => json!({ "type": ["string", "number", "boolean"], "minLength": 1, "maxLength": TEXT_BYTES_MAX }),
        Shape::Field => json!({
            "type": "string",
            "minLength": 1,
            "maxLength": NAME_BYTES_MAX,
            "examples": ["region", "customer.region", "$key", "$header.NAME", "$timestamp"],
        }),
        Shape::Zone => {
            json!({ "type": "string", "minLength": 1, "examples": ["Asia/Shanghai", "Europe/Berlin", "UTC"] })
        }
        Shape::Id => text("^[A-Za-z0-9._-]+$"),
        Shape::Alignment => text("^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)?$"),
        Shape::Name | Shape::Dimension => text("^[A-Za-z_][A-Za-z0-9_]*$"),
        Shape::Word(words) => json!({ "enum": words }),
        Shape::Stat => text("^(mean|min|max|on_time|p[0-9]{1,2}(\\.[0-9]{1,2})?)$"),
        Shape::Amount => {
            json!({ "type": ["string", "number"], "examples": ["96%", 4.5, "3m", "9m30s", "5d", "1_000"] })
        }
        Shape::Share => json!({ "type": ["string", "number"], "minimum": 0, "maximum": 1, "examples": ["90%", 0.9] }),
        Shape::Number => json!({ "type": ["string", "number"] }),
        Shape::Count => json!({ "type": ["string", "integer"], "minimum": 0 }),
        Shape::Span => json!({ "type": "string", "examples": ["3m", "36h", "5d"] }),
        Shape::SpanOrNever => json!({ "type": "string", "examples": ["3d", "never"] }),
        Shape::Date => text("^[0-9]{4}-[0-9]{2}-[0-9]{2}$"),
        Shape::Hours => {
            json!({ "type": "string", "pattern": "^[0-9]{1,2}:[0-9]{2}-[0-9]{1,2}:[0-9]{2}$", "examples": ["08:00-20:00"] })
        }
        Shape::List(element) => json!({ "type": "array", "items": of_shape(element, definitions) }),
        Shape::Map(value) => json!({ "type": "object", "additionalProperties": of_shape(value, definitions) }),
        Shape::Object(table) => reference(table, definitions),
        Shape::Typed(cases) => {
            let case = |(name, table): &(&str, &Table)| {
                json!({
                    "if": { "properties": { "type": { "const": name } }, "required": ["type"] },
                    "then": reference(table, definitions),
                })
            };
            let names: Vec<&str> = cases.iter().map(|(name, _)| *name).collect();
            // Cases by `if` rather than `oneOf`: an editor then complains about the one case that is meant.
            let cases: Vec<Value> = cases.iter().map(case).collect();
            json!({ "type": "object", "required": ["type"], "properties": { "type": { "enum": names } }, "allOf": cases })
        }
        Shape::OneOf(shapes) => {
            let shapes: Vec<Value> = shapes.iter().map(|shape| of_shape(shape, definitions)).collect();
            json!({ "anyOf": shapes })
        }
    }
}
