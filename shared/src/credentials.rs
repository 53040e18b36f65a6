//! Where in a request is the token, and may it be used? Reading only: whether it is worth anything is
//! for [`crate::sessions::Sessions`] to say.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, header};

use crate::problem::ApiError;
use crate::routes::App;
use crate::sessions::Sessions;

/// The token a client sent, unverified.
#[derive(Debug, Clone)]
pub struct Token(pub String);

/// The token, if one was sent.
#[derive(Debug, Clone)]
pub struct MaybeToken(pub Option<String>);

/// The session cookie's name and attributes.
#[derive(Debug, Clone, Copy)]
pub struct SessionCookie {
    /// A proxy in front speaks TLS. The `__Host-` prefix then makes browsers refuse a cookie that a
    /// sibling host tossed in (RFC 6265bis section 4.1.3.2).
    pub behind_tls: bool,
}

impl SessionCookie {
    fn name(self) -> &'static str {
        if self.behind_tls { "__Host-sid" } else { "sid" }
    }

    /// `Set-Cookie` for a token that ends in `max_age_s` seconds.
    pub fn set(self, token: &str, max_age_s: i64) -> HeaderValue {
        let secure = if self.behind_tls { "; Secure" } else { "" };
        let text = format!(
            "{}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}{secure}",
            self.name(),
            max_age_s.max(0)
        );
        HeaderValue::from_str(&text).expect("tokens are base64url, dots and dashes")
    }

    /// `Set-Cookie` that removes it, under the name and attributes it was set with.
    pub fn clear(self) -> HeaderValue {
        self.set("", 0)
    }

    /// Was the cookie what the client authenticated with?
    pub fn used_by(self, headers: &HeaderMap) -> bool {
        !headers.contains_key(header::AUTHORIZATION) && self.values(headers).next().is_some()
    }

    fn values(self, headers: &HeaderMap) -> impl Iterator<Item = &str> {
        headers
            .get_all(header::COOKIE)
            .into_iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(move |pair| pair.trim().strip_prefix(self.name())?.strip_prefix('='))
    }
}

impl<S: Sessions> FromRequestParts<App<S>> for Token {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App<S>) -> Result<Self, ApiError> {
        find(parts, app.cookie)?.map(Token).ok_or(ApiError::CredentialsMissing)
    }
}

impl<S: Sessions> FromRequestParts<App<S>> for MaybeToken {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App<S>) -> Result<Self, ApiError> {
        find(parts, app.cookie).map(MaybeToken)
    }
}

/// The one token of a request. Two that differ are refused rather than ranked: whichever we chose, some
/// proxy would choose the other.
fn find(parts: &Parts, cookie: SessionCookie) -> Result<Option<String>, ApiError> {
    if parts.uri.query().is_some_and(names_a_token) {
        return Err(ApiError::AmbiguousCredentials);
    }
    let mut bearers = parts.headers.get_all(header::AUTHORIZATION).into_iter().filter_map(bearer);
    let mut cookies = cookie.values(&parts.headers);
    let (from_header, from_cookie) = (bearers.next(), cookies.next());
    if bearers.next().is_some() || cookies.next().is_some() {
        return Err(ApiError::AmbiguousCredentials);
    }
    match (from_header, from_cookie) {
        (Some(header), Some(cookie)) if header != cookie => Err(ApiError::AmbiguousCredentials),
        (header, cookie) => Ok(header.or(cookie).map(str::to_owned)),
    }
}

/// The token of an `Authorization: Bearer` header; the scheme's case does not matter (RFC 9110 11.1).
fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim_start())
}

fn names_a_token(query: &str) -> bool {
    query
        .split('&')
        .any(|pair| matches!(pair.split('=').next(), Some("access_token" | "token" | "sid" | "__Host-sid")))
}

/// Did a page of another site make the browser send this, with the user's cookie? Browsers say so in
/// `Sec-Fetch-Site`; older ones at least name an `Origin`. A bearer token is not sent by itself, so a
/// request that carries one needs no such guard.
pub fn is_cross_site(method: &Method, headers: &HeaderMap) -> bool {
    if method.is_safe() || headers.contains_key(header::AUTHORIZATION) {
        return false;
    }
    match headers.get("sec-fetch-site") {
        Some(site) => site != "same-origin" && site != "none",
        None => match (headers.get(header::ORIGIN), headers.get(header::HOST)) {
            (Some(origin), Some(host)) => {
                let origin = origin.to_str().unwrap_or("null");
                origin.split_once("://").map(|(_, authority)| authority.as_bytes()) != Some(host.as_bytes())
            }
            _ => false,
        },
    }
}
