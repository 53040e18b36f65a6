//! What may a student be called? Anything short that a terminal or a page only shows, and never obeys. It is
//! asked for when a nickname is chosen, and again when a file with one comes from somebody else.

/// The longest nickname, in letters.
const LETTERS_AT_MOST: usize = 24;

/// The nickname without blanks around it.
///
/// # Errors
/// What a nickname is.
pub fn nickname(text: &str) -> Result<String, String> {
    let clean = text.chars().all(|c| c.is_alphanumeric() || "-_ ".contains(c));
    match text.trim() {
        name if clean && (1..=LETTERS_AT_MOST).contains(&name.chars().count()) => Ok(name.to_owned()),
        _ => Err(format!("a nickname is 1 to {LETTERS_AT_MOST} letters, digits, spaces, - or _")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nickname_is_short_and_has_nothing_a_terminal_could_obey() {
        assert_eq!(nickname(" ada 7 "), Ok("ada 7".to_owned()));
        for wrong in ["", "   ", "\u{1b}[2J", "a/b", "../a", "<b>", "a\u{202e}b", &"a".repeat(25)] {
            assert!(nickname(wrong).is_err(), "{wrong:?}");
        }
    }
}
