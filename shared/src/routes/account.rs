//! Register; change a password.

use axum::extract::State;
use axum::http::StatusCode;

use crate::accounts::AccountError;
use crate::answer::JsonAnswer;
use crate::api::account::{AccountBody, ChangePassword, Credentials};
use crate::app::App;
use crate::body::{JsonBody, MAX_AUTH_BODY_BYTES};
use crate::credentials::Token;
use crate::problem::{ApiError, ProblemBody};
use crate::sessions::{Budget, End, Sessions};

/// Open an account.
#[utoipa::path(post, path = "/accounts", tag = "account", request_body = Credentials, responses(
    (status = 201, description = "Opened", body = AccountBody),
    (status = 409, description = "`account_exists`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "`login_busy`, `database_unavailable`", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn register<S: Sessions>(
    State(app): State<App<S>>,
    JsonBody(who): JsonBody<Credentials, MAX_AUTH_BODY_BYTES>,
) -> Result<(StatusCode, JsonAnswer<AccountBody>), ApiError> {
    app.accounts.register(&who.name, &who.password, (app.clock)()).await?;
    Ok((StatusCode::CREATED, JsonAnswer(AccountBody { name: who.name })))
}

/// Change the password, and end every other session: whoever knew the old one may be in them.
#[utoipa::path(put, path = "/account/password", tag = "account", request_body = ChangePassword,
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 204, description = "Changed"),
    (status = 401, description = "as for GET /session", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "`password_wrong`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "`rate_limited`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "`login_busy`, `session_store_unavailable`, `database_unavailable`", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn change_password<S: Sessions>(
    State(app): State<App<S>>,
    Token(token): Token,
    JsonBody(passwords): JsonBody<ChangePassword, MAX_AUTH_BODY_BYTES>,
) -> Result<StatusCode, ApiError> {
    // Two stores change, so the change must not stop half way because the client hung up.
    let change = tokio::spawn(async move { change(&app, &token, &passwords).await });
    change.await.map_err(|_| ApiError::Internal)??;
    Ok(StatusCode::NO_CONTENT)
}

/// The other sessions are ended before the new hash is committed, so that a store that is down stops
/// the change; and again after it, for a login with the old password that came in between.
async fn change<S: Sessions>(app: &App<S>, token: &str, passwords: &ChangePassword) -> Result<(), ApiError> {
    let mut budget = Budget::new();
    let account = app.sessions.claimed_account(token)?;
    let now_ms = (app.clock)();
    let checked = match app.accounts.check_password(account, &passwords.current, now_ms).await {
        Ok(checked) => checked,
        Err(refused) => {
            // Only a live session hears what its guess was worth, and has it counted: with a token that is over,
            // anybody who found it could lock its owner out.
            app.sessions.look(&mut budget, token).await?;
            if !matches!(refused, AccountError::InvalidCredentials) {
                return Err(refused.into());
            }
            app.accounts.count_wrong_password(account, now_ms).await?;
            return Err(ApiError::PasswordWrong);
        }
    };
    let hash = app.accounts.hash(&passwords.new).await?;
    app.sessions.end(&mut budget, token, End::OthersPasswordChanged).await?;
    match app.accounts.change_password(&checked, &hash).await {
        // Another change came first; the password that was right a moment ago no longer is.
        Err(AccountError::InvalidCredentials) => return Err(ApiError::PasswordWrong),
        changed => changed?,
    }
    app.sessions.end(&mut budget, token, End::OthersPasswordChanged).await?;
    Ok(())
}

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::NameTaken => ApiError::AccountExists,
            AccountError::InvalidCredentials => ApiError::InvalidCredentials,
            AccountError::RateLimited { retry_after } => ApiError::RateLimited { retry_after },
            AccountError::LoginBusy => ApiError::LoginBusy,
            AccountError::Sql(error) => ApiError::Sql(error),
        }
    }
}
