//! What can be wrong with one limit.

use std::borrow::Cow;

use crate::context::Tier;
use crate::error::{ConfigIssue, ConfigIssues, IssueKind};
use crate::rate_limit::key::Key;
use crate::rate_limit::limit::{Block, Cost, Limit, OutagePolicy};
use crate::rate_limit::quota::{Algorithm, LONGEST, MOST_EXACT, Quota};

/// A problem with this limit.
pub(super) fn problem(
    setting: &'static str,
    fault: IssueKind,
    reason: impl Into<Cow<'static, str>>,
    remedy: &'static str,
    limit: &Limit,
) -> ConfigIssue {
    ConfigIssue::new(setting, fault, reason, remedy).for_limit(&*limit.name)
}

pub(super) fn judge_limit(limit: &Limit, key: Option<&Key>, problems: &mut ConfigIssues) {
    let mut add =
        |setting, reason: String, remedy| problems.add(problem(setting, IssueKind::Invalid, reason, remedy, limit));
    if limit.name.is_empty() || !limit.name.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        add("limit", "a name is printable ASCII, and not empty (RFC 9651 3.3.3)".to_owned(), "give another name");
    }
    let quotas = limit.quotas.clone().ascending();
    let units = |(_, quota): &(Option<Tier>, Quota)| quota.units().get();
    let (Some((_, first)), Some(smallest)) = (quotas.first(), quotas.iter().map(units).min()) else {
        add("by_tier", "there is no tier".to_owned(), "give a quota for one tier at least");
        return;
    };
    if quotas.iter().any(|(_, quota)| quota.window() != first.window()) {
        add("by_tier", "the quotas differ in their windows".to_owned(), "use one window for all tiers");
    }
    if quotas.iter().any(|(_, quota)| quota.chosen_algorithm() != first.chosen_algorithm()) {
        add("by_tier", "the quotas differ in their algorithms".to_owned(), "count all tiers by one algorithm");
    }
    if quotas.windows(2).any(|pair| matches!(pair, [(Some(low), _), (Some(high), _)] if low == high)) {
        add("by_tier", "a tier stands twice".to_owned(), "give one quota a tier");
    }
    let is_exact = limit.quotas.algorithm() == Algorithm::SlidingLog;
    if is_exact && quotas.iter().any(|quota| units(quota) > MOST_EXACT) {
        add(
            "algorithm",
            format!("an exact log has {MOST_EXACT} units at most"),
            "use rate_limit::Algorithm::SlidingWindow",
        );
    }
    if let Cost::Fixed(cost) = limit.cost
        && cost > smallest
    {
        add("cost", format!("{cost} units never fit into a quota of {smallest}"), "lower the cost or raise the quota");
    }
    let routes = limit.applies.routes.as_deref();
    if routes.is_some_and(<[_]>::is_empty) {
        add("on_routes", "there is no route, and so nothing would be counted".to_owned(), "name one at least");
    }
    for route in routes.unwrap_or_default().iter().filter(|route| !is_route(route)) {
        add(
            "on_routes",
            format!("{route:?} is no route of axum 0.8"),
            "spell it as the router has it, as /reports/{id}",
        );
    }
    if let Some(before) = limit.key.as_ref().or(key).and_then(Key::hides_a_part) {
        add("key", format!("nothing behind {before} is ever looked at"), "put it last, or count by two limits");
    }
    if let Some(key) = limit.key.as_ref().or(key)
        && !(1..=128).contains(&key.ipv6_bits())
    {
        let reason = format!("an IPv6 address has no {} leading bits", key.ipv6_bits());
        add("ipv6_prefix", reason, "set it from 1 to 128, as 64");
    }
    if let Some(OutagePolicy::Local(share)) = limit.outage
        && !(share > 0.0 && share <= 1.0)
    {
        add("on_outage", format!("{share} is no share of the limit"), "give one above 0 and up to 1, as 0.25");
    }
    if let Some(Block { first, longest }) = limit.block {
        if first.is_zero() {
            add("block_for", "a block has no length".to_owned(), "set block_for, to more than zero");
        }
        if longest.is_some_and(|longest| longest < first) {
            add("escalate_to", "the longest block is shorter than the first".to_owned(), "set it to block_for or more");
        }
        if longest.unwrap_or(first) > LONGEST {
            add("block_for", "a block is longer than 366 days".to_owned(), "set a shorter one");
        }
    }
}

/// Whether axum's router could have it: segments that begin with a colon or a star are spelt as before axum 0.8.
pub(super) fn is_route(route: &str) -> bool {
    route.strip_prefix('/').is_some_and(|rest| !rest.split('/').any(|segment| segment.starts_with([':', '*'])))
}
