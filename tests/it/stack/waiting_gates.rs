//! Gates that wait: outer gates add headers to their rejections, and inner gates see the requests that they admit.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use axum::Router;
use axum::http::request;
use portcullis::context::{Realm, Visitor};
use portcullis::gate::{Denial, DenialKind, Entry, Gate, Reply};
use portcullis::rate_limit::{Key, OutagePolicy, RedisStore};
use portcullis::{Quota, RateLimit, Stack, UserContext};

use super::{app, assert_complete, cors, global_limit, headers, per_user_limit, send};

/// Authenticates the user whose name is in `authorization`, after yielding once.
#[derive(Clone)]
struct WaitingAuth;

impl Gate for WaitingAuth {
    type Pass = ();

    fn enter(&self, _: &mut request::Parts) -> Entry<()> {
        Entry::wait(|mut head| async move {
            tokio::task::yield_now().await;
            let name = head.headers.get("authorization").and_then(|name| name.to_str().ok()).map(str::to_owned);
            let Some(name) = name else {
                let kind = DenialKind::users_unavailable(Duration::from_secs(7));
                return Err(Reply::denial(&head, Denial::new(kind, Realm::default())));
            };
            head.extensions.insert(Visitor::authenticated(UserContext::new(&name)));
            Ok((head, ()))
        })
    }
}

/// A limit whose Redis store is unreachable, so each of its decisions waits.
fn limit_during_outage(outage: OutagePolicy, key: Key) -> RateLimit {
    let store = RedisStore::connect("redis://127.0.0.1:1").unwrap();
    let limit = portcullis::rate_limit::Limit::new("remote", Quota::per_hour(9).unwrap()).on_outage(outage);
    RateLimit::builder().limit(limit).key(key).store(store).build().unwrap()
}

fn call_counter() -> Arc<AtomicUsize> {
    Arc::new(AtomicUsize::new(0))
}

fn behind(app: Router, stack: Stack<WaitingAuth>) -> Router {
    app.layer(stack)
}

#[tokio::test]
async fn inner_gates_see_the_requests_that_a_waiting_gate_admits() {
    let calls = call_counter();
    let stack = Stack::builder()
        .security_headers(headers())
        .cors(cors())
        .limit_by_address(global_limit(9))
        .authenticate(WaitingAuth)
        .limit_by_user(per_user_limit(1));
    let app = behind(app(&calls), stack.build().unwrap());
    let response = send(&app, "/", "ann").await;
    assert_complete(&response, 200);
    assert_eq!(response.body, "ann");
    assert_complete(&send(&app, "/", "ann").await, 429);
    assert_complete(&send(&app, "/", "bob").await, 200);
    assert_eq!(calls.load(SeqCst), 2);
}

#[tokio::test]
async fn outer_gates_add_headers_to_the_rejection_of_a_waiting_gate() {
    let calls = call_counter();
    let stack = Stack::builder()
        .security_headers(headers())
        .cors(cors())
        .limit_by_address(global_limit(9))
        .authenticate(WaitingAuth);
    let app = behind(app(&calls), stack.build().unwrap());
    let response = send(&app, "/", "").await;
    assert_complete(&response, 503);
    assert_eq!(response.headers["retry-after"], "7");
    assert_eq!(response.headers["x-ratelimit-remaining"], "8", "the outer limit adds its headers");
    assert_eq!(calls.load(SeqCst), 0);
}

#[tokio::test]
async fn unreachable_redis_limits_in_a_stack_follow_their_outage_policies() {
    let calls = call_counter();
    let stack = Stack::builder()
        .security_headers(headers())
        .cors(cors())
        .limit_by_address(limit_during_outage(OutagePolicy::FailOpen, Key::global()))
        .authenticate(WaitingAuth)
        .limit_by_user(limit_during_outage(OutagePolicy::FailClosed, Key::user()));
    let closed = behind(app(&calls), stack.build().unwrap());
    assert_complete(&send(&closed, "/", "ann").await, 503);
    assert_eq!(calls.load(SeqCst), 0);
    let stack = Stack::builder()
        .security_headers(headers())
        .cors(cors())
        .limit_by_address(limit_during_outage(OutagePolicy::FailClosed, Key::global()))
        .authenticate(WaitingAuth);
    assert_complete(&send(&behind(app(&calls), stack.build().unwrap()), "/", "ann").await, 503);
    let stack = Stack::builder()
        .security_headers(headers())
        .cors(cors())
        .authenticate(WaitingAuth)
        .limit_by_user(limit_during_outage(OutagePolicy::FailOpen, Key::user()));
    let open = behind(app(&calls), stack.build().unwrap());
    let response = send(&open, "/", "ann").await;
    assert_complete(&response, 200);
    assert_eq!((response.body.as_str(), calls.load(SeqCst)), ("ann", 1));
}
