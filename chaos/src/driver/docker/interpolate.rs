//! What do the variables in the compose file stand for? The four forms of compose: `${NAME}`,
//! `${NAME:-default}`, `${NAME:?what is missing}`, and `$$` for a dollar.

use anyhow::{Context, bail};
use serde_json::Value;

/// Replaces the variables in every text of a document. Names of keys have none.
///
/// # Errors
/// Which variable has no value and needs one, or which form is not known.
pub fn everywhere(document: &mut Value, variable: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<()> {
    match document {
        Value::String(text) => *text = interpolate(text, variable)?,
        Value::Array(values) => values.iter_mut().try_for_each(|value| everywhere(value, variable))?,
        Value::Object(pairs) => pairs.values_mut().try_for_each(|value| everywhere(value, variable))?,
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    Ok(())
}

fn interpolate(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<String> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let inside = after.strip_prefix('{').and_then(|after| after.split_once('}'));
        let (inside, after) = inside.with_context(|| format!("write ${{NAME}} or $$ in {text:?}"))?;
        out.push_str(&meaning(inside, variable)?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// What stands between the braces. An empty value counts as none, as in compose with the colon.
fn meaning(inside: &str, variable: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<String> {
    let end = inside.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inside.len());
    let (name, form) = inside.split_at(end);
    let value = variable(name).filter(|value| !value.is_empty());
    match (value, form.get(..2), form.get(2..)) {
        (value, None, _) if form.is_empty() => Ok(value.unwrap_or_default()),
        (Some(value), Some(":-" | ":?"), _) => Ok(value),
        (None, Some(":-"), Some(default)) => Ok(default.to_owned()),
        (None, Some(":?"), Some(what)) => bail!("{name} is not set: {what}"),
        _ => bail!("${{{inside}}} is none of ${{NAME}}, ${{NAME:-default}}, ${{NAME:?what is missing}}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Result<String, String> {
        let variable = |name: &str| match name {
            "A" => Some("a".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        interpolate(text, &variable).map_err(|error| error.to_string())
    }

    #[test]
    fn each_form_has_its_meaning() {
        assert_eq!(filled("x${A}y${NONE}z").as_deref(), Ok("xayz"));
        assert_eq!(filled("${A:-b} ${NONE:-b:c} ${EMPTY:-d}").as_deref(), Ok("a b:c d"));
        assert_eq!(filled("${A:?no} costs 5$$").as_deref(), Ok("a costs 5$"));
        assert_eq!(filled("${NONE:?draw one}").unwrap_err(), "NONE is not set: draw one");
    }

    #[test]
    fn a_form_that_is_not_known_is_an_error() {
        for text in ["$A", "${A", "${A-b}", "${A:+b}", "a$"] {
            assert!(filled(text).is_err(), "{text}");
        }
    }
}
