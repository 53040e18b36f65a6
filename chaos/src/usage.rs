//! How is said that what was typed cannot be meant?

use clap::error::ErrorKind;

/// An error like those of the parser, for what only a lab can tell. `main` knows which command it was, and adds how
/// that is used.
pub fn usage(message: String) -> anyhow::Error {
    clap::Error::raw(ErrorKind::ValueValidation, message).into()
}
