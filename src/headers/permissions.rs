//! `PermissionsPolicy`: which of a browser's powers a page has (W3C Permissions Policy).

use std::collections::BTreeMap;

use crate::error::{ConfigIssue, ConfigIssues, IssueKind};
use crate::field::origin::Origin;
use crate::headers::owasp;

/// Which of a browser's powers a page and its frames have (W3C Permissions Policy §5).
///
/// ```
/// use portcullis::headers::{PermissionsPolicy, SecurityHeaders};
///
/// let permissions = PermissionsPolicy::new()
///     .deny(["camera", "microphone"])
///     .allow_self(["geolocation"])
///     .allow("payment", ["https://pay.example.com"]);
/// let headers = SecurityHeaders::html().permissions_policy(permissions).build()?;
/// # let _ = headers;
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct PermissionsPolicy(BTreeMap<String, Allowed>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Allowed {
    Everybody,
    Nobody,
    Own(Vec<String>),
}

impl PermissionsPolicy {
    /// A policy that says nothing yet: each power is as the browser has it.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the preset for pages switches off: sensors, camera, microphone, location, payment and devices.
    pub fn html() -> Self {
        Self::new().deny(OFF)
    }

    /// The policy that the OWASP Secure Headers Project proposes.
    pub fn owasp() -> Self {
        Self::new().deny(owasp::FEATURES_OFF).allow_self(["sync-xhr"])
    }

    /// Takes these powers from the page and all its frames.
    pub fn deny(mut self, features: impl IntoIterator<Item: Into<String>>) -> Self {
        self.0.extend(features.into_iter().map(|feature| (feature.into(), Allowed::Nobody)));
        self
    }

    /// Leaves these powers to pages of the own origin alone.
    pub fn allow_self(mut self, features: impl IntoIterator<Item: Into<String>>) -> Self {
        self.0.extend(features.into_iter().map(|feature| (feature.into(), Allowed::Own(Vec::new()))));
        self
    }

    /// Leaves these powers to everybody's pages.
    pub fn allow_all(mut self, features: impl IntoIterator<Item: Into<String>>) -> Self {
        self.0.extend(features.into_iter().map(|feature| (feature.into(), Allowed::Everybody)));
        self
    }

    /// Leaves a power to the own origin and to these.
    pub fn allow(mut self, feature: impl Into<String>, origins: impl IntoIterator<Item: Into<String>>) -> Self {
        self.0.insert(feature.into(), Allowed::Own(origins.into_iter().map(Into::into).collect()));
        self
    }

    pub(super) fn judge(&self, problems: &mut ConfigIssues) {
        let mut add = |value: &str, reason, remedy| {
            problems.add(ConfigIssue::new("permissions_policy", IssueKind::Invalid, reason, remedy).with_value(value));
        };
        for (feature, allowed) in &self.0 {
            if !is_feature(feature) {
                add(feature, "not the name of a feature", "write it in lower case, as display-capture");
            }
            let Allowed::Own(origins) = allowed else { continue };
            for origin in origins {
                if let Err(fault) = Origin::parse(origin) {
                    add(origin, fault.reason(), fault.remedy());
                }
            }
        }
        if self.0.is_empty() {
            let remedy = "deny a feature, or leave the policy out by without(\"permissions-policy\")";
            problems.add(ConfigIssue::new("permissions_policy", IssueKind::Missing, "the policy says nothing", remedy));
        }
    }

    /// A dictionary of structured fields (RFC 9651 §3.2).
    pub(super) fn text(&self) -> String {
        let features = self.0.iter().map(|(feature, allowed)| match allowed {
            Allowed::Everybody => format!("{feature}=*"),
            Allowed::Nobody => format!("{feature}=()"),
            Allowed::Own(origins) => {
                let origins: String = origins.iter().map(|origin| format!(" \"{origin}\"")).collect();
                format!("{feature}=(self{origins})")
            }
        });
        features.collect::<Vec<_>>().join(", ")
    }
}

/// A key of structured fields that features use.
fn is_feature(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

const OFF: [&str; 14] = [
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

    fn faults(policy: &PermissionsPolicy) -> Vec<(IssueKind, Option<String>)> {
        let mut problems = ConfigIssues::default();
        policy.judge(&mut problems);
        let error = problems.into_result(|| ()).err();
        let found = error.iter().flat_map(crate::ConfigError::issues);
        found.map(|problem| (problem.kind(), problem.value().map(str::to_owned))).collect()
    }

    #[test]
    fn it_says_what_was_set_and_the_last_word_counts() {
        let policy = PermissionsPolicy::new()
            .deny(["usb", "camera"])
            .allow_self(["camera"])
            .allow("payment", ["https://pay.example.com", "https://b.example"])
            .allow_all(["fullscreen"]);
        assert_eq!(
            policy.text(),
            r#"camera=(self), fullscreen=*, payment=(self "https://pay.example.com" "https://b.example"), usb=()"#
        );
        assert_eq!(faults(&policy), []);
        assert_eq!(faults(&PermissionsPolicy::html()), []);
        assert_eq!(faults(&PermissionsPolicy::owasp()), []);
    }

    #[test]
    fn what_is_no_feature_and_no_origin_is_named() {
        for name in ["", "Camera", "camera=()", "1d", "a b", "a_b"] {
            assert_eq!(faults(&PermissionsPolicy::new().deny([name])), [(IssueKind::Invalid, Some(name.to_owned()))]);
        }
        for origin in ["self", "https://a.example/", "https://a.example\", *"] {
            let policy = PermissionsPolicy::new().allow("usb", [origin]);
            assert_eq!(faults(&policy), [(IssueKind::Invalid, Some(origin.to_owned()))]);
        }
    }

    #[test]
    fn a_policy_that_says_nothing_is_refused() {
        assert_eq!(faults(&PermissionsPolicy::new()), [(IssueKind::Missing, None)]);
    }
}
