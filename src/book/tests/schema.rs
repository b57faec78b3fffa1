//! The JSON Schema has what the reader has.

use crate::book::schema;

#[test]
fn every_definition_is_there_once_and_is_closed() {
    let schema: serde_json::Value = serde_json::from_str(&schema()).expect("it is JSON");
    let definitions = schema["$defs"].as_object().expect("definitions");
    let names: Vec<&str> = definitions.keys().map(String::as_str).collect();
    assert_eq!(
        names.join(" "),
        "calendar count cycle derived_metric distinct duration duration_s_key event key_result kpi level measured_baseline \
         milestone objective pace_point range_of_dates ratio revision stat step sum thresholds time_field topic value window"
    );
    for (name, definition) in definitions {
        assert_eq!(definition["additionalProperties"], false, "{name}");
        assert!(definition["properties"].as_object().is_some_and(|keys| !keys.is_empty()), "{name}");
    }
    let text = schema.to_string();
    for reference in text.split("#/$defs/").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(definitions.contains_key(reference), "{reference}");
    }
    assert_eq!(schema["properties"]["kpis"]["deprecated"], serde_json::Value::Null);
    assert_eq!(schema["required"], serde_json::json!(["apiVersion"]));
}
