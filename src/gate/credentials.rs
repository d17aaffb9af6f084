//! `CredentialSources`: the places in a request where a gate reads its credential.

mod source;
mod table;

use http::{HeaderMap, HeaderName};

pub use source::CredentialSource;
pub(crate) use table::CredentialTable;

use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};
use crate::field::authorization::{WordError, word, word_after_scheme};
use crate::gate::denial::CredentialError;

/// The places in a request where a gate reads its credential.
///
/// A gate [reads](Self::read) its credential by them, and declares them to [`AnyOf`](crate::AnyOf) by
/// [`AuthGate::credentials`](crate::gate::AuthGate::credentials).
///
/// ```
/// use http::{HeaderMap, HeaderName};
/// use portcullis::gate::{CredentialError, CredentialSource, CredentialSources};
///
/// let keys = CredentialSources::new([
///     CredentialSource::header(HeaderName::from_static("x-api-key")),
///     CredentialSource::scheme("ApiKey"),
///     CredentialSource::bearer_with_prefix("acme_live_"),
/// ])?;
///
/// let mut headers = HeaderMap::new();
/// assert_eq!(keys.read(&mut headers), Ok(None));
/// headers.insert("authorization", "Bearer acme_live_4f0c".parse()?);
/// assert_eq!(keys.read(&mut headers), Ok(Some("acme_live_4f0c")));
/// headers.insert("x-api-key", "acme_live_93be".parse()?);
/// assert_eq!(keys.read(&mut headers), Err(CredentialError::Multiple));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct CredentialSources {
    sources: Vec<CredentialSource>,
    table: CredentialTable,
}

impl CredentialSources {
    /// Creates the sources of a gate.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if two sources read the same credential, if a prefix is empty or has a character that
    /// no token has, if the name of a scheme or cookie is not a token, or if a header is `Authorization` or `Cookie`.
    pub fn new(sources: impl IntoIterator<Item = CredentialSource>) -> Result<Self, ConfigError> {
        const SETTING: &str = "CredentialSources::new";
        let sources: Vec<_> = sources.into_iter().collect();
        let mut issues = ConfigIssues::default();
        sources.iter().filter_map(|source| source.issue(SETTING)).for_each(|issue| issues.add(issue));
        let (table, conflicts) = CredentialTable::new([&*sources]);
        for conflict in conflicts {
            let reason = "another source reads the same credential";
            let issue = ConfigIssue::new(SETTING, IssueKind::Duplicate, reason, "remove one of them");
            issues.add(issue.with_value(conflict.source.to_string()));
        }
        issues.into_result(|| Self { sources, table })
    }

    /// Creates the sources of a gate whose credential is in no header, for example a client certificate.
    #[must_use]
    pub fn none() -> Self {
        Self::of_valid(Vec::new())
    }

    /// Creates the sources of a gate that has validated them.
    pub(crate) fn of_valid(sources: Vec<CredentialSource>) -> Self {
        let (table, _) = CredentialTable::new([&*sources]);
        Self { sources, table }
    }

    /// Returns the sources.
    pub(crate) fn as_slice(&self) -> &[CredentialSource] {
        &self.sources
    }

    /// Returns the names of the headers, besides `Authorization` and `Cookie`, for
    /// [`Gate::credential_headers`](crate::gate::Gate::credential_headers).
    #[must_use]
    pub fn headers(&self) -> Vec<HeaderName> {
        self.sources.iter().filter_map(CredentialSource::header_name).collect()
    }

    /// Returns the credential of a request: the text after the scheme, or the value of the header or cookie. `None` if
    /// there is none.
    ///
    /// An `Authorization` header with another scheme, or after `Bearer` with a text of another form, is no credential.
    ///
    /// Marks the headers with credentials as [sensitive](http::HeaderValue::set_sensitive), so that their `Debug` does
    /// not show them: `Authorization` whatever its scheme, the headers among the sources, and `Cookie` if a source is
    /// a cookie.
    ///
    /// # Errors
    ///
    /// Returns [`CredentialError`] if the request has several credentials, even if this gate reads only one of them, or
    /// if the credential is not one word of visible ASCII. The gate rejects the request with
    /// [`DenialKind::InvalidRequest`](crate::gate::DenialKind::InvalidRequest).
    pub fn read<'a>(&self, headers: &'a mut HeaderMap) -> Result<Option<&'a str>, CredentialError> {
        let explicit = self.table.find_explicit(headers)?;
        let headers = &*headers;
        let cookie = self.table.find_cookie(headers)?;
        let Some(explicit) = explicit else { return Ok(cookie) };
        if cookie.is_some() {
            return Err(CredentialError::Multiple);
        }
        let text = match explicit.header {
            Some(name) => headers.get(name).map(|value| word(value.as_bytes())),
            None => headers.get(http::header::AUTHORIZATION).map(|value| word_after_scheme(value.as_bytes())),
        };
        text.transpose().map_err(|error| match error {
            WordError::List => CredentialError::Multiple,
            WordError::Malformed => CredentialError::Malformed,
        })
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn sources() -> CredentialSources {
        let header = CredentialSource::header(HeaderName::from_static("x-api-key"));
        let cookies = [CredentialSource::cookie("key"), CredentialSource::cookie("old_key")];
        let schemes = [CredentialSource::scheme("ApiKey"), CredentialSource::bearer_with_prefix("live_")];
        CredentialSources::new([header].into_iter().chain(cookies).chain(schemes)).unwrap()
    }

    #[test]
    fn a_request_has_one_credential_or_none() {
        for (lines, read) in [
            (&[][..], Ok(None)),
            (&[("x-api-key", "k1")], Ok(Some("k1"))),
            (&[("authorization", "apikey k1")], Ok(Some("k1"))),
            (&[("authorization", "Bearer live_1")], Ok(Some("live_1"))),
            (&[("authorization", "Bearer a.b.c")], Ok(None)),
            (&[("authorization", "Basic YTpi"), ("cookie", "key=k1")], Ok(Some("k1"))),
            (&[("cookie", "key=; old_key=k2")], Ok(Some("k2"))),
            (&[("cookie", "key=k1; old_key=k2")], Err(CredentialError::Multiple)),
            (&[("x-api-key", "k1"), ("cookie", "key=k1")], Err(CredentialError::Multiple)),
            (&[("x-api-key", "k1"), ("authorization", "Basic YTpi")], Err(CredentialError::Multiple)),
            (&[("x-api-key", "k1, k2")], Err(CredentialError::Multiple)),
            (&[("x-api-key", "k1 k2")], Err(CredentialError::Malformed)),
            (&[("x-api-key", "")], Err(CredentialError::Malformed)),
            (&[("authorization", "ApiKey")], Err(CredentialError::Malformed)),
            (&[("authorization", "Bearer live_1, Bearer live_2")], Err(CredentialError::Multiple)),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in lines.iter().copied() {
                headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            assert_eq!(sources().read(&mut headers), read, "{lines:?}");
        }
    }

    #[test]
    fn all_mistakes_in_sources_are_reported_at_once() {
        let error = CredentialSources::new([
            CredentialSource::scheme("Api Key"),
            CredentialSource::bearer_with_prefix(""),
            CredentialSource::bearer_with_prefix("a,b"),
            CredentialSource::header(http::header::AUTHORIZATION),
            CredentialSource::header(http::header::COOKIE),
            CredentialSource::cookie("a b"),
            CredentialSource::cookie("session"),
            CredentialSource::cookie("session"),
        ]);
        let error = error.unwrap_err();
        let values: Vec<_> = error.issues().iter().filter_map(ConfigIssue::value).collect();
        let invalid = ["Api Key", "Bearer ...", "Bearer a,b...", "header authorization", "header cookie", "cookie a b"];
        assert_eq!(values[..6], invalid);
        assert_eq!(error.issues()[1].reason(), "the prefix is empty");
        // The empty prefix is also the beginning of the other one.
        assert_eq!(values[6..], ["Bearer a,b...", "cookie session"]);
        assert!(error.issues().iter().all(|issue| issue.setting() == "CredentialSources::new"));
    }
}
