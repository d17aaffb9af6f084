//! `HaveIBeenPwned`: the settings of the breach check.

use std::time::Duration;

use http::HeaderValue;

use crate::error::{ConfigIssue, ConfigIssues, IssueKind};
use crate::http_client::HttpClient;
use crate::http_client::client::SharedHttpClient;
use crate::http_client::default_client::default_client;
use crate::http_client::url::{is_fetchable, without_userinfo};
use crate::password::breach::range_client::RangeClient;

/// The check of new passwords by the range service of [Have I Been Pwned](https://haveibeenpwned.com/Passwords), or a
/// mirror of it.
///
/// Only the first five digits of the password's SHA-1 are sent (k-anonymity): each request fits about a thousand breached
/// passwords. The service pads its responses, so their length reveals nothing either. Redirects are not followed.
///
/// ```
/// use std::time::Duration;
/// use portcullis::password::HaveIBeenPwned;
///
/// let check = HaveIBeenPwned::new()
///     .user_agent("acme-accounts/2.1")
///     .timeout(Duration::from_millis(500));
/// ```
///
/// If the service does not respond in time, or with another status than 200, the password is accepted: an outage of a
/// third party must not stop the app's users.
#[derive(Clone, Debug)]
#[must_use]
pub struct HaveIBeenPwned {
    url: String,
    timeout: Duration,
    user_agent: String,
    client: Option<SharedHttpClient>,
}

impl HaveIBeenPwned {
    /// Creates a check with the defaults of each setting.
    pub fn new() -> Self {
        Self { url: URL.to_owned(), timeout: TIMEOUT, user_agent: USER_AGENT.to_owned(), client: None }
    }

    /// Sets the URL of the service, to which `/` and the five digits are appended (default
    /// `https://api.pwnedpasswords.com/range`).
    ///
    /// It must be https. A mirror must have the same responses.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = url.into();
        self
    }

    /// Sets the timeout of a request (default one second).
    ///
    /// The user waits that long for a new password to be accepted.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the `User-Agent` of the requests (default `portcullis/` and the version).
    ///
    /// Have I Been Pwned rejects requests without one, and asks for the name of the app.
    pub fn user_agent(mut self, name: impl Into<String>) -> Self {
        self.user_agent = name.into();
        self
    }

    /// Sets the HTTP client (default that of the feature `fetch`).
    pub fn http_client(mut self, client: impl HttpClient) -> Self {
        self.client = Some(SharedHttpClient::new(client));
        self
    }

    /// Validates the settings. Issues name the setting `breach_check`, which takes them.
    pub(crate) fn build(self, issues: &mut ConfigIssues) -> Option<RangeClient> {
        let url = self.url.trim_end_matches('/');
        if !is_fetchable(url, false) || url.contains('?') {
            let reason = "the URL is not https, or has a query or fragment";
            let issue = ConfigIssue::new("breach_check", IssueKind::Invalid, reason, "use an absolute https URL");
            issues.add(issue.with_value(without_userinfo(&self.url)));
        }
        issues.check_timeout("breach_check", self.timeout);
        let user_agent = HeaderValue::try_from(&self.user_agent).ok().filter(|name| !name.is_empty());
        if user_agent.is_none() {
            let remedy = "use the name of the app, for example acme-accounts/2.1";
            let reason = "the user agent is empty or not a header value";
            let issue = ConfigIssue::new("breach_check", IssueKind::Invalid, reason, remedy);
            issues.add(issue.with_value(self.user_agent));
        }
        let client = self.client.or_else(|| default_client("for the breach check", issues));
        Some(RangeClient::new(url.to_owned(), self.timeout, user_agent?, client?))
    }
}

impl Default for HaveIBeenPwned {
    fn default() -> Self {
        Self::new()
    }
}

const URL: &str = "https://api.pwnedpasswords.com/range";

/// A user waits for it, and the password is accepted after it.
const TIMEOUT: Duration = Duration::from_secs(1);

const USER_AGENT: &str = concat!("portcullis/", env!("CARGO_PKG_VERSION"));
