//! How is a token kept in a browser? In a cookie that no script can read and no other site can use.

use axum::http::{HeaderMap, HeaderValue, header};

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

    /// Every session cookie of a request; more than one is an attack or an accident.
    pub fn values(self, headers: &HeaderMap) -> impl Iterator<Item = &str> {
        headers
            .get_all(header::COOKIE)
            .into_iter()
            // Byte by byte: other cookies may hold anything, and must not hide ours.
            .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
            .filter_map(move |pair| {
                pair.trim_ascii().strip_prefix(self.name().as_bytes())?.strip_prefix(b"=")
            })
            .map(readable)
    }
}

/// A token that is not even text was sent all the same; it becomes one that nobody can have been given.
pub fn readable(token: &[u8]) -> &str {
    std::str::from_utf8(token).unwrap_or("\u{fffd}")
}
