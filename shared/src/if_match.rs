//! Which versions of the cart does the client mean? What `If-Match` says (RFC 9110 section 13.1.1).

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use crate::problem::ApiError;
use crate::sessions::IfVersion;

/// The versions an `If-Match` names; without one, or with `*`, any.
#[derive(Debug)]
pub struct IfMatch(pub IfVersion);

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        read(&parts.headers).map(IfMatch).ok_or(ApiError::PreconditionInvalid)
    }
}

/// `None` if it is neither a list of entity tags nor `*`.
fn read(headers: &HeaderMap) -> Option<IfVersion> {
    let mut fields = headers.get_all(header::IF_MATCH).into_iter();
    let Some(first) = fields.next() else { return Some(IfVersion::Any) };
    if first == "*" && fields.next().is_none() {
        return Some(IfVersion::Any);
    }
    // Several fields are one list (RFC 9110 section 5.3).
    let (mut versions, mut tags) = (Vec::new(), 0);
    for field in headers.get_all(header::IF_MATCH) {
        tags += list(field.to_str().ok()?, &mut versions)?;
    }
    (tags > 0).then_some(IfVersion::OneOf(versions))
}

/// Adds the versions of one list to `versions` and returns how many tags it had. A tag we never gave out is no
/// version, and a weak one never matches: the comparison is the strong one.
fn list(text: &str, versions: &mut Vec<u64>) -> Option<usize> {
    let mut tags = 0;
    let mut rest = text;
    loop {
        // A list may have empty members (RFC 9110 section 5.6.1).
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return Some(tags);
        }
        let (weak, quoted) = rest.strip_prefix("W/").map_or((false, rest), |quoted| (true, quoted));
        let (tag, after) = quoted.strip_prefix('"')?.split_once('"')?;
        versions.extend(version(tag).filter(|_| !weak));
        tags += 1;
        rest = after.trim_start_matches([' ', '\t']);
        if !rest.is_empty() && !rest.starts_with(',') {
            return None;
        }
    }
}

/// The version whose tag this is, character by character: `"+2"` is not `"2"`.
fn version(tag: &str) -> Option<u64> {
    tag.parse().ok().filter(|version: &u64| version.to_string() == tag)
}
