//! `Revocations::watch` on real servers: a WebSocket and an event stream of axum, and a body stream of hyper.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use allocation_counter::measure;
use axum::body::Body;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::http::{Request, Response};
use axum::response::Sse;
use axum::response::sse::Event;
use axum::routing::{any, get, post};
use axum::{Extension, Router};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use portcullis::revocation::{Ended, Revocation, Watch};
use portcullis::testing::TokenBuilder;
use portcullis::{Issuer, JwtAuth, Revocations, UserContext};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};

use crate::support::redis_server::Server;

const ISSUER: &str = "https://auth.example.com";
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

/// A token of the user in this session.
fn token(user: &str, session: &str) -> String {
    let token = TokenBuilder::first_party(ISSUER, SECRET, user).audience("api").claim("sid", session);
    token.claim("jti", format!("a token in {session}")).expires_in(Duration::from_secs(3_600)).sign()
}

fn auth(revocations: &Revocations) -> JwtAuth {
    let issuer = Issuer::hs256(ISSUER, SECRET).first_party();
    JwtAuth::builder().issuer(issuer).audience("api").revocations(revocations).build().unwrap()
}

fn revocations() -> Revocations {
    Revocations::builder().build().unwrap()
}

/// Returns each message, until the credential ends.
async fn echo(
    user: UserContext,
    Extension(revocations): Extension<Revocations>,
    upgrade: WebSocketUpgrade,
) -> axum::response::Response {
    let ended = revocations.watch(&user);
    upgrade.on_upgrade(async move |mut socket: WebSocket| {
        let serve = async {
            while let Some(Ok(message)) = socket.recv().await {
                if socket.send(message).await.is_err() {
                    break;
                }
            }
        };
        tokio::select! {
            _ = ended => {}
            () = serve => {}
        }
    })
}

/// An event, then none until the credential ends.
async fn events(
    user: UserContext,
    Extension(revocations): Extension<Revocations>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let first = stream::iter([Ok(Event::default().data("hello"))]);
    Sse::new(first.chain(stream::pending()).take_until(revocations.watch(&user)))
}

async fn log_out(user: UserContext, Extension(revocations): Extension<Revocations>) {
    revocations.revoke(&user).await.unwrap();
}

fn app(revocations: &Revocations) -> Router {
    Router::new()
        .route("/socket", any(echo))
        .route("/events", get(events))
        .route("/logout", post(log_out))
        .layer(Extension(revocations.clone()))
        .layer(auth(revocations))
}

/// A connection to a server, with one request.
struct Connection(TcpStream);

impl Connection {
    /// Sends a request with a token, and reads the head of the response.
    async fn open(listener: &str, request: &str, token: &str, headers: &str) -> (Self, String) {
        let mut connection = Self(TcpStream::connect(listener).await.unwrap());
        let head =
            format!("{request} HTTP/1.1\r\nHost: api.example.com\r\nAuthorization: Bearer {token}\r\n{headers}\r\n");
        connection.0.write_all(head.as_bytes()).await.unwrap();
        let head = connection.read_until("\r\n\r\n").await;
        (connection, head)
    }

    async fn open_socket(listener: &str, token: &str) -> (Self, String) {
        let headers = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        Self::open(listener, "GET /socket", token, headers).await
    }

    async fn read_until(&mut self, end: &str) -> String {
        let mut text = Vec::new();
        while !text.ends_with(end.as_bytes()) {
            let byte = timeout(DEADLINE, self.0.read_u8()).await.unwrap().unwrap();
            text.push(byte);
        }
        String::from_utf8(text).unwrap()
    }

    /// Sends a text frame, and reads the one that the server returns (RFC 6455 §5.2).
    async fn assert_echo(&mut self, text: &str) {
        // The mask of a client's frame is zero here, so the text is sent as it is.
        let frame = [&[0x81, 0x80 | text.len() as u8, 0, 0, 0, 0], text.as_bytes()].concat();
        self.0.write_all(&frame).await.unwrap();
        let mut received = vec![0; 2 + text.len()];
        timeout(DEADLINE, self.0.read_exact(&mut received)).await.unwrap().unwrap();
        assert_eq!(received, [&[0x81, text.len() as u8], text.as_bytes()].concat());
    }

    /// Reads what the server sends until it closes the connection.
    async fn read_to_end(mut self) -> String {
        let mut text = Vec::new();
        timeout(DEADLINE, self.0.read_to_end(&mut text)).await.unwrap().unwrap();
        String::from_utf8(text).unwrap()
    }
}

/// Binds a free port, and returns its address.
async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

#[tokio::test]
async fn a_websocket_ends_when_its_user_logs_out_and_those_of_other_sessions_stay_open() {
    let (listener, address) = listen().await;
    let server = tokio::spawn(axum::serve(listener, app(&revocations())).into_future());
    let [ann, other] = [token("ann", "a"), token("ann", "b")];
    let (mut socket, head) = Connection::open_socket(&address, &ann).await;
    let (mut other_socket, _) = Connection::open_socket(&address, &other).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    socket.assert_echo("hello").await;

    let (_, head) = Connection::open(&address, "POST /logout", &ann, "Content-Length: 0\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert_eq!(socket.read_to_end().await, "");
    other_socket.assert_echo("still here").await;
    // A new socket with the same token is rejected.
    let (_, head) = Connection::open_socket(&address, &ann).await;
    assert!(head.starts_with("HTTP/1.1 401 "), "{head}");
    server.abort();
}

#[tokio::test]
async fn an_event_stream_of_axum_ends_when_its_user_is_revoked() {
    let (listener, address) = listen().await;
    let revocations = revocations();
    let server = tokio::spawn(axum::serve(listener, app(&revocations)).into_future());
    let (mut events, head) =
        Connection::open(&address, "GET /events", &token("ann", "a"), "Connection: close\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(events.read_until("\n\n").await.contains("data: hello"));
    revocations.revoke_by(Revocation::subject(ISSUER, "ann")).await.unwrap();
    let rest = events.read_to_end().await;
    assert!(rest.ends_with("0\r\n\r\n"), "the last chunk of a complete response: {rest:?}");
    server.abort();
}

/// Streams one line, then nothing until the credential ends.
fn body(ended: Watch) -> UnsyncBoxBody<Bytes, Infallible> {
    let first = stream::iter([Ok(Frame::data(Bytes::from_static(b"hello\n")))]);
    StreamBody::new(first.chain(stream::pending()).take_until(ended)).boxed_unsync()
}

#[tokio::test]
async fn a_body_stream_of_hyper_ends_when_its_token_is_revoked() {
    let (listener, address) = listen().await;
    let revocations = revocations();
    let watching = revocations.clone();
    let service = ServiceBuilder::new().layer(auth(&revocations)).service_fn(move |request: Request<Incoming>| {
        let user = UserContext::from_extensions(request.extensions()).unwrap();
        ready(Ok::<_, Infallible>(Response::new(body(watching.watch(user)))))
    });
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        http1::Builder::new().serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)).await
    });
    let (mut body, head) = Connection::open(&address, "GET /", &token("ann", "a"), "Connection: close\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    body.read_until("hello\n\r\n").await;
    revocations.revoke_by(Revocation::token(ISSUER, "a token in a")).await.unwrap();
    assert_eq!(body.read_to_end().await, "0\r\n\r\n");
    server.await.unwrap().unwrap();
}

/// The user of a request with this token.
async fn user(revocations: &Revocations, token: &str) -> UserContext {
    let handler = service_fn(|request: Request<Body>| {
        let mut response = Response::new(Body::empty());
        *response.extensions_mut() = request.extensions().clone();
        ready(Ok::<_, Infallible>(response))
    });
    let request = Request::get("/").header("authorization", format!("Bearer {token}")).body(Body::empty()).unwrap();
    let response = auth(revocations).layer(handler).oneshot(request).await.unwrap();
    UserContext::from_extensions(response.extensions()).unwrap().clone()
}

#[tokio::test]
async fn a_watch_is_a_future_that_can_be_sent_and_moved() {
    fn assert_traits<T: Future<Output = Ended> + Send + Sync + Unpin + 'static>(_: &T) {}
    let revocations = revocations();
    let mut watch = revocations.watch(&user(&revocations, &token("ann", "a")).await);
    assert_traits(&watch);
    timeout(Duration::ZERO, &mut watch).await.unwrap_err();
    revocations.revoke_all(&user(&revocations, &token("ann", "b")).await).await.unwrap();
    assert_eq!(tokio::spawn(watch).await.unwrap(), Ended::Revoked);
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_revocation_by_another_process_ends_a_watch() {
    let server = Server::start();
    // Each handle has its own connection and table, as in two processes.
    let [first, second] = [(); 2].map(|()| Revocations::builder().redis_stream(&server.url()).build().unwrap());
    tokio::join!(first.wait_until_ready(), second.wait_until_ready());
    let users = [user(&first, &token("ann", "a")).await, user(&first, &token("ann", "b")).await];
    let [ended, mut other] = users.each_ref().map(|user| first.watch(user));
    second.revoke(&users[0]).await.unwrap();
    assert_eq!(timeout(DEADLINE, ended).await.unwrap(), Ended::Revoked);
    timeout(Duration::ZERO, &mut other).await.unwrap_err();
    second.revoke_by(Revocation::subject(ISSUER, "ann")).await.unwrap();
    assert_eq!(timeout(DEADLINE, other).await.unwrap(), Ended::Revoked);
}

#[tokio::test]
async fn a_hundred_thousand_watchers_take_at_most_200_bytes_each() {
    const WATCHERS: usize = 100_000;
    let revocations = revocations();
    // The token has an id, a session and an expiry, so each watcher is in three lists and among the expiries.
    let user = user(&revocations, &token("ann", "a")).await;
    let mut watches: Vec<Pin<Box<Watch>>> = Vec::with_capacity(WATCHERS);
    let mut context = Context::from_waker(Waker::noop());
    let watch = measure(|| {
        for _ in 0..WATCHERS {
            let mut watch = Box::pin(revocations.watch(&user));
            assert_eq!(watch.as_mut().poll(&mut context), Poll::Pending);
            watches.push(watch);
        }
    });
    let bytes = watch.bytes_current as f64 / WATCHERS as f64;
    println!("{bytes} bytes for each watcher");
    assert!(bytes <= 200.0, "{bytes} bytes");
    // Dropped watchers leave only the slots, which the next ones use.
    let drop_all = measure(|| watches.clear());
    assert!(drop_all.bytes_current < 0, "{drop_all:?}");
    let again = measure(|| {
        for _ in 0..WATCHERS {
            watches.push(Box::pin(revocations.watch(&user)));
        }
    });
    let bytes = again.bytes_current as f64 / WATCHERS as f64;
    assert!(bytes <= 80.0, "{bytes} bytes of a new watcher in a slot that was used before");
}

/// How long a test waits for the server. Only a failure takes this long.
const DEADLINE: Duration = Duration::from_secs(30);
