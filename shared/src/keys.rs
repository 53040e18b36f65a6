//! Which secrets sign tokens, and which are still believed?
//!
//! A ring holds one or more keys, each with an id (`kid`). The first signs, all verify: a rotation puts
//! the new key in front and keeps the old one until its last token has expired. Replicas of one service
//! share a ring, or they would refuse each other's clients.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The shortest secret we sign with: HMAC wants a key as long as its hash (RFC 7518 section 3.2).
pub const MIN_SECRET_BYTES: usize = 32;

/// One secret and its id.
#[derive(Clone)]
pub struct Key {
    kid: String,
    secret: Vec<u8>,
    // Prepared once: a clone of it costs two hash blocks less than a fresh key schedule.
    mac: Hmac<Sha256>,
}

impl Key {
    fn parse(entry: &str) -> Result<Self, String> {
        let (kid, secret) = entry.split_once(':').ok_or("it is not kid:base64url-secret")?;
        let secret = URL_SAFE_NO_PAD.decode(secret.trim_end_matches('='));
        Key::new(kid, secret.map_err(|_| "its secret, after the colon, is not base64url")?)
    }

    // What is wrong is said without the text: a secret that lost its id stands where the id should.
    fn new(kid: &str, secret: Vec<u8>) -> Result<Self, String> {
        let clean = kid.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
        if kid.is_empty() || kid.len() > 32 || !clean {
            return Err("its id, before the colon, is not 1 to 32 of a-z A-Z 0-9 _ -".to_owned());
        }
        if secret.len() < MIN_SECRET_BYTES {
            return Err(format!(
                "its secret has {} bytes; HS256 needs at least {MIN_SECRET_BYTES}",
                secret.len()
            ));
        }
        let mac = Hmac::new_from_slice(&secret).map_err(|e| e.to_string())?;
        Ok(Key { kid: kid.to_owned(), secret, mac })
    }

    /// The key's id.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The secret itself, for a library that wants to do its own HMAC.
    pub fn secret(&self) -> &[u8] {
        &self.secret
    }

    /// HMAC-SHA-256 of `message` (RFC 2104).
    pub fn tag(&self, message: &[u8]) -> [u8; 32] {
        let mut mac = self.mac.clone();
        mac.update(message);
        mac.finalize().into_bytes().into()
    }

    /// The secret that follows `secret` when its token is renewed. It is derived, not drawn, so that a
    /// renewal whose answer was lost can be answered again with nothing stored in plain.
    pub fn successor(&self, secret: &[u8; 16]) -> [u8; 16] {
        let mut message = b"amnesia successor ".to_vec();
        message.extend_from_slice(secret);
        let mut next = [0; 16];
        next.copy_from_slice(&self.tag(&message)[..16]);
        next
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}, ..)", self.kid)
    }
}

/// An ordered set of keys; never empty.
#[derive(Debug, Clone)]
pub struct KeyRing {
    keys: Vec<Key>,
}

impl KeyRing {
    /// Reads `kid:base64url-secret[,kid:secret…]`.
    ///
    /// # Errors
    /// One line that says which key is wrong, counted from 1, and how; it repeats nothing of the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut keys: Vec<Key> = Vec::new();
        for (at, entry) in text.split(',').map(str::trim).enumerate() {
            let wrong = |how: String| format!("key {} of the ring: {how}", at + 1);
            let key = Key::parse(entry).map_err(wrong)?;
            if let Some(twin) = keys.iter().position(|other| other.kid == key.kid) {
                return Err(wrong(format!("it has the same id as key {}", twin + 1)));
            }
            keys.push(key);
        }
        Ok(KeyRing { keys })
    }

    /// A ring with one key that nobody else has and that is gone at exit: every restart logs everyone
    /// out, with whatever store. The lesson's broken variant.
    pub fn ephemeral() -> Self {
        let mut secret = vec![0; MIN_SECRET_BYTES];
        getrandom::fill(&mut secret).expect("the system has randomness; nothing here is safe without");
        let mut id = [0; 4];
        getrandom::fill(&mut id).expect("the system has randomness; nothing here is safe without");
        let kid = format!("ephemeral-{}", hex(&id));
        KeyRing { keys: vec![Key::new(&kid, secret).expect("a 32 byte secret and a clean id")] }
    }

    /// The key that signs.
    pub fn signing(&self) -> &Key {
        &self.keys[0]
    }

    /// All keys, the signing one first.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter()
    }

    /// The key with this id, if the ring has it.
    pub fn find(&self, kid: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.kid == kid)
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
