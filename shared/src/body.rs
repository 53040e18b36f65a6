//! How is a request's body read? With a bound on its size, a bound on its time, and an error that says
//! where it is wrong.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::problem::{ApiError, FieldError};

/// Most bytes a call reads.
pub const MAX_BODY_BYTES: usize = 64 * 1024;
/// Most bytes a call reads that hashes a password.
pub const MAX_AUTH_BODY_BYTES: usize = 4 * 1024;
/// How long a body may take to arrive, in all: a client that trickles cannot reset it.
pub const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// A JSON body of at most `MAX` bytes.
#[derive(Debug)]
pub struct JsonBody<T, const MAX: usize = MAX_BODY_BYTES>(pub T);

impl<S: Sync, T: DeserializeOwned, const MAX: usize> FromRequest<S> for JsonBody<T, MAX> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            return Err(ApiError::UnsupportedMediaType);
        }
        let declared =
            request.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
        if declared.is_some_and(|bytes: usize| bytes > MAX) {
            return Err(ApiError::PayloadTooLarge { limit_bytes: MAX });
        }
        parse(&read(request.into_body(), MAX).await?).map(JsonBody)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()) else { return false };
    kind.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

async fn read(body: Body, limit_bytes: usize) -> Result<Bytes, ApiError> {
    let whole = Limited::new(body, limit_bytes).collect();
    match tokio::time::timeout(BODY_DEADLINE, whole).await {
        Err(_) => Err(ApiError::BodyTimeout),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(e)) if e.is::<LengthLimitError>() => Err(ApiError::PayloadTooLarge { limit_bytes }),
        Ok(Err(_)) => Err(ApiError::BodyBroken),
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    // A field can be found wrong long before the end; what turns out not to be JSON at all is told so.
    read_object(bytes).map_err(|invalid| not_json(bytes).unwrap_or(ApiError::Validation(vec![invalid])))
}

fn read_object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, FieldError> {
    // serde would also take a list of the values in the order of the fields, which nobody was promised.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(FieldError { pointer: String::new(), detail: "expected an object".to_owned() });
    }
    // Nearly every body is right. Where one is wrong, a second and slower reading says where.
    if let Ok(value) = serde_json::from_slice(bytes) {
        return Ok(value);
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let pointer = pointer(error.path());
        wrong(&error.into_inner(), pointer)
    })?;
    json.end().map_err(|error| wrong(&error, String::new()))?;
    Ok(value)
}

fn wrong(error: &serde_json::Error, pointer: String) -> FieldError {
    // serde_json appends a position that means nothing to whoever filled in a form.
    let text = error.to_string();
    let detail = text.split(" at line ").next().unwrap_or(&text).to_owned();
    FieldError { pointer, detail }
}

/// Where `bytes` stop being one JSON document, if they do.
fn not_json(bytes: &[u8]) -> Option<ApiError> {
    let error = match std::str::from_utf8(bytes) {
        Ok(text) => serde_json::from_str::<IgnoredAny>(text).err()?,
        Err(error) => {
            let before = &bytes[..error.valid_up_to()];
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
            return Some(ApiError::MalformedJson { line, column });
        }
    };
    Some(ApiError::MalformedJson { line: error.line(), column: error.column() })
}

/// A path through a document as a JSON pointer (RFC 6901).
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { variant } => format!("/{variant}"),
            Segment::Unknown => String::new(),
        })
        .collect()
}
