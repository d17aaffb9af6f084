//! `Rule`: one limit of a built layer, in the form that requests are checked against.

use std::time::Duration;

use http::{HeaderValue, request};

use crate::context::{RequestRoute, RoutePattern, Tier, UserContext};
use crate::rate_limit::key::Key;
use crate::rate_limit::limit::{Cost, FailureCondition, RequestFilter};
#[cfg(feature = "redis")]
use crate::rate_limit::subject::Subject;

/// One limit.
pub(super) struct Rule {
    pub(super) key: Key,
    /// The quota of each tier, the lowest tier first. The first also applies to subjects without a tier.
    pub(super) quotas: Box<[TierQuota]>,
    pub(super) cost: Cost,
    pub(super) filter: RequestFilter,
    pub(super) failure: Option<FailureCondition>,
    pub(super) by_route: bool,
    /// Whether the quota of a credential replaces those of the limit.
    pub(super) by_credential: bool,
    /// The window of all quotas.
    pub(super) window: Duration,
    pub(super) is_shadow: bool,
    /// Whether a success resets the count, instead of refunding its own units.
    pub(super) counts_in_a_row: bool,
    /// Whether blocks readmit a request at their end.
    pub(super) readmits: bool,
}

/// The quota of one tier, with its header values. They are rendered once, at startup.
pub(super) struct TierQuota {
    pub(super) tier: Option<Tier>,
    pub(super) limit: u32,
    /// The value of `X-RateLimit-Limit`.
    pub(super) limit_header: HeaderValue,
    /// The value of `RateLimit-Policy`.
    pub(super) policy_header: HeaderValue,
    /// The limit's name, as the header `RateLimit` spells it.
    pub(super) quoted_name: String,
}

impl Rule {
    /// Whether the quota depends on the user's tier.
    #[inline]
    pub(super) fn is_by_tier(&self) -> bool {
        self.quotas.len() > 1
    }

    /// Whether the quota depends on the user.
    #[inline]
    pub(super) fn depends_on_user(&self) -> bool {
        self.is_by_tier() || self.by_credential
    }

    /// Whether the limit applies to the request. `route` is `None` if no rule needs it.
    #[inline]
    pub(super) fn applies_to(&self, head: &request::Parts, route: Option<RequestRoute<'_>>) -> bool {
        let is_on_route = match (&self.filter.routes, route) {
            (Some(routes), Some(route)) => route.first_possible(routes).is_some(),
            (Some(_), None) => false,
            (None, _) => true,
        };
        is_on_route && self.filter.condition.as_ref().is_none_or(|condition| condition(head))
    }

    /// Whether the limit may apply to requests for this configured route.
    pub(super) fn may_apply_to_route(&self, route: &RoutePattern) -> bool {
        self.filter.routes.as_deref().is_none_or(|routes| routes.iter().any(|named| named.overlaps(route)))
    }

    /// Returns the route to count the request by: the matched one or, outside a router, the one that the limit names.
    ///
    /// All other requests are one route together: a caller may invent any number of paths.
    pub(super) fn route_to_count<'a>(&'a self, route: RequestRoute<'a>) -> &'a str {
        let named = || self.filter.routes.as_deref().and_then(|routes| route.first_possible(routes));
        route.matched().or_else(named).unwrap_or_default()
    }

    /// Returns the digest that stands for a subject in Redis: for an account, an HMAC of it.
    #[cfg(feature = "redis")]
    #[inline]
    pub(super) fn digest(&self, subject: &Subject<'_>) -> u128 {
        let hash = subject.digest(self.key.ipv6_prefix_bits(), self.by_route);
        #[cfg(feature = "login_protection")]
        if let Some(names) = self.key.account_names() {
            let tag = names.sign(&[&hash.to_be_bytes()]);
            return tag.iter().take(16).fold(0, |digest, byte| digest << 8 | u128::from(*byte));
        }
        hash
    }

    /// Whether the rule compares the route or counts by it.
    pub(super) fn needs_route(&self) -> bool {
        self.by_route || self.filter.routes.is_some()
    }

    /// Whether all requests that have not passed a router count as one route.
    pub(super) fn needs_match(&self) -> bool {
        self.by_route && self.filter.routes.is_none()
    }

    /// Returns the position and the limit of the quota of the user's highest tier; without one, of the first quota.
    #[inline]
    pub(super) fn quota_for<'a>(&self, user: impl FnOnce() -> Option<&'a UserContext>) -> (u8, u32) {
        let index = if self.is_by_tier() { self.highest_quota(user()) } else { 0 };
        (index as u8, self.quotas.get(index).map_or(1, |quota| quota.limit))
    }

    /// Returns the value of `RateLimit-Policy` for a number of units.
    ///
    /// The window is in whole seconds, and omitted if it is shorter than one (draft §3.1.2).
    pub(super) fn policy_header(quoted_name: &str, units: u32, window: Duration) -> HeaderValue {
        let window = match window.as_secs() {
            0 => String::new(),
            seconds => format!(";w={seconds}"),
        };
        // A name that is not a valid header value was reported as an issue.
        HeaderValue::try_from(format!("{quoted_name};q={units}{window}"))
            .unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// Returns the position of the quota of the highest tier that the user has; 0 if the user has none.
    fn highest_quota(&self, user: Option<&UserContext>) -> usize {
        let has_tier = |quota: &TierQuota| match (&quota.tier, user) {
            (Some(tier), Some(user)) => user.reaches(tier),
            _ => false,
        };
        self.quotas.iter().rposition(has_tier).unwrap_or(0)
    }
}
