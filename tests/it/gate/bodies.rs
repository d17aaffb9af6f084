//! Any body in, any body out that can be made of bytes.

use std::convert::Infallible;

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use http_body_util::combinators::{BoxBody, UnsyncBoxBody};
use http_body_util::{BodyExt, Empty, Full};
use portcullis::gate::BodyFromBytes;
use tower::{Layer, ServiceExt, service_fn};

use super::porter::{ORDERS, Porter};

/// What comes out behind a gate of each order, where both bodies are of these types.
async fn answers<I, O>(make: fn() -> I) -> Vec<String>
where
    O: BodyFromBytes + HttpBody<Data = Bytes, Error: std::fmt::Debug>,
{
    let mut answers = Vec::new();
    for (told, _) in ORDERS {
        let porter = Porter::default();
        let inner = service_fn(|_: Request<I>| async {
            Ok::<_, Infallible>(Response::new(O::from_bytes(Bytes::from_static(b"handled"))))
        });
        let request = Request::get("/").header("x-order", told).body(make()).unwrap();
        porter.book.bell.notify_one();
        let response = porter.layer(inner).oneshot(request).await.unwrap();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        answers.push(String::from_utf8(bytes.to_vec()).unwrap());
    }
    answers
}

const EXPECTED: [&str; 4] = ["handled", "refused", "handled", "refused"];

/// A body that is neither `Send` nor a body at all: the engine only carries it.
#[derive(Default)]
struct Opaque(#[expect(dead_code)] std::rc::Rc<()>);

#[tokio::test]
async fn a_body_that_is_full_of_bytes() {
    assert_eq!(answers::<Full<Bytes>, Full<Bytes>>(Full::default).await, EXPECTED);
}

#[tokio::test]
async fn the_body_of_axum() {
    assert_eq!(answers::<Body, Body>(Body::empty).await, EXPECTED);
}

#[tokio::test]
async fn boxed_bodies() {
    assert_eq!(answers::<Empty<Bytes>, BoxBody<Bytes, Infallible>>(Empty::new).await, EXPECTED);
    assert_eq!(answers::<(), UnsyncBoxBody<Bytes, std::io::Error>>(|| ()).await, EXPECTED);
}

#[tokio::test]
async fn a_request_body_that_is_no_body() {
    assert_eq!(answers::<Opaque, Full<Bytes>>(Opaque::default).await, EXPECTED);
}

#[cfg(feature = "tonic")]
#[tokio::test]
async fn the_body_of_tonic() {
    assert_eq!(answers::<tonic::body::Body, tonic::body::Body>(tonic::body::Body::empty).await, EXPECTED);
    assert!(tonic::body::Body::from_bytes(Bytes::new()).is_end_stream());
}

#[tokio::test]
async fn a_body_of_ones_own() {
    struct Own(Full<Bytes>);

    impl BodyFromBytes for Own {
        fn from_bytes(bytes: Bytes) -> Self {
            Self(Full::new(bytes))
        }
    }

    let inner = service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(Own(Full::from("handled")))) });
    let request = Request::get("/").header("x-order", "refuse").body(()).unwrap();
    let response = Porter::default().layer(inner).oneshot(request).await.unwrap();
    assert_eq!(response.into_body().0.collect().await.unwrap().to_bytes(), "refused");
}
