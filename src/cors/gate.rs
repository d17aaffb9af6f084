//! `Cors`: the layer, and what it answers and adds.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    VARY,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header, request};
use tower_layer::Layer;

use crate::cors::builder::CorsBuilder;
use crate::cors::policy::{Policy, Step, Visit};
use crate::error::ConfigError;
use crate::field::header_map::{append, insert_if_absent};
use crate::field::list::tokens;
use crate::gate::{Entry, Gate, Gated, Reply, ResponseHeaders};

/// Lets pages of other origins read the answers; see the [module](crate::cors).
///
/// Clones are one layer: [`reload`](Self::reload) changes the policy of them all.
#[derive(Clone)]
#[must_use]
pub struct Cors(pub(super) Arc<ArcSwap<Policy>>);

impl Cors {
    /// Starts a configuration.
    pub fn builder() -> CorsBuilder {
        CorsBuilder::default()
    }

    /// Puts another policy in the place of this one, for all clones and from the next request on. Nothing of the old one stays:
    /// keep the builder, and reload a clone of it.
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
    /// As [`CorsBuilder::build`]; the policy that stands is then kept.
    pub fn reload(&self, builder: CorsBuilder) -> Result<(), ConfigError> {
        self.0.store(Arc::new(builder.policy()?));
        Ok(())
    }
}

/// What [`Cors`] remembers of a request until its response.
pub struct Pass {
    policy: Arc<Policy>,
    reader: Reader,
}

/// Who may read the answer.
#[derive(Debug)]
enum Reader {
    /// No page of another origin; the one that asks is foreign.
    Foreign,
    /// Pages of this origin.
    Origin(HeaderValue),
    /// No page of another origin asks.
    SameOrigin,
}

/// In an answer's extensions: a layer inside has closed it to the page that asks.
#[derive(Clone, Copy, Debug)]
struct Closed;

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pass").field("reader", &self.reader).finish_non_exhaustive()
    }
}

impl Gate for Cors {
    type Pass = Pass;

    fn enter(&self, head: &mut request::Parts) -> Entry<Pass> {
        let policy = self.0.load();
        let reader = match Visit::of(head) {
            Visit::Preflight(origin, method) => {
                return Entry::Refuse(Reply::new(match policy.judge(origin, method, &head.headers) {
                    Ok(()) => leave_given(&policy, origin, method, &head.headers),
                    Err(step) => leave_denied(&policy, step),
                }));
            }
            Visit::Unclear { is_preflight: true } => {
                return Entry::Refuse(Reply::new(leave_denied(&policy, Step::Origin)));
            }
            // To every answer, or to each that depends on who asks: Fetch, "CORS protocol and HTTP caches".
            _ if policy.is_any() => Reader::Origin(const { HeaderValue::from_static("*") }),
            Visit::Actual(origin) if policy.admits_origin(origin) => Reader::Origin(origin.clone()),
            Visit::Actual(_) | Visit::Unclear { .. } => Reader::Foreign,
            Visit::SameOrigin => Reader::SameOrigin,
        };
        Entry::Admit(Pass { policy: Arc::clone(&policy), reader })
    }

    fn leave<B>(&self, pass: Pass, response: &mut Response<B>) {
        let Pass { policy, reader } = pass;
        if policy.varies() {
            vary_by_origin(response.headers_mut());
        }
        match reader {
            Reader::SameOrigin => {}
            Reader::Foreign => drop(response.extensions_mut().insert(Closed)),
            Reader::Origin(_) if response.extensions().get::<Closed>().is_some() => {}
            Reader::Origin(origin) => {
                let headers = response.headers_mut();
                allow(&policy, origin, headers);
                if let Some(exposed) = &policy.exposed {
                    insert_if_absent(headers, &ACCESS_CONTROL_EXPOSE_HEADERS, || exposed.clone());
                }
            }
        }
    }

    /// Those of any policy: `reload` may change it.
    fn response_headers(&self) -> ResponseHeaders {
        ResponseHeaders::only([
            ACCESS_CONTROL_ALLOW_CREDENTIALS,
            ACCESS_CONTROL_ALLOW_ORIGIN,
            ACCESS_CONTROL_EXPOSE_HEADERS,
            VARY,
        ])
    }
}

/// Leave for exactly what was asked for (Fetch 4.8).
fn leave_given(policy: &Policy, origin: &HeaderValue, method: &HeaderValue, asked: &HeaderMap) -> Response<Vec<u8>> {
    let mut response = answer(policy, StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    let origin = if policy.is_any() { const { HeaderValue::from_static("*") } } else { origin.clone() };
    allow(policy, origin, headers);
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, method.clone());
    for names in asked.get_all(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.append(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    headers.insert(ACCESS_CONTROL_MAX_AGE, policy.max_age.clone());
    response
}

/// No word of leave. What would have been allowed is not told.
fn leave_denied(policy: &Policy, step: Step) -> Response<Vec<u8>> {
    if policy.is_debug {
        tracing::info!(step = step.name(), "a preflight failed");
    }
    answer(policy, StatusCode::FORBIDDEN)
}

fn answer(policy: &Policy, status: StatusCode) -> Response<Vec<u8>> {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = status;
    let varies = if policy.varies() {
        const { HeaderValue::from_static("Origin, Access-Control-Request-Method, Access-Control-Request-Headers") }
    } else {
        const { HeaderValue::from_static("Access-Control-Request-Method, Access-Control-Request-Headers") }
    };
    response.headers_mut().reserve(PREFLIGHT_FIELDS);
    response.headers_mut().insert(VARY, varies);
    response
}

/// The origin that may read, as it came; what a handler said of it stands.
fn allow(policy: &Policy, origin: HeaderValue, headers: &mut HeaderMap) {
    if insert_if_absent(headers, &ACCESS_CONTROL_ALLOW_ORIGIN, || origin) && policy.has_credentials {
        insert_if_absent(headers, &ACCESS_CONTROL_ALLOW_CREDENTIALS, || const { HeaderValue::from_static("true") });
    }
}

/// Says that the answer varies by origin, unless it is said already.
fn vary_by_origin(headers: &mut HeaderMap) {
    const ORIGIN: HeaderValue = HeaderValue::from_static("Origin");
    match headers.try_entry(VARY) {
        Ok(header::Entry::Vacant(place)) => drop(place.try_insert(ORIGIN)),
        Ok(header::Entry::Occupied(said)) => {
            let is_said = |name: &[u8]| name == b"*" || name.eq_ignore_ascii_case(b"origin");
            if !tokens(said.iter()).flatten().any(is_said) {
                append(headers, &VARY, ORIGIN);
            }
        }
        Err(_) => {}
    }
}

impl<S> Layer<S> for Cors {
    type Service = Gated<Self, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(self.clone(), inner)
    }
}

impl fmt::Debug for Cors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cors").finish_non_exhaustive()
    }
}

/// With two that a server adds.
const PREFLIGHT_FIELDS: usize = 8;
