//! What does a client get when something is wrong? [`ApiError`] is the HTTP contract for errors: each
//! variant is one `code`, one status, and one sentence a person can act on.
//!
//! Answers are `application/problem+json` (RFC 9457). `retryable: true` means that a repeat can do no
//! harm, not that it will succeed.

mod codes;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use self::codes::Contract;
use crate::api::checkout::Step;
use crate::sessions::SessionError;
use crate::sql::SqlError;

/// Everything that can go wrong with a request, as the client is told.
#[derive(Debug, Clone)]
pub enum ApiError {
    /// 400 `malformed_json`: not JSON, or bytes after it.
    MalformedJson {
        /// Where the parser gave up, from 1.
        line: usize,
        /// Where in that line, from 1.
        column: usize,
    },
    /// 422 `validation_failed`: JSON, but not what this call takes.
    Validation(Vec<FieldError>),
    /// 415 `unsupported_media_type`: the body is not `application/json`.
    UnsupportedMediaType,
    /// 413 `payload_too_large`: more than this call reads.
    PayloadTooLarge {
        /// The bound.
        limit_bytes: usize,
    },
    /// 408 `body_timeout`: the body did not arrive within its deadline.
    BodyTimeout,
    /// 400 `body_broken`: the connection failed while the body was read.
    BodyBroken,
    /// 404 `not_found`: no such path, or nothing there that is yours.
    NotFound,
    /// 405 `method_not_allowed`; `Allow` says which are.
    MethodNotAllowed,
    /// 403 `csrf_rejected`: another site's page sent this with the user's cookie.
    CsrfRejected,
    /// 401 `invalid_credentials`: unknown name or wrong password; which of the two is not said.
    InvalidCredentials,
    /// 403 `password_wrong`: the session is good, the current password is not.
    PasswordWrong,
    /// 429 `rate_limited`: too many failed logins for this name.
    RateLimited {
        /// When the next try may be made.
        retry_after: Duration,
    },
    /// 503 `login_busy`: as many password hashes are being computed as we allow.
    LoginBusy,
    /// 409 `account_exists`.
    AccountExists,
    /// 401 `credentials_missing`: no token was sent.
    CredentialsMissing,
    /// 400 `ambiguous_credentials`: two tokens, or one in the URL, where logs would keep it.
    AmbiguousCredentials,
    /// What the session said: see [`SessionError`].
    Session(SessionError),
    /// 503 `session_store_unavailable` where the effect is not known and a repeat would apply twice.
    StoreEffectUnknown,
    /// 400 `precondition_invalid`: `If-Match` is no list of entity tags.
    PreconditionInvalid,
    /// 409 `cart_empty`: there is nothing to order.
    CartEmpty,
    /// 409 `cart_changed`: the cart is not the one the client saw.
    CartChanged,
    /// 409 `cart_changed`: this very cart was ordered before, under another key.
    CartAlreadyOrdered,
    /// 409 `checkout_incomplete`: the wizard is not finished.
    CheckoutIncomplete(Vec<Step>),
    /// 400 `idempotency_key_missing`.
    IdempotencyKeyMissing,
    /// 400 `idempotency_key_invalid`: not a quoted string of 1 to 255 characters.
    IdempotencyKeyInvalid,
    /// 422 `idempotency_key_reused`: the key belongs to another request.
    IdempotencyKeyReused,
    /// 409 `idempotency_in_progress`: the first request with this key is still running.
    IdempotencyInProgress,
    /// 503 `database_unavailable`, `database_busy` or `storage_full`; 500 `internal` if it makes no sense.
    Sql(SqlError),
    /// 503 `draining`: this replica is about to stop.
    Draining,
    /// 503 `out_of_rotation`: whoever balances the load is asked to send nothing more here.
    OutOfRotation,
    /// 503 `not_ready`: something it needs is missing.
    NotReady {
        /// `session_store`, `database`.
        missing: Vec<&'static str>,
        /// Why, as far as it is known.
        reason: Option<&'static str>,
    },
    /// 500 `internal`: our fault; the log says more under the request id.
    Internal,
}

/// One thing wrong with a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Where: a JSON pointer (RFC 6901), empty for the whole document.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

impl From<SessionError> for ApiError {
    fn from(error: SessionError) -> Self {
        ApiError::Session(error)
    }
}

impl From<SqlError> for ApiError {
    fn from(error: SqlError) -> Self {
        ApiError::Sql(error)
    }
}

/// The body of an error (RFC 9457); some codes add members of their own.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemBody {
    /// `urn:lab:problem:<code>`.
    pub r#type: String,
    /// The same for every occurrence of the code.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened and what to try.
    pub detail: &'static str,
    /// The request, by its id.
    pub instance: String,
    /// A stable word for programs.
    pub code: &'static str,
    /// Why, where the code has several causes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// Whether a repeat can do no harm.
    pub retryable: bool,
    /// `errors`, `missing`, `line` and the like: what only this code has.
    #[serde(flatten)]
    pub extras: Map<String, Value>,
}

impl ApiError {
    /// How long a client should wait before a repeat, where one makes sense.
    fn retry_after(&self, status: u16) -> Option<u64> {
        match self {
            ApiError::RateLimited { retry_after } => Some(retry_after.as_secs_f64().ceil() as u64),
            ApiError::IdempotencyInProgress => Some(1),
            _ if status == 503 => Some(1),
            _ => None,
        }
    }

    /// Members that only this code has.
    fn extras(&self) -> Map<String, Value> {
        let members = match self {
            ApiError::MalformedJson { line, column } => json!({ "line": line, "column": column }),
            ApiError::Validation(errors) => json!({ "errors": errors }),
            ApiError::PayloadTooLarge { limit_bytes } => json!({ "limit_bytes": limit_bytes }),
            ApiError::CheckoutIncomplete(missing) => json!({ "missing": missing }),
            ApiError::NotReady { missing, .. } => json!({ "not_ready": missing }),
            _ => Value::Null,
        };
        match members {
            Value::Object(members) => members,
            _ => Map::new(),
        }
    }

    /// What the log may know and the client may not.
    fn log_detail(&self) -> Option<&str> {
        match self {
            ApiError::Session(SessionError::Invalid(why)) => Some(why),
            // Somebody may want to be woken for this one.
            ApiError::Session(SessionError::TokenReused) => {
                Some("an old token was renewed after its successor was in use; the session is ended")
            }
            ApiError::Sql(SqlError::Broken(why) | SqlError::Unavailable(why)) => Some(why),
            _ => None,
        }
    }

    /// Writes the answer. This is the one place where an error is logged.
    pub fn render(&self, request_id: &str) -> Response<Body> {
        let facts = self.contract();
        let (code, status) = (facts.code, facts.status);
        let why = self.log_detail().unwrap_or_default();
        if status >= 500 {
            tracing::warn!(request_id, code, reason = facts.reason, why, "request failed");
        } else if !why.is_empty() {
            tracing::info!(request_id, code, why, "request refused");
        }

        let body = ProblemBody {
            r#type: format!("urn:lab:problem:{code}"),
            title: code.replace('_', " "),
            status,
            detail: facts.detail,
            instance: format!("urn:uuid:{request_id}"),
            code,
            reason: facts.reason,
            retryable: facts.retryable,
            extras: self.extras(),
        };
        let text = serde_json::to_string(&body).unwrap_or_default();
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        self.headers(&facts, response.headers_mut());
        response
    }

    fn headers(&self, facts: &Contract, headers: &mut HeaderMap) {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after(facts.status) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        match self {
            ApiError::UnsupportedMediaType => {
                let accept_post = HeaderName::from_static("accept-post");
                headers.insert(accept_post, HeaderValue::from_static("application/json"));
            }
            // The rest of the body is still on its way; the connection cannot be used again.
            ApiError::PayloadTooLarge { .. } | ApiError::BodyTimeout | ApiError::BodyBroken => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            ApiError::IdempotencyKeyMissing | ApiError::IdempotencyKeyInvalid => {
                let docs = HeaderValue::from_static("</openapi.json>; rel=\"describedby\"");
                headers.insert(header::LINK, docs);
            }
            ApiError::Session(SessionError::VersionConflict { current }) => {
                headers.insert(header::ETAG, crate::api::cart::etag(*current));
            }
            _ => {}
        }
        if let Some(challenge) = self.challenge(facts) {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
    }

    /// The challenge of RFC 6750 section 3: no error code where no credential was sent.
    fn challenge(&self, facts: &Contract) -> Option<HeaderValue> {
        let text = match (self, facts.status) {
            (ApiError::CredentialsMissing, _) => r#"Bearer realm="lab""#.to_owned(),
            (ApiError::AmbiguousCredentials, _) => {
                format!(r#"Bearer realm="lab", error="invalid_request", error_description="{}""#, facts.code)
            }
            (_, 401) => {
                format!(r#"Bearer realm="lab", error="invalid_token", error_description="{}""#, facts.code)
            }
            _ => return None,
        };
        HeaderValue::from_str(&text).ok()
    }

    /// The status this error answers with.
    pub fn status(&self) -> u16 {
        self.contract().status
    }
}

/// A handler's error travels in the response's extensions until the outermost layer, which knows the
/// request id, renders it.
impl IntoResponse for ApiError {
    fn into_response(self) -> axum::response::Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() =
            StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}
