//! Which promises cannot be checked with nothing but HTTP? Those about a process that dies, a key, a store
//! or a setting. Whoever runs the lab's own services checks them with `cargo test -p chaos --test contract`.

/// A promise that is not checked here.
#[derive(Debug, Clone, Copy)]
pub struct Elsewhere {
    /// Its number.
    pub number: u8,
    /// What it says.
    pub claim: &'static str,
    /// What it would take.
    pub needs: &'static str,
}

const fn needs(needs: &'static str, number: u8, claim: &'static str) -> Elsewhere {
    Elsewhere { number, claim, needs }
}

const A_KEY: &str = "a signing key of the service";
const A_RESTART: &str = "a restart of the service";
const A_GATE: &str = "a request held at a gate";
const SETTINGS: &str = "other settings of the service";
const REDIS: &str = "power over its Redis";
const SQL: &str = "power over its database";

/// All of them, by number.
pub const ELSEWHERE: &[Elsewhere] = &[
    needs(A_RESTART, 13, "the limit on guessing is kept in SQL: a restart does not reset it"),
    needs(REDIS, 18, "10,000 anonymous requests leave the store as large as it was"),
    needs(A_KEY, 22, "a token of the wrong form is refused without a look-up"),
    needs(
        A_KEY,
        23,
        "HS256 with the wrong key, RS256 and none with all else right: 401 token_invalid, and the log says why",
    ),
    needs(
        A_KEY,
        24,
        "kid unknown, a path, SQL, 10,000 characters; jku, x5u, jwk: 401 token_invalid, and nobody is asked",
    ),
    needs(A_KEY, 25, "crit present, typ missing or not at+jwt: 401 token_invalid"),
    needs(A_KEY, 26, "iss, aud or sub missing, wrong, or a number: 401 token_invalid"),
    needs(A_KEY, 27, "past exp: 401 session_expired, reason absolute, to the second"),
    needs(A_KEY, 28, "nbf or iat over 5 s ahead: 401 token_not_yet_valid"),
    needs(A_RESTART, 29, "a key of before: believed within the overlap, token_invalid after it"),
    needs(A_RESTART, 32, "the backend is restarted: session_lost (restart), or nothing"),
    needs(A_KEY, 33, "a well-formed id that was never issued: 401 session_unknown"),
    needs(SETTINGS, 34, "idle or absolute limit passed: 401 session_expired with the reason"),
    needs(
        SETTINGS,
        35,
        "logout of a session that is lost or expired: 204; behind TLS the cookie is __Host-sid",
    ),
    needs(A_GATE, 37, "a write in flight during logout: 401 session_revoked, and the session stays dead"),
    needs(A_RESTART, 46, "killed after the rotation, before the answer: the same successor, or session_lost"),
    needs(A_GATE, 50, "a repeat while the first is held half way: 409 idempotency_in_progress"),
    needs(A_RESTART, 51, "killed after the claim: 409 until the claim is dead, then 201, one order"),
    needs(A_RESTART, 52, "killed after the commit: the repeat is answered with the order"),
    needs(REDIS, 54, "Redis stopped: 503 in under 300 ms, reason down; /readyz 503, /livez 200"),
    needs(REDIS, 55, "Redis paused: the same, reason timeout; an addition is not retryable"),
    needs(REDIS, 56, "logout while Redis is down: 503, never 204"),
    needs(REDIS, 57, "Redis back, empty: 401 session_lost, reason store_reset"),
    needs(REDIS, 58, "Redis full, read-only or loading: 503 with the reason, and back by itself"),
    needs(SQL, 60, "SQL down: 503 database_unavailable where SQL is needed, GET /session 200"),
    needs(SQL, 61, "SQLite locked over 5 s: 503 database_busy; disk full: 503 storage_full"),
    needs(A_GATE, 62, "SIGTERM: what runs ends with Connection: close, /readyz 503 draining, exit 0"),
    needs(A_RESTART, 63, "kill -9 in mid-request: a reset, and the repeat with the key is safe"),
    needs(A_GATE, 64, "the client leaves mid-order: the order is placed, and the repeat is answered with it"),
    needs(A_GATE, 65, "a panic in a handler: 500 internal, session and process intact"),
    needs(A_RESTART, 67, "two instances without stickiness: session_lost (other_instance), or nothing"),
];
