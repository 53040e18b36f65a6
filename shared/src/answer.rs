//! How does an answer become bytes? As JSON, in one allocation that nearly every answer of ours fits into.
//! axum's own `Json` starts with 128 bytes and checks for room at each comma; at a hundred thousand
//! answers a second that shows.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::problem::ApiError;

/// Room for an answer as it usually is.
const USUAL_BYTES: usize = 512;
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A JSON answer.
#[derive(Debug)]
pub struct JsonAnswer<T>(pub T);

impl<T: Serialize> IntoResponse for JsonAnswer<T> {
    fn into_response(self) -> Response {
        let mut bytes = Vec::with_capacity(USUAL_BYTES);
        match serde_json::to_writer(&mut bytes, &self.0) {
            Ok(()) => {
                let mut response = Response::new(Body::from(bytes));
                response.headers_mut().insert(header::CONTENT_TYPE, JSON);
                response
            }
            Err(error) => {
                tracing::error!(%error, "an answer is not JSON");
                ApiError::Internal.into_response()
            }
        }
    }
}
