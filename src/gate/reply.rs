//! `Reply`: the answer that a gate gives in the handler's place.

mod members;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, request};

use crate::field::grpc;
use crate::gate::reply::members::Members;
use crate::gate::{BodyFromBytes, Denial, DenialKind};

/// The answer that a gate gives in the handler's place.
#[derive(Debug)]
#[must_use]
pub struct Reply(Response<Vec<u8>>);

impl Reply {
    /// This very response.
    pub fn new(response: Response<Vec<u8>>) -> Self {
        Self(response)
    }

    /// A refusal of the request with this head, in the form that its content type asks for.
    pub fn denial(head: &request::Parts, denial: Denial) -> Self {
        denial.log();
        Self::told_denial(head, denial)
    }

    /// A refusal whose reason is in the log already.
    pub(crate) fn told_denial(head: &request::Parts, denial: Denial) -> Self {
        // gRPC over HTTP/2, "Requests": a call is a POST. A proxy that asks this app whether to let a request through
        // (auth_request, ForwardAuth) does so by GET with the caller's own fields, and would take a 200 for a yes.
        let is_grpc = head.method == Method::POST && grpc::is_grpc(&head.headers);
        let media_type = head.headers.get(CONTENT_TYPE).filter(|_| is_grpc);
        Self(match media_type {
            Some(media_type) => trailers_only(media_type.clone(), denial),
            None => problem(denial),
        })
    }

    /// A refusal where the request's head is not at hand.
    #[cfg(feature = "axum")]
    pub(crate) fn problem(denial: Denial) -> Self {
        denial.log();
        Self(problem(denial))
    }

    pub(crate) fn headers_mut(&mut self) -> &mut HeaderMap {
        self.0.headers_mut()
    }

    /// For the gates that it passes on its way out.
    pub(super) fn response_mut(&mut self) -> &mut Response<Vec<u8>> {
        &mut self.0
    }

    /// The response, with the body that is wanted.
    pub(crate) fn into_response<B: BodyFromBytes>(self) -> Response<B> {
        self.0.map(B::from_bytes)
    }
}

/// Problem details (RFC 9457 §3.1), with the error code of RFC 6750 or the limits that refuse as extension members.
fn problem(denial: Denial) -> Response<Vec<u8>> {
    let status = denial.status();
    let (r#type, title) = denial.problem_type();
    let mut body = Members::new();
    body.string("type", r#type);
    body.string("title", title);
    body.name("status").extend_from_slice(status.as_str().as_bytes());
    body.string("detail", &denial.detail());
    if let Some(error) = denial.error() {
        body.string("error", error);
    }
    if let DenialKind::InsufficientScope(needed) = denial.kind() {
        body.string("scope", &needed.to_string());
    }
    if let Some(violation) = denial.violation() {
        body.strings("violated-policies", violation.policies());
    }
    let mut response = Response::new(body.into_json());
    *response.status_mut() = status;
    fields(response.headers_mut(), const { HeaderValue::from_static("application/problem+json") }, &denial);
    response.extensions_mut().insert(denial);
    response
}

/// gRPC over HTTP/2, "Responses": a refusal is HTTP 200 and only trailers, sent as the header block.
fn trailers_only(media_type: HeaderValue, denial: Denial) -> Response<Vec<u8>> {
    let mut response = Response::new(Vec::new());
    let code = grpc::status_code(denial.status());
    let headers = response.headers_mut();
    fields(headers, media_type, &denial);
    headers.insert(GRPC_STATUS, HeaderValue::from(u16::from(code)));
    headers.insert(GRPC_MESSAGE, grpc::message(&denial.detail()));
    response.extensions_mut().insert(denial);
    response
}

fn fields(headers: &mut HeaderMap, media_type: HeaderValue, denial: &Denial) {
    headers.reserve(MOST_FIELDS);
    headers.insert(CONTENT_TYPE, media_type);
    headers.insert(CACHE_CONTROL, const { HeaderValue::from_static("no-store") });
    if let Some(challenge) = denial.challenge() {
        headers.insert(WWW_AUTHENTICATE, challenge);
    }
    if let Some(wait) = denial.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
    }
}

/// With those of a limit, and two that a server adds.
const MOST_FIELDS: usize = 9;
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// What tonic's handlers return for a [`Denial`].
#[cfg(feature = "tonic")]
impl From<Denial> for tonic::Status {
    fn from(denial: Denial) -> Self {
        denial.log();
        let code = tonic::Code::from(i32::from(grpc::status_code(denial.status())));
        Self::new(code, denial.detail())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::StatusCode;

    use super::*;
    use crate::context::Realm;

    #[test]
    fn retry_after_is_rounded_up_and_at_least_one_second() {
        for (wait, seconds) in [(0, "1"), (1, "1"), (999, "1"), (1000, "1"), (1001, "2"), (30_000, "30")] {
            let kind = DenialKind::KeysUnavailable(Duration::from_millis(wait));
            let response = problem(Denial::new(kind, Realm::default()));
            assert_eq!(response.headers()[RETRY_AFTER], seconds, "{wait} ms");
        }
    }

    #[test]
    fn every_status_of_a_refusal_has_a_phrase_for_its_title() {
        for status in [400, 401, 403, 429, 500, 503] {
            assert!(StatusCode::from_u16(status).unwrap().canonical_reason().is_some());
        }
    }
}
