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

    /// The ring that `LAB_KEYS` says.
    pub fn read(text: &str) -> Ring {
        let keys: Vec<String> = text.split(',').filter(|key| !key.is_empty()).map(str::to_owned).collect();
        let number = |key: &String| key.split_once(':')?.0.strip_prefix('k')?.parse().ok();
        let made = keys.iter().filter_map(number).max().unwrap_or(0);
        Ring { keys, made }
    }

    /// How many keys it has had: the number of the newest.
    pub fn made(&self) -> u32 {
        self.made
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
///
/// # Errors
/// If the system has no randomness.
pub fn secret() -> anyhow::Result<String> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).context("drawing a signing key")?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]
mod tests {
    use super::*;

    #[test]
    fn a_ring_that_is_read_goes_on_where_it_was() {
        let mut drawn = Ring::draw().unwrap();
        drawn.rotate(true).unwrap();
        let mut read = Ring::read(&drawn.text());
        assert_eq!(read.text(), drawn.text());
        read.rotate(true).unwrap();
        assert!(read.text().starts_with("k3:") && read.text().contains(",k2:"), "{}", read.text());
        assert!(!read.text().contains("k1:"), "never more than two");
    }

    #[test]
    fn a_key_with_a_name_of_somebody_elses_does_no_harm() {
        let mut read = Ring::read("main:c2VjcmV0");
        read.rotate(true).unwrap();
        assert!(read.text().starts_with("k1:") && read.text().ends_with(",main:c2VjcmV0"), "{}", read.text());
    }
}
