//! What time is it? Passed in wherever a limit is judged, so that nothing else reads the wall clock.

/// A clock: milliseconds since the Unix epoch.
pub type Clock = fn() -> i64;

/// The system's clock.
pub fn system() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
