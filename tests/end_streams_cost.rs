//! The cost of `EndStreams`: a complete response, a frame and a stream, in allocations, and in instructions by valgrind.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::{Pin, pin};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use allocation_counter::measure;
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body::{Body as _, Frame, SizeHint};
use portcullis::context::Visitor;
use portcullis::testing::TokenBuilder;
use portcullis::{EndStreams, Issuer, JwtAuth, Revocations, UserContext};
use tower::{Layer, Service, ServiceExt};

const ISSUER: &str = "https://auth.example.com";
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

/// A body of unknown size, which has one frame or waits forever. It allocates nothing.
struct Stream {
    frame: Option<Bytes>,
}

/// A body of the same frame again and again.
struct Endless;

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"frame")))))
    }
}

impl http_body::Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.frame.take().map_or(Poll::Pending, |frame| Poll::Ready(Some(Ok(Frame::data(frame)))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::new()
    }
}

/// A handler that responds with the body of the request.
#[derive(Clone)]
struct Respond(&'static str);

impl Service<Request<Body>> for Respond {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut response = Response::new(request.into_body());
        response.headers_mut().insert("content-type", HeaderValue::from_static(self.0));
        ready(Ok(response))
    }
}

/// Returns the user of a token with an id, a session and an expiry, of a layer with revocations.
async fn user(revocations: &Revocations) -> UserContext {
    users(revocations, 1).await.remove(0)
}

/// Returns as many users, whose tokens are not cached.
async fn users(revocations: &Revocations, count: usize) -> Vec<UserContext> {
    let auth = JwtAuth::builder().issuer(Issuer::hs256(ISSUER, SECRET).first_party()).audience("api");
    let auth = auth.revocations(revocations).token_cache_capacity(0).build().unwrap();
    let users = Arc::new(Mutex::new(Vec::new()));
    let found = Arc::clone(&users);
    let app =
        Router::new().route("/", get(async move |user: UserContext| found.lock().unwrap().push(user))).layer(auth);
    for number in 0..count {
        let token = TokenBuilder::first_party(ISSUER, SECRET, &format!("user {number}")).audience("api");
        let token = token.claim("sid", format!("s{number}")).claim("jti", format!("t{number}"));
        let token = format!("Bearer {}", token.expires_in(Duration::from_secs(3_600)).sign());
        let request = Request::get("/").header("authorization", token).body(Body::empty()).unwrap();
        assert_eq!(app.clone().oneshot(request).await.unwrap().status(), 200);
    }
    std::mem::take(&mut *users.lock().unwrap())
}

fn request(user: &UserContext, body: Body) -> Request<Body> {
    let mut request = Request::new(body);
    request.extensions_mut().insert(Visitor::authenticated(user.clone()));
    request
}

/// Returns the response to a request, which the service has at once.
fn respond(service: &mut impl Service<Request<Body>, Response = Response<Body>>, request: Request<Body>) -> Body {
    let mut context = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut context).is_ready());
    match pin!(service.call(request)).poll(&mut context) {
        Poll::Ready(Ok(response)) => response.into_body(),
        _ => panic!("no response"),
    }
}

#[tokio::test]
async fn a_complete_response_costs_no_allocation() {
    let user = user(&Revocations::builder().build().unwrap()).await;
    let count = |service: &mut dyn FnMut(Request<Body>) -> Body| {
        let request = request(&user, Body::from("complete"));
        measure(|| drop(service(request))).count_total
    };
    let mut bare = Respond("text/event-stream");
    let mut layered = EndStreams::new().layer(bare.clone());
    let without = count(&mut |request| respond(&mut bare, request));
    assert_eq!(count(&mut |request| respond(&mut layered, request)), without);
    let mut downloads = EndStreams::new().end_downloads().layer(bare);
    assert_eq!(count(&mut |request| respond(&mut downloads, request)), without);
}

#[tokio::test]
async fn a_stream_costs_one_allocation_and_a_frame_none() {
    const STREAMS: usize = 6_400;
    let user = user(&Revocations::builder().build().unwrap()).await;
    let open = |service: &mut dyn FnMut(Request<Body>) -> Body| {
        // The first ones start the task that waits for expiries.
        let bodies = || Body::new(Stream { frame: Some(Bytes::from_static(b"frame")) });
        let mut first = service(request(&user, bodies()));
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..2 {
            let _ = Pin::new(&mut first).poll_frame(&mut context);
        }
        let requests: Vec<_> = (0..STREAMS).map(|_| request(&user, bodies())).collect();
        let mut opened = Vec::with_capacity(STREAMS);
        let count = measure(|| opened.extend(requests.into_iter().map(&mut *service))).count_total;
        let frames = measure(|| {
            for body in &mut opened {
                assert!(Pin::new(body).poll_frame(&mut context).is_ready());
            }
        });
        let pending = measure(|| {
            for body in &mut opened {
                assert!(Pin::new(body).poll_frame(&mut context).is_pending());
            }
        });
        (count as f64, frames.count_total, pending.count_total as f64)
    };
    let mut bare = Respond("text/event-stream");
    let mut layered = EndStreams::new().layer(bare.clone());
    let without = open(&mut |request| respond(&mut bare, request));
    let with = open(&mut |request| respond(&mut layered, request));
    let each = (with.0 - without.0 + with.2 - without.2) / STREAMS as f64;
    println!("{each} allocations for each stream, {} for all frames", with.1);
    // The table of watchers grows by an allocation for 64 of them, and what finds them doubles.
    assert!((1.0..1.03).contains(&each), "{each} allocations");
    assert_eq!((without.1, with.1), (0, 0));
}

#[tokio::test]
async fn a_hundred_thousand_open_streams_take_at_most_200_bytes_each_and_leave_none() {
    const STREAMS: usize = 100_000;
    let user = user(&Revocations::builder().build().unwrap()).await;
    let open = |service: &mut dyn FnMut(Request<Body>) -> Body| {
        let requests: Vec<_> = (0..STREAMS).map(|_| request(&user, Body::new(Stream { frame: None }))).collect();
        let mut opened = Vec::with_capacity(STREAMS);
        let mut context = Context::from_waker(Waker::noop());
        let before = measure(|| {
            for request in requests {
                let mut body = service(request);
                assert!(Pin::new(&mut body).poll_frame(&mut context).is_pending());
                opened.push(body);
            }
        });
        let closed = measure(|| drop(opened));
        (before.bytes_current as f64, closed.bytes_current as f64)
    };
    let mut bare = Respond("text/event-stream");
    let mut layered = EndStreams::new().layer(bare.clone());
    let without = open(&mut |request| respond(&mut bare, request));
    let with = open(&mut |request| respond(&mut layered, request));
    let each = (with.0 - without.0) / STREAMS as f64;
    println!("{each} bytes for each stream");
    assert!((100.0..=200.0).contains(&each), "{each} bytes");
    // What remains are slots of watchers, which the next ones use.
    let again = open(&mut |request| respond(&mut layered, request));
    let kept = (again.0 + again.1) - (without.0 + without.1);
    assert!(kept.abs() < 4_096.0, "{kept} bytes are kept");
}

#[tokio::test]
async fn a_stream_of_a_token_that_is_not_cached_also_keeps_the_ids_of_its_credential() {
    const STREAMS: usize = 3_000;
    let users = users(&Revocations::builder().build().unwrap(), STREAMS).await;
    let mut layered = EndStreams::new().layer(Respond("text/event-stream"));
    let mut context = Context::from_waker(Waker::noop());
    let mut open = |users: Vec<UserContext>| {
        let requests: Vec<_> = users.iter().map(|user| request(user, Body::new(Stream { frame: None }))).collect();
        drop(users);
        let mut opened = Vec::with_capacity(STREAMS);
        for request in requests {
            let mut body = respond(&mut layered, request);
            assert!(Pin::new(&mut body).poll_frame(&mut context).is_pending());
            opened.push(body);
        }
        let freed = measure(|| drop(opened)).bytes_current;
        -freed as f64 / STREAMS as f64
    };
    // First, while the ids are also kept by the users.
    let shared = open(users.clone());
    let ids = open(users) - shared;
    println!("{ids} bytes of ids for each stream");
    assert!((150.0..=256.0).contains(&ids), "{ids} bytes");
}

/// Runs this test again under valgrind, with the name of a case.
#[test]
fn a_response_a_frame_and_a_stream_stay_within_their_budgets_of_instructions() {
    if let Ok(case) = std::env::var("PORTCULLIS_BUDGET_STREAM") {
        let (case, times) = case.rsplit_once(' ').unwrap();
        return run(case, times.parse().unwrap());
    }
    // Without optimizations, which leave about a tenth: `benches/peers/run` prints those, with times. Measured with debug
    // information: 2,075, 772 and 49,493; without it, a tenth less.
    for (name, max) in [("response", 2_280), ("frame", 850), ("stream", 54_000)] {
        let [Some(with), Some(without)] = ["layered", "bare"].map(|kind| instructions(&format!("{kind} {name}")))
        else {
            println!("skipped: valgrind is not installed");
            return;
        };
        let added = with - without;
        println!("{name}: {added} instructions of at most {max}");
        assert!(added <= max, "{name}: {added} instructions, at most {max}");
    }
}

fn run(case: &str, times: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _guard = runtime.enter();
    let user = runtime.block_on(user(&Revocations::builder().build().unwrap()));
    let mut bare = Respond("text/event-stream");
    let mut layered = EndStreams::new().layer(bare.clone());
    let (kind, name) = case.split_once(' ').unwrap();
    let mut send = |body: Body| match kind {
        "layered" => respond(&mut layered, request(&user, body)),
        _ => respond(&mut bare, request(&user, body)),
    };
    let mut context = Context::from_waker(Waker::noop());
    match name {
        "response" => (0..times).for_each(|_| drop(send(Body::from("complete")))),
        "frame" => {
            let mut body = send(Body::new(Endless));
            for _ in 0..times {
                assert!(Pin::new(&mut body).poll_frame(&mut context).is_ready());
            }
        }
        _ => {
            for _ in 0..times {
                let mut body = send(Body::new(Stream { frame: None }));
                assert!(Pin::new(&mut body).poll_frame(&mut context).is_pending());
            }
        }
    }
}

/// Returns the instructions of one repetition, as the difference of two runs. `None` without valgrind.
fn instructions(case: &str) -> Option<u64> {
    let run = |times: u64| {
        let test = "a_response_a_frame_and_a_stream_stay_within_their_budgets_of_instructions";
        let mut command = Command::new("valgrind");
        command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
        command.arg(std::env::current_exe().unwrap()).args(["--exact", test, "--test-threads=1"]);
        let output = command.env("PORTCULLIS_BUDGET_STREAM", format!("{case} {times}")).output().ok()?;
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        let line = text.lines().find(|line| line.contains("Collected :"))?;
        line.rsplit(' ').next()?.parse::<u64>().ok()
    };
    Some((run(400)? - run(100)?) / 300)
}
