//! Gates among services whose readiness is worth something: permits and places in a queue.

use std::sync::Arc;
use std::task::{Context, Waker};

use http::Request;
use tokio::sync::Semaphore;
use tower::buffer::Buffer;
use tower::limit::ConcurrencyLimit;
use tower::{Layer, Service, ServiceExt};

use super::porter::{ORDERS, Porter, order};
use super::strict::Strict;

const PERMITS: usize = 2;

#[tokio::test]
async fn a_gate_around_a_limit_gives_every_permit_back() {
    let (porter, permits) = (Porter::default(), Arc::new(Semaphore::new(PERMITS)));
    let mut service = porter.layer(ConcurrencyLimit::with_semaphore(Strict::default(), Arc::clone(&permits)));
    for _ in 0..3 {
        for (told, status) in ORDERS {
            let answer = service.ready().await.unwrap().call(order(told));
            porter.book.bell.notify_one();
            assert_eq!(answer.await.unwrap().status(), status, "{told}");
            // A service that refused keeps its permit for the next call, so it has one at most.
            assert!(permits.available_permits() + 1 >= PERMITS, "{told}");
        }
    }
    drop(service);
    assert_eq!(permits.available_permits(), PERMITS);
}

#[tokio::test]
async fn a_gate_inside_a_limit_gives_every_permit_back() {
    let (porter, permits) = (Porter::default(), Arc::new(Semaphore::new(PERMITS)));
    let mut service = ConcurrencyLimit::with_semaphore(porter.layer(Strict::default()), Arc::clone(&permits));
    for (told, status) in ORDERS.into_iter().chain(ORDERS) {
        let answer = service.ready().await.unwrap().call(order(told));
        assert_eq!(permits.available_permits(), PERMITS - 1, "{told}");
        porter.book.bell.notify_one();
        assert_eq!(answer.await.unwrap().status(), status, "{told}");
        assert_eq!(permits.available_permits(), PERMITS, "{told}");
    }
}

#[tokio::test]
async fn who_waits_holds_one_permit_and_no_more() {
    let (porter, permits) = (Porter::default(), Arc::new(Semaphore::new(PERMITS)));
    let mut service = porter.layer(ConcurrencyLimit::with_semaphore(Strict::default(), Arc::clone(&permits)));
    let first = service.ready().await.unwrap().call(order("wait"));
    assert_eq!(permits.available_permits(), 1);
    let second = service.ready().await.unwrap().call(order("wait, then refuse"));
    assert_eq!(permits.available_permits(), 0);

    let mut context = Context::from_waker(Waker::noop());
    assert!(Service::<Request<()>>::poll_ready(&mut service, &mut context).is_pending());
    drop(second);
    assert!(Service::<Request<()>>::poll_ready(&mut service, &mut context).is_ready());
    porter.book.bell.notify_one();
    assert_eq!(first.await.unwrap().status(), 200);
    drop(service);
    assert_eq!(permits.available_permits(), PERMITS);
}

#[tokio::test]
async fn dropping_who_waits_gives_the_permit_back() {
    for told in ["wait", "wait, then refuse"] {
        let (porter, permits) = (Porter::default(), Arc::new(Semaphore::new(1)));
        let mut service = porter.layer(ConcurrencyLimit::with_semaphore(Strict::default(), Arc::clone(&permits)));
        let mut waiting = Box::pin(service.ready().await.unwrap().call(order(told)));
        assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert_eq!(permits.available_permits(), 0, "{told}");
        drop(waiting);
        assert_eq!(permits.available_permits(), 1, "{told}");
    }
}

#[tokio::test]
async fn a_gate_around_a_buffer_keeps_its_place_in_the_queue() {
    let porter = Porter::default();
    let mut service = porter.layer(Buffer::new(Strict::default(), 1));
    for round in 0..3 {
        for (told, status) in ORDERS {
            let (porter, mut service) = (porter.clone(), service.clone());
            let answer = service.ready().await.unwrap().call(order(told));
            porter.book.bell.notify_one();
            assert_eq!(answer.await.unwrap().status(), status, "{told} in round {round}");
        }
        // The same instance, not a clone of it, is used again and again too.
        let answer = service.ready().await.unwrap().call(order("wait"));
        porter.book.bell.notify_one();
        assert_eq!(answer.await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn a_gate_inside_a_buffer_answers_each_of_many_at_once() {
    let porter = Porter::default();
    let strict = Strict::default();
    let count = Arc::clone(&strict.count);
    let service = Buffer::new(porter.layer(strict), 4);
    let asked: Vec<_> = (0..40)
        .map(|index| {
            let (told, status) = ORDERS[index % ORDERS.len()];
            (tokio::spawn(service.clone().oneshot(order(told))), status)
        })
        .collect();
    let ringing = tokio::spawn(async move {
        loop {
            porter.book.bell.notify_one();
            tokio::task::yield_now().await;
        }
    });
    for (answer, status) in asked {
        assert_eq!(answer.await.unwrap().unwrap().status(), status);
    }
    ringing.abort();
    assert_eq!(count.calls_and_clones(), (20, 20));
}
