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

/// Reads a time of at least a millisecond.
///
/// # Errors
/// How to write one.
pub fn at_least_1ms(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if time < Duration::from_millis(1) { Err("write a time of at least 1ms".to_owned()) } else { Ok(time) }
}
