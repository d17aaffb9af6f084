//! A gRPC service behind a limit: the rejection is a status, and the headers are metadata.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use portcullis::RateLimit;
use portcullis::rate_limit::Key;
use tonic::body::Body;
use tower::{Layer, ServiceExt, service_fn};

use super::{fake_clock, per_seconds};

fn call() -> Request<Body> {
    let request = Request::post("/test.Echo/Unary").header("content-type", "application/grpc").header("te", "trailers");
    request.body(Body::new(Full::new(Bytes::from_static(&[0; 5])))).unwrap()
}

async fn handler(_: Request<Body>) -> Result<Response<Body>, std::convert::Infallible> {
    let response = Response::builder().header("content-type", "application/grpc").header("grpc-status", "0");
    Ok(response.body(Body::empty()).unwrap())
}

#[tokio::test]
async fn a_call_over_the_quota_is_resource_exhausted_with_the_headers_as_metadata() {
    let clock = fake_clock();
    let builder = RateLimit::builder().quota(per_seconds(1, 60)).key(Key::global()).ietf_draft_headers();
    let service = builder.clock(clock.clock()).build().unwrap().layer(service_fn(handler));
    let admitted = service.clone().oneshot(call()).await.unwrap();
    assert_eq!(admitted.headers()["grpc-status"], "0");
    assert_eq!(admitted.headers()["x-ratelimit-remaining"], "0");
    clock.advance(super::seconds(10));
    let rejected = service.oneshot(call()).await.unwrap();
    assert_eq!(rejected.status(), 200);
    for (name, value) in [
        ("content-type", "application/grpc"),
        ("grpc-status", "8"),
        ("grpc-message", "rate limit exceeded"),
        ("retry-after", "50"),
        ("x-ratelimit-limit", "1"),
        ("x-ratelimit-remaining", "0"),
        ("ratelimit", "\"default\";r=0;t=50"),
        ("ratelimit-policy", "\"default\";q=1;w=60"),
    ] {
        assert_eq!(rejected.headers()[name], value, "{name}");
    }
    let status = tonic::Status::from_header_map(rejected.headers()).unwrap();
    assert_eq!(status.code(), tonic::Code::ResourceExhausted);
    assert_eq!(status.metadata().get("x-ratelimit-limit").unwrap(), "1");
    assert!(rejected.into_body().collect().await.unwrap().to_bytes().is_empty());
}
