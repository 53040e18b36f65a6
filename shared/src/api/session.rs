//! What does a client see of its session?

use jiff::Timestamp;
use serde::Serialize;
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
    pub created_at: Timestamp,
    /// When it ends if it is not used.
    #[schema(value_type = String, format = DateTime)]
    pub idle_expires_at: Timestamp,
    /// When it ends, used or not.
    #[schema(value_type = String, format = DateTime)]
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
