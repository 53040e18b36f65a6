//! Is what the tool prints for machines what its schema says?

use std::fs;
use std::path::Path;

use serde_json::Value;

/// Every way in which `value` is not what the schema of this name says.
pub fn faults_by_schema(name: &str, value: &Value) -> Vec<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schema/{name}.schema.json"));
    let schema: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}
