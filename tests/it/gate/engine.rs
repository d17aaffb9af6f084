//! `Gated` with a scripted gate: which service is called, when, and with what.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use portcullis::gate::Gated;
use tower::{Layer, Service, ServiceExt};

use crate::support::scripted_gate::{DECISIONS, ScriptedGate, request_for};
use crate::support::strict_service::{ServiceError, SharedState, StrictService};

/// A gate, the state of the service behind it, and both as one service.
fn gated() -> (ScriptedGate, Arc<SharedState>, Gated<ScriptedGate, StrictService>) {
    let gate = ScriptedGate::default();
    let inner = StrictService::default();
    let state = Arc::clone(&inner.state);
    let service = gate.layer(inner);
    (gate, state, service)
}

/// Polls the service ready, calls it, and lets a waiting decision proceed.
async fn call(
    gate: &ScriptedGate,
    service: &mut Gated<ScriptedGate, StrictService>,
    request: Request<()>,
) -> Result<Response<Full<Bytes>>, ServiceError> {
    let response = service.ready().await?.call(request);
    gate.record.proceed.notify_one();
    response.await
}

async fn text(response: Response<Full<Bytes>>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn each_decision_has_the_response_of_the_service_or_of_the_gate() {
    for (decision, status) in DECISIONS {
        let (gate, _, mut service) = gated();
        let response = call(&gate, &mut service, request_for(decision)).await.unwrap();
        assert_eq!(response.status(), status, "{decision}");
        let expected = if status == 200 { "entered" } else { "rejected" };
        assert_eq!(text(response).await, expected, "{decision}");
    }
}

#[tokio::test]
async fn a_rejected_request_never_reaches_the_service() {
    for decision in ["reject", "wait, then reject"] {
        let (gate, state, mut service) = gated();
        let response = call(&gate, &mut service, request_for(decision)).await.unwrap();
        assert_eq!(response.status(), 403);
        assert_eq!(state.calls.load(SeqCst), 0, "{decision}");
        assert_eq!(gate.leave_calls_and_dropped_passes(), (0, 0), "{decision}");
    }
}

#[tokio::test]
async fn only_a_waiting_decision_clones_the_service() {
    for (decision, clones) in [("admit", 0), ("reject", 0), ("wait, then admit", 1), ("wait, then reject", 1)] {
        let (gate, state, mut service) = gated();
        call(&gate, &mut service, request_for(decision)).await.unwrap();
        assert_eq!(state.clones.load(SeqCst), clones, "{decision}");
    }
}

#[tokio::test]
async fn the_instance_that_was_polled_ready_is_called() {
    let (gate, state, mut service) = gated();
    for decision in ["wait, then admit", "admit", "wait, then admit", "wait, then admit", "admit"] {
        call(&gate, &mut service, request_for(decision)).await.unwrap();
    }
    assert_eq!(state.calls_and_clones(), (5, 3));
    let mut clone = service.clone();
    call(&gate, &mut clone, request_for("wait, then admit")).await.unwrap();
    assert_eq!(state.calls.load(SeqCst), 6);
}

#[tokio::test]
async fn poll_ready_delegates_to_the_service() {
    let (_, state, mut service) = gated();
    let mut context = Context::from_waker(Waker::noop());
    let mut poll = || Service::<Request<()>>::poll_ready(&mut service, &mut context);
    assert_eq!(poll(), Poll::Ready(Ok(())));
    state.is_busy.store(true, SeqCst);
    assert_eq!(poll(), Poll::Pending);
    state.is_broken.store(true, SeqCst);
    assert_eq!(poll(), Poll::Ready(Err(ServiceError::Broken)));
}

#[tokio::test]
async fn a_call_without_poll_ready_is_the_services_error() {
    for decision in ["admit", "wait, then admit"] {
        let (gate, _, mut service) = gated();
        gate.record.proceed.notify_one();
        assert_eq!(service.call(request_for(decision)).await.unwrap_err(), ServiceError::NotReady, "{decision}");
    }
}

#[tokio::test]
async fn a_clone_of_a_ready_service_is_not_ready() {
    let (_, _, mut service) = gated();
    let ready = ServiceExt::<Request<()>>::ready(&mut service).await.unwrap();
    assert_eq!(ready.clone().call(request_for("admit")).await.unwrap_err(), ServiceError::NotReady);
    assert!(ready.call(request_for("admit")).await.is_ok());
}

#[tokio::test]
async fn leave_is_called_with_the_response_and_the_pass() {
    for decision in ["admit", "wait, then admit"] {
        let (gate, _, mut service) = gated();
        let response = call(&gate, &mut service, request_for(decision)).await.unwrap();
        assert_eq!(response.headers()["x-leave-called"], "yes", "{decision}");
        assert_eq!(gate.leave_calls_and_dropped_passes(), (1, 1), "{decision}");
    }
}

#[tokio::test]
async fn leave_is_not_called_if_the_service_fails() {
    for decision in ["admit", "wait, then admit"] {
        let (gate, _, mut service) = gated();
        let mut request = request_for(decision);
        request.headers_mut().insert("x-break", "1".parse().unwrap());
        assert_eq!(call(&gate, &mut service, request).await.unwrap_err(), ServiceError::Broken, "{decision}");
        assert_eq!(gate.leave_calls_and_dropped_passes(), (0, 1), "{decision}");
    }
}

#[tokio::test]
async fn leave_is_not_called_for_a_rejection() {
    let (gate, _, mut service) = gated();
    let response = call(&gate, &mut service, request_for("reject")).await.unwrap();
    assert!(!response.headers().contains_key("x-leave-called"));
    assert_eq!(gate.leave_calls_and_dropped_passes(), (0, 0));
}

#[tokio::test]
async fn dropping_the_future_drops_the_pass_and_does_not_call_the_service() {
    let (gate, state, mut service) = gated();
    drop(service.ready().await.map(|ready| ready.call(request_for("admit"))));
    assert_eq!(gate.leave_calls_and_dropped_passes(), (0, 1));

    let mut waiting = Box::pin(service.ready().await.unwrap().call(request_for("wait, then admit")));
    assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(waiting);
    gate.record.proceed.notify_one();
    assert_eq!(state.calls.load(SeqCst), 1, "only the first call");
    assert_eq!(gate.leave_calls_and_dropped_passes(), (0, 1));
}

#[tokio::test]
async fn a_waiting_request_is_woken_by_the_decision() {
    let (gate, state, mut service) = gated();
    let response = tokio::spawn(service.ready().await.unwrap().call(request_for("wait, then admit")));
    tokio::task::yield_now().await;
    assert!(!response.is_finished());
    assert_eq!(state.calls.load(SeqCst), 0);
    gate.record.proceed.notify_one();
    assert_eq!(response.await.unwrap().unwrap().status(), 200);
}

#[test]
fn the_inner_service_can_be_read_changed_and_taken_out() {
    let (_, state, mut service) = gated();
    assert!(Arc::ptr_eq(&service.get_ref().state, &state));
    let other = StrictService::default();
    let other_state = Arc::clone(&other.state);
    *service.get_mut() = other;
    assert!(Arc::ptr_eq(&service.into_inner().state, &other_state));
}

#[tokio::test]
async fn two_nested_gates_both_see_the_request_and_the_response() {
    let [outer, inner] = [ScriptedGate::default(), ScriptedGate::default()];
    let mut service = outer.layer(inner.layer(StrictService::default()));
    let response = service.ready().await.unwrap().call(request_for("wait, then admit"));
    outer.record.proceed.notify_one();
    inner.record.proceed.notify_one();
    assert_eq!(response.await.unwrap().status(), 200);
    assert_eq!(outer.leave_calls_and_dropped_passes(), (1, 1));
    assert_eq!(inner.leave_calls_and_dropped_passes(), (1, 1));
}
