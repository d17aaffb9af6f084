//! The engine alone: who is called, when, and with what.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use portcullis::gate::Gated;
use tower::{Layer, Service, ServiceExt};

use super::porter::{ORDERS, Porter, order};
use super::strict::{Count, IssueKind, Strict};

/// A gate, the count of the service behind it, and both together.
fn gated() -> (Porter, Arc<Count>, Gated<Porter, Strict>) {
    let (porter, strict) = (Porter::default(), Strict::default());
    let count = Arc::clone(&strict.count);
    let service = porter.layer(strict);
    (porter, count, service)
}

/// Calls a service as tower says it is to be called, and rings for who waits.
async fn ask(
    porter: &Porter,
    service: &mut Gated<Porter, Strict>,
    request: Request<()>,
) -> Result<Response<Full<Bytes>>, IssueKind> {
    let answer = service.ready().await?.call(request);
    porter.book.bell.notify_one();
    answer.await
}

async fn text(response: Response<Full<Bytes>>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn each_order_is_answered_by_the_gate_or_by_the_service() {
    for (told, status) in ORDERS {
        let (porter, _, mut service) = gated();
        let response = ask(&porter, &mut service, order(told)).await.unwrap();
        assert_eq!(response.status(), status, "{told}");
        assert_eq!(text(response).await, if status == 200 { "entered" } else { "refused" }, "{told}");
    }
}

#[tokio::test]
async fn a_refused_request_never_reaches_the_service() {
    for told in ["refuse", "wait, then refuse"] {
        let (porter, count, mut service) = gated();
        let response = ask(&porter, &mut service, order(told)).await.unwrap();
        assert_eq!(response.status(), 403);
        assert_eq!(count.calls.load(SeqCst), 0, "{told}");
        assert_eq!(porter.left_and_dropped(), (0, 0), "{told}");
    }
}

#[tokio::test]
async fn deciding_at_once_clones_no_service_and_deciding_later_clones_one() {
    for (told, clones) in [("admit", 0), ("refuse", 0), ("wait", 1), ("wait, then refuse", 1)] {
        let (porter, count, mut service) = gated();
        ask(&porter, &mut service, order(told)).await.unwrap();
        assert_eq!(count.clones.load(SeqCst), clones, "{told}");
    }
}

#[tokio::test]
async fn the_instance_that_was_polled_ready_is_the_one_called() {
    let (porter, count, mut service) = gated();
    for told in ["wait", "admit", "wait", "wait", "admit"] {
        ask(&porter, &mut service, order(told)).await.unwrap();
    }
    assert_eq!(count.calls_and_clones(), (5, 3));
    let mut clone = service.clone();
    ask(&porter, &mut clone, order("wait")).await.unwrap();
    assert_eq!(count.calls.load(SeqCst), 6);
}

#[tokio::test]
async fn readiness_is_the_services_own() {
    let (_, count, mut service) = gated();
    let mut context = Context::from_waker(Waker::noop());
    let mut poll = || Service::<Request<()>>::poll_ready(&mut service, &mut context);
    assert_eq!(poll(), Poll::Ready(Ok(())));
    count.is_busy.store(true, SeqCst);
    assert_eq!(poll(), Poll::Pending);
    count.is_broken.store(true, SeqCst);
    assert_eq!(poll(), Poll::Ready(Err(IssueKind::Broken)));
}

#[tokio::test]
async fn a_call_without_readiness_is_the_services_to_refuse() {
    for told in ["admit", "wait"] {
        let (porter, _, mut service) = gated();
        porter.book.bell.notify_one();
        assert_eq!(service.call(order(told)).await.unwrap_err(), IssueKind::Unready, "{told}");
    }
}

#[tokio::test]
async fn a_clone_of_a_ready_service_is_not_ready() {
    let (_, _, mut service) = gated();
    let ready = ServiceExt::<Request<()>>::ready(&mut service).await.unwrap();
    assert_eq!(ready.clone().call(order("admit")).await.unwrap_err(), IssueKind::Unready);
    assert!(ready.call(order("admit")).await.is_ok());
}

#[tokio::test]
async fn a_response_is_shown_to_leave_with_its_pass() {
    for told in ["admit", "wait"] {
        let (porter, _, mut service) = gated();
        let response = ask(&porter, &mut service, order(told)).await.unwrap();
        assert_eq!(response.headers()["x-left"], "yes", "{told}");
        assert_eq!(porter.left_and_dropped(), (1, 1), "{told}");
    }
}

#[tokio::test]
async fn a_services_error_passes_through_and_is_not_shown_to_leave() {
    for told in ["admit", "wait"] {
        let (porter, _, mut service) = gated();
        let mut request = order(told);
        request.headers_mut().insert("x-break", "1".parse().unwrap());
        assert_eq!(ask(&porter, &mut service, request).await.unwrap_err(), IssueKind::Broken, "{told}");
        assert_eq!(porter.left_and_dropped(), (0, 1), "{told}");
    }
}

#[tokio::test]
async fn a_refusal_is_not_shown_to_leave() {
    let (porter, _, mut service) = gated();
    let response = ask(&porter, &mut service, order("refuse")).await.unwrap();
    assert!(!response.headers().contains_key("x-left"));
    assert_eq!(porter.left_and_dropped(), (0, 0));
}

#[tokio::test]
async fn dropping_the_future_drops_the_pass_and_calls_nobody() {
    let (porter, count, mut service) = gated();
    drop(service.ready().await.map(|ready| ready.call(order("admit"))));
    assert_eq!(porter.left_and_dropped(), (0, 1));

    let mut waiting = Box::pin(service.ready().await.unwrap().call(order("wait")));
    assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(waiting);
    porter.book.bell.notify_one();
    assert_eq!(count.calls.load(SeqCst), 1);
    assert_eq!(porter.left_and_dropped(), (0, 1));
}

#[tokio::test]
async fn who_waits_is_woken_by_the_decision() {
    let (porter, count, mut service) = gated();
    let answer = tokio::spawn(service.ready().await.unwrap().call(order("wait")));
    tokio::task::yield_now().await;
    assert!(!answer.is_finished());
    assert_eq!(count.calls.load(SeqCst), 0);
    porter.book.bell.notify_one();
    assert_eq!(answer.await.unwrap().unwrap().status(), 200);
}

#[tokio::test]
async fn two_gates_each_see_the_request_and_the_response() {
    let (outer, inner) = (Porter::default(), Porter::default());
    let mut service = outer.layer(inner.layer(Strict::default()));
    let answer = service.ready().await.unwrap().call(order("wait"));
    outer.book.bell.notify_one();
    inner.book.bell.notify_one();
    assert_eq!(answer.await.unwrap().status(), 200);
    assert_eq!((outer.left_and_dropped(), inner.left_and_dropped()), ((1, 1), (1, 1)));
}
