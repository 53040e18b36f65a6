//! How is a time typed? With its unit, like `50ms`.

use std::time::Duration;

/// Reads a time like `50ms`; never negative.
///
/// # Errors
/// How to write one.
pub fn duration(text: &str) -> Result<Duration, String> {
    let span: Result<jiff::SignedDuration, _> = text.parse();
    let time = span.ok().and_then(|span| Duration::try_from(span).ok());
    time.ok_or_else(|| "write a time like 50ms or 1s".to_owned())
}
