//! What does a stateful token say? Which session, held by which run of which replica, and a secret:
//!
//! `kid.replica.boot.session.absolute.secret.tag`
//!
//! The tag is an HMAC over the rest, so garbage is refused without a look into the table; and since the
//! boot is in it, a 401 can say *why*: this replica has restarted since, or another one holds the session.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use shared::identity::Identity;
use shared::keys::KeyRing;
use shared::sessions::{Expired, Lost, SessionError};
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// Longer than any token we make; what is longer is refused before anything is computed.
const MAX_TOKEN_BYTES: usize = 512;
const TAG_BYTES: usize = 16;

/// What a token of this very run says.
#[derive(Debug, Clone, Copy)]
pub struct Claims {
    /// Which session.
    pub session_id: Uuid,
    /// The proof that the client was given this token, 128 random bits.
    pub secret: [u8; 16],
}

/// Makes the token that opens a session here.
pub fn issue(keys: &KeyRing, here: &Identity, claims: &Claims, absolute_ms: i64) -> String {
    let key = keys.signing();
    let body = format!(
        "{}.{}.{}.{}.{absolute_ms}.{}",
        key.kid(),
        here.replica(),
        here.boot(),
        claims.session_id.simple(),
        URL_SAFE_NO_PAD.encode(claims.secret),
    );
    let tag = URL_SAFE_NO_PAD.encode(&key.tag(body.as_bytes())[..TAG_BYTES]);
    format!("{body}.{tag}")
}

/// Checks tag, then absolute limit, then whether this run of this replica made the token.
///
/// # Errors
/// `Malformed`, `Invalid`, `Expired(Absolute)`, `Lost(Restart)` or `Lost(OtherInstance)`.
pub fn verify(keys: &KeyRing, here: &Identity, now_ms: i64, token: &str) -> Result<Claims, SessionError> {
    let (body, parts) = split(token).ok_or(SessionError::Malformed)?;
    let [kid, replica, boot, session_id, absolute_ms, secret, tag] = parts;
    let tag: [u8; TAG_BYTES] = decode(tag).ok_or(SessionError::Malformed)?;

    let key = keys.find(kid).ok_or(SessionError::Invalid("unknown kid"))?;
    let expected = key.tag(body.as_bytes());
    if !bool::from(tag.ct_eq(&expected[..TAG_BYTES])) {
        return Err(SessionError::Invalid("tag"));
    }
    // From here on, one of our replicas wrote every field.
    let absolute_ms: i64 = absolute_ms.parse().map_err(|_| SessionError::Invalid("absolute limit"))?;
    if now_ms >= absolute_ms {
        return Err(SessionError::Expired(Expired::Absolute));
    }
    if replica != here.replica() {
        return Err(SessionError::Lost(Lost::OtherInstance));
    }
    if boot != here.boot() {
        return Err(SessionError::Lost(Lost::Restart));
    }
    let session_id = Uuid::try_parse(session_id).map_err(|_| SessionError::Invalid("session id"))?;
    let secret = decode(secret).ok_or(SessionError::Invalid("secret"))?;
    Ok(Claims { session_id, secret })
}

/// The signed body and all seven parts.
fn split(token: &str) -> Option<(&str, [&str; 7])> {
    if token.len() > MAX_TOKEN_BYTES {
        return None;
    }
    let (body, tag) = token.rsplit_once('.')?;
    let mut parts = [""; 7];
    let mut rest = body;
    for part in &mut parts[..5] {
        // Byte by byte: the searcher behind `split` costs more to set up than these short parts take to read.
        let dot = rest.bytes().position(|byte| byte == b'.')?;
        (*part, rest) = (&rest[..dot], &rest[dot + 1..]);
    }
    (parts[5], parts[6]) = (rest, tag);
    let whole = !rest.contains('.') && parts.iter().all(|part| !part.is_empty());
    whole.then_some((body, parts))
}

fn decode(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
    (length == bytes.len()).then_some(bytes)
}
