//! What does the document say about an answer?

use std::collections::BTreeMap;

use chaos::contract::answer::Answer;
use serde_json::{Value, json};

/// An OpenAPI document, ready to judge answers.
pub struct Document {
    operations: BTreeMap<String, Value>,
    components: Value,
}

impl Document {
    pub fn read(document: Value) -> Self {
        let version = document["openapi"].as_str().unwrap_or_default();
        assert!(version.starts_with("3.1"), "OpenAPI {version}");
        let mut operations = BTreeMap::new();
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("operations") {
                operations.insert(format!("{} {path}", method.to_uppercase()), operation.clone());
            }
        }
        let mut components = document["components"].clone();
        close(&mut components["schemas"]);
        Document { operations, components }
    }

    /// Every operation, as `GET /path/{id}`.
    pub fn operations(&self) -> impl Iterator<Item = String> {
        self.operations.keys().cloned()
    }

    /// Every operation with every status it may answer.
    pub fn answers(&self) -> impl Iterator<Item = (String, String)> {
        self.operations.iter().flat_map(|(name, operation)| {
            let statuses = operation["responses"].as_object().expect("responses").keys();
            statuses.map(move |status| (name.clone(), status.clone()))
        })
    }

    /// Which operation and status an answer belongs to; fails if it is not as documented.
    pub fn judges(&self, answer: &Answer) -> (String, String) {
        let operation = self.operations.iter().find(|(name, _)| is_of(name, &answer.asked));
        let (name, operation) = operation.unwrap_or_else(|| panic!("{} is not documented", answer.asked));
        let status = answer.status.to_string();
        let response = &operation["responses"][&status];
        assert!(response.is_object(), "{name} is not documented to answer {}", answer.summary());
        match response["content"].as_object() {
            Some(content) => self.body_fits(name, content, answer),
            None => {
                assert!(answer.body.is_empty(), "{name} is documented without a body: {}", answer.summary())
            }
        }
        (name.clone(), status)
    }

    fn body_fits(&self, name: &str, content: &serde_json::Map<String, Value>, answer: &Answer) {
        let kind =
            answer.header("content-type").expect("a body has a type").split(';').next().expect("a type");
        let media = content.get(kind).unwrap_or_else(|| panic!("{name} is not documented to answer {kind}"));
        if !kind.ends_with("json") {
            return;
        }
        let schema = &media["schema"];
        assert!(schema.is_object(), "{name} has no schema for {}", answer.status);
        // An error may have members of its own; a success that is described has none that are not.
        let open = answer.status >= 400 || schema["$ref"].is_null();
        let whole =
            json!({ "components": self.components, "allOf": [schema], "unevaluatedProperties": open });
        let validator = jsonschema::options().should_validate_formats(true).build(&whole).expect("a schema");
        let body: Value = serde_json::from_slice(&answer.body).expect("JSON");
        let errors: Vec<String> = validator
            .iter_errors(&body)
            .map(|error| format!("{error} at {}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:?} in {}", answer.summary());
    }
}

/// Forbids members that are not listed, in every object that is not only a part of another one.
fn close(schemas: &mut Value) {
    let all = schemas.to_string();
    for (name, schema) in schemas.as_object_mut().expect("schemas") {
        let is_part = all.contains(&format!("\"allOf\":[{{\"$ref\":\"#/components/schemas/{name}\""));
        let is_plain = schema["properties"].is_object() && schema["allOf"].is_null();
        if is_plain && !is_part && name != "ProblemBody" {
            schema["additionalProperties"] = false.into();
        }
    }
}

/// Whether a call is one of those that a documented operation stands for.
fn is_of(operation: &str, asked: &str) -> bool {
    let asked = asked.split('?').next().unwrap_or(asked);
    let (operation, asked): (Vec<_>, Vec<_>) = (operation.split('/').collect(), asked.split('/').collect());
    operation.len() == asked.len()
        && operation.iter().zip(&asked).all(|(part, real)| part.starts_with('{') || part == real)
}

#[test]
#[should_panic(expected = "is not documented to answer")]
fn an_undocumented_status_is_noticed() {
    Document::read(sample()).judges(&answer(418, r#"{"live":true}"#));
}

#[test]
#[should_panic(expected = "Unevaluated properties are not allowed")]
fn an_undocumented_member_is_noticed() {
    Document::read(sample()).judges(&answer(200, r#"{"live":true,"more":1}"#));
}

#[test]
fn what_is_documented_passes() {
    Document::read(sample()).judges(&answer(200, r#"{"live":true}"#));
}

#[cfg(test)]
fn sample() -> Value {
    let live = json!({ "$ref": "#/components/schemas/Live" });
    json!({
        "openapi": "3.1.0",
        "paths": { "/livez": { "get": { "responses": {
            "200": { "content": { "application/json": { "schema": live } } }
        } } } },
        "components": { "schemas": {
            "Live": { "type": "object", "required": ["live"], "properties": { "live": { "type": "boolean" } } }
        } }
    })
}

#[cfg(test)]
fn answer(status: u16, body: &str) -> Answer {
    let mut headers = hyper::HeaderMap::new();
    headers.insert("content-type", hyper::header::HeaderValue::from_static("application/json"));
    Answer { asked: "GET /livez".to_owned(), status, headers, body: bytes::Bytes::from(body.to_owned()) }
}
