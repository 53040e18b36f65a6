//! Which code stands for which error? The table of the HTTP contract: status, code, one sentence a person can
//! act on, the reason where a code has several, and whether a repeat can do no harm.

use super::ApiError;
use crate::sessions::{self, SessionError, StoreDown};
use crate::sql::SqlError;

/// The fixed facts of one error: what the contract says about its code.
pub(super) struct Contract {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) reason: Option<&'static str>,
    pub(super) retryable: bool,
    pub(super) detail: &'static str,
}

const fn contract(status: u16, code: &'static str, detail: &'static str) -> Contract {
    Contract { status, code, reason: None, retryable: false, detail }
}

impl Contract {
    const fn because(mut self, reason: &'static str) -> Self {
        self.reason = Some(reason);
        self
    }

    const fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }
}

impl ApiError {
    pub(super) fn contract(&self) -> Contract {
        use ApiError::*;
        match self {
            MalformedJson { .. } => contract(400, "malformed_json", "The body is not one JSON document."),
            Validation(_) => contract(
                422,
                "validation_failed",
                "The body is JSON, but not what this call takes; see errors.",
            ),
            UnsupportedMediaType => {
                contract(415, "unsupported_media_type", "Send the body as application/json.")
            }
            PayloadTooLarge { .. } => {
                contract(413, "payload_too_large", "The body is larger than this call reads.")
            }
            BodyTimeout => contract(408, "body_timeout", "The body did not arrive in time.").retryable(),
            BodyBroken => contract(400, "body_broken", "The body could not be read to its end.").retryable(),
            NotFound => contract(404, "not_found", "There is nothing here, or nothing of yours."),
            MethodNotAllowed => {
                contract(405, "method_not_allowed", "This path does not take this method; see Allow.")
            }
            CsrfRejected => contract(403, "csrf_rejected", "A page of another site sent this request."),
            InvalidCredentials => {
                contract(401, "invalid_credentials", "No account has this name and this password.")
            }
            PasswordWrong => contract(403, "password_wrong", "The current password is not this one."),
            RateLimited { .. } => contract(
                429,
                "rate_limited",
                "Too many failed logins for this name; wait as Retry-After says.",
            )
            .retryable(),
            LoginBusy => {
                contract(503, "login_busy", "Too many passwords are being checked right now.").retryable()
            }
            AccountExists => contract(
                409,
                "account_exists",
                "An account with this name exists; log in, or take another name.",
            ),
            CredentialsMissing => contract(401, "credentials_missing", "Log in first, then send the token."),
            AmbiguousCredentials => {
                contract(400, "ambiguous_credentials", "Send one token, in one place, and never in the URL.")
            }
            Session(error) => session_contract(error),
            StoreEffectUnknown => contract(
                503,
                "session_store_unavailable",
                "The session store did not answer in time; whether the change was made is not known.",
            )
            .because("timeout"),
            PreconditionInvalid => {
                contract(400, "precondition_invalid", "If-Match takes quoted entity tags, or *.")
            }
            CartEmpty => contract(409, "cart_empty", "There is nothing in the cart to order."),
            CartChanged => {
                contract(409, "cart_changed", "The cart is not the one you saw; look again, then order.")
            }
            CartAlreadyOrdered => contract(
                409,
                "cart_changed",
                "This cart was ordered already, under another key; see your orders.",
            ),
            CheckoutIncomplete(_) => {
                contract(409, "checkout_incomplete", "Finish the checkout first; see missing.")
            }
            IdempotencyKeyMissing => {
                contract(400, "idempotency_key_missing", "Send an Idempotency-Key, a quoted string.")
            }
            IdempotencyKeyInvalid => contract(
                400,
                "idempotency_key_invalid",
                "An Idempotency-Key is a quoted string of 1 to 255 printable ASCII characters.",
            ),
            IdempotencyKeyReused => contract(
                422,
                "idempotency_key_reused",
                "This key was used for another request; make a new one.",
            ),
            IdempotencyInProgress => {
                contract(409, "idempotency_in_progress", "The first request with this key is still running.")
                    .retryable()
            }
            Sql(SqlError::Unavailable(_)) => {
                contract(503, "database_unavailable", "The database cannot be reached.").retryable()
            }
            Sql(SqlError::Busy) => {
                contract(503, "database_busy", "The database is locked by others.").retryable()
            }
            Sql(SqlError::Full) => {
                contract(503, "storage_full", "The database has no room left.").retryable()
            }
            Draining => contract(503, "draining", "This replica is about to stop; another one will answer.")
                .retryable(),
            OutOfRotation => {
                contract(503, "out_of_rotation", "This replica was taken out of rotation; ask another one.")
                    .retryable()
            }
            NotReady { reason, .. } => {
                let facts =
                    contract(503, "not_ready", "Something this replica needs is missing.").retryable();
                Contract { reason: *reason, ..facts }
            }
            Sql(SqlError::Broken(_)) | Internal => {
                contract(500, "internal", "This is our fault; the log says more.")
            }
        }
    }
}

fn session_contract(error: &SessionError) -> Contract {
    use SessionError::*;
    match error {
        Malformed => contract(401, "token_malformed", "This is not a token of this service."),
        Invalid(_) => contract(401, "token_invalid", "This token is not valid here; log in."),
        NotYetValid => {
            contract(401, "token_not_yet_valid", "This token is from the future; a clock is wrong.")
        }
        Lost(lost) => {
            let lost = match lost {
                sessions::Lost::Restart => {
                    ("restart", "The replica that held this session has restarted since; log in again.")
                }
                sessions::Lost::OtherInstance => {
                    ("other_instance", "Another replica holds this session, or held it; log in here.")
                }
                sessions::Lost::StoreReset => {
                    ("store_reset", "The store that held this session was emptied; log in again.")
                }
            };
            contract(401, "session_lost", lost.1).because(lost.0)
        }
        Expired(limit) => {
            let word = match limit {
                sessions::Expired::Idle => "idle",
                sessions::Expired::Absolute => "absolute",
            };
            contract(401, "session_expired", "This session reached its time limit; log in again.")
                .because(word)
        }
        Revoked(how) => {
            contract(401, "session_revoked", "This session was ended; log in again.").because(how.word())
        }
        Unknown => contract(401, "session_unknown", "This session is not known here; log in again."),
        TokenReused => contract(
            401,
            "token_reused",
            "An old token was renewed again. It may be stolen, so the session was ended; log in again.",
        ),
        VersionConflict { .. } => {
            contract(412, "version_conflict", "The cart has changed; see ETag, look again, then repeat.")
        }
        CartLimit => {
            contract(409, "cart_limit", "A cart holds at most 50 articles, and 1000 pieces of each.")
        }
        NotFound => contract(404, "not_found", "There is nothing here, or nothing of yours."),
        Full => contract(503, "sessions_full", "This replica holds as many sessions as it can.").retryable(),
        Store(down) => store_contract(*down),
    }
}

fn store_contract(down: StoreDown) -> Contract {
    let detail = match down {
        StoreDown::Timeout => "The session store did not answer in time.",
        _ => "The session store cannot be used right now.",
    };
    contract(503, "session_store_unavailable", detail).because(down.word()).retryable()
}
