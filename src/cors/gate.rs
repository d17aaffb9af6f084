//! `Cors`: the layer, its responses to preflights and the headers that it adds.

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

use crate::context::route::{matched_path, method_name};
use crate::cors::policy::{CorsRequest, Policy, PreflightError};
use crate::field::header_map::{append, insert_if_absent};
use crate::field::list::tokens;
use crate::gate::{Entry, Gate, Gated, Reply, ResponseHeaders};

/// The layer that lets pages of other origins read responses. The [module](crate::cors) has an example.
///
/// Clones share one policy: [`reload`](Self::reload) replaces it for all of them.
#[derive(Clone)]
#[must_use]
pub struct Cors(pub(super) Arc<ArcSwap<Policy>>);

/// The state that [`Cors`] keeps between a request and its response.
pub struct CorsPass {
    policy: Arc<Policy>,
    reader: Reader,
}

/// The page that will read the response, as far as CORS is concerned.
#[derive(Debug)]
enum Reader {
    /// The request is from a page whose origin is not allowed.
    Foreign,
    /// The request is from a page of this allowed origin; `*` if any origin is allowed.
    Origin(HeaderValue),
    /// The request has no `Origin`: no page of another origin will read the response.
    NoOrigin,
}

/// Marks a response that an inner `Cors` has closed to the page. An outer one must not open it.
#[derive(Clone, Copy, Debug)]
struct Closed;

impl fmt::Debug for CorsPass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CorsPass").field("reader", &self.reader).finish_non_exhaustive()
    }
}

impl Gate for Cors {
    type Pass = CorsPass;

    fn enter(&self, head: &mut request::Parts) -> Entry<CorsPass> {
        let policy = self.0.load();
        let reader = match CorsRequest::of(head) {
            CorsRequest::Preflight { origin, method } => {
                // "Refuse" only means that the handler is not called: the response to a preflight is complete here.
                return Entry::Refuse(Reply::new(match policy.check_preflight(origin, method, &head.headers) {
                    Ok(()) => preflight_allowed(&policy, origin, method, &head.headers),
                    Err(error) => preflight_denied(&policy, error, head),
                }));
            }
            CorsRequest::SeveralOrigins { is_preflight: true } => {
                return Entry::Refuse(Reply::new(preflight_denied(&policy, PreflightError::Origin, head)));
            }
            // `*` must be on every response, with or without `Origin`, because it is sent without `Vary` (Fetch, "CORS
            // protocol and HTTP caches").
            _ if policy.allows_any_origin() => Reader::Origin(const { HeaderValue::from_static("*") }),
            CorsRequest::Actual { origin } if policy.allows_origin(origin) => Reader::Origin(origin.clone()),
            CorsRequest::Actual { .. } | CorsRequest::SeveralOrigins { .. } => Reader::Foreign,
            CorsRequest::NoOrigin => Reader::NoOrigin,
        };
        // `leave` uses this policy, even if `reload` replaces it in between: a response never mixes two policies.
        Entry::Admit(CorsPass { policy: Arc::clone(&policy), reader })
    }

    fn leave<B>(&self, pass: CorsPass, response: &mut Response<B>) {
        let CorsPass { policy, reader } = pass;
        // On every response, not only on those with CORS headers. Otherwise a cache could store the response to a
        // request without `Origin`, and serve it, without CORS headers, to a page that may read it.
        if !policy.allows_any_origin() {
            add_vary_origin(response.headers_mut());
        }
        match reader {
            Reader::NoOrigin => {}
            Reader::Foreign => drop(response.extensions_mut().insert(Closed)),
            Reader::Origin(_) if response.extensions().get::<Closed>().is_some() => {}
            Reader::Origin(origin) => {
                let headers = response.headers_mut();
                allow_origin(&policy, origin, headers);
                if let Some(exposed) = &policy.exposed_headers {
                    insert_if_absent(headers, &ACCESS_CONTROL_EXPOSE_HEADERS, || exposed.clone());
                }
            }
        }
    }

    /// Declares the headers of all policies, because `reload` may change the policy.
    fn response_headers(&self) -> ResponseHeaders {
        ResponseHeaders::only([
            ACCESS_CONTROL_ALLOW_CREDENTIALS,
            ACCESS_CONTROL_ALLOW_ORIGIN,
            ACCESS_CONTROL_EXPOSE_HEADERS,
            VARY,
        ])
    }
}

/// Allows exactly what the preflight requests (Fetch §4.8).
///
/// The method and the names are copied from the request, which is shorter than the policy's lists and reveals nothing
/// about them. A `*` is not enough: it does not include `Authorization`, and with credentials it is not a wildcard.
fn preflight_allowed(
    policy: &Policy,
    origin: &HeaderValue,
    method: &HeaderValue,
    requested: &HeaderMap,
) -> Response<Vec<u8>> {
    let mut response = preflight_response(policy, StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    let any = const { HeaderValue::from_static("*") };
    allow_origin(policy, if policy.allows_any_origin() { any } else { origin.clone() }, headers);
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, method.clone());
    for names in requested.get_all(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.append(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    headers.insert(ACCESS_CONTROL_MAX_AGE, policy.max_age.clone());
    response
}

/// Denies a preflight. The response does not reveal what the policy allows.
///
/// Without CORS headers, the browser's CORS check fails, whatever the status. The 403 is for people who read a log or
/// the browser's network tab.
fn preflight_denied(policy: &Policy, error: PreflightError, head: &request::Parts) -> Response<Vec<u8>> {
    if policy.is_debug {
        let (method, route) = (method_name(head), matched_path(head));
        tracing::info!(status = 403, method, route, cause = error.name(), "preflight denied");
    }
    preflight_response(policy, StatusCode::FORBIDDEN)
}

/// Returns an empty response. Its `Vary` lists the headers that the decision depends on, for caches that store OPTIONS.
fn preflight_response(policy: &Policy, status: StatusCode) -> Response<Vec<u8>> {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = status;
    let vary = if policy.allows_any_origin() {
        const { HeaderValue::from_static("Access-Control-Request-Method, Access-Control-Request-Headers") }
    } else {
        const { HeaderValue::from_static("Origin, Access-Control-Request-Method, Access-Control-Request-Headers") }
    };
    response.headers_mut().reserve(PREFLIGHT_HEADERS);
    response.headers_mut().insert(VARY, vary);
    response
}

/// Allows the origin, byte for byte as it was sent, and credentials if the policy does. Does nothing if the handler has
/// already allowed an origin.
fn allow_origin(policy: &Policy, origin: HeaderValue, headers: &mut HeaderMap) {
    if insert_if_absent(headers, &ACCESS_CONTROL_ALLOW_ORIGIN, || origin) && policy.allows_credentials {
        insert_if_absent(headers, &ACCESS_CONTROL_ALLOW_CREDENTIALS, || const { HeaderValue::from_static("true") });
    }
}

/// Adds `Vary: Origin`, unless `Vary` covers it already.
fn add_vary_origin(headers: &mut HeaderMap) {
    const ORIGIN: HeaderValue = HeaderValue::from_static("Origin");
    match headers.try_entry(VARY) {
        Ok(header::Entry::Vacant(vacant)) => drop(vacant.try_insert(ORIGIN)),
        Ok(header::Entry::Occupied(vary)) => {
            // An element that is not a token, or is beyond the bounds of a list, is skipped. At worst, `Origin` is in
            // `Vary` twice.
            let covers_origin = |name: &[u8]| name == b"*" || name.eq_ignore_ascii_case(b"origin");
            if !tokens(vary.iter()).flatten().any(covers_origin) {
                append(headers, &VARY, ORIGIN);
            }
        }
        // The map has reached its maximum size.
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

/// The headers of a response to a preflight, and two that a server adds.
const PREFLIGHT_HEADERS: usize = 8;
