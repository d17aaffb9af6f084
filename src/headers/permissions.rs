//! `PermissionsPolicy`: the `Permissions-Policy` header (W3C Permissions Policy).

use std::collections::BTreeMap;

use crate::error::{ConfigIssue, ConfigIssues, IssueKind};
use crate::field::origin::Origin;
use crate::headers::owasp;

/// `Permissions-Policy` (W3C Permissions Policy §5): the browser features for a page and its frames.
///
/// A feature that the policy does not name keeps the browser's default: most features are allowed for the page's own
/// origin, and for a frame if its `allow` attribute grants them. A frame never gets a feature that the page does not
/// have. Each setter replaces earlier settings of the same feature.
///
/// ```
/// # use axum::{Router, body::Body, http::Request, routing::get};
/// use portcullis::SecurityHeaders;
/// use portcullis::headers::PermissionsPolicy;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
///
/// let permissions = PermissionsPolicy::new()
///     .deny(["camera"])
///     .allow_self(["geolocation"])
///     .allow("payment", ["https://pay.example.com"]);
/// let headers = SecurityHeaders::html()
///     .permissions_policy(permissions)
///     .build()?;
/// # let app: Router = Router::new().route("/", get(|| async {})).layer(headers);
/// # let request = Request::get("/").body(Body::empty())?;
/// # let response = tower::ServiceExt::oneshot(app, request).await?;
///
/// assert_eq!(
///     response.headers()["permissions-policy"],
///     "camera=(), geolocation=(self), \
///      payment=(self \"https://pay.example.com\")"
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct PermissionsPolicy(BTreeMap<String, Allowlist>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Allowlist {
    All,
    None,
    /// The page's own origin and these.
    SelfAnd(Vec<String>),
}

impl PermissionsPolicy {
    /// Creates a policy that names no feature. It is rejected as long as it is empty.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates the policy of [`SecurityHeaders::html`](crate::SecurityHeaders::html).
    ///
    /// Denies sensors, camera, microphone, location, payment and devices. Allow what your pages use:
    ///
    /// ```
    /// use portcullis::SecurityHeaders;
    /// use portcullis::headers::PermissionsPolicy;
    ///
    /// let permissions = PermissionsPolicy::html().allow_self(["geolocation"]);
    /// let headers = SecurityHeaders::html().permissions_policy(permissions);
    /// assert!(headers.build().is_ok());
    /// ```
    pub fn html() -> Self {
        Self::new().deny(HTML_DENIED)
    }

    /// Creates the policy that the OWASP Secure Headers Project recommends.
    pub fn owasp() -> Self {
        Self::new().deny(owasp::FEATURES_OFF).allow_self(["sync-xhr"])
    }

    /// Denies features for the page and all its frames.
    ///
    /// Names are those of the header, in lower case, such as `display-capture`. Browsers ignore names that they do not
    /// know, so a misspelled one denies nothing; only its syntax is checked.
    pub fn deny(mut self, features: impl IntoIterator<Item: Into<String>>) -> Self {
        self.0.extend(features.into_iter().map(|feature| (feature.into(), Allowlist::None)));
        self
    }

    /// Allows features only for the page's own origin: for the page, and for its frames of the same origin.
    pub fn allow_self(mut self, features: impl IntoIterator<Item: Into<String>>) -> Self {
        self.0.extend(features.into_iter().map(|feature| (feature.into(), Allowlist::SelfAnd(Vec::new()))));
        self
    }

    /// Allows features for every origin: a frame gets them if its `allow` attribute grants them.
    pub fn allow_all(mut self, features: impl IntoIterator<Item: Into<String>>) -> Self {
        self.0.extend(features.into_iter().map(|feature| (feature.into(), Allowlist::All)));
        self
    }

    /// Allows a feature for the page's own origin and for the given origins, written as browsers send them.
    ///
    /// The frame also needs the `allow` attribute: `<iframe src="https://pay.example.com" allow="payment">`.
    pub fn allow(mut self, feature: impl Into<String>, origins: impl IntoIterator<Item: Into<String>>) -> Self {
        self.0.insert(feature.into(), Allowlist::SelfAnd(origins.into_iter().map(Into::into).collect()));
        self
    }

    /// Adds an issue for each name and origin that is malformed, and for an empty policy.
    pub(super) fn validate(&self, issues: &mut ConfigIssues) {
        let mut add = |value: &str, reason, remedy| {
            issues.add(ConfigIssue::new("permissions_policy", IssueKind::Invalid, reason, remedy).with_value(value));
        };
        for (feature, allowlist) in &self.0 {
            if !is_feature(feature) {
                add(feature, "not a feature name", "write it in lower case, as in display-capture");
            }
            let Allowlist::SelfAnd(origins) = allowlist else { continue };
            for origin in origins {
                if let Err(error) = Origin::parse(origin) {
                    add(origin, error.reason(), error.remedy());
                }
            }
        }
        if self.0.is_empty() {
            let remedy = "deny a feature, or remove the policy with without(\"permissions-policy\")";
            let reason = "the policy names no feature";
            issues.add(ConfigIssue::new("permissions_policy", IssueKind::Missing, reason, remedy));
        }
    }

    /// Renders the policy as a dictionary (RFC 9651 §3.2).
    ///
    /// Written by hand because the validated names and origins need no escaping; a structured-field library would be a
    /// dependency of every build for these three formats.
    pub(super) fn text(&self) -> String {
        let features = self.0.iter().map(|(feature, allowlist)| match allowlist {
            Allowlist::All => format!("{feature}=*"),
            Allowlist::None => format!("{feature}=()"),
            Allowlist::SelfAnd(origins) => {
                let origins: String = origins.iter().map(|origin| format!(" \"{origin}\"")).collect();
                format!("{feature}=(self{origins})")
            }
        });
        features.collect::<Vec<_>>().join(", ")
    }
}

/// Whether the name has only characters that feature names use. A dictionary key may contain more (RFC 9651 §3.1.2).
fn is_feature(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// The features that reach the user's surroundings, devices or money. Sorted.
const HTML_DENIED: [&str; 14] = [
    "accelerometer",
    "bluetooth",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "hid",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "screen-wake-lock",
    "serial",
    "usb",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn issues(policy: &PermissionsPolicy) -> Vec<(IssueKind, Option<String>)> {
        let mut issues = ConfigIssues::default();
        policy.validate(&mut issues);
        let error = issues.into_result(|| ()).err();
        let issues = error.iter().flat_map(crate::ConfigError::issues);
        issues.map(|issue| (issue.kind(), issue.value().map(str::to_owned))).collect()
    }

    #[test]
    fn the_header_has_each_feature_and_the_last_setter_wins() {
        let policy = PermissionsPolicy::new()
            .deny(["usb", "camera"])
            .allow_self(["camera"])
            .allow("payment", ["https://pay.example.com", "https://b.example"])
            .allow_all(["fullscreen"]);
        assert_eq!(
            policy.text(),
            r#"camera=(self), fullscreen=*, payment=(self "https://pay.example.com" "https://b.example"), usb=()"#
        );
        assert_eq!(issues(&policy), []);
        assert_eq!(issues(&PermissionsPolicy::html()), []);
        assert_eq!(issues(&PermissionsPolicy::owasp()), []);
    }

    #[test]
    fn invalid_features_and_origins_are_reported() {
        for name in ["", "Camera", "camera=()", "1d", "a b", "a_b"] {
            assert_eq!(issues(&PermissionsPolicy::new().deny([name])), [(IssueKind::Invalid, Some(name.to_owned()))]);
        }
        for origin in ["self", "https://a.example/", "https://a.example\", *"] {
            let policy = PermissionsPolicy::new().allow("usb", [origin]);
            assert_eq!(issues(&policy), [(IssueKind::Invalid, Some(origin.to_owned()))]);
        }
    }

    #[test]
    fn an_empty_policy_is_rejected() {
        assert_eq!(issues(&PermissionsPolicy::new()), [(IssueKind::Missing, None)]);
    }
}
