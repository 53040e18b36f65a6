//! Who may press a button? Whoever has the token that was printed at start, from a page of this show. Any
//! other page in the same browser can send requests to this machine too; it must not restart anything.

use std::net::SocketAddr;

use anyhow::Context;
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

/// The header that carries the token. A page of another origin cannot send it without being asked first
/// (CORS preflight), and nobody here answers such a question.
pub const TOKEN_HEADER: &str = "x-show-token";

/// What a request must bring along.
#[derive(Debug)]
pub struct Guard {
    token: String,
    hosts: Vec<String>,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It was meant for another host: a name that was made to point here (DNS rebinding).
    Host,
    /// It comes from another site's page.
    Origin,
    /// The token is missing or wrong.
    Token,
}

impl Guard {
    /// A guard of the page at this address, with a fresh token.
    ///
    /// # Errors
    /// If the system has no randomness.
    pub fn new(address: SocketAddr) -> anyhow::Result<Self> {
        let mut secret = [0; 18];
        getrandom::fill(&mut secret)
            .map_err(|error| anyhow::anyhow!("{error}"))
            .context("drawing a token")?;
        let port = address.port();
        let names = ["127.0.0.1", "localhost"];
        // A browser leaves out the port that http has anyway.
        let bare = names.iter().filter(|_| port == 80).map(|name| (*name).to_owned());
        let hosts = names.iter().map(|name| format!("{name}:{port}")).chain(bare).collect();
        Ok(Guard { token: URL_SAFE_NO_PAD.encode(secret), hosts })
    }

    /// The token, to be printed once.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Whether a request may look.
    ///
    /// # Errors
    /// Why not.
    pub fn may_look(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let host = text(headers, header::HOST.as_str());
        if !self.hosts.iter().any(|known| known == host) {
            return Err(Refused::Host);
        }
        let site = text(headers, "sec-fetch-site");
        let origin = text(headers, header::ORIGIN.as_str());
        let own = |origin: &str| origin.strip_prefix("http://") == Some(host);
        // Who typed the address comes from `none`; old browsers and curl say nothing of either.
        if !matches!(site, "" | "none" | "same-origin") || !(origin.is_empty() || own(origin)) {
            return Err(Refused::Origin);
        }
        Ok(())
    }

    /// Whether a request may press a button.
    ///
    /// # Errors
    /// Why not.
    pub fn may_press(&self, headers: &HeaderMap) -> Result<(), Refused> {
        self.may_look(headers)?;
        // All of it is looked at, however early it differs: how long that takes tells nothing.
        let same = text(headers, TOKEN_HEADER).as_bytes().ct_eq(self.token.as_bytes());
        if bool::from(same) { Ok(()) } else { Err(Refused::Token) }
    }
}

impl Refused {
    /// What is said to whoever asked.
    pub fn why(self) -> &'static str {
        match self {
            Refused::Host => "this page is served under 127.0.0.1 and localhost only",
            Refused::Origin => "another site's page may not do this",
            Refused::Token => {
                "the token is missing: open the address that `chaos show` has printed, all of it"
            }
        }
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        Guard::new(SocketAddr::from(([127, 0, 0, 1], 9000))).unwrap()
    }

    fn headers(given: &[(&'static str, &str)]) -> HeaderMap {
        given.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_own_page_with_its_token_may_press() {
        let guard = guard();
        let own = [
            ("host", "127.0.0.1:9000"),
            ("origin", "http://127.0.0.1:9000"),
            ("sec-fetch-site", "same-origin"),
            (TOKEN_HEADER, guard.token()),
        ];
        assert_eq!(guard.may_press(&headers(&own)), Ok(()));
        assert_eq!(guard.may_press(&headers(&own[..3])), Err(Refused::Token));
        let wrong = [own[0], (TOKEN_HEADER, "AAAAAAAAAAAAAAAAAAAAAAAA")];
        assert_eq!(guard.may_press(&headers(&wrong)), Err(Refused::Token));
    }

    #[test]
    fn another_sites_page_may_not_even_with_the_token_and_may_not_look() {
        let guard = guard();
        let token = (TOKEN_HEADER, guard.token());
        for (more, refused) in [
            (vec![("host", "evil.example:9000")], Refused::Host),
            (vec![("host", "127.0.0.1:9000"), ("origin", "http://evil.example")], Refused::Origin),
            (vec![("host", "127.0.0.1:9000"), ("origin", "null")], Refused::Origin),
            (vec![("host", "127.0.0.1:9000"), ("origin", "http://127.0.0.1:9001")], Refused::Origin),
            (vec![("host", "localhost:9000"), ("sec-fetch-site", "cross-site")], Refused::Origin),
            (vec![("host", "localhost:9000"), ("sec-fetch-site", "same-site")], Refused::Origin),
            (vec![], Refused::Host),
        ] {
            let given = headers(&[more, vec![token]].concat());
            assert_eq!(guard.may_press(&given), Err(refused), "{given:?}");
            assert_eq!(guard.may_look(&given), Err(refused), "{given:?}");
        }
    }
}
