//! Which keys does a lab give its services? Random ones, made for the lab and gone with it.

use anyhow::Context;

/// A service's keys, the signing one first; never more than two.
#[derive(Debug, Clone)]
pub struct Ring {
    keys: Vec<String>,
    made: u32,
}

impl Ring {
    /// A ring with one key, `k1`.
    ///
    /// # Errors
    /// If the system has no randomness.
    pub fn draw() -> anyhow::Result<Ring> {
        let mut ring = Ring { keys: Vec::new(), made: 0 };
        ring.rotate(false)?;
        Ok(ring)
    }

    /// Puts a new key in front. With `overlap` the one before it is still believed, and only that one.
    ///
    /// # Errors
    /// If the system has no randomness.
    pub fn rotate(&mut self, overlap: bool) -> anyhow::Result<()> {
        self.made += 1;
        self.keys.truncate(usize::from(overlap));
        self.keys.insert(0, format!("k{}:{}", self.made, secret()?));
        Ok(())
    }

    /// As in `LAB_KEYS`.
    pub fn text(&self) -> String {
        self.keys.join(",")
    }
}

/// 32 random bytes as hexadecimal digits. They are base64url as well, of 48 bytes that are just as hard
/// to guess.
fn secret() -> anyhow::Result<String> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).context("drawing a signing key")?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}
