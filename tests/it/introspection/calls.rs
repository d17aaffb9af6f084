//! How many calls requests cause.

use futures_util::future::join_all;
use tokio::task::yield_now;

use super::*;

#[tokio::test]
async fn thousand_concurrent_requests_with_one_uncached_token_cause_one_call() {
    let fixture = Fixture::new().await;
    fixture.server.add("t", &json!({}));
    let permits = fixture.server.hold();
    let requests = join_all((0..1_000).map(|_| fixture.status("t")));
    let release = async {
        fixture.server.wait_for_calls(1).await;
        permits.add_permits(1_000);
    };
    let (statuses, ()) = tokio::join!(requests, release);
    assert!(statuses.iter().all(|status| *status == 200));
    assert_eq!((fixture.server.calls(), fixture.handled.load(SeqCst)), (1, 1_000));
}

#[tokio::test]
async fn at_most_64_calls_run_at_once_and_the_rest_get_503() {
    let fixture = Fixture::new().await;
    fixture.server.add("known", &json!({}));
    assert_eq!(fixture.status("known").await, 200);
    let permits = fixture.server.hold();
    let tokens: Vec<_> = (0..1_000).map(|number| format!("invented-{number}")).collect();
    let requests = join_all(tokens.iter().map(|token| fixture.send(token)));
    let release = async {
        fixture.server.wait_for_calls(65).await;
        assert_eq!(fixture.status("known").await, 200, "a cached token needs no call");
        permits.add_permits(1_000);
    };
    let (responses, ()) = tokio::join!(requests, release);
    let (unavailable, inactive): (Vec<_>, Vec<_>) = responses.iter().partition(|response| response.status == 503);
    assert_eq!((unavailable.len(), inactive.len()), (1_000 - 64, 64));
    for response in unavailable {
        assert_eq!(response.headers["retry-after"], "1");
        assert_eq!(response.denial.as_ref().unwrap().code(), "introspection_unavailable");
    }
    assert!(inactive.iter().all(|response| response.status == 401));
    assert_eq!((fixture.server.calls(), fixture.server.shared.most_running.load(SeqCst)), (65, 64));
    assert_eq!(fixture.status("invented-999").await, 401, "there is room for calls again");
}

#[tokio::test]
async fn canceled_request_does_not_cancel_the_call_that_others_wait_for() {
    let fixture = Fixture::new().await;
    fixture.server.add("t", &json!({}));
    let permits = fixture.server.hold();
    let app = fixture.app.clone();
    let first = tokio::spawn(async move { TestResponse::get(&app, "/", &[("authorization", "Bearer t")]).await });
    fixture.server.wait_for_calls(1).await;
    let second = fixture.status("t");
    let cancel = async {
        yield_now().await;
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        permits.add_permits(1);
    };
    assert_eq!(tokio::join!(second, cancel).0, 200);
    assert_eq!(fixture.server.calls(), 1);
}

#[tokio::test]
async fn response_that_arrives_after_the_cache_ttl_is_used_once() {
    let fixture = Fixture::new().await;
    fixture.server.add("t", &json!({}));
    let permits = fixture.server.hold();
    let request = fixture.status("t");
    let slow = async {
        fixture.server.wait_for_calls(1).await;
        // The token may have been revoked right after the server looked it up.
        fixture.clock.advance(30 * SECOND);
        permits.add_permits(2);
    };
    assert_eq!(tokio::join!(request, slow).0, 200);
    assert_eq!((fixture.status("t").await, fixture.server.calls()), (200, 2));
}

#[tokio::test]
async fn malformed_token_causes_no_call() {
    let fixture = Fixture::new().await;
    for (token, status) in [("a{b", 401), (&*"a".repeat(16 * 1024 + 1), 401), ("a b", 400), ("a,b", 400), ("", 400)] {
        assert_eq!(fixture.status(token).await, status, "{token}");
    }
    assert_eq!((fixture.server.calls(), fixture.handled.load(SeqCst)), (0, 0));
}

#[test]
fn request_without_a_runtime_or_timers_gets_503() {
    let with_timers = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let fixture = with_timers.block_on(Fixture::new());
    let without_timers = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(without_timers.block_on(fixture.status("t")), 503);
    assert_eq!(futures_util::FutureExt::now_or_never(fixture.status("t")), Some(503), "without a runtime");
}
