//! `PendingLogin`: a login in progress, which the browser keeps in a cookie.

use axum::http::{HeaderMap, header::COOKIE};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// A login that a browser has started. Each has its own cookie, so that two tabs can log in at the
/// same time.
///
/// The prefix `__Host-` keeps other hosts of the domain from setting the cookie. The browser sends
/// it when the provider redirects the user back, so `SameSite` is `Lax` and not `Strict`.
#[derive(Serialize, Deserialize)]
pub(crate) struct PendingLogin {
    /// A random value in the URL of the callback, which names the cookie.
    #[serde(skip)]
    pub(crate) state: String,
    /// A random value in the ID token, so that no token of another login is accepted.
    pub(crate) nonce: String,
    /// The secret of PKCE (RFC 7636), without which a stolen code is worthless.
    pub(crate) verifier: String,
    /// The page to show after the login.
    pub(crate) return_path: String,
}

impl PendingLogin {
    /// Returns the value of `Set-Cookie`.
    pub(crate) fn cookie(&self) -> String {
        // The path may have characters that a cookie cannot contain.
        let value = URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).expect("strings are JSON"));
        format!("{}{}={value}; Max-Age={LIFETIME}; {ATTRIBUTES}", PREFIX, self.state)
    }

    /// Returns the login with this state that the browser has started.
    pub(crate) fn of_request(headers: &HeaderMap, state: &str) -> Option<Self> {
        let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut cookies = lines.flat_map(|line| line.split(';')).map(str::trim);
        let value = cookies.find_map(|cookie| {
            cookie.strip_prefix(PREFIX)?.strip_prefix(state)?.strip_prefix('=')
        })?;
        let pending: Self = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(value).ok()?).ok()?;
        Some(Self { state: state.to_owned(), ..pending })
    }

    /// Returns the value of `Set-Cookie` that clears the cookie.
    pub(crate) fn clear(state: &str) -> String {
        format!("{PREFIX}{state}=; Max-Age=0; {ATTRIBUTES}")
    }
}

const PREFIX: &str = "__Host-login-";
const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Lax";
/// In seconds: half an hour, because a user may have to find a password.
const LIFETIME: u32 = 1_800;
