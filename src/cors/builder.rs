//! `CorsBuilder`: the settings of `Cors`, and their validation.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::{HeaderName, HeaderValue, Method};

use crate::context::OriginSet;
use crate::cors::gate::Cors;
use crate::cors::names::{self, Names};
use crate::cors::policy::{self, AllowedHeaders, AllowedMethods, AllowedOrigins, Policy};
use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};

impl Cors {
    /// Returns a builder. [`origins`](CorsBuilder::origins) or [`any_origin`](CorsBuilder::any_origin) is required.
    pub fn builder() -> CorsBuilder {
        CorsBuilder::default()
    }

    /// Replaces the policy of this layer and all its clones, from the next request on.
    ///
    /// All settings are replaced, so keep a base builder, and reload with a clone of it.
    ///
    /// ```
    /// use portcullis::{Cors, OriginSet};
    ///
    /// let base = Cors::builder().allow_credentials().allow_methods(["DELETE"]);
    /// let cors = base.clone().origins(OriginSet::new(["https://a.example"])?).build()?;
    /// cors.reload(base.origins(OriginSet::new(["https://a.example", "https://b.example"])?))?;
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if [`CorsBuilder::build`] would. The current policy then stays in effect.
    pub fn reload(&self, builder: CorsBuilder) -> Result<(), ConfigError> {
        self.0.store(Arc::new(builder.policy()?));
        Ok(())
    }
}

/// Configures a [`Cors`]. Each setter replaces the previous value.
#[derive(Clone, Debug)]
#[must_use]
pub struct CorsBuilder {
    origins: Origins,
    allows_credentials: bool,
    allows_http_with_credentials: bool,
    methods: Vec<String>,
    allows_any_method: bool,
    request_headers: Vec<String>,
    allows_any_request_header: bool,
    exposed_headers: Vec<String>,
    max_age: Duration,
    is_debug: bool,
}

#[derive(Clone, Debug)]
enum Origins {
    NotSet,
    Any,
    Set(OriginSet),
}

impl Default for CorsBuilder {
    fn default() -> Self {
        Self {
            origins: Origins::NotSet,
            allows_credentials: false,
            allows_http_with_credentials: false,
            methods: Vec::new(),
            allows_any_method: false,
            request_headers: DEFAULT_REQUEST_HEADERS.map(str::to_owned).into(),
            allows_any_request_header: false,
            exposed_headers: Vec::new(),
            max_age: DEFAULT_MAX_AGE,
            is_debug: false,
        }
    }
}

impl CorsBuilder {
    /// Sets the origins whose pages may read responses. Required, unless [`any_origin`](Self::any_origin) is set.
    pub fn origins(mut self, origins: OriginSet) -> Self {
        self.origins = Origins::Set(origins);
        self
    }

    /// Lets pages of every origin read responses, without credentials. Use it for public resources.
    pub fn any_origin(mut self) -> Self {
        self.origins = Origins::Any;
        self
    }

    /// Lets pages send credentials that the browser stores: cookies, HTTP authentication and client certificates
    /// (default: off).
    ///
    /// A page that sends a bearer token itself does not need this.
    pub fn allow_credentials(mut self) -> Self {
        self.allows_credentials = true;
        self
    }

    /// Sets the methods that pages may use besides GET, HEAD and POST, which are always allowed (default: none).
    pub fn allow_methods(mut self, methods: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.methods = methods.into_iter().map(|method| method.as_ref().to_owned()).collect();
        self.allows_any_method = false;
        self
    }

    /// Lets pages use any method.
    pub fn any_method(mut self) -> Self {
        self.allows_any_method = true;
        self
    }

    /// Sets the request headers that pages may send (default: `Authorization` and `Content-Type`).
    ///
    /// The given names replace the default ones:
    ///
    /// ```
    /// use portcullis::{Cors, OriginSet};
    ///
    /// let cors = Cors::builder()
    ///     .origins(OriginSet::new(["https://app.example.com"])?)
    ///     .allow_headers(["Authorization", "Content-Type", "X-Request-Id"])
    ///     .build()?;
    /// # let _ = cors;
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    pub fn allow_headers(mut self, names: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.request_headers = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
        self.allows_any_request_header = false;
        self
    }

    /// Lets pages send any request header.
    pub fn any_header(mut self) -> Self {
        self.allows_any_request_header = true;
        self
    }

    /// Sets the response headers that pages may read, in addition to the headers that are always readable (default:
    /// none).
    ///
    /// Always readable are the headers that Fetch calls "CORS-safelisted response-header names", and the headers that
    /// explain a rejection: `Retry-After`, `WWW-Authenticate`, the rate-limit headers and the gRPC status.
    pub fn expose_headers(mut self, names: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.exposed_headers = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
        self
    }

    /// Sets how long a browser may cache the response to a preflight (default 10 minutes; 0 disables the cache).
    ///
    /// In whole seconds, at most 24 hours. Browsers have lower limits: Chromium caches for at most 2 hours.
    pub fn max_age(mut self, time: Duration) -> Self {
        self.max_age = time;
        self
    }

    /// Logs, at `info`, why a preflight is denied: its origin, its method or its headers (default: off).
    pub fn debug(mut self) -> Self {
        self.is_debug = true;
        self
    }

    /// Allows [`allow_credentials`](Self::allow_credentials) together with `http` origins other than loopback.
    ///
    /// Dangerous: an attacker on the network can serve a page of such an origin and act with the user's credentials.
    pub fn dangerously_allow_http_with_credentials(mut self) -> Self {
        self.allows_http_with_credentials = true;
        self
    }

    /// Builds the layer.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if the origins are missing, or if a setting is unsafe or has no effect in browsers.
    pub fn build(self) -> Result<Cors, ConfigError> {
        self.policy().map(|policy| Cors(Arc::new(ArcSwap::from_pointee(policy))))
    }

    fn policy(self) -> Result<Policy, ConfigError> {
        let mut issues = ConfigIssues::default();
        let origins = self.validate_origins(&mut issues);
        let methods = validate_methods(&self.methods, &mut issues);
        let request_headers = validate_request_headers(&self.request_headers, &mut issues);
        let exposed_headers = self.validate_exposed_headers(&mut issues);
        self.validate_max_age(&mut issues);
        issues.into_result(|| Policy {
            origins,
            allows_credentials: self.allows_credentials,
            methods: match self.allows_any_method {
                true => AllowedMethods::Any,
                false => AllowedMethods::List(methods.into()),
            },
            request_headers: match self.allows_any_request_header {
                true => AllowedHeaders::Any,
                false => AllowedHeaders::List(request_headers),
            },
            exposed_headers,
            max_age: HeaderValue::from(self.max_age.as_secs()),
            is_debug: self.is_debug,
        })
    }

    fn validate_origins(&self, issues: &mut ConfigIssues) -> AllowedOrigins {
        let set = match &self.origins {
            Origins::Set(set) => set,
            Origins::NotSet => {
                let remedy = "set .origins(OriginSet::new([\"https://app.example.com\"])?)";
                issues.add(ConfigIssue::new("origins", IssueKind::Missing, "not set", remedy));
                return AllowedOrigins::Any;
            }
            Origins::Any => {
                if self.allows_credentials {
                    let reason = "with credentials, every page could act as the user";
                    let remedy = "list the origins with .origins(..), or remove allow_credentials()";
                    issues.add(ConfigIssue::new("any_origin", IssueKind::Prohibited, reason, remedy));
                }
                return AllowedOrigins::Any;
            }
        };
        if self.allows_credentials && !self.allows_http_with_credentials {
            for origin in set.unencrypted() {
                let reason =
                    "an attacker on the network can forge pages served over http and act with the user's credentials";
                let remedy = "use https, or call dangerously_allow_http_with_credentials()";
                let issue = ConfigIssue::new("allow_credentials", IssueKind::Prohibited, reason, remedy);
                issues.add(issue.with_value(origin));
            }
        }
        AllowedOrigins::Set(set.clone())
    }

    fn validate_exposed_headers(&self, issues: &mut ConfigIssues) -> Option<HeaderValue> {
        let mut valid: Vec<String> = ALWAYS_EXPOSED.map(str::to_owned).into();
        for name in &self.exposed_headers {
            let lower = name.to_ascii_lowercase();
            let error = if name == "*" {
                // With credentials, browsers treat `*` as a literal header name (Fetch §3.3.3).
                let reason = "* has no effect in combination with credentials";
                self.allows_credentials.then_some((IssueKind::Prohibited, reason, "list the header names"))
            } else if matches!(lower.as_str(), "set-cookie" | "set-cookie2") {
                Some((IssueKind::Prohibited, "browsers never let a page read it", "remove it"))
            } else if HeaderName::from_bytes(name.as_bytes()).is_err() {
                Some((IssueKind::Invalid, "not a header name", "use a token, for example X-Request-Id"))
            } else {
                None
            };
            match error {
                Some((kind, reason, remedy)) => {
                    issues.add(ConfigIssue::new("expose_headers", kind, reason, remedy).with_value(name));
                }
                None => valid.push(lower),
            }
        }
        HeaderValue::try_from(names::sorted_unique(valid).join(",")).ok()
    }

    fn validate_max_age(&self, issues: &mut ConfigIssues) {
        if self.max_age > MAX_MAX_AGE || self.max_age.subsec_nanos() > 0 {
            let reason = "not a whole number of seconds from 0 to 86400";
            let remedy = "use for example 600 seconds (ten minutes) or 7200 seconds (two hours)";
            let issue = ConfigIssue::new("max_age", IssueKind::Invalid, reason, remedy);
            issues.add(issue.with_value(format!("{:?}", self.max_age)));
        }
    }
}

fn validate_methods(names: &[String], issues: &mut ConfigIssues) -> Vec<Method> {
    let mut methods = Vec::new();
    for name in names {
        let upper = name.to_ascii_uppercase();
        let error = match Method::from_bytes(name.as_bytes()) {
            Ok(method) if method.as_str() == "*" => {
                Some((IssueKind::Invalid, "* is not a method", "call any_method() to allow all"))
            }
            Err(_) => Some((IssueKind::Invalid, "not a method", "use a token, for example PATCH")),
            Ok(method) if policy::is_forbidden_method(method.as_str().as_bytes()) => {
                Some((IssueKind::Prohibited, "browsers never let a page use it", "remove it"))
            }
            // Browsers convert only DELETE, GET, HEAD, OPTIONS, POST and PUT to upper case (Fetch, "normalize a method").
            Ok(_) if *name != upper && KNOWN_METHODS.contains(&upper.as_str()) => {
                Some((IssueKind::Invalid, "methods are case-sensitive", "write it in upper case"))
            }
            Ok(method) => {
                methods.push(method);
                None
            }
        };
        if let Some((kind, reason, remedy)) = error {
            issues.add(ConfigIssue::new("allow_methods", kind, reason, remedy).with_value(name));
        }
    }
    methods
}

fn validate_request_headers(names: &[String], issues: &mut ConfigIssues) -> Names {
    let mut valid = Vec::new();
    for name in names {
        let lower = name.to_ascii_lowercase();
        let error = if name == "*" {
            Some((IssueKind::Invalid, "* is not a header name", "call any_header() to allow all"))
        } else if HeaderName::from_bytes(name.as_bytes()).is_err() {
            Some((IssueKind::Invalid, "not a header name", "use a token, for example X-Request-Id"))
        } else if names::is_forbidden(&lower) {
            Some((IssueKind::Prohibited, "browsers never let a page set it", "remove it"))
        } else if names::is_response_header(&lower) {
            Some((IssueKind::Prohibited, "a response header", "remove it, or move it to expose_headers(..)"))
        } else {
            valid.push(lower);
            None
        };
        if let Some((kind, reason, remedy)) = error {
            issues.add(ConfigIssue::new("allow_headers", kind, reason, remedy).with_value(name));
        }
    }
    Names::new(valid)
}

const DEFAULT_REQUEST_HEADERS: [&str; 2] = ["authorization", "content-type"];
const ALWAYS_EXPOSED: [&str; 9] = [
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
const KNOWN_METHODS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
const DEFAULT_MAX_AGE: Duration = Duration::from_secs(600);
/// One day. No browser caches for longer.
const MAX_MAX_AGE: Duration = Duration::from_secs(86_400);
