//! Gates with any request body, and any response body that implements `BodyFromBytes`.

use std::convert::Infallible;

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use http_body_util::combinators::{BoxBody, UnsyncBoxBody};
use http_body_util::{BodyExt, Either, Empty, Full};
use portcullis::gate::BodyFromBytes;
use tower::{Layer, ServiceExt, service_fn};

use crate::support::scripted_gate::{DECISIONS, ScriptedGate};

/// The response text for each decision, with bodies of these types.
async fn response_texts<I, O>(request_body: fn() -> I) -> Vec<String>
where
    O: BodyFromBytes + HttpBody<Data = Bytes, Error: std::fmt::Debug>,
{
    let mut texts = Vec::new();
    for (decision, _) in DECISIONS {
        let gate = ScriptedGate::default();
        let inner = service_fn(|_: Request<I>| async {
            Ok::<_, Infallible>(Response::new(O::from_bytes(Bytes::from_static(b"handled"))))
        });
        let request = Request::get("/").header("x-decision", decision).body(request_body()).unwrap();
        gate.record.proceed.notify_one();
        let response = gate.layer(inner).oneshot(request).await.unwrap();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        texts.push(String::from_utf8(bytes.to_vec()).unwrap());
    }
    texts
}

const EXPECTED: [&str; 4] = ["handled", "rejected", "handled", "rejected"];

/// Neither `Send` nor a `Body`: the engine passes a request body on without reading it.
#[derive(Default)]
struct Opaque(#[expect(dead_code)] std::rc::Rc<()>);

#[tokio::test]
async fn each_decision_works_with_full_bodies() {
    assert_eq!(response_texts::<Full<Bytes>, Full<Bytes>>(Full::default).await, EXPECTED);
}

#[tokio::test]
async fn each_decision_works_with_the_body_of_axum() {
    assert_eq!(response_texts::<Body, Body>(Body::empty).await, EXPECTED);
}

#[tokio::test]
async fn each_decision_works_with_boxed_bodies() {
    assert_eq!(response_texts::<Empty<Bytes>, BoxBody<Bytes, Infallible>>(Empty::new).await, EXPECTED);
    assert_eq!(response_texts::<(), UnsyncBoxBody<Bytes, std::io::Error>>(|| ()).await, EXPECTED);
}

#[tokio::test]
async fn each_decision_works_with_a_body_of_two_types_and_with_a_box() {
    assert_eq!(response_texts::<(), Either<Full<Bytes>, Empty<Bytes>>>(|| ()).await, EXPECTED);
    assert_eq!(response_texts::<(), Box<Full<Bytes>>>(|| ()).await, EXPECTED);
}

#[tokio::test]
async fn each_decision_works_with_a_request_body_that_does_not_implement_body() {
    assert_eq!(response_texts::<Opaque, Full<Bytes>>(Opaque::default).await, EXPECTED);
}

#[cfg(feature = "tonic")]
#[tokio::test]
async fn each_decision_works_with_the_body_of_tonic() {
    assert_eq!(response_texts::<tonic::body::Body, tonic::body::Body>(tonic::body::Body::empty).await, EXPECTED);
    assert!(tonic::body::Body::from_bytes(Bytes::new()).is_end_stream());
}

#[tokio::test]
async fn a_rejection_is_sent_as_a_custom_response_body() {
    struct CustomBody(Full<Bytes>);

    impl BodyFromBytes for CustomBody {
        fn from_bytes(bytes: Bytes) -> Self {
            Self(Full::new(bytes))
        }
    }

    let inner =
        service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(CustomBody(Full::from("handled")))) });
    let request = Request::get("/").header("x-decision", "reject").body(()).unwrap();
    let response = ScriptedGate::default().layer(inner).oneshot(request).await.unwrap();
    assert_eq!(response.into_body().0.collect().await.unwrap().to_bytes(), "rejected");
}
