//! A limited gRPC service: the refusal as a status, the fields as metadata.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use portcullis::RateLimit;
use portcullis::rate_limit::Key;
use tonic::body::Body;
use tower::{Layer, ServiceExt, service_fn};

use super::{hands, per};

fn call() -> Request<Body> {
    let request = Request::post("/test.Echo/Say").header("content-type", "application/grpc").header("te", "trailers");
    request.body(Body::new(Full::new(Bytes::from_static(&[0; 5])))).unwrap()
}

async fn answer(_: Request<Body>) -> Result<Response<Body>, std::convert::Infallible> {
    let response = Response::builder().header("content-type", "application/grpc").header("grpc-status", "0");
    Ok(response.body(Body::empty()).unwrap())
}

#[tokio::test]
async fn over_the_quota_a_call_is_resource_exhausted_with_the_fields_as_metadata() {
    let hands = hands();
    let builder = RateLimit::builder().quota(per(1, 60)).key(Key::global()).ietf_draft_headers();
    let service = builder.clock(hands.clock()).build().unwrap().layer(service_fn(answer));
    let admitted = service.clone().oneshot(call()).await.unwrap();
    assert_eq!(admitted.headers()["grpc-status"], "0");
    assert_eq!(admitted.headers()["x-ratelimit-remaining"], "0");
    hands.advance(super::seconds(10));
    let refused = service.oneshot(call()).await.unwrap();
    assert_eq!(refused.status(), 200);
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
        assert_eq!(refused.headers()[name], value, "{name}");
    }
    let status = tonic::Status::from_header_map(refused.headers()).unwrap();
    assert_eq!(status.code(), tonic::Code::ResourceExhausted);
    assert_eq!(status.metadata().get("x-ratelimit-limit").unwrap(), "1");
    assert!(refused.into_body().collect().await.unwrap().to_bytes().is_empty());
}
