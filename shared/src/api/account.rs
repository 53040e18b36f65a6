//! What may a name and a password be?

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An account's name: 1 to 64 characters, no control, invisible or text-direction characters, no space at the ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, min_length = 1, max_length = 64)]
pub struct Name(String);

impl Name {
    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if !(1..=64).contains(&text.chars().count()) {
            return Err("a name has 1 to 64 characters");
        }
        if text.chars().any(is_hidden) {
            return Err("a name has no control, invisible or text-direction characters");
        }
        if text.trim() != text {
            return Err("a name neither begins nor ends with a space");
        }
        Ok(Name(text))
    }
}

/// Whether a character lets one name look like another: a control, what turns the direction of text (Trojan Source,
/// CVE-2021-42574), and what nobody sees (Unicode's Default_Ignorable_Code_Point, and its separators of lines).
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}'
            | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// A password: 1 to 128 characters. Never shown, not even by `{:?}`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, min_length = 1, max_length = 128, format = Password)]
pub struct Password(String);

impl Password {
    /// The bytes to hash.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

impl TryFrom<String> for Password {
    type Error = &'static str;

    // The bound is what keeps a megabyte of password from becoming a megabyte of hashing.
    fn try_from(text: String) -> Result<Self, Self::Error> {
        if (1..=128).contains(&text.chars().count()) {
            Ok(Password(text))
        } else {
            Err("a password has 1 to 128 characters")
        }
    }
}

/// `POST /accounts` and `POST /session`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// Who.
    pub name: Name,
    /// The proof.
    pub password: Password,
}

/// `PUT /account/password`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The password as it is.
    pub current: Password,
    /// The password as it shall be.
    pub new: Password,
}

/// The answer to `POST /accounts`.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountBody {
    /// The name as registered.
    pub name: Name,
}
