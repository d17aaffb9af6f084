//! `LimitedApp`: a handler behind rate limits, and `LimitedResponse`: a response with its rate-limit headers.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, request};
use axum::routing::any;
use portcullis::rate_limit::{Key, Limit, LimitUsage, Subject};
use portcullis::testing::as_user;
use portcullis::{Quota, RateLimit, Tier, UserContext};
use serde_json::Value;
use tokio::time::Instant;

use crate::support::response::TestResponse;

/// An app whose handler responds with the status of the header `x-status` (default 200).
pub(crate) struct LimitedApp {
    pub(crate) limit: RateLimit,
    routers: Vec<(Option<Tier>, Router)>,
}

#[derive(Clone, Debug)]
pub(crate) struct LimitedResponse {
    pub(crate) status: u16,
    /// The fragment of the problem type; empty if the request was admitted.
    problem_type: String,
    violated_policies: Vec<String>,
    /// `X-RateLimit-Limit`, `-Remaining` and `-Reset`.
    legacy_headers: Option<[u64; 3]>,
    /// `RateLimit`: the name of each limit, its remaining units and the seconds until its reset.
    draft_headers: Vec<(String, u64, u64)>,
    /// `Retry-After`.
    pub(crate) retry_after: Option<u64>,
    /// How long the caller waited, in the time of the Tokio runtime. Use it only while that time is paused.
    pub(crate) waited: Duration,
}

impl LimitedApp {
    pub(crate) fn new(limit: RateLimit) -> Self {
        Self::with_tiers(limit, &[])
    }

    /// The header `x-tier` selects the tier of the user.
    pub(crate) fn with_tiers(limit: RateLimit, tiers: &[Tier]) -> Self {
        let router = Router::new().route("/", any(handler)).layer(limit.clone());
        let as_user_of = |tier: &Tier| as_user(UserContext::new("ann").with_tier(tier.clone()));
        let with_tier = tiers.iter().map(|tier| (Some(tier.clone()), router.clone().layer(as_user_of(tier))));
        let routers = [(None, router.clone())].into_iter().chain(with_tier).collect();
        Self { limit, routers }
    }

    pub(crate) fn router(&self, tier: Option<&str>) -> Router {
        let has_name = |known: &Option<Tier>| known.as_ref().map(Tier::name) == tier;
        self.routers.iter().find(|(known, _)| has_name(known)).expect("a tier of this app").1.clone()
    }

    /// Sends a request with headers in the form `x-user: ann, x-cost: 2`.
    pub(crate) async fn send(&self, headers: &str) -> LimitedResponse {
        let headers: Vec<_> = headers.split(", ").filter_map(|header| header.split_once(": ")).collect();
        let tier = headers.iter().find(|(name, _)| *name == "x-tier").map(|(_, value)| *value);
        let mut request = Request::get("/");
        for (name, value) in &headers {
            request = request.header(*name, *value);
        }
        let start = Instant::now();
        let response = TestResponse::send(&self.router(tier), request.body(Body::empty()).unwrap()).await;
        LimitedResponse::new(&response, start.elapsed())
    }

    /// Sends this many requests, one after another, and returns their statuses.
    pub(crate) async fn statuses(&self, headers: &str, count: usize) -> Vec<u16> {
        let mut statuses = Vec::new();
        for _ in 0..count {
            statuses.push(self.send(headers).await.status);
        }
        statuses
    }

    /// Returns the used units of each limit.
    pub(crate) async fn used(&self, name: &str) -> Vec<u32> {
        self.limit.peek(&Subject::custom(name)).await.unwrap().iter().map(LimitUsage::used).collect()
    }
}

impl LimitedResponse {
    fn new(response: &TestResponse, waited: Duration) -> Self {
        let number = |name: &str| response.headers.get(name).map(|value| value.to_str().unwrap().parse().unwrap());
        let legacy = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"].map(number);
        let draft = response.headers.get_all("ratelimit").iter().map(|value| parse_draft(value.to_str().unwrap()));
        let problem: Value = serde_json::from_str(&response.body).unwrap_or_default();
        let policies = problem["violated-policies"].as_array().into_iter().flatten();
        let problem_type = problem["type"].as_str().unwrap_or_default();
        Self {
            status: response.status.as_u16(),
            problem_type: problem_type.rsplit('#').next().unwrap_or_default().to_owned(),
            violated_policies: policies.map(|name| name.as_str().unwrap().to_owned()).collect(),
            legacy_headers: legacy[0].map(|_| legacy.map(Option::unwrap)),
            draft_headers: draft.collect(),
            retry_after: number("retry-after"),
            waited,
        }
    }

    /// The outcome in one word. `never` means that the cost exceeds the whole limit, `reduced` that Redis is
    /// unavailable.
    pub(crate) fn outcome(&self) -> &str {
        match (self.status, self.problem_type.as_str(), self.retry_after) {
            (429, "quota-exceeded", Some(_)) => "quota",
            (429, "quota-exceeded", None) => "never",
            (429, "abnormal-usage-detected", Some(_)) => "block",
            (503, "temporary-reduced-capacity", Some(_)) => "reduced",
            (429 | 503, ..) => "unexpected",
            _ => "ok",
        }
    }

    /// Everything except the times.
    pub(crate) fn without_times(&self) -> impl PartialEq + std::fmt::Debug {
        let legacy = self.legacy_headers.map(|[limit, remaining, _]| (limit, remaining));
        let draft: Vec<_> = self.draft_headers.iter().map(|(name, remaining, _)| (name.clone(), *remaining)).collect();
        (self.outcome().to_owned(), self.violated_policies.clone(), legacy, draft)
    }

    /// This response of the in-memory store as the Redis store may send it.
    ///
    /// If the Redis store rejects by a cached denial, it reports only the limit of that denial, with nothing remaining.
    pub(crate) fn as_cached_denial(&self, other: &Self) -> Self {
        if self.status != 429 {
            return self.clone();
        }
        let reported = |name: &str| other.draft_headers.iter().find(|(reported, ..)| reported == name);
        let draft = self.draft_headers.iter().filter_map(|(name, remaining, reset)| {
            let (_, reported, _) = reported(name)?;
            Some((name.clone(), *reported.min(remaining), *reset))
        });
        let legacy = self.legacy_headers.zip(other.legacy_headers);
        let legacy =
            legacy.map(|([limit, remaining, reset], [_, reported, _])| [limit, remaining.min(reported), reset]);
        Self { draft_headers: draft.collect(), legacy_headers: legacy, ..self.clone() }
    }

    /// `Retry-After` and the resets, in seconds.
    pub(crate) fn times(&self) -> Vec<u64> {
        let legacy_reset = self.legacy_headers.map(|[.., reset]| reset);
        let draft_resets = self.draft_headers.iter().map(|(.., reset)| *reset);
        self.retry_after.into_iter().chain(legacy_reset).chain(draft_resets).collect()
    }
}

/// Parses an item such as `"name";r=1;t=60`.
fn parse_draft(item: &str) -> (String, u64, u64) {
    let (name, rest) = item.split_once(";r=").unwrap();
    let (remaining, reset) = rest.split_once(";t=").unwrap();
    (name.to_owned(), remaining.parse().unwrap(), reset.parse().unwrap())
}

async fn handler(headers: HeaderMap) -> StatusCode {
    number(&headers, "x-status").map_or(StatusCode::OK, |status| StatusCode::from_u16(status as u16).unwrap())
}

fn number(headers: &HeaderMap, name: &str) -> Option<u32> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

/// A limit of this many units an hour.
pub(crate) fn hourly(name: &'static str, units: u32) -> Limit {
    Limit::new(name, Quota::per_hour(units).unwrap())
}

/// A key whose subject is the value of this header.
pub(crate) fn by_header(name: &'static str) -> Key {
    Key::custom(move |head| Some(head.headers.get(name)?.to_str().ok()?.to_owned()))
}

/// The cost given in the header `x-cost` (default 1).
pub(crate) fn cost(head: &request::Parts) -> u32 {
    number(&head.headers, "x-cost").unwrap_or(1)
}
