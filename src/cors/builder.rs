//! `CorsBuilder`: what the user says, and every problem with it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::{HeaderName, HeaderValue, Method};

use crate::context::OriginSet;
use crate::cors::gate::Cors;
use crate::cors::names::{self, Names};
use crate::cors::policy::{self, Methods, Origins, Policy, RequestHeaders};
use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};

/// Configures a [`Cors`]. Each setter replaces what was set before.
#[derive(Clone, Debug)]
#[must_use]
pub struct CorsBuilder {
    origins: Asked,
    has_credentials: bool,
    lets_plain_in: bool,
    methods: Vec<String>,
    has_any_method: bool,
    request_headers: Vec<String>,
    has_any_request_header: bool,
    exposed: Vec<String>,
    max_age: Duration,
    is_debug: bool,
}

#[derive(Clone, Debug)]
enum Asked {
    Any,
    Nothing,
    Of(OriginSet),
}

impl Default for CorsBuilder {
    fn default() -> Self {
        Self {
            origins: Asked::Nothing,
            has_credentials: false,
            lets_plain_in: false,
            methods: Vec::new(),
            has_any_method: false,
            request_headers: REQUEST_HEADERS.map(str::to_owned).into(),
            has_any_request_header: false,
            exposed: Vec::new(),
            max_age: MAX_AGE,
            is_debug: false,
        }
    }
}

impl CorsBuilder {
    /// Sets the origins whose pages may read the answers. Required, or [`any_origin`](Self::any_origin).
    pub fn origins(mut self, origins: OriginSet) -> Self {
        self.origins = Asked::Of(origins);
        self
    }

    /// Lets the pages of every origin read the answers, without credentials: for what is public anyway.
    pub fn any_origin(mut self) -> Self {
        self.origins = Asked::Any;
        self
    }

    /// Lets pages send credentials that the browser keeps: cookies, HTTP authentication, client certificates. A bearer
    /// token that a page sets itself is none of them.
    pub fn allow_credentials(mut self) -> Self {
        self.has_credentials = true;
        self
    }

    /// Sets the methods that pages may use, beside GET, HEAD and POST, which need no leave.
    pub fn allow_methods(mut self, methods: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.methods = methods.into_iter().map(|method| method.as_ref().to_owned()).collect();
        self.has_any_method = false;
        self
    }

    /// Lets pages use any method.
    pub fn any_method(mut self) -> Self {
        self.has_any_method = true;
        self
    }

    /// Sets the header fields that pages may send: `Authorization` and `Content-Type` unless set.
    pub fn allow_headers(mut self, names: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.request_headers = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
        self.has_any_request_header = false;
        self
    }

    /// Lets pages send any header field.
    pub fn any_header(mut self) -> Self {
        self.has_any_request_header = true;
        self
    }

    /// Sets the header fields of an answer that pages may read, beside those every page may read (Fetch,
    /// "CORS-safelisted response-header name") and those that tell why a request was refused: `Retry-After`,
    /// `WWW-Authenticate`, the fields of a rate limit, and the status of a gRPC call.
    pub fn expose_headers(mut self, names: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.exposed = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
        self
    }

    /// Sets for how long a browser may keep the answer to a preflight, in whole seconds up to 24 hours: ten minutes unless
    /// set. Browsers keep it no longer than they like, Chromium two hours.
    pub fn max_age(mut self, time: Duration) -> Self {
        self.max_age = time;
        self
    }

    /// Says in the log, at `info`, at which step a preflight failed: origin, method or headers.
    pub fn debug(mut self) -> Self {
        self.is_debug = true;
        self
    }

    /// Lets origins be trusted with credentials that are reached over plain `http` and are not loopback: whoever sits on
    /// the way can be such a page.
    pub fn dangerously_allow_http_with_credentials(mut self) -> Self {
        self.lets_plain_in = true;
        self
    }

    /// Builds the layer.
    ///
    /// # Errors
    ///
    /// Names every setting that is missing or that no browser would heed or ought to.
    pub fn build(self) -> Result<Cors, ConfigError> {
        self.policy().map(|policy| Cors(Arc::new(ArcSwap::from_pointee(policy))))
    }

    pub(super) fn policy(self) -> Result<Policy, ConfigError> {
        let mut problems = ConfigIssues::default();
        let origins = self.judged_origins(&mut problems);
        let methods = judged_methods(&self.methods, &mut problems);
        let request_headers = judged_request_headers(&self.request_headers, &mut problems);
        let exposed = self.judged_exposed(&mut problems);
        if self.max_age > LONGEST_AGE || self.max_age.subsec_nanos() > 0 {
            let reason = "not a number of whole seconds from 0 to 86400";
            let problem = ConfigIssue::new("max_age", IssueKind::Invalid, reason, "give ten minutes, or two hours");
            problems.add(problem.with_value(format!("{:?}", self.max_age)));
        }
        problems.into_result(|| Policy {
            origins,
            has_credentials: self.has_credentials,
            methods: if self.has_any_method { Methods::Any } else { Methods::Of(methods.into()) },
            request_headers: match self.has_any_request_header {
                true => RequestHeaders::Any,
                false => RequestHeaders::Of(request_headers),
            },
            exposed,
            max_age: HeaderValue::from(self.max_age.as_secs()),
            is_debug: self.is_debug,
        })
    }

    fn judged_origins(&self, problems: &mut ConfigIssues) -> Origins {
        let set = match &self.origins {
            Asked::Of(set) => set,
            Asked::Nothing => {
                let remedy = "set .origins(OriginSet::new([\"https://app.example.com\"])?)";
                problems.add(ConfigIssue::new("origins", IssueKind::Missing, "not set", remedy));
                return Origins::Any;
            }
            Asked::Any => {
                if self.has_credentials {
                    let reason = "any origin with credentials would let every page act as its visitor";
                    problems.add(ConfigIssue::new("any_origin", IssueKind::Prohibited, reason, "name the origins"));
                }
                return Origins::Any;
            }
        };
        if self.has_credentials && !self.lets_plain_in {
            for origin in set.unencrypted() {
                let reason = "credentials for a page that came over plain http are anybody's on its way";
                let remedy = "use https, or say dangerously_allow_http_with_credentials";
                problems.add(
                    ConfigIssue::new("allow_credentials", IssueKind::Prohibited, reason, remedy).with_value(origin),
                );
            }
        }
        Origins::Of(set.clone())
    }

    /// What pages may read. A star would be a name like any other where credentials are sent (Fetch 3.3.3).
    fn judged_exposed(&self, problems: &mut ConfigIssues) -> Option<HeaderValue> {
        let mut names = BTreeSet::from(EXPOSED.map(str::to_owned));
        for name in &self.exposed {
            let lower = name.to_ascii_lowercase();
            let fault = if name == "*" {
                self.has_credentials
                    .then_some((IssueKind::Prohibited, "a star exposes nothing where credentials are sent"))
            } else if matches!(lower.as_str(), "set-cookie" | "set-cookie2") {
                Some((IssueKind::Prohibited, "no page may ever read cookies being set"))
            } else if HeaderName::from_bytes(name.as_bytes()).is_err() {
                Some((IssueKind::Invalid, "not the name of a header field"))
            } else {
                None
            };
            match fault {
                Some((fault, reason)) => {
                    problems
                        .add(ConfigIssue::new("expose_headers", fault, reason, "name other fields").with_value(name));
                }
                None => drop(names.insert(lower)),
            }
        }
        HeaderValue::try_from(names.into_iter().collect::<Vec<_>>().join(",")).ok()
    }
}

fn judged_methods(names: &[String], problems: &mut ConfigIssues) -> Vec<Method> {
    let mut methods = Vec::new();
    for name in names {
        let upper = name.to_ascii_uppercase();
        let fault = match Method::from_bytes(name.as_bytes()) {
            Ok(method) if method.as_str() == "*" => {
                Some((IssueKind::Invalid, "a star is no method", "say any_method()"))
            }
            Err(_) => Some((IssueKind::Invalid, "not a method", "give a token, as PATCH")),
            Ok(method) if policy::is_forbidden(method.as_str().as_bytes()) => {
                Some((IssueKind::Prohibited, "no browser lets a page use it", "leave it out"))
            }
            // Browsers put GET, HEAD, POST, PUT, DELETE and OPTIONS into upper case by themselves, and no other.
            Ok(_) if *name != upper && KNOWN.contains(&upper.as_str()) => {
                Some((IssueKind::Invalid, "methods are compared byte for byte", "write it in upper case"))
            }
            Ok(method) => {
                methods.push(method);
                None
            }
        };
        if let Some((fault, reason, remedy)) = fault {
            problems.add(ConfigIssue::new("allow_methods", fault, reason, remedy).with_value(name));
        }
    }
    methods
}

fn judged_request_headers(asked: &[String], problems: &mut ConfigIssues) -> Names {
    let mut judged = Vec::new();
    for name in asked {
        let lower = name.to_ascii_lowercase();
        let fault = if name == "*" {
            Some((IssueKind::Invalid, "a star is no name", "say any_request_header()"))
        } else if HeaderName::from_bytes(name.as_bytes()).is_err() {
            Some((IssueKind::Invalid, "not the name of a header field", "give a token, as X-Request-Id"))
        } else if names::is_forbidden(&lower) {
            Some((IssueKind::Prohibited, "no browser lets a page set it", "leave it out"))
        } else if names::is_of_responses(&lower) {
            Some((IssueKind::Prohibited, "only answers have it", "leave it out, or give it to expose()"))
        } else {
            judged.push(lower);
            None
        };
        if let Some((fault, reason, remedy)) = fault {
            problems.add(ConfigIssue::new("allow_headers", fault, reason, remedy).with_value(name));
        }
    }
    Names::new(judged)
}

const REQUEST_HEADERS: [&str; 2] = ["authorization", "content-type"];
const EXPOSED: [&str; 9] = [
    "grpc-message",
    "grpc-status",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "www-authenticate",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
];
const KNOWN: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
const MAX_AGE: Duration = Duration::from_secs(600);
const LONGEST_AGE: Duration = Duration::from_secs(86_400);
