//! How does somebody make a token who has got hold of a key? From a real one, with a part of it changed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chaos::contract::tokens::{jwt_body, read_jwt};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use crate::column::KEYS;

/// The secret of the services' only key.
pub fn secret() -> Vec<u8> {
    let (_, secret) = KEYS.split_once(':').expect("kid:secret");
    URL_SAFE_NO_PAD.decode(secret).expect("base64url")
}

/// HMAC-SHA-256 of `message`.
fn mac(secret: &[u8], message: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// A JWT that was taken apart.
#[derive(Debug, Clone)]
pub struct Jwt {
    pub header: Value,
    pub claims: Value,
}

impl Jwt {
    /// Takes a real one apart.
    pub fn of(token: &str) -> anyhow::Result<Jwt> {
        let (header, claims) = read_jwt(token).ok_or_else(|| anyhow::anyhow!("{token} is no JWT"))?;
        Ok(Jwt { header, claims })
    }

    /// With another member in the header; `null` removes it.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        set(&mut self.header, name, value.into());
        self
    }

    /// With another claim; `null` removes it.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        set(&mut self.claims, name, value.into());
        self
    }

    /// Moves a time by so many seconds from now.
    pub fn at(self, name: &str, from_now_s: i64) -> Self {
        self.claim(name, now_s() + from_now_s)
    }

    /// Signed with the service's own key.
    pub fn signed(&self) -> String {
        self.signed_with(&secret())
    }

    /// Signed with another key.
    pub fn signed_with(&self, secret: &[u8]) -> String {
        let body = jwt_body(&self.header, &self.claims);
        let signature = URL_SAFE_NO_PAD.encode(mac(secret, &body));
        format!("{body}.{signature}")
    }
}

fn set(object: &mut Value, name: &str, value: Value) {
    let members = object.as_object_mut().expect("a header and claims are objects");
    match value {
        Value::Null => drop(members.remove(name)),
        value => drop(members.insert(name.to_owned(), value)),
    }
}

/// The parts of a stateful token: `kid.replica.boot.session.absolute.secret`, without the tag.
#[derive(Debug, Clone)]
pub struct Tagged {
    parts: Vec<String>,
}

/// The positions of its parts.
pub const KID: usize = 0;
pub const REPLICA: usize = 1;
pub const BOOT: usize = 2;
pub const SESSION: usize = 3;
pub const ABSOLUTE: usize = 4;

impl Tagged {
    /// Takes a real one apart.
    pub fn of(token: &str) -> anyhow::Result<Tagged> {
        let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
        anyhow::ensure!(parts.len() == 7, "{token} has not the form of a stateful token");
        parts.pop();
        Ok(Tagged { parts })
    }

    /// With another part.
    pub fn with(mut self, part: usize, value: &str) -> Self {
        self.parts[part] = value.to_owned();
        self
    }

    /// With the tag of the service's own key.
    pub fn signed(&self) -> String {
        self.signed_with(&secret())
    }

    /// With the tag of another key.
    pub fn signed_with(&self, secret: &[u8]) -> String {
        let body = self.parts.join(".");
        let tag = URL_SAFE_NO_PAD.encode(&mac(secret, &body)[..16]);
        format!("{body}.{tag}")
    }
}

/// Now, in seconds since the epoch.
pub fn now_s() -> i64 {
    jiff::Timestamp::now().as_second()
}
