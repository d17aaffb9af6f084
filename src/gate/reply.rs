//! `Reply`: the response of a gate that rejects a request.

mod json;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, VARY, WWW_AUTHENTICATE};
use http::{Extensions, HeaderMap, HeaderValue, Response, StatusCode, request};

use crate::context::Realm;
#[cfg(feature = "tonic")]
use crate::field::grpc;
use crate::field::header_map::append;
use crate::gate::body::BodyFromBytes;
use crate::gate::denial::{Denial, DenialKind, PasswordProblem};
use crate::gate::grpc_call::GrpcCall;
use crate::gate::reply::json::JsonObjectWriter;

/// The response that a gate sends instead of the handler's.
///
/// A gate may change it before it returns it, for example to add a header. A gate that wraps another one can do the
/// same with the other's reply.
///
/// ```
/// use http::{Request, header::RETRY_AFTER};
/// use portcullis::context::Realm;
/// use portcullis::gate::{Denial, DenialKind, Reply};
///
/// let head = Request::new(()).into_parts().0;
/// let denial = Denial::new(DenialKind::CredentialsMissing, Realm::default());
/// let mut reply = Reply::denial(&head, denial);
/// assert_eq!(reply.status(), 401);
/// reply.headers_mut().insert(RETRY_AFTER, 3.into());
/// assert!(reply.extensions().get::<Denial>().is_some());
/// ```
#[derive(Debug)]
#[must_use]
pub struct Reply {
    response: Response<Bytes>,
    /// The rejected gRPC call, if the request is one.
    grpc_call: Option<Box<GrpcCall>>,
}

impl Reply {
    /// Creates a reply from a whole response.
    pub fn new(response: Response<impl Into<Bytes>>) -> Self {
        Self { response: response.map(Into::into), grpc_call: None }
    }

    /// Creates a reply that rejects the request with this head, and logs it.
    ///
    /// The response is `application/problem+json`, or a gRPC status if the request is a gRPC call to a gRPC server; see
    /// [`gate`](crate::gate#grpc).
    pub fn denial(head: &request::Parts, denial: Denial) -> Self {
        denial.log(Some(head));
        Self::logged_denial(head, denial)
    }

    /// Like [`denial`](Self::denial), for a denial whose reason is logged already, for example once for many requests.
    pub(crate) fn logged_denial(head: &request::Parts, mut denial: Denial) -> Self {
        denial.set_request(head);
        Self { response: problem_details(denial), grpc_call: GrpcCall::of(head) }
    }

    /// Like [`denial`](Self::denial) in the format of problem details, if the head of the request is not available.
    #[cfg(feature = "axum")]
    pub(crate) fn problem_details(denial: Denial) -> Self {
        denial.log(None);
        Self { response: problem_details(denial), grpc_call: None }
    }

    /// Returns the status. If the reply becomes a gRPC status, the response has the status 200 instead.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// Returns the headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// Returns the headers, to change them.
    #[must_use]
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        self.response.headers_mut()
    }

    /// Returns the extensions of the response.
    ///
    /// They contain the [`Denial`] if the reply was created from one.
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        self.response.extensions()
    }

    /// Returns the extensions of the response, to change them.
    #[must_use]
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        self.response.extensions_mut()
    }

    /// Adds the challenges of other gates to a 401, unless it names their scheme already.
    ///
    /// `is_of_script` is as in [`Denial::add_alternatives`].
    pub(crate) fn add_challenges(&mut self, realm: &Realm, is_of_script: bool) {
        let denial = self.response.extensions().get::<Denial>();
        if !denial.map_or(self.status() == StatusCode::UNAUTHORIZED, Denial::is_unauthenticated) {
            return;
        }
        if let Some(denial) = self.response.extensions_mut().get_mut::<Denial>()
            && denial.add_alternatives(realm, is_of_script)
        {
            let denial = denial.clone();
            return self.render_again(&denial);
        }
        let headers = self.response.headers_mut();
        for challenge in realm.challenges() {
            if !headers.get_all(WWW_AUTHENTICATE).iter().any(|own| challenge.has_scheme_of(own)) {
                append(headers, &WWW_AUTHENTICATE, challenge.without_error());
            }
        }
    }

    /// Renders what alternatives of the caller have changed: the status, the challenges and the body.
    #[cold]
    fn render_again(&mut self, denial: &Denial) {
        *self.response.status_mut() = denial.status();
        *self.response.body_mut() = problem_body(denial);
        let headers = self.response.headers_mut();
        headers.remove(WWW_AUTHENTICATE);
        denial.challenges().for_each(|challenge| append(headers, &WWW_AUTHENTICATE, challenge));
    }

    /// Returns the response, so that outer gates can add to it.
    pub(super) fn response_mut(&mut self) -> &mut Response<Bytes> {
        &mut self.response
    }

    /// Returns the response, with a body of any type that can be created from bytes.
    ///
    /// [`Gated`](crate::gate::Gated) calls it. Call it in a service that you write yourself:
    ///
    /// ```
    /// use bytes::Bytes;
    /// use http::{Response, StatusCode};
    /// use http_body_util::Full;
    /// use portcullis::gate::Reply;
    ///
    /// let mut response = Response::new("no such tenant");
    /// *response.status_mut() = StatusCode::NOT_FOUND;
    /// let reply = Reply::new(response);
    /// let response: Response<Full<Bytes>> = reply.into_response();
    /// assert_eq!(response.status(), 404);
    /// ```
    ///
    /// For a server with other types, take the parts:
    ///
    /// ```
    /// # use portcullis::{context::Realm, gate::{Denial, DenialKind}};
    /// use portcullis::gate::{Bytes, Reply};
    ///
    /// # let head = http::Request::new(()).into_parts().0;
    /// # let denial = Denial::new(DenialKind::CredentialsMissing, Realm::default());
    /// let reply = Reply::denial(&head, denial);
    /// let (parts, body) = reply.into_response::<Bytes>().into_parts();
    /// assert_eq!(parts.status, 401);
    /// assert!(parts.headers.contains_key("www-authenticate"));
    /// assert!(body.starts_with(b"{"));
    /// ```
    #[must_use]
    pub fn into_response<B: BodyFromBytes>(mut self) -> Response<B> {
        if let Some(call) = self.grpc_call.take() {
            call.write_status(&mut self.response, B::IS_GRPC);
        }
        self.response.map(B::from_bytes)
    }
}

/// Problem details (RFC 9457 §3.1). The extension members are the code, the error code of RFC 6750, and what the
/// request lacks or exceeds.
///
/// `violated-policies` is the member that draft-ietf-httpapi-ratelimit-headers-10 §6 defines. The denial goes into the
/// extensions, so that a `map_response` can render it again.
fn problem_details(denial: Denial) -> Response<Bytes> {
    let mut response = Response::new(problem_body(&denial));
    *response.status_mut() = denial.status();
    let headers = response.headers_mut();
    headers.reserve(MAX_HEADERS);
    headers.insert(CONTENT_TYPE, const { HeaderValue::from_static("application/problem+json") });
    write_headers(headers, &denial);
    response.extensions_mut().insert(denial);
    response
}

fn problem_body(denial: &Denial) -> Bytes {
    let mut body = JsonObjectWriter::new(denial.problem_type());
    body.string("detail", &denial.detail());
    body.plain_string("code", denial.code());
    if let Some(error) = denial.error() {
        body.plain_string("error", error);
    }
    match denial.kind() {
        // An empty list would read as if no credential were accepted.
        DenialKind::CredentialNotAccepted { accepted, .. } if !accepted.is_empty() => {
            body.strings("credentials", accepted.iter());
        }
        DenialKind::PasswordRejected { problems } => {
            body.strings("problems", problems.iter().map(PasswordProblem::code));
        }
        DenialKind::InsufficientPermission { required } => body.strings("permissions", required.iter()),
        DenialKind::InsufficientRole { required } => body.strings("roles", required.iter()),
        DenialKind::InsufficientScope { required } => body.string("scope", &required.to_string()),
        DenialKind::InsufficientTier { required } => body.string("tier", required.name()),
        DenialKind::AbnormalUsage(violation)
        | DenialKind::QuotaExceeded(violation)
        | DenialKind::ReducedCapacity(violation) => {
            if let Some(limit) = violation.policies().next() {
                body.string("limit", limit);
            }
            body.strings("violated-policies", violation.policies());
        }
        _ => {}
    }
    body.finish().into()
}

/// Writes the headers of every format.
///
/// A rejection depends on the credential and on the time, so no cache may store it. RFC 6750 §3 requires the challenge
/// for 401, and allows it for 400 and 403, where it carries the error code.
fn write_headers(headers: &mut HeaderMap, denial: &Denial) {
    headers.insert(CACHE_CONTROL, const { HeaderValue::from_static("no-store") });
    // A line for each challenge: a challenge has commas too, which not every client parses (RFC 9110 §11.6.1).
    for challenge in denial.challenges() {
        headers.append(WWW_AUTHENTICATE, challenge);
    }
    if let DenialKind::CrossSite { .. } = denial.kind() {
        append(headers, &VARY, const { HeaderValue::from_static("sec-fetch-site, origin") });
    }
    if let Some(wait) = denial.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
    }
}

/// The maximum number of headers of a reply: four are written here, three by a rate limit, and two by a server.
const MAX_HEADERS: usize = 9;

/// Converts a denial into the error type of tonic's handlers, and logs it. The metadata has the code (`error-code`),
/// and the challenge or `retry-after`.
#[cfg(feature = "tonic")]
impl From<Denial> for tonic::Status {
    fn from(denial: Denial) -> Self {
        denial.log(None);
        let code = tonic::Code::from(i32::from(grpc::status_code(denial.status())));
        let mut metadata = HeaderMap::new();
        write_headers(&mut metadata, &denial);
        metadata.insert(grpc::ERROR_CODE, HeaderValue::from_static(denial.code()));
        Self::with_metadata(code, denial.detail(), tonic::metadata::MetadataMap::from_headers(metadata))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::gate::denial::CredentialError;
    use crate::gate::violation::Violation;

    #[test]
    fn retry_after_is_rounded_up_and_at_least_one_second() {
        for (wait, seconds) in [(0, "1"), (1, "1"), (999, "1"), (1000, "1"), (1001, "2"), (30_000, "30")] {
            let kind = DenialKind::keys_unavailable(Duration::from_millis(wait));
            let response = problem_details(Denial::new(kind, Realm::default()));
            assert_eq!(response.headers()[RETRY_AFTER], seconds, "{wait} ms");
        }
    }

    #[test]
    fn the_status_is_that_of_the_response_and_the_title_its_reason_phrase_unless_the_type_has_another() {
        let violation = || Violation::new(["a"], None);
        for kind in [
            DenialKind::AbnormalUsage(violation()),
            DenialKind::AddressUnknown,
            DenialKind::CredentialsMissing,
            DenialKind::InvalidRequest(CredentialError::Multiple),
            DenialKind::keys_unavailable(Duration::ZERO),
            DenialKind::QuotaExceeded(violation()),
            DenialKind::RateLimitKeyMissing,
            DenialKind::ReducedCapacity(violation()),
        ] {
            let response = problem_details(Denial::new(kind, Realm::default()));
            let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
            assert_eq!(body["status"], response.status().as_u16());
            let reason = response.status().canonical_reason().unwrap();
            assert_eq!(body["title"] == reason, body["type"] == "about:blank", "{body}");
        }
    }
}
