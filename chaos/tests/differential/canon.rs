//! When are two answers the same? When they are, once everything random is replaced by the order in which
//! it first came: the third session of one twin must be the third session of the other.

use std::collections::BTreeMap;

use chaos::contract::answer::Answer;
use serde_json::Value;

/// Headers that are random, or say who answered.
const NOT_COMPARED: [&str; 4] = ["date", "x-served-by", "x-boot-id", "content-length"];

/// What a twin has said so far that was random.
#[derive(Debug, Default)]
pub struct Canon {
    names: BTreeMap<String, String>,
}

impl Canon {
    /// A token the twin gave out, from now on called by its number.
    pub fn learn(&mut self, kind: &str, text: &str) {
        let number = self.names.len();
        self.names.entry(text.to_owned()).or_insert_with(|| format!("<{kind} {number}>"));
    }

    /// An answer as it can be compared.
    pub fn of(&mut self, answer: &Answer) -> String {
        // The body first: it says what the cookie's value is.
        let body = match serde_json::from_slice::<Value>(&answer.body) {
            Ok(body) => self.body("", &body).to_string(),
            Err(_) => String::from_utf8_lossy(&answer.body).into_owned(),
        };
        let mut lines = vec![answer.status.to_string()];
        for (name, value) in &answer.headers {
            if !NOT_COMPARED.contains(&name.as_str()) {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                lines.push(format!("{name}: {}", self.header(name.as_str(), &value)));
            }
        }
        lines[1..].sort();
        format!("{}\n{body}", lines.join("\n"))
    }

    fn header(&mut self, name: &str, value: &str) -> String {
        match name {
            // A second may have passed between the two.
            "retry-after" if value.parse::<u64>().is_ok_and(|seconds| seconds > 1) => "<some>".to_owned(),
            "set-cookie" => {
                let mut parts: Vec<String> = value.split("; ").map(str::to_owned).collect();
                for part in &mut parts {
                    if let Some((name, token)) = part.clone().split_once('=') {
                        *part = match name {
                            "Max-Age" if token != "0" => "Max-Age=<some>".to_owned(),
                            _ => format!("{name}={}", self.text(token)),
                        };
                    }
                }
                parts.join("; ")
            }
            "location" => value.split('/').map(|part| self.text(part)).collect::<Vec<_>>().join("/"),
            _ => value.to_owned(),
        }
    }

    fn body(&mut self, name: &str, value: &Value) -> Value {
        match value {
            Value::Object(members) => {
                members.iter().map(|(name, value)| (name.clone(), self.body(name, value))).collect()
            }
            Value::Array(items) => items.iter().map(|item| self.body(name, item)).collect(),
            Value::String(_) if name.ends_with("_at") => "<time>".into(),
            Value::String(token) if name == "token" => {
                self.learn("token", token);
                self.text(token).into()
            }
            Value::String(text) => self.text(text).into(),
            other => other.clone(),
        }
    }

    /// A text, or what stands for it if it is random. Two requests with one id carry the same one.
    fn text(&mut self, text: &str) -> String {
        if uuid::Uuid::parse_str(text).is_ok() {
            self.learn("id", text);
        }
        self.names.get(text).cloned().unwrap_or_else(|| text.to_owned())
    }
}
