//! What does every answer about a session say, in both services? The two rivals that promise as much as
//! they do, and no more, say it too.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Signs tokens; for this race and no other use.
pub const KEY: &[u8] = b"a secret for this race and no other use";
/// How long a session lives that is used.
pub const LIVES_MS: i64 = 12 * 60 * 60 * 1000;
/// How long one lives that is not.
pub const IDLE_MS: i64 = 30 * 60 * 1000;

const SERVED_BY: HeaderName = HeaderName::from_static("x-served-by");
const BOOT_ID: HeaderName = HeaderName::from_static("x-boot-id");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A session, as `GET /session` answers it.
#[derive(Debug, Serialize)]
pub struct Session {
    /// The account's name.
    pub account: String,
    /// Public id.
    pub session_id: Uuid,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it ends if it is not used.
    pub idle_expires_at: Timestamp,
    /// When it ends, used or not.
    pub absolute_expires_at: Timestamp,
}

impl Session {
    /// From its times, in milliseconds since the epoch.
    pub fn new(account: String, session_id: Uuid, created_ms: i64, used_ms: i64) -> Self {
        let timestamp = |ms| Timestamp::from_millisecond(ms).unwrap_or_default();
        Session {
            account,
            session_id,
            created_at: timestamp(created_ms),
            idle_expires_at: timestamp(used_ms + IDLE_MS),
            absolute_expires_at: timestamp(created_ms + LIVES_MS),
        }
    }
}

/// The headers that say who answered, which request, and that nobody may keep the answer.
pub fn headers() -> [(HeaderName, HeaderValue); 4] {
    let mut text = Uuid::encode_buffer();
    let request_id = HeaderValue::from_str(Uuid::new_v4().hyphenated().encode_lower(&mut text));
    [
        (SERVED_BY, HeaderValue::from_static("replica-1")),
        (BOOT_ID, HeaderValue::from_static("replica-1.0123456789abcdef")),
        (REQUEST_ID, request_id.expect("hexadecimal digits and dashes")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ]
}

/// The token a client sent, unverified.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// The claims of a JWT that a client sent and whose signature is ours, as JSON; what they say is not looked at.
pub fn signed_claims(headers: &HeaderMap, key: &DecodingKey) -> Option<Vec<u8>> {
    let (signed, signature) = bearer(headers)?.rsplit_once('.')?;
    let genuine = jsonwebtoken::crypto::verify(signature, signed.as_bytes(), key, Algorithm::HS256);
    let (_, claims) = signed.split_once('.').filter(|_| genuine.unwrap_or(false))?;
    URL_SAFE_NO_PAD.decode(claims).ok()
}

/// What is kept of a token's secret.
pub fn hash(secret: Uuid) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// Milliseconds since the epoch.
pub fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}
