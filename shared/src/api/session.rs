//! What does a client see of its session?

use std::ops::Range;

use jiff::Timestamp;
use jiff::tz::Offset;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::sessions::{Session, SessionSummary};

/// A session, as `GET /session` answers it.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionBody {
    /// The account's name.
    pub account: String,
    /// Public id, UUID v7; the same from login to the end.
    pub session_id: Uuid,
    /// RFC 3339, UTC.
    #[schema(value_type = String, format = DateTime)]
    #[serde(serialize_with = "rfc3339")]
    pub created_at: Timestamp,
    /// When it ends if it is not used.
    #[schema(value_type = String, format = DateTime)]
    #[serde(serialize_with = "rfc3339")]
    pub idle_expires_at: Timestamp,
    /// When it ends, used or not.
    #[schema(value_type = String, format = DateTime)]
    #[serde(serialize_with = "rfc3339")]
    pub absolute_expires_at: Timestamp,
}

impl SessionBody {
    /// The public view of `summary`, which belongs to the account called `account`.
    pub fn new(account: String, summary: &SessionSummary) -> Self {
        SessionBody {
            account,
            session_id: summary.session_id,
            created_at: timestamp(summary.created_at_ms),
            idle_expires_at: timestamp(summary.idle_expires_at_ms),
            absolute_expires_at: timestamp(summary.absolute_expires_at_ms),
        }
    }
}

impl From<Session> for SessionBody {
    fn from(session: Session) -> Self {
        SessionBody::new(session.account.name, &session.summary)
    }
}

/// The answer to a login or a renewal: the token, and the session it opens.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenBody {
    /// Send it as `Authorization: Bearer <token>`; opaque to clients, whichever twin made it.
    pub token: String,
    /// The session.
    #[serde(flatten)]
    pub session: SessionBody,
}

/// One of the account's sessions.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListedSession {
    /// The session.
    #[serde(flatten)]
    pub session: SessionBody,
    /// Whether it is the one that asked.
    pub current: bool,
}

/// `GET /sessions`, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionsBody {
    /// The account's live sessions.
    pub sessions: Vec<ListedSession>,
}

/// Milliseconds since the epoch as a timestamp; a time no calendar can hold becomes the epoch.
pub fn timestamp(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or_default()
}

/// Writes `2026-11-24T22:57:41.123Z`. A printer for every format there is would spend a tenth of all that
/// `GET /session` computes on its three times.
fn rfc3339<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    let time = Offset::UTC.to_datetime(*time);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    let mut put = |place: Range<usize>, number: i16| {
        let mut rest = number.unsigned_abs();
        for digit in text[place].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
    };
    put(0..4, time.year());
    put(5..7, time.month().into());
    put(8..10, time.day().into());
    put(11..13, time.hour().into());
    put(14..16, time.minute().into());
    put(17..19, time.second().into());
    put(20..23, time.millisecond());
    serializer.serialize_str(std::str::from_utf8(&text).unwrap_or_default())
}
