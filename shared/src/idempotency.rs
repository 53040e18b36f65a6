//! What is an `Idempotency-Key`? A string of the client's choice that makes a repeated `POST /orders`
//! safe: the header of draft-ietf-httpapi-idempotency-key-header, a quoted string as structured fields
//! write it (RFC 9651 section 3.3.3).

use axum::http::HeaderMap;

/// The header's name.
pub const HEADER: &str = "idempotency-key";

/// The longest key, in characters between the quotes.
pub const MAX_KEY_CHARS: usize = 255;

/// A key: 1 to 255 printable ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

/// Why a request has no usable key. Each is a code of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There is no such header.
    #[error("the Idempotency-Key header is missing")]
    Missing,
    /// There is one, and it is not a key. The text may be shown to the client.
    #[error("{0}")]
    Invalid(&'static str),
}

impl IdempotencyKey {
    /// Reads the key from a request's headers.
    ///
    /// # Errors
    /// [`KeyError`]: none, more than one, or not a quoted string of 1 to 255 printable characters.
    pub fn from_headers(headers: &HeaderMap) -> Result<Self, KeyError> {
        let mut values = headers.get_all(HEADER).iter();
        let Some(value) = values.next() else { return Err(KeyError::Missing) };
        if values.next().is_some() {
            return Err(KeyError::Invalid("there is more than one Idempotency-Key"));
        }
        Self::parse(value.as_bytes())
    }

    /// Reads the key from the header's value.
    ///
    /// # Errors
    /// [`KeyError::Invalid`].
    pub fn parse(value: &[u8]) -> Result<Self, KeyError> {
        // The draft defines no parameters (`"key";name=value`), so nothing may follow the quotes.
        let inner = value
            .trim_ascii()
            .strip_prefix(b"\"")
            .and_then(|rest| rest.strip_suffix(b"\""))
            .ok_or(KeyError::Invalid("the key is not a string in double quotes"))?;
        let key = unescape(inner)?;
        match key.len() {
            0 => Err(KeyError::Invalid("the key is empty")),
            1..=MAX_KEY_CHARS => Ok(IdempotencyKey(key)),
            _ => Err(KeyError::Invalid("the key is longer than 255 characters")),
        }
    }

    /// The key without its quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Undoes the only two escapes there are, `\"` and `\\`.
fn unescape(inner: &[u8]) -> Result<String, KeyError> {
    let mut key = String::new();
    let mut bytes = inner.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'\\' => match bytes.next() {
                Some(&escaped @ (b'"' | b'\\')) => key.push(char::from(escaped)),
                _ => return Err(KeyError::Invalid("the key has a \\ that escapes neither \" nor \\")),
            },
            b'"' => return Err(KeyError::Invalid("the key ends before the header does")),
            b' '..=b'~' => key.push(char::from(byte)),
            _ => return Err(KeyError::Invalid("the key has a character that is not printable ASCII")),
        }
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(value: &str) -> Option<String> {
        IdempotencyKey::parse(value.as_bytes()).ok().map(|key| key.0)
    }

    #[test]
    fn a_quoted_string_is_a_key() {
        assert_eq!(key("\"8e03978e-40d5-43e8-bc93-6894a57f9324\"").unwrap().len(), 36);
        assert_eq!(key("  \"a b\"  ").as_deref(), Some("a b"));
        assert_eq!(key(r#""say \"hi\" \\ bye""#).as_deref(), Some(r#"say "hi" \ bye"#));
    }

    #[test]
    fn the_length_is_counted_inside_the_quotes_and_after_unescaping() {
        assert!(key(&format!("\"{}\"", "k".repeat(255))).is_some());
        assert!(key(&format!("\"{}\"", "\\\"".repeat(255))).is_some());
        assert!(key(&format!("\"{}\"", "k".repeat(256))).is_none());
    }

    #[test]
    fn anything_else_is_refused() {
        for wrong in [
            "",
            " ",
            "\"",
            "\"\"",
            "key",
            "'key'",
            "\"key",
            "key\"",
            r#""a"b""#,
            r#""a\""#,
            r#""a\n""#,
            "\"a\"; p=1",
            "\"a\", \"b\"",
            "\"k\u{e9}y\"",
            "\"a\tb\"",
            "\"a\u{7f}\"",
        ] {
            assert_eq!(key(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn no_header_is_missing_and_two_are_invalid() {
        let mut headers = HeaderMap::new();
        assert_eq!(IdempotencyKey::from_headers(&headers), Err(KeyError::Missing));
        headers.append(HEADER, "\"a\"".parse().unwrap());
        assert_eq!(IdempotencyKey::from_headers(&headers).unwrap().as_str(), "a");
        headers.append(HEADER, "\"a\"".parse().unwrap());
        assert!(matches!(IdempotencyKey::from_headers(&headers), Err(KeyError::Invalid(_))));
    }
}
