//! What does a stateless token say? Which account and which session, signed so that any replica can
//! believe it: a JSON Web Token (RFC 7519) in the profile for access tokens (RFC 9068).
//!
//! The signature proves who made the token, not that the session still lives; the store says that.
//! `jsonwebtoken` does the cryptography. The rules around it are here, because the library's own are
//! looser than ours: it accepts any `typ`, a `crit` it does not know, an `aud` that is a number, a token
//! of any length, an `iat` from the future.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::keys::{Key, KeyRing};
use shared::sessions::{CLOCK_SKEW, Expired, SessionError};
use uuid::Uuid;

/// A token of ours has about 450 bytes; what is longer is refused before anything is computed.
const MAX_TOKEN_BYTES: usize = 4096;
const ISSUER: &str = "lab";
const AUDIENCE: &str = "lab-api";
/// A token made for something else, signed with the same key, must not pass as one of ours (RFC 8725 3.11).
const TYPE: &str = "at+jwt";
/// Header members that ask the verifier to fetch or trust a key, or to understand more than it does.
const FORBIDDEN: [&str; 8] = ["crit", "jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "zip"];

/// What a token of ours says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claims {
    /// Whose session (`sub`).
    pub account: Uuid,
    /// Which session (`sid`).
    pub session_id: Uuid,
    /// The proof that the client was given this very token, 128 random bits (`jti`).
    pub secret: [u8; 16],
    /// When it was made (`iat`), by the store's clock.
    pub issued_at_s: i64,
    /// The session's absolute limit (`exp`).
    pub expires_at_s: i64,
    /// The store that holds the session's record.
    pub store_id: Uuid,
}

/// The claims as JSON. The order is fixed: a successor made twice must be the same bytes twice.
#[derive(Debug, Serialize, Deserialize)]
struct Body<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: Uuid,
    sid: Uuid,
    jti: Uuid,
    iat: i64,
    nbf: i64,
    exp: i64,
    store_id: Uuid,
}

/// A key of the ring, prepared once.
struct Signer {
    header: Header,
    // The header as our own tokens carry it.
    encoded_header: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
}

/// Makes and checks tokens.
pub struct Tokens {
    ring: KeyRing,
    signers: Vec<Signer>,
}

impl Tokens {
    /// Prepares every key of the ring.
    ///
    /// # Errors
    /// If a token made here does not verify here. A cryptography backend that is missing shows itself
    /// only when it is used; it shall be now, and not in somebody's login.
    pub fn prepare(ring: KeyRing) -> Result<Self, String> {
        let signers = ring.iter().map(Signer::prepare).collect::<Result<_, _>>()?;
        let tokens = Tokens { ring, signers };
        let (account, session_id, store_id) = (Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4());
        let probe =
            Claims { account, session_id, secret: [7; 16], issued_at_s: 1, expires_at_s: 2, store_id };
        let token = tokens.issue(tokens.ring.signing().kid(), &probe).map_err(|e| e.to_string())?;
        match tokens.verify(1_000, &token) {
            Ok(claims) if claims == probe => Ok(tokens),
            _ => Err("a token signed here does not verify here".to_owned()),
        }
    }

    /// The ring the keys came from.
    pub fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// Signs with the key called `kid`: the same claims and the same key give the same bytes.
    ///
    /// # Errors
    /// `Invalid` if the ring has lost that key.
    pub fn issue(&self, kid: &str, claims: &Claims) -> Result<String, SessionError> {
        let signer = self.signer(kid).ok_or(SessionError::Invalid("the successor's key left the ring"))?;
        let body = Body {
            iss: ISSUER,
            aud: AUDIENCE,
            sub: claims.account,
            sid: claims.session_id,
            jti: Uuid::from_bytes(claims.secret),
            iat: claims.issued_at_s,
            nbf: claims.issued_at_s,
            exp: claims.expires_at_s,
            store_id: claims.store_id,
        };
        jsonwebtoken::encode(&signer.header, &body, &signer.encoding)
            .map_err(|_| SessionError::Invalid("cannot be signed"))
    }

    /// Checks form, key and signature, and only then what the claims say.
    ///
    /// # Errors
    /// `Malformed`, `Invalid`, `Expired(Absolute)` or `NotYetValid`.
    pub fn verify(&self, now_ms: i64, token: &str) -> Result<Claims, SessionError> {
        let parts = split(token).ok_or(SessionError::Malformed)?;
        let [header, claims, signature] = parts;
        // Our own headers are known byte for byte; any other is read with care.
        let signer = match self.signers.iter().find(|signer| signer.encoded_header == header) {
            Some(signer) => signer,
            None => self.signer_of(check_form(parts)?)?,
        };
        let signed = &token.as_bytes()[..header.len() + 1 + claims.len()];
        let genuine = jsonwebtoken::crypto::verify(signature, signed, &signer.decoding, Algorithm::HS256);
        if !genuine.unwrap_or(false) {
            // What was signed here has the form of a token; only what was not has to be looked at.
            check_form(parts)?;
            return Err(SessionError::Invalid("signature"));
        }
        // From here on, somebody with our key wrote it; with `typ`, that is one of our replicas.
        let json =
            URL_SAFE_NO_PAD.decode(claims).map_err(|_| SessionError::Invalid("claims are not base64url"))?;
        let json = str::from_utf8(&json).map_err(|_| SessionError::Invalid("claims are not UTF-8"))?;
        let body: Body = serde_json::from_str(json)
            .map_err(|_| SessionError::Invalid("a claim is missing or of a wrong type"))?;
        body.judge(now_ms)
    }

    /// The key a header names that is none of ours.
    fn signer_of(&self, encoded_header: &str) -> Result<&Signer, SessionError> {
        let json = URL_SAFE_NO_PAD.decode(encoded_header).map_err(|_| SessionError::Malformed)?;
        let header: Map<String, Value> =
            serde_json::from_slice(&json).map_err(|_| SessionError::Malformed)?;
        let says = |name: &str| header.get(name).and_then(Value::as_str);
        // The key decides the algorithm, never the token: `none`, or HS256 with a public key as secret,
        // are the classic forgeries (RFC 8725 2.1).
        if says("alg") != Some("HS256") {
            return Err(SessionError::Invalid("alg is not HS256"));
        }
        if says("typ") != Some(TYPE) {
            return Err(SessionError::Invalid("typ is not at+jwt"));
        }
        if FORBIDDEN.iter().any(|name| header.contains_key(*name)) {
            return Err(SessionError::Invalid("a header we must not follow, or do not understand"));
        }
        says("kid").and_then(|kid| self.signer(kid)).ok_or(SessionError::Invalid("unknown kid"))
    }

    fn signer(&self, kid: &str) -> Option<&Signer> {
        self.signers.iter().find(|signer| signer.header.kid.as_deref() == Some(kid))
    }
}

impl Signer {
    fn prepare(key: &Key) -> Result<Self, String> {
        let mut header = Header::new(Algorithm::HS256);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(key.kid().to_owned());
        let json = serde_json::to_vec(&header).map_err(|e| e.to_string())?;
        Ok(Signer {
            header,
            encoded_header: URL_SAFE_NO_PAD.encode(json),
            encoding: EncodingKey::from_secret(key.secret()),
            decoding: DecodingKey::from_secret(key.secret()),
        })
    }
}

impl Body<'_> {
    fn judge(&self, now_ms: i64) -> Result<Claims, SessionError> {
        if self.iss != ISSUER {
            return Err(SessionError::Invalid("iss"));
        }
        if self.aud != AUDIENCE {
            return Err(SessionError::Invalid("aud"));
        }
        // A session is over when it is over: the skew is for clocks that disagree about the past.
        if now_ms >= self.exp.saturating_mul(1000) {
            return Err(SessionError::Expired(Expired::Absolute));
        }
        let skewed_s = now_ms.div_euclid(1000) + CLOCK_SKEW.as_secs() as i64;
        if self.iat > skewed_s || self.nbf > skewed_s {
            return Err(SessionError::NotYetValid);
        }
        Ok(Claims {
            account: self.sub,
            session_id: self.sid,
            secret: self.jti.into_bytes(),
            issued_at_s: self.iat,
            expires_at_s: self.exp,
            store_id: self.store_id,
        })
    }
}

/// What stands before the first dot, between, and after the last.
fn split(token: &str) -> Option<[&str; 3]> {
    if token.len() > MAX_TOKEN_BYTES {
        return None;
    }
    let (header, rest) = token.split_once('.')?;
    let (claims, signature) = rest.rsplit_once('.')?;
    Some([header, claims, signature])
}

/// Has it the form of a token? Then the header. A fourth part would be a dot in the second, which no base64url has.
/// The signature may be empty, so that `alg: none` is refused for what it is.
fn check_form(parts: [&str; 3]) -> Result<&str, SessionError> {
    let [header, claims, _] = parts;
    let fits = parts.iter().all(|part| is_base64url(part)) && !header.is_empty() && !claims.is_empty();
    fits.then_some(header).ok_or(SessionError::Malformed)
}

fn is_base64url(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') && text.len() % 4 != 1
}
