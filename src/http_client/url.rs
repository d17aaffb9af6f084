//! Which URLs the crate sends requests to: https, and http on loopback for development.

#[cfg(any(feature = "introspection", feature = "jwt"))]
use crate::error::{ConfigIssue, ConfigIssues, IssueKind};
use crate::field::origin::Origin;

/// Whether a request may be sent to this URL: with https or, if `allow_http`, with http to loopback.
///
/// Over http, anyone on the network path could read what is sent and replace what is received.
pub(crate) fn is_fetchable(url: &str, allow_http: bool) -> bool {
    Origin::of_url(url).is_ok_and(|(origin, rest)| {
        let is_visible_ascii = rest.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        is_visible_ascii && (origin.is_https() || allow_http && origin.is_loopback())
    })
}

/// Validates a URL without the `forbidden` characters. Only the first issue is reported, as the others follow from it.
#[cfg(any(feature = "introspection", feature = "jwt"))]
pub(crate) fn validate_url(setting: &'static str, url: &str, forbidden: &[char], issues: &mut ConfigIssues) {
    match Origin::of_url(url) {
        Err(fault) => issues.add(url_issue(setting, url, fault.reason())),
        Ok(_) if url.contains(forbidden) => issues.add(url_issue(setting, url, "has a query or fragment")),
        Ok(_) if !is_fetchable(url, true) => issues.add(url_issue(setting, url, "is not https")),
        Ok(_) => {}
    }
}

/// An issue of a URL. Its user information, which may have a password, is not shown.
#[cfg(any(feature = "introspection", feature = "jwt"))]
pub(crate) fn url_issue(setting: &'static str, url: &str, reason: &'static str) -> ConfigIssue {
    let remedy = "use an absolute https URL, or for development an http URL on loopback";
    ConfigIssue::new(setting, IssueKind::Invalid, reason, remedy).with_value(without_userinfo(url))
}

/// Removes the part before an `@`, which may be a password.
pub(crate) fn without_userinfo(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    match rest.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://...@{host}"),
        None => url.to_owned(),
    }
}
