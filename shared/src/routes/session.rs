//! Log in, look, renew, log out; list and end one's other devices.

use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use uuid::Uuid;

use crate::answer::JsonAnswer;
use crate::api::account::Credentials;
use crate::api::session::{ListedSession, SessionBody, SessionsBody, TokenBody};
use crate::app::App;
use crate::body::{JsonBody, MAX_AUTH_BODY_BYTES};
use crate::cookie::SessionCookie;
use crate::credentials::{MaybeToken, Token};
use crate::problem::{ApiError, ProblemBody};
use crate::sessions::{Budget, End, Issued, Sessions};

/// Log in. A new session id always; a valid session sent along is ended, whoever owns it.
#[utoipa::path(post, path = "/session", tag = "session", request_body = Credentials, responses(
    (status = 201, description = "Logged in; the token is also set as an HttpOnly cookie", body = TokenBody),
    (status = 401, description = "`invalid_credentials`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "`rate_limited`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "`login_busy`, `sessions_full`, `session_store_unavailable`, `database_unavailable`", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn login<S: Sessions>(
    State(app): State<App<S>>,
    MaybeToken(replaces): MaybeToken,
    JsonBody(who): JsonBody<Credentials, MAX_AUTH_BODY_BYTES>,
) -> Result<Response, ApiError> {
    // To its end, also if the client hangs up: else a guess that nobody waits for would not be counted.
    let (guessed, now_ms) = (app.clone(), (app.clock)());
    let verifying =
        tokio::spawn(async move { guessed.accounts.verify(&who.name, &who.password, now_ms).await });
    let verified = verifying.await.map_err(|_| ApiError::Internal)??;
    let mut budget = Budget::new();
    let issued = app.sessions.begin(&mut budget, &verified.account, replaces.as_deref()).await?;
    // The password may have been changed while we hashed. The change ended all sessions there were, and
    // this one was not among them yet.
    let version = app.accounts.password_version(verified.account.id).await;
    if version != Ok(Some(verified.password_version)) {
        // Nobody will hear of this session.
        let ended = app.sessions.end(&mut budget, &issued.token, End::Current).await;
        version?;
        ended?;
        return Err(ApiError::InvalidCredentials);
    }
    Ok((StatusCode::CREATED, hand_out(app.cookie, issued, (app.clock)())).into_response())
}

/// Who am I?
#[utoipa::path(get, path = "/session", tag = "session", security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, description = "The session", body = SessionBody),
    (status = 401, description = "`credentials_missing`, `session_lost`, `session_expired`, `session_revoked`, `session_unknown`, `token_*`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "`session_store_unavailable`", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn whoami<S: Sessions>(
    State(app): State<App<S>>,
    Token(token): Token,
) -> Result<JsonAnswer<SessionBody>, ApiError> {
    let session = app.sessions.look(&mut Budget::new(), &token).await?;
    Ok(JsonAnswer(session.into()))
}

/// Replace the token. Safe to repeat for ten seconds: the answer may have been lost.
#[utoipa::path(post, path = "/session/renew", tag = "session", security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, description = "A new token; `Idempotent-Replay: true` if an earlier call had made it", body = TokenBody),
    (status = 401, description = "as for GET /session; `token_reused` after the ten seconds", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "`session_store_unavailable`", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn renew<S: Sessions>(
    State(app): State<App<S>>,
    Token(token): Token,
) -> Result<Response, ApiError> {
    let renewed = app.sessions.renew(&mut Budget::new(), &token).await?;
    let mut response = hand_out(app.cookie, renewed.issued, (app.clock)()).into_response();
    if renewed.replay {
        response.headers_mut().insert(IDEMPOTENT_REPLAY, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// Log out. 204 also for a session that is over already: the wish is fulfilled.
#[utoipa::path(delete, path = "/session", tag = "session", security(("bearer" = []), ("cookie" = [])), responses(
    (status = 204, description = "Over, on every replica, whatever is still in flight"),
    (status = 401, description = "`session_lost` (other_instance), `session_revoked` (rotated), `token_*`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "`session_store_unavailable`: not logged out", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn logout<S: Sessions>(
    State(app): State<App<S>>,
    Token(token): Token,
) -> Result<impl IntoResponse, ApiError> {
    app.sessions.end(&mut Budget::new(), &token, End::Current).await?;
    Ok(over(app.cookie))
}

/// My sessions, on all my devices.
#[utoipa::path(get, path = "/sessions", tag = "session", security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, description = "Oldest first", body = SessionsBody),
    (status = 401, description = "as for GET /session", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "`session_store_unavailable`", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn list<S: Sessions>(
    State(app): State<App<S>>,
    Token(token): Token,
) -> Result<JsonAnswer<SessionsBody>, ApiError> {
    let listed = app.sessions.list(&mut Budget::new(), &token).await?;
    let sessions = listed
        .sessions
        .iter()
        .map(|summary| ListedSession {
            session: SessionBody::new(listed.account.name.clone(), summary),
            current: summary.current,
        })
        .collect();
    Ok(JsonAnswer(SessionsBody { sessions }))
}

/// End one of my sessions.
#[utoipa::path(delete, path = "/sessions/{id}", tag = "session", security(("bearer" = []), ("cookie" = [])),
    params(("id" = Uuid, Path, description = "A session_id")), responses(
    (status = 204, description = "Over"),
    (status = 401, description = "as for GET /session", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`: no live session of yours", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "`session_store_unavailable`", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn end_one<S: Sessions>(
    State(app): State<App<S>>,
    Token(token): Token,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let id = id.parse::<Uuid>().map_err(|_| ApiError::NotFound)?;
    app.sessions.end(&mut Budget::new(), &token, End::One(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End all my sessions, this one too.
#[utoipa::path(delete, path = "/sessions", tag = "session", security(("bearer" = []), ("cookie" = [])), responses(
    (status = 204, description = "All over"),
    (status = 401, description = "as for GET /session", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "`session_store_unavailable`", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn end_all<S: Sessions>(
    State(app): State<App<S>>,
    Token(token): Token,
) -> Result<impl IntoResponse, ApiError> {
    app.sessions.end(&mut Budget::new(), &token, End::All).await?;
    Ok(over(app.cookie))
}

/// Set on an answer that an earlier, identical request had produced.
pub const IDEMPOTENT_REPLAY: HeaderName = HeaderName::from_static("idempotent-replay");

/// A token goes out twice: in the body for programs, in a cookie no script can read for browsers.
fn hand_out(cookie: SessionCookie, issued: Issued, now_ms: i64) -> impl IntoResponse {
    let summary = &issued.session.summary;
    let lives_s = (summary.absolute_expires_at_ms - now_ms) / 1000;
    let set = cookie.set(&issued.token, lives_s);
    let body = TokenBody { token: issued.token, session: issued.session.into() };
    (AppendHeaders([(header::SET_COOKIE, set)]), JsonAnswer(body))
}

fn over(cookie: SessionCookie) -> impl IntoResponse {
    let clear_site_data = HeaderName::from_static("clear-site-data");
    let headers = [
        (clear_site_data, HeaderValue::from_static("\"cookies\",\"storage\"")),
        (header::SET_COOKIE, cookie.clear()),
    ];
    (StatusCode::NO_CONTENT, AppendHeaders(headers))
}
