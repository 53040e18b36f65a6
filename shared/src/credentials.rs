//! Where in a request is the token, and may it be used? Reading only: whether it is worth anything is
//! for [`crate::sessions::Sessions`] to say.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, header};

use crate::app::App;
use crate::cookie::{SessionCookie, readable};
use crate::problem::ApiError;
use crate::sessions::Sessions;

/// The token a client sent, unverified.
#[derive(Debug, Clone)]
pub struct Token(pub String);

/// The token, if one was sent.
#[derive(Debug, Clone)]
pub struct MaybeToken(pub Option<String>);

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
    let value = value.as_bytes();
    let (scheme, token) = value.split_at(value.iter().position(|byte| *byte == b' ')?);
    scheme.eq_ignore_ascii_case(b"bearer").then(|| readable(token.trim_ascii_start()))
}

fn names_a_token(query: &str) -> bool {
    query
        .split('&')
        .any(|pair| matches!(pair.split('=').next(), Some("access_token" | "token" | "sid" | "__Host-sid")))
}

/// Did a page of another site make the browser send this, with the user's cookie? Browsers say so in
/// `Sec-Fetch-Site`; older ones at least name an `Origin`. A bearer token is not sent by itself, so a
/// request that carries one needs no such guard. Another `Authorization` is no such token: a browser sends a
/// `Basic` one by itself.
pub fn is_cross_site(method: &Method, headers: &HeaderMap) -> bool {
    let carries_a_token =
        || headers.get_all(header::AUTHORIZATION).into_iter().filter_map(bearer).any(|it| !it.is_empty());
    if method.is_safe() || carries_a_token() {
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
