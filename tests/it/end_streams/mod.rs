//! `EndStreams` and `UserContext::ended`: responses and sockets that end with their credential.

mod attacks;
mod connection;
mod credentials;
mod downloads;
mod frames;
mod grpc;
mod sockets;
mod streams;

use std::convert::Infallible;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, Response};
use axum::routing::any;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use portcullis::jwt::JwtAuthBuilder;
use portcullis::testing::{FakeClock, TokenBuilder};
use portcullis::{EndStreams, Issuer, JwtAuth, Revocations};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tower::ServiceExt;

const ISSUER: &str = "https://auth.example.com";
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

/// The lifetime of the tokens here, and the default leeway.
const LIFETIME: Duration = Duration::from_secs(300);
const LEEWAY: Duration = Duration::from_secs(60);

/// How soon a stream ends.
const SOON: Duration = Duration::from_secs(1);

/// When the tests begin, by the wall clock. Tokens are issued then, and clocks start then, however slow the tests are.
static START: LazyLock<SystemTime> = LazyLock::new(SystemTime::now);

fn clock() -> FakeClock {
    let clock = FakeClock::new();
    clock.set_wall(*START);
    clock
}

fn token(user: &str) -> String {
    token_issued_at(user, &format!("of {user}"), *START)
}

fn token_issued_at(user: &str, id: &str, time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap().as_secs();
    let token = TokenBuilder::first_party(ISSUER, SECRET, user).audience("api").claim("jti", id);
    format!("Bearer {}", token.claim("iat", seconds).claim("exp", seconds + LIFETIME.as_secs()).sign())
}

fn auth(clock: &FakeClock) -> JwtAuthBuilder {
    let issuer = Issuer::hs256(ISSUER, SECRET).first_party();
    JwtAuth::builder().issuer(issuer).audience("api").clock(clock.clock())
}

fn revocations(clock: &FakeClock) -> Revocations {
    Revocations::builder().clock(clock.clock()).build().unwrap()
}

/// Sends frames as the body of a response.
#[derive(Clone)]
struct Producer(UnboundedSender<Frame<Bytes>>);

impl Producer {
    /// Returns a producer and its body, which ends when all clones of the producer are dropped.
    fn new() -> (Self, Body) {
        let (sender, receiver) = unbounded_channel();
        let frames = stream::unfold(receiver, |mut receiver| async move {
            let frame = receiver.recv().await?;
            Some((Ok::<_, Infallible>(frame), receiver))
        });
        (Self(sender), Body::new(StreamBody::new(frames)))
    }

    fn send(&self, text: &'static str) {
        let _ = self.0.send(Frame::data(Bytes::from_static(text.as_bytes())));
    }

    fn send_trailers(&self, trailers: HeaderMap) {
        let _ = self.0.send(Frame::trailers(trailers));
    }
}

/// An app whose handler responds once with this body, without the layer that authenticates.
fn app(media_type: &'static str, body: Body, layer: EndStreams) -> Router {
    plain_app(media_type, body).layer(layer)
}

fn plain_app(media_type: &'static str, body: Body) -> Router {
    let body = Arc::new(Mutex::new(Some(body)));
    let handler = move || async move {
        let body = body.lock().unwrap().take().unwrap();
        Response::builder().header("content-type", media_type).body(body).unwrap()
    };
    Router::new().route("/", any(handler))
}

/// Sends a request with this value of `Authorization`.
async fn send(app: Router, authorization: &str) -> Response<Body> {
    let request = Request::get("/").header("authorization", authorization).body(Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    response
}

/// Opens a stream of Ann.
async fn open(media_type: &'static str, auth: JwtAuth, layer: EndStreams) -> (Producer, Body) {
    let (producer, body) = Producer::new();
    let response = send(app(media_type, body, layer).layer(auth), &token("ann")).await;
    (producer, response.into_body())
}

/// Everything that was received of a body.
#[derive(Debug, Default, PartialEq)]
struct Received {
    text: String,
    trailers: Option<HeaderMap>,
    error: Option<String>,
}

/// Receives a body in a task, which only the body wakes.
fn receive(mut body: Body) -> JoinHandle<Received> {
    tokio::spawn(async move {
        let mut received = Received::default();
        while let Some(frame) = body.frame().await {
            match frame.map(Frame::into_data) {
                Ok(Ok(data)) => received.text.push_str(std::str::from_utf8(&data).unwrap()),
                Ok(Err(frame)) => received.trailers = frame.into_trailers().ok(),
                Err(error) => received.error = Some(error.to_string()),
            }
        }
        received
    })
}

/// Asserts that the body has not ended a while later.
async fn assert_open(task: &mut JoinHandle<Received>) {
    timeout(Duration::from_secs(30), task).await.expect_err("the body has ended");
}

/// Returns what was received of a body that ends within a second.
async fn ends(task: JoinHandle<Received>) -> Received {
    timeout(SOON, task).await.expect("the body ends within a second").unwrap()
}

/// A body that ended cleanly after this text.
fn clean(text: &str) -> Received {
    Received { text: text.to_owned(), ..Received::default() }
}
