//! Gates around and inside services with backpressure: permits and slots in a queue are neither lost nor leaked.

use std::sync::Arc;
use std::task::{Context, Waker};

use http::Request;
use tokio::sync::Semaphore;
use tower::buffer::Buffer;
use tower::limit::ConcurrencyLimit;
use tower::{Layer, Service, ServiceExt};

use crate::support::scripted_gate::{DECISIONS, ScriptedGate, request_for};
use crate::support::strict_service::StrictService;

const PERMITS: usize = 2;

#[tokio::test]
async fn a_gate_around_a_concurrency_limit_returns_every_permit() {
    let gate = ScriptedGate::default();
    let permits = Arc::new(Semaphore::new(PERMITS));
    let mut service = gate.layer(ConcurrencyLimit::with_semaphore(StrictService::default(), Arc::clone(&permits)));
    for _ in 0..3 {
        for (decision, status) in DECISIONS {
            let response = service.ready().await.unwrap().call(request_for(decision));
            gate.record.proceed.notify_one();
            assert_eq!(response.await.unwrap().status(), status, "{decision}");
            // After a rejection the service keeps its permit for the next call, so at most one is taken.
            assert!(permits.available_permits() + 1 >= PERMITS, "{decision}");
        }
    }
    drop(service);
    assert_eq!(permits.available_permits(), PERMITS);
}

#[tokio::test]
async fn a_gate_inside_a_concurrency_limit_returns_every_permit() {
    let gate = ScriptedGate::default();
    let permits = Arc::new(Semaphore::new(PERMITS));
    let mut service = ConcurrencyLimit::with_semaphore(gate.layer(StrictService::default()), Arc::clone(&permits));
    for (decision, status) in DECISIONS.into_iter().chain(DECISIONS) {
        let response = service.ready().await.unwrap().call(request_for(decision));
        assert_eq!(permits.available_permits(), PERMITS - 1, "{decision}");
        gate.record.proceed.notify_one();
        assert_eq!(response.await.unwrap().status(), status, "{decision}");
        assert_eq!(permits.available_permits(), PERMITS, "{decision}");
    }
}

#[tokio::test]
async fn a_waiting_request_holds_exactly_one_permit() {
    let gate = ScriptedGate::default();
    let permits = Arc::new(Semaphore::new(PERMITS));
    let mut service = gate.layer(ConcurrencyLimit::with_semaphore(StrictService::default(), Arc::clone(&permits)));
    let first = service.ready().await.unwrap().call(request_for("wait, then admit"));
    assert_eq!(permits.available_permits(), 1);
    let second = service.ready().await.unwrap().call(request_for("wait, then reject"));
    assert_eq!(permits.available_permits(), 0);

    let mut context = Context::from_waker(Waker::noop());
    assert!(Service::<Request<()>>::poll_ready(&mut service, &mut context).is_pending());
    drop(second);
    assert!(Service::<Request<()>>::poll_ready(&mut service, &mut context).is_ready());
    gate.record.proceed.notify_one();
    assert_eq!(first.await.unwrap().status(), 200);
    drop(service);
    assert_eq!(permits.available_permits(), PERMITS);
}

#[tokio::test]
async fn dropping_a_waiting_request_returns_its_permit() {
    for decision in ["wait, then admit", "wait, then reject"] {
        let permits = Arc::new(Semaphore::new(1));
        let inner = ConcurrencyLimit::with_semaphore(StrictService::default(), Arc::clone(&permits));
        let mut service = ScriptedGate::default().layer(inner);
        let mut waiting = Box::pin(service.ready().await.unwrap().call(request_for(decision)));
        assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert_eq!(permits.available_permits(), 0, "{decision}");
        drop(waiting);
        assert_eq!(permits.available_permits(), 1, "{decision}");
    }
}

#[tokio::test]
async fn a_gate_around_a_buffer_loses_no_slot() {
    let gate = ScriptedGate::default();
    let mut service = gate.layer(Buffer::new(StrictService::default(), 1));
    for round in 0..3 {
        for (decision, status) in DECISIONS {
            let mut clone = service.clone();
            let response = clone.ready().await.unwrap().call(request_for(decision));
            gate.record.proceed.notify_one();
            assert_eq!(response.await.unwrap().status(), status, "{decision} in round {round}");
        }
        // The same instance is used repeatedly too.
        let response = service.ready().await.unwrap().call(request_for("wait, then admit"));
        gate.record.proceed.notify_one();
        assert_eq!(response.await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn a_gate_inside_a_buffer_responds_to_many_concurrent_requests() {
    let gate = ScriptedGate::default();
    let inner = StrictService::default();
    let state = Arc::clone(&inner.state);
    let service = Buffer::new(gate.layer(inner), 4);
    let responses: Vec<_> = (0..40)
        .map(|index| {
            let (decision, status) = DECISIONS[index % DECISIONS.len()];
            (tokio::spawn(service.clone().oneshot(request_for(decision))), status)
        })
        .collect();
    let notifier = tokio::spawn(async move {
        loop {
            gate.record.proceed.notify_one();
            tokio::task::yield_now().await;
        }
    });
    for (response, status) in responses {
        assert_eq!(response.await.unwrap().unwrap().status(), status);
    }
    notifier.abort();
    assert_eq!(state.calls_and_clones(), (20, 20));
}
