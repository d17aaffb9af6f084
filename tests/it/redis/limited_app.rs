//! `Limited`: a handler behind limits, and what its callers were told.

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, request};
use axum::routing::any;
use portcullis::rate_limit::{Key, Usage};
use portcullis::testing::as_user;
use portcullis::{RateLimit, Tier, UserContext};
use serde_json::Value;

use crate::support::response::TestResponse;

/// A handler that answers with the status of the field `x-status`, 200 unless it is sent.
pub(super) struct Limited {
    pub(super) limit: RateLimit,
    apps: Vec<(Option<Tier>, Router)>,
}

/// What one answer told, and how long it took.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) status: u16,
    /// The last word of the problem's type; empty for an admission.
    pub(super) kind: String,
    pub(super) policies: Vec<String>,
    /// `X-RateLimit-Limit`, `-Remaining` and `-Reset`.
    pub(super) x: Option<[u64; 3]>,
    /// `RateLimit`, a line a limit: its name, what is left and when all is back.
    pub(super) standard: Vec<(String, u64, u64)>,
    /// `Retry-After`.
    pub(super) seconds: Option<u64>,
    /// The same before it was rounded.
    pub(super) wait: Option<Duration>,
    pub(super) time: Duration,
}

impl Limited {
    pub(super) fn new(limit: RateLimit) -> Self {
        Self::tiered(limit, &[])
    }

    /// A caller has the tier that the field `x-tier` names.
    pub(super) fn tiered(limit: RateLimit, tiers: &[Tier]) -> Self {
        let app = || Router::new().route("/", any(handler)).layer(limit.clone());
        let user = |tier: &Tier| as_user(UserContext::new("ann").with_tier(tier.clone()));
        let mut apps = vec![(None, app())];
        apps.extend(tiers.iter().map(|tier| (Some(tier.clone()), app().layer(user(tier)))));
        Self { limit, apps }
    }

    pub(super) fn app(&self, tier: Option<&str>) -> Router {
        let named = |known: &Option<Tier>| known.as_ref().map(Tier::name) == tier;
        self.apps.iter().find(|(known, _)| named(known)).expect("a tier of these").1.clone()
    }

    /// Sends fields, as in `x-user: ann, x-cost: 2`.
    pub(super) async fn ask(&self, fields: &str) -> Told {
        let fields: Vec<_> = fields.split(", ").filter_map(|field| field.split_once(": ")).collect();
        let tier = fields.iter().find(|(name, _)| *name == "x-tier").map(|(_, value)| *value);
        let request = fields.iter().fold(Request::get("/"), |request, (name, value)| request.header(*name, *value));
        let app = self.app(tier);
        let start = Instant::now();
        let answer = TestResponse::send(&app, request.body(Body::empty()).unwrap()).await;
        Told::of(&answer, start.elapsed())
    }

    /// The statuses of so many requests, one after the other.
    pub(super) async fn statuses(&self, fields: &str, count: usize) -> Vec<u16> {
        let mut statuses = Vec::new();
        for _ in 0..count {
            statuses.push(self.ask(fields).await.status);
        }
        statuses
    }

    /// What the subject of this name has used of each limit.
    pub(super) async fn used(&self, name: &str) -> Vec<u32> {
        let subject = portcullis::rate_limit::Subject::custom(name);
        self.limit.peek(&subject).await.unwrap().iter().map(Usage::used).collect()
    }
}

impl Told {
    fn of(answer: &TestResponse, time: Duration) -> Self {
        let number = |name: &str| answer.headers.get(name).map(|value| value.to_str().unwrap().parse().unwrap());
        let x = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"].map(number);
        let standard = answer.headers.get_all("ratelimit").iter().map(|value| standard(value.to_str().unwrap()));
        let problem: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let policies = problem["violated-policies"].as_array().into_iter().flatten();
        Self {
            status: answer.status.as_u16(),
            kind: problem["type"].as_str().unwrap_or_default().rsplit('#').next().unwrap_or_default().to_owned(),
            policies: policies.map(|name| name.as_str().unwrap().to_owned()).collect(),
            x: x[0].map(|_| x.map(Option::unwrap)),
            standard: standard.collect(),
            seconds: number("retry-after"),
            wait: answer.denial.as_ref().and_then(portcullis::gate::Denial::retry_after),
            time,
        }
    }

    /// The kind of a refusal, in one word: `never` for one that does not end.
    pub(super) fn word(&self) -> &str {
        match (self.status, self.kind.as_str(), self.seconds) {
            (429, "quota-exceeded", Some(_)) => "quota",
            (429, "quota-exceeded", None) => "never",
            (429, "abnormal-usage-detected", Some(_)) => "block",
            (503, "temporary-reduced-capacity", Some(_)) => "reduced",
            (429 | 503, ..) => "strange",
            _ => "ok",
        }
    }

    /// All but the times, which pass.
    pub(super) fn facts(&self) -> impl PartialEq + std::fmt::Debug {
        let x = self.x.map(|[limit, remaining, _]| (limit, remaining));
        let standard: Vec<_> = self.standard.iter().map(|(name, left, _)| (name.clone(), *left)).collect();
        (self.word().to_owned(), self.policies.clone(), x, standard)
    }

    /// As another store may tell it, which refuses what it knows to be refused without asking: of that limit alone, and
    /// of what is left no more than there is.
    pub(super) fn as_told_by(&self, other: &Self) -> Self {
        if self.status != 429 {
            return self.clone();
        }
        let left = |name: &str, left: u64| {
            let told = other.standard.iter().find(|(told, ..)| told == name)?;
            Some(told.1.min(left))
        };
        let standard = self.standard.iter();
        let standard = standard.filter_map(|(name, units, reset)| Some((name.clone(), left(name, *units)?, *reset)));
        let x = self.x.zip(other.x).map(|([limit, units, reset], [_, told, _])| [limit, units.min(told), reset]);
        Self { standard: standard.collect(), x, ..self.clone() }
    }

    pub(super) fn times(&self) -> Vec<u64> {
        let standard = self.standard.iter().map(|(.., reset)| *reset);
        self.seconds.into_iter().chain(self.x.map(|[.., reset]| reset)).chain(standard).collect()
    }
}

fn standard(item: &str) -> (String, u64, u64) {
    let (name, rest) = item.split_once(";r=").unwrap();
    let (left, reset) = rest.split_once(";t=").unwrap();
    (name.to_owned(), left.parse().unwrap(), reset.parse().unwrap())
}

async fn handler(headers: HeaderMap) -> StatusCode {
    number(&headers, "x-status").map_or(StatusCode::OK, |status| StatusCode::from_u16(status as u16).unwrap())
}

fn number(headers: &HeaderMap, name: &str) -> Option<u32> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

/// The subject that this field names.
pub(super) fn named(field: &'static str) -> Key {
    Key::custom(move |head| Some(head.headers.get(field)?.to_str().ok()?.to_owned()))
}

/// The units that the field `x-cost` says, one unless it is sent.
pub(super) fn cost(head: &request::Parts) -> u32 {
    number(&head.headers, "x-cost").unwrap_or(1)
}
