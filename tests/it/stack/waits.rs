//! A gate that takes its time: those outside complete its refusal, those inside see what it admits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use axum::Router;
use axum::http::request;
use portcullis::context::{Realm, Visitor};
use portcullis::gate::{Denial, DenialKind, Entry, Gate, Reply};
use portcullis::rate_limit::{Key, OutagePolicy, RedisStore};
use portcullis::{Quota, RateLimit, Stack, UserContext};

use super::{app, asked, cors, each_user, everybody, headers, is_complete};

/// Admits who names themselves, after a while.
#[derive(Clone)]
struct Slow;

impl Gate for Slow {
    type Pass = ();

    fn enter(&self, _: &mut request::Parts) -> Entry<()> {
        Entry::wait(|mut head| async move {
            tokio::task::yield_now().await;
            let name = head.headers.get("authorization").and_then(|name| name.to_str().ok()).map(str::to_owned);
            let Some(name) = name else {
                let kind = DenialKind::UsersUnavailable { retry_after: Duration::from_secs(7) };
                return Err(Reply::denial(&head, Denial::new(kind, Realm::default())));
            };
            head.extensions.insert(Visitor::authenticated(UserContext::new(&name)));
            Ok((head, ()))
        })
    }
}

/// A limit whose store is a Redis that is not there: each decision waits.
fn unreachable(outage: OutagePolicy, key: Key) -> RateLimit {
    let store = RedisStore::connect("redis://127.0.0.1:1").unwrap();
    let limit = portcullis::rate_limit::Limit::new("far", Quota::per_hour(9).unwrap()).on_outage(outage);
    RateLimit::builder().limit(limit).key(key).store(store).build().unwrap()
}

fn counted() -> Arc<AtomicUsize> {
    Arc::new(AtomicUsize::new(0))
}

fn around(app: Router, stack: Stack<Slow>) -> Router {
    app.layer(stack)
}

#[tokio::test]
async fn what_waits_and_admits_is_seen_by_those_inside() {
    let calls = counted();
    let stack = Stack::builder()
        .security_headers(headers())
        .cors(cors())
        .limit_by_address(everybody(9))
        .authenticate(Slow)
        .limit_by_user(each_user(1));
    let app = around(app(&calls), stack.build().unwrap());
    let answer = asked(&app, "/", "ann").await;
    is_complete(&answer, 200);
    assert_eq!(answer.body, "ann");
    is_complete(&asked(&app, "/", "ann").await, 429);
    is_complete(&asked(&app, "/", "bob").await, 200);
    assert_eq!(calls.load(SeqCst), 2);
}

#[tokio::test]
async fn what_waits_and_refuses_is_completed_by_those_outside() {
    let calls = counted();
    let stack =
        Stack::builder().security_headers(headers()).cors(cors()).limit_by_address(everybody(9)).authenticate(Slow);
    let app = around(app(&calls), stack.build().unwrap());
    let answer = asked(&app, "/", "").await;
    is_complete(&answer, 503);
    assert_eq!(answer.headers["retry-after"], "7");
    assert_eq!(answer.headers["x-ratelimit-remaining"], "8", "the limit outside tells what is left");
    assert_eq!(calls.load(SeqCst), 0);
}

#[tokio::test]
async fn limits_beyond_a_network_wait_in_their_places() {
    let calls = counted();
    let stack = Stack::builder()
        .security_headers(headers())
        .cors(cors())
        .limit_by_address(unreachable(OutagePolicy::FailOpen, Key::global()))
        .authenticate(Slow)
        .limit_by_user(unreachable(OutagePolicy::FailClosed, Key::user()));
    let closed = around(app(&calls), stack.build().unwrap());
    is_complete(&asked(&closed, "/", "ann").await, 503);
    assert_eq!(calls.load(SeqCst), 0);
    let stack = Stack::builder()
        .security_headers(headers())
        .cors(cors())
        .limit_by_address(unreachable(OutagePolicy::FailClosed, Key::global()))
        .authenticate(Slow);
    is_complete(&asked(&around(app(&calls), stack.build().unwrap()), "/", "ann").await, 503);
    let stack = Stack::builder()
        .security_headers(headers())
        .cors(cors())
        .authenticate(Slow)
        .limit_by_user(unreachable(OutagePolicy::FailOpen, Key::user()));
    let open = around(app(&calls), stack.build().unwrap());
    let answer = asked(&open, "/", "ann").await;
    is_complete(&answer, 200);
    assert_eq!((answer.body.as_str(), calls.load(SeqCst)), ("ann", 1));
}
