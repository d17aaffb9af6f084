//! `EventPoller` with a transmitter that serves its polling endpoint over HTTP (RFC 8936).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use portcullis::revocation::Revocation;
use portcullis::shared_signals::SecurityEvent;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::*;
use crate::support::log_capture::LogCapture;
use crate::support::redis_server::Server;

/// The polling endpoint of a transmitter. Each request waits for the test to respond.
struct Transmitter {
    url: String,
    polls: mpsc::UnboundedReceiver<Poll>,
    _tasks: JoinSet<()>,
}

/// A request to the endpoint.
struct Poll {
    headers: HeaderMap,
    body: Value,
    response: oneshot::Sender<Response>,
}

impl Transmitter {
    async fn start() -> Self {
        let (sender, polls) = mpsc::unbounded_channel();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/poll?stream=1", listener.local_addr().unwrap());
        let app = Router::new().route("/poll", post(receive)).with_state(sender);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, polls, _tasks: tasks }
    }

    /// Waits for the next request.
    async fn poll(&mut self) -> Poll {
        self.polls.recv().await.unwrap()
    }

    /// Waits for the next request, which is sent after a pause. Returns it, and by how many seconds the clock moved.
    ///
    /// The pause begins when the poller has read the last response, which the test does not see.
    async fn poll_after_pause(&mut self, clock: &FakeClock) -> (Poll, u32) {
        let mut moved = 0;
        loop {
            match timeout(Duration::from_millis(10), self.polls.recv()).await {
                Ok(poll) => return (poll.unwrap(), moved),
                Err(_) => clock.advance(SECOND),
            }
            moved += 1;
        }
    }
}

async fn receive(State(polls): State<mpsc::UnboundedSender<Poll>>, headers: HeaderMap, body: String) -> Response {
    let (response, responded) = oneshot::channel();
    let body = serde_json::from_str(&body).unwrap();
    polls.send(Poll { headers, body, response }).unwrap_or_else(|_| panic!("the test has ended"));
    responded.await.unwrap_or_else(|_| StatusCode::SERVICE_UNAVAILABLE.into_response())
}

impl Poll {
    fn respond(self, response: impl IntoResponse) {
        self.response.send(response.into_response()).unwrap();
    }

    /// Delivers tokens by their `jti`.
    fn deliver(self, sets: impl IntoIterator<Item = (impl Into<String>, impl Into<Value>)>) {
        let sets: BTreeMap<String, Value> = sets.into_iter().map(|(id, token)| (id.into(), token.into())).collect();
        self.respond(axum::Json(json!({ "sets": sets })));
    }

    fn deliver_nothing(self) {
        self.respond(axum::Json(json!({ "sets": {} })));
    }

    /// The acknowledged tokens.
    fn acknowledged(&self) -> Vec<&str> {
        let ack = self.body.get("ack").and_then(Value::as_array);
        ack.map(|ids| ids.iter().map(|id| id.as_str().unwrap()).collect()).unwrap_or_default()
    }

    /// The reported errors, by `jti`.
    fn errors(&self) -> BTreeMap<&str, &str> {
        let errors = self.body.get("setErrs").and_then(Value::as_object);
        let errors = errors.map(|errors| errors.iter().map(|(id, error)| (&**id, error["err"].as_str().unwrap())));
        errors.map(BTreeMap::from_iter).unwrap_or_default()
    }
}

/// The future of a poller, which is dropped with it.
struct Polling(JoinHandle<()>);

impl Drop for Polling {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn start(app: &Fixture, transmitter: &Transmitter) -> Polling {
    start_with(app, transmitter, |builder| builder)
}

fn start_with(
    app: &Fixture,
    transmitter: &Transmitter,
    change: impl FnOnce(SharedSignalsBuilder) -> SharedSignalsBuilder,
) -> Polling {
    let builder = SharedSignals::builder().transmitter(app.issuer.url()).audience(API);
    let builder = change(builder.revocations(&app.revocations).clock(app.clock.clock()));
    let poller = builder.build_poller(&transmitter.url, async || Ok(AUTHORIZATION.to_owned())).unwrap();
    Polling(tokio::spawn(poller.run()))
}

fn token(app: &Fixture, id: &str) -> String {
    app.session_revoked().claim("jti", id).sign()
}

#[tokio::test]
async fn a_poll_is_a_post_of_json_with_the_authorization_that_the_transmitter_may_hold() {
    let (app, mut transmitter) = (Fixture::new().await, Transmitter::start().await);
    let _polling = start(&app, &transmitter);
    let poll = transmitter.poll().await;
    assert_eq!(poll.body, json!({ "maxEvents": 32, "returnImmediately": false }));
    for (name, value) in [
        ("authorization", AUTHORIZATION),
        ("content-type", "application/json"),
        ("accept", "application/json"),
        ("content-language", "en"),
    ] {
        assert_eq!(poll.headers[name], value);
    }
}

#[tokio::test]
async fn a_token_is_acknowledged_only_after_it_was_applied() {
    let (app, mut transmitter) = (Fixture::new().await, Transmitter::start().await);
    let handled = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&handled);
    let _polling = start_with(&app, &transmitter, |builder| {
        builder.on_event(move |_| {
            let counter = Arc::clone(&counter);
            async move {
                tokio::task::yield_now().await;
                counter.fetch_add(1, Ordering::SeqCst);
                Ok(())
            }
        })
    });
    let access = app.access_token("ann", "s1");
    let token = app.event_token(json!({ LEVEL_CHANGE: {}, SESSION_REVOKED: {} })).claim("jti", "j1").sign();
    transmitter.poll().await.deliver([("j1", token)]);
    let poll = transmitter.poll().await;
    assert_eq!((poll.acknowledged(), poll.errors().len()), (vec!["j1"], 0));
    assert_eq!((app.api(&access).await, handled.load(Ordering::SeqCst)), (401, 1));
    poll.deliver_nothing();
    app.clock.advance(SECOND);
    assert!(transmitter.poll().await.acknowledged().is_empty());
}

#[tokio::test]
async fn a_token_that_could_not_be_applied_is_neither_acknowledged_nor_reported() {
    let (app, mut transmitter) = (Fixture::new().await, Transmitter::start().await);
    let calls = Arc::new(Mutex::new(0));
    let counter = Arc::clone(&calls);
    let _polling = start_with(&app, &transmitter, |builder| {
        builder.on_event(move |_| {
            let mut calls = counter.lock().unwrap();
            *calls += 1;
            let result = if *calls == 1 { Err("the database is down".into()) } else { Ok(()) };
            async { result }
        })
    });
    let for_app = app.event_token(json!({ LEVEL_CHANGE: {} })).claim("jti", "j1").sign();
    transmitter.poll().await.deliver([("j1", for_app.clone()), ("j2", token(&app, "j2"))]);
    let (poll, _) = transmitter.poll_after_pause(&app.clock).await;
    assert_eq!((poll.acknowledged(), poll.errors().len()), (vec!["j2"], 0));
    poll.deliver([("j1", for_app)]);
    assert_eq!(transmitter.poll().await.acknowledged(), ["j1"]);
    assert_eq!(*calls.lock().unwrap(), 2);
}

#[tokio::test]
async fn an_event_about_which_the_app_panics_stops_no_other() {
    let (app, mut transmitter) = (Fixture::new().await, Transmitter::start().await);
    let _polling = start_with(&app, &transmitter, |builder| {
        builder.on_event(async |event: SecurityEvent| {
            assert_ne!(event.token_id(), "j1");
            Ok(())
        })
    });
    let for_app = app.event_token(json!({ LEVEL_CHANGE: {} })).claim("jti", "j1").sign();
    transmitter.poll().await.deliver([("j1", for_app), ("j2", token(&app, "j2"))]);
    let (poll, _) = transmitter.poll_after_pause(&app.clock).await;
    assert_eq!((poll.acknowledged(), poll.errors().len()), (vec!["j2"], 0));
}

#[tokio::test]
async fn an_invalid_token_is_reported_in_set_errs_with_its_err() {
    let (app, mut transmitter) = (Fixture::new().await, Transmitter::start().await);
    let _polling = start(&app, &transmitter);
    let access = app.access_token("ann", "s1");
    let invalid = |id: &str| app.session_revoked().claim("jti", id);
    transmitter.poll().await.deliver([
        ("audience", json!(invalid("audience").audience("other").sign())),
        ("issuer", json!(invalid("issuer").claim("iss", "https://other.example.com").sign())),
        ("key", json!(invalid("key").header("kid", "unknown").sign())),
        ("exp", json!(invalid("exp").claim("exp", NOW + 60).sign())),
        ("future", json!(invalid("future").claim("iat", NOW + 301).sign())),
        ("type", json!(app.access_token("ann", "s1"))),
        ("name", json!(token(&app, "other-name"))),
        ("garbage", json!("a.b.c")),
        ("number", json!(7)),
    ]);
    // Its keys are fetched meanwhile, and time passes until the next poll.
    let (poll, _) = transmitter.poll_after_pause(&app.clock).await;
    let request = "invalid_request";
    let errors = [
        ("audience", "invalid_audience"),
        ("exp", request),
        ("future", request),
        ("garbage", request),
        ("issuer", "invalid_issuer"),
        ("key", "invalid_key"),
        ("name", request),
        ("number", request),
        ("type", request),
    ];
    assert_eq!((poll.errors(), poll.acknowledged()), (BTreeMap::from(errors), vec![]));
    let description = &poll.body["setErrs"]["name"]["description"];
    assert_eq!(description, "the jti of the token differs from its key in sets");
    assert_eq!(app.api(&access).await, 200);
    // They are reported once.
    poll.deliver([("valid", token(&app, "valid"))]);
    let poll = transmitter.poll().await;
    assert_eq!((poll.acknowledged(), poll.errors().len()), (vec!["valid"], 0));
    assert_eq!(app.api(&access).await, 401);
}

#[tokio::test]
async fn more_available_polls_again_at_once() {
    let (app, mut transmitter) = (Fixture::new().await, Transmitter::start().await);
    let _polling = start(&app, &transmitter);
    for number in 0..3 {
        let poll = transmitter.poll().await;
        let id = format!("j{number}");
        // The clock does not move.
        poll.respond(axum::Json(json!({ "sets": { &id: token(&app, &id) }, "moreAvailable": true })));
    }
    assert_eq!(transmitter.poll().await.acknowledged(), ["j2"]);
}

#[tokio::test]
async fn after_500_and_429_it_polls_again_with_the_same_acknowledgments() {
    let (app, mut transmitter) = (Fixture::new().await, Transmitter::start().await);
    let _polling = start(&app, &transmitter);
    transmitter.poll().await.deliver([("j1", json!(token(&app, "j1"))), ("j2", json!("a.b.c"))]);
    let poll = transmitter.poll().await;
    assert_eq!(poll.body["maxEvents"], 32);
    poll.respond(StatusCode::INTERNAL_SERVER_ERROR);
    let (poll, waited) = transmitter.poll_after_pause(&app.clock).await;
    assert!(waited >= 1);
    assert_eq!((poll.acknowledged(), poll.errors().len(), &poll.body["maxEvents"]), (vec!["j1"], 1, &json!(1)));
    poll.respond((StatusCode::TOO_MANY_REQUESTS, [("retry-after", "30")]));
    let (poll, waited) = transmitter.poll_after_pause(&app.clock).await;
    assert!(waited >= 30, "{waited}");
    assert_eq!((poll.acknowledged(), poll.errors().len()), (vec!["j1"], 1));
    poll.deliver([("j3", token(&app, "j3"))]);
    assert_eq!(transmitter.poll().await.acknowledged(), ["j3"]);
}

#[tokio::test]
async fn a_request_that_the_transmitter_holds_is_the_only_one() {
    let (app, mut transmitter) = (Fixture::new().await, Transmitter::start().await);
    let _polling = start(&app, &transmitter);
    let access = app.access_token("ann", "s1");
    for _ in 0..3 {
        let held = transmitter.poll().await;
        app.clock.advance(60 * SECOND);
        // These take longer than a request to the transmitter.
        for _ in 0..3 {
            assert_eq!(app.api(&access).await, 200);
        }
        assert!(transmitter.polls.try_recv().is_err());
        // The next one needs no further wait.
        held.deliver_nothing();
    }
    let held = transmitter.poll().await;
    app.clock.advance(60 * SECOND);
    held.deliver([("j1", token(&app, "j1"))]);
    assert_eq!(transmitter.poll().await.acknowledged(), ["j1"]);
    assert_eq!(app.api(&access).await, 401);
}

#[tokio::test]
async fn unacknowledged_tokens_that_arrive_again_after_a_restart_have_no_further_effect() {
    let (app, mut transmitter) = (Fixture::new().await, Transmitter::start().await);
    let access = app.access_token("ann", "s1");
    let token = token(&app, "j1");
    let polling = start(&app, &transmitter);
    transmitter.poll().await.deliver([("j1", token.clone())]);
    // The process ends before the transmitter has processed the acknowledgment.
    let lost = transmitter.poll().await;
    drop((polling, lost));
    app.clock.advance(SECOND);
    let (later, cookie) = (app.access_token("ann", "s2"), app.log_in("ann", "s2").await);
    let _polling = start(&app, &transmitter);
    let poll = transmitter.poll().await;
    assert!(poll.acknowledged().is_empty());
    poll.deliver([("j1", token)]);
    assert_eq!(transmitter.poll().await.acknowledged(), ["j1"]);
    assert_eq!((app.api(&access).await, app.api(&later).await, app.me(&cookie).await), (401, 200, 200));
}

#[tokio::test]
async fn the_request_in_progress_is_canceled_when_the_future_is_dropped() {
    let (app, mut transmitter) = (Fixture::new().await, Transmitter::start().await);
    let polling = start(&app, &transmitter);
    let mut poll = transmitter.poll().await;
    drop(polling);
    // The server drops the handler when the connection closes.
    poll.response.closed().await;
    assert!(transmitter.polls.try_recv().is_err());
}

#[tokio::test]
async fn while_the_keys_are_unavailable_no_token_is_acknowledged() {
    let (app, mut transmitter) = (Fixture::new().await, Transmitter::start().await);
    app.issuer.respond_with(StatusCode::INTERNAL_SERVER_ERROR);
    let _polling = start(&app, &transmitter);
    transmitter.poll().await.deliver([("j1", token(&app, "j1"))]);
    let (poll, _) = transmitter.poll_after_pause(&app.clock).await;
    assert_eq!((poll.acknowledged().len(), poll.errors().len()), (0, 0));
    app.issuer.respond_with(StatusCode::OK);
    app.clock.advance(60 * SECOND);
    poll.deliver([("j1", token(&app, "j1"))]);
    assert_eq!(transmitter.poll().await.acknowledged(), ["j1"]);
}

#[test]
fn a_poller_takes_no_header_of_a_transmitter() {
    let revocations = Revocations::builder().build().unwrap();
    let builder =
        SharedSignals::builder().transmitter("https://auth.example.com").audience(API).revocations(&revocations);
    let build = |builder: SharedSignalsBuilder| {
        builder.build_poller("https://auth.example.com/poll", async || Ok(AUTHORIZATION.to_owned()))
    };
    assert!(build(builder.clone()).is_ok());
    let error = build(builder.authorization(AUTHORIZATION)).unwrap_err();
    assert_eq!((error.issues().len(), error.issues()[0].setting()), (1, "authorization"));
}

#[tokio::test]
async fn neither_the_authorization_nor_a_token_is_in_a_log_or_in_debug() {
    let (app, mut transmitter) = (Fixture::new().await, Transmitter::start().await);
    let builder = SharedSignals::builder().transmitter(app.issuer.url()).audience(API).revocations(&app.revocations);
    let builder = builder.clock(app.clock.clock());
    let poller = builder.build_poller(&transmitter.url, async || Ok(AUTHORIZATION.to_owned())).unwrap();
    assert!(!format!("{poller:?}").contains("marker"), "{poller:?}");
    let log = LogCapture::start();
    let _polling = Polling(tokio::spawn(poller.run()));
    let poll = transmitter.poll().await;
    assert_eq!(poll.headers["authorization"], AUTHORIZATION);
    let other = app.session_revoked().claim("jti", "marker-jti").audience("marker-aud").sign();
    poll.deliver([("marker-jti", other.clone())]);
    transmitter.poll_after_pause(&app.clock).await.0.respond((StatusCode::UNAUTHORIZED, "marker-body"));
    transmitter.poll_after_pause(&app.clock).await;
    let text = log.text();
    assert_eq!(log.count("its `aud` is not a value of .audience(..)"), 1, "{text}");
    assert_eq!(log.count("the transmitter rejected the Authorization header"), 1, "{text}");
    assert!(!text.contains("marker-") && !text.contains(&other), "{text}");
}

#[tokio::test]
#[ignore = "needs redis-server: run tests/run"]
async fn a_token_is_acknowledged_only_after_the_stream_has_stored_the_revocation() {
    let (server, mut transmitter) = (Server::start(), Transmitter::start().await);
    let app = stream::app(&server).await;
    let _polling = start(&app, &transmitter);
    transmitter.poll().await.deliver([("j1", token(&app, "j1"))]);
    let poll = transmitter.poll().await;
    assert_eq!((poll.acknowledged(), &*stream::len(&server)), (vec!["j1"], "1"));
    drop(server);
    assert!(app.revocations.revoke_by(Revocation::token("a", "b")).await.is_err());
    let other = app.session_revoked().claim("jti", "j2").claim("sub_id", app.user("bob")).sign();
    poll.deliver([("j2", other)]);
    let (poll, _) = transmitter.poll_after_pause(&app.clock).await;
    assert_eq!((poll.acknowledged().len(), poll.errors().len()), (0, 0));
}
