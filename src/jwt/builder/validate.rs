//! What can be wrong with the settings of a layer.

use std::time::Duration;

use crate::error::{ConfigIssue, ConfigIssues, IssueKind};
use crate::field::challenge::is_quotable;
use crate::field::cookie::is_cookie_name;
use crate::jwt::builder::JwtAuthBuilder;

impl JwtAuthBuilder {
    /// Notes what is wrong with the settings that are not one issuer's.
    pub(crate) fn judge_settings(&self, problems: &mut ConfigIssues) {
        if self.issuers.is_empty() {
            problems.add(ConfigIssue::new(
                "issuer",
                IssueKind::Missing,
                "no issuer is set",
                "call .issuer(..) with the issuer whose tokens to accept",
            ));
        }
        if self.leeway > MAX_LEEWAY {
            let reason = "more than five minutes (RFC 9068 §4: no more than a few)";
            problems.add(
                ConfigIssue::new(
                    "leeway",
                    IssueKind::Prohibited,
                    reason,
                    "set the clocks right and allow five minutes or less",
                )
                .with_value(format!("{} s", self.leeway.as_secs())),
            );
        }
        if self.max_token_len == 0 || self.max_token_len > MOST_TOKEN_LEN {
            problems.add(
                ConfigIssue::new(
                    "max token length",
                    IssueKind::Invalid,
                    "not within 1 and 65536 bytes",
                    "allow what your largest token has",
                )
                .with_value(self.max_token_len.to_string()),
            );
        }
        if self.token_cache_capacity > MOST_SEEN_TOKENS {
            let reason = "more than 1048576, whose places alone take a hundred megabytes";
            let remedy = "know as many again as are in use at a time, or none with 0";
            let problem = ConfigIssue::new("seen tokens", IssueKind::Invalid, reason, remedy);
            problems.add(problem.with_value(self.token_cache_capacity.to_string()));
        }
        if let Some(name) = self.cookie.as_deref().filter(|name| !is_cookie_name(name)) {
            let remedy = "use letters, digits, '-' and '_', best beginning with __Host-";
            problems.add(
                ConfigIssue::new("cookie", IssueKind::Invalid, "not a cookie name (RFC 6265 §4.1.1)", remedy)
                    .with_value(name),
            );
        }
        if let Some(realm) = self.realm.as_deref().filter(|realm| realm.is_empty() || !is_quotable(realm)) {
            let reason = "empty, or with a character that RFC 6750 §3 bars from a challenge";
            problems.add(
                ConfigIssue::new(
                    "realm",
                    IssueKind::Invalid,
                    reason,
                    "use printable ASCII without quotes or backslashes",
                )
                .with_value(realm),
            );
        }
        for audience in self.audiences.iter().chain(self.issuers.iter().flat_map(|issuer| &issuer.audiences)) {
            if audience.is_empty() || audience.trim() != audience {
                let reason = "is empty, or begins or ends with a blank";
                problems.add(
                    ConfigIssue::new("audience", IssueKind::Invalid, reason, "name this app as the issuer does")
                        .with_value(audience),
                );
            }
        }
        match (&self.tiers, &self.default_tier) {
            (Some(tiers), Some(tier)) => drop(problems.ok_or_add(tiers.get(tier.name()))),
            (None, Some(tier)) => problems.add(
                ConfigIssue::new(
                    "default tier",
                    IssueKind::Prohibited,
                    "no tiers are set",
                    "call .tiers(..) with the app's tiers",
                )
                .with_value(tier.name()),
            ),
            (_, None) => {}
        }
    }
}

const MAX_LEEWAY: Duration = Duration::from_secs(300);
const MOST_TOKEN_LEN: usize = 64 * 1024;
const MOST_SEEN_TOKENS: usize = 1 << 20;
