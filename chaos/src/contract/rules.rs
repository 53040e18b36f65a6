//! What holds for every answer, whatever was asked? Each row has its answers looked at here as well, so
//! these promises are kept by the whole API or not at all.

use serde_json::Value;
use uuid::Uuid;

use super::Outcome;
use super::answer::Answer;

/// One kind of error: its code, its status, and what may stand in `reason`.
#[derive(Debug, Clone, Copy)]
pub struct Code {
    /// A word for programs.
    pub code: &'static str,
    /// The only status it comes with.
    pub status: u16,
    /// The reasons it gives; a code that has any always gives one, except `not_ready`.
    pub reasons: &'static [&'static str],
    /// Members that only this code has.
    pub members: &'static [&'static str],
}

const fn code(status: u16, code: &'static str) -> Code {
    Code { code, status, reasons: &[], members: &[] }
}

const STORE: &[&str] = &["down", "timeout", "readonly", "loading", "full", "broken"];

/// All codes there are. An answer with another one is a deviation.
pub const CODES: &[Code] = &[
    Code { members: &["line", "column"], ..code(400, "malformed_json") },
    code(400, "body_broken"),
    code(400, "ambiguous_credentials"),
    code(400, "precondition_invalid"),
    code(400, "idempotency_key_missing"),
    code(400, "idempotency_key_invalid"),
    code(401, "credentials_missing"),
    code(401, "invalid_credentials"),
    code(401, "token_malformed"),
    code(401, "token_invalid"),
    code(401, "token_not_yet_valid"),
    code(401, "token_reused"),
    code(401, "session_unknown"),
    Code { reasons: &["idle", "absolute"], ..code(401, "session_expired") },
    Code { reasons: &["restart", "other_instance", "store_reset"], ..code(401, "session_lost") },
    Code {
        reasons: &["revoked", "rotated", "reuse", "session_limit", "password_changed"],
        ..code(401, "session_revoked")
    },
    code(403, "csrf_rejected"),
    code(403, "password_wrong"),
    code(404, "not_found"),
    code(405, "method_not_allowed"),
    code(408, "body_timeout"),
    code(409, "account_exists"),
    code(409, "cart_empty"),
    code(409, "cart_changed"),
    code(409, "cart_limit"),
    Code { members: &["missing"], ..code(409, "checkout_incomplete") },
    code(409, "idempotency_in_progress"),
    code(412, "version_conflict"),
    code(413, "payload_too_large"),
    code(415, "unsupported_media_type"),
    Code { members: &["errors"], ..code(422, "validation_failed") },
    code(422, "idempotency_key_reused"),
    code(429, "rate_limited"),
    code(500, "internal"),
    code(503, "login_busy"),
    code(503, "sessions_full"),
    Code { reasons: STORE, ..code(503, "session_store_unavailable") },
    code(503, "database_unavailable"),
    code(503, "database_busy"),
    code(503, "storage_full"),
    code(503, "draining"),
    code(503, "out_of_rotation"),
    Code { reasons: STORE, members: &["not_ready"], ..code(503, "not_ready") },
];

/// What an error must never show: the words of databases, of source code, of file systems.
const GIVEAWAYS: &[&str] = &[
    "select ",
    "insert into",
    "update accounts",
    "sqlite",
    "postgres",
    "sqlx",
    "argon2",
    "evalsha",
    "getex",
    "panicked",
    ".rs:",
    "/tmp/",
    "/home/",
    "/root/",
    "/usr/",
    "stack backtrace",
];

/// What has to be known about a request to judge the answer to it.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Method and path.
    pub asked: String,
    /// The id it carries, if it carries one.
    pub request_id: Option<Uuid>,
    /// How a token was sent.
    pub credential: Credential,
    /// The name of the session cookie there.
    pub cookie: &'static str,
    /// What no error may repeat.
    pub secrets: Vec<String>,
}

/// How a token was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Credential {
    /// Not at all.
    #[default]
    None,
    /// In the `Authorization` header.
    Bearer,
    /// As the session cookie.
    Cookie,
    /// In more than one place.
    Several,
}

/// `answer` obeys the rules that hold for all answers.
///
/// # Errors
/// The first rule it breaks.
pub fn obeyed(facts: &Facts, answer: &Answer) -> Outcome {
    identified(facts, answer)?;
    answer.has("cache-control", "no-store")?;
    if answer.status >= 400 && !facts.asked.starts_with("HEAD ") {
        is_problem(answer)?;
        keeps_secrets(facts, answer)?;
    }
    challenges(facts, answer)?;
    if matches!(answer.status, 429 | 503) {
        let seconds = answer.header("retry-after")?.parse().unwrap_or(0);
        // The longest wait there is, for the minute of failed logins, and a second for rounding up.
        if !(1..=61).contains(&seconds) {
            return Err(answer.deviates("a Retry-After of 1 to 61 seconds"));
        }
    }
    Ok(())
}

/// Who answered, in which of its runs, and to which request.
fn identified(facts: &Facts, answer: &Answer) -> Outcome {
    let (replica, boot_id) = (answer.header("x-served-by")?, answer.header("x-boot-id")?);
    let random = boot_id.strip_prefix(replica).and_then(|rest| rest.strip_prefix('.')).unwrap_or_default();
    if random.len() < 8 {
        return Err(answer.deviates(&format!("an x-boot-id of {replica}.<random>, not {boot_id}")));
    }
    let id = answer.header("x-request-id")?;
    let expected = facts.request_id.map(|id| id.to_string());
    if expected.as_deref().is_some_and(|expected| expected != id) || Uuid::try_parse(id).is_err() {
        let expected = expected.unwrap_or_else(|| "a UUID".to_owned());
        return Err(answer.deviates(&format!("x-request-id: {expected}, not {id}")));
    }
    Ok(())
}

/// RFC 9457, and a code of the table.
fn is_problem(answer: &Answer) -> Outcome {
    answer.has("content-type", "application/problem+json")?;
    let body = answer.problem();
    let text = |name: &str| body[name].as_str().unwrap_or_default();
    let Some(code) = CODES.iter().find(|code| code.code == text("code")) else {
        return Err(answer.deviates("a problem with a code of the table"));
    };
    let request = answer.header("x-request-id")?;
    let expected: [(&str, Value); 3] = [
        ("status", Value::from(answer.status)),
        ("type", format!("urn:lab:problem:{}", code.code).into()),
        ("instance", format!("urn:uuid:{request}").into()),
    ];
    for (member, value) in expected {
        if body[member] != value {
            return Err(answer.deviates(&format!("{member}: {value}")));
        }
    }
    if code.status != answer.status {
        return Err(answer.deviates(&format!("{} with status {}", code.code, code.status)));
    }
    if text("title").is_empty() || text("detail").is_empty() || !body["retryable"].is_boolean() {
        return Err(answer.deviates("a title, a detail, and whether it is retryable"));
    }
    // A `reason` that is there and null would be neither absent nor a word.
    let reason_fits = match body.get("reason") {
        Some(reason) => reason.as_str().is_some_and(|reason| code.reasons.contains(&reason)),
        None => code.reasons.is_empty() || code.code == "not_ready",
    };
    if !reason_fits {
        return Err(answer.deviates(&format!("a reason out of {:?}", code.reasons)));
    }
    members_fit(code, &body, answer)
}

fn members_fit(code: &Code, body: &Value, answer: &Answer) -> Outcome {
    const COMMON: [&str; 8] =
        ["type", "title", "status", "detail", "instance", "code", "reason", "retryable"];
    for member in code.members {
        if body.get(*member).is_none() {
            return Err(answer.deviates(&format!("a member {member}")));
        }
    }
    // What an extension may be called: RFC 9457 section 3.2.
    let fits = |name: &str| {
        name.len() >= 3
            && name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let names = body.as_object().into_iter().flat_map(serde_json::Map::keys);
    match names.into_iter().find(|name| !COMMON.contains(&name.as_str()) && !fits(name)) {
        Some(odd) => Err(answer.deviates(&format!("members with proper names, not {odd:?}"))),
        None => Ok(()),
    }
}

fn keeps_secrets(facts: &Facts, answer: &Answer) -> Outcome {
    let mut told = String::from_utf8_lossy(&answer.body).into_owned();
    for value in answer.headers.values() {
        told.push('\n');
        told.push_str(&String::from_utf8_lossy(value.as_bytes()));
    }
    // A short token is part of many an innocent text.
    if let Some(secret) = facts.secrets.iter().find(|secret| secret.len() >= 8 && told.contains(*secret)) {
        return Err(answer.deviates(&format!("nothing that repeats {secret:?}")));
    }
    let told = told.to_lowercase();
    match GIVEAWAYS.iter().find(|word| told.contains(**word)) {
        Some(word) => Err(answer.deviates(&format!("nothing about {word:?}"))),
        None => Ok(()),
    }
}

/// RFC 6750 section 3: what to do about a 401, and which cookie to forget.
fn challenges(facts: &Facts, answer: &Answer) -> Outcome {
    let code = answer.code();
    let expected = match (answer.status, code.as_str()) {
        (401, "credentials_missing") => Some(r#"Bearer realm="lab""#.to_owned()),
        (400, "ambiguous_credentials") => Some(challenge("invalid_request", &code)),
        (401, _) => Some(challenge("invalid_token", &code)),
        _ => None,
    };
    match &expected {
        Some(challenge) => drop(answer.has("www-authenticate", challenge)?),
        None => drop(answer.lacks("www-authenticate")?),
    }
    if answer.status < 400 {
        return Ok(());
    }
    match (answer.status, facts.credential) {
        // A login that fails is not about the session that was sent along.
        (401, Credential::Cookie) if code == "invalid_credentials" => Ok(()),
        (401, Credential::Cookie) => clears_cookie(facts.cookie, answer),
        (401, Credential::Several) => Ok(()),
        _ => answer.lacks("set-cookie").map(drop),
    }
}

fn challenge(error: &str, code: &str) -> String {
    format!(r#"Bearer realm="lab", error="{error}", error_description="{code}""#)
}

/// The session cookie is removed, under the name and attributes it was set with.
///
/// # Errors
/// If it is not.
pub fn clears_cookie(name: &str, answer: &Answer) -> Outcome {
    let cookie = Cookie::of(answer)?;
    let gone = cookie.name == name && cookie.value.is_empty() && cookie.max_age_s == 0 && cookie.is_guarded();
    if gone { Ok(()) } else { Err(answer.deviates(&format!("the cookie {name} to be cleared"))) }
}

/// The session cookie is set, and hidden from scripts and from other sites.
///
/// # Errors
/// If it is not.
pub fn sets_cookie(name: &str, token: &str, answer: &Answer) -> Outcome {
    let cookie = Cookie::of(answer)?;
    let set = cookie.name == name && cookie.value == token && cookie.max_age_s > 0 && cookie.is_guarded();
    if set { Ok(()) } else { Err(answer.deviates(&format!("the cookie {name} to be set to the token"))) }
}

/// A `Set-Cookie` header, read as a browser would.
struct Cookie<'a> {
    name: &'a str,
    value: &'a str,
    max_age_s: i64,
    attributes: Vec<String>,
}

impl<'a> Cookie<'a> {
    /// The only one of an answer.
    fn of(answer: &'a Answer) -> Result<Self, super::Deviation> {
        let one = || answer.deviates("one Set-Cookie");
        let mut values = answer.headers.get_all("set-cookie").iter();
        let (Some(value), None) = (values.next(), values.next()) else { return Err(one()) };
        let mut parts = value.to_str().map_err(|_| one())?.split("; ");
        let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).ok_or_else(one)?;
        let attributes: Vec<String> = parts.map(str::to_lowercase).collect();
        let max_age = attributes.iter().find_map(|attribute| attribute.strip_prefix("max-age="));
        let max_age_s = max_age.and_then(|seconds| seconds.parse().ok()).ok_or_else(one)?;
        Ok(Cookie { name, value, max_age_s, attributes })
    }

    fn is_guarded(&self) -> bool {
        let says = |attribute: &str| self.attributes.iter().any(|said| said == attribute);
        let prefixed = self.name.starts_with("__Host-");
        let no_domain = !self.attributes.iter().any(|said| said.starts_with("domain"));
        says("httponly")
            && says("samesite=strict")
            && says("path=/")
            && no_domain
            && says("secure") == prefixed
    }
}
