//! What `Passwords` costs on the thread of the caller, in allocations.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use allocation_counter::{AllocationInfo, measure};
use portcullis::password::{Password, Passwords};

/// Passwords with the least costly hash. They are never dropped: a thread that ends frees memory when the counter of
/// allocations is gone.
fn passwords(queue: usize) -> &'static Passwords {
    let builder = Passwords::builder().argon2id(7_168, 5, 1).concurrency(1);
    Box::leak(Box::new(builder.queue(queue, Duration::from_secs(2)).build().unwrap()))
}

/// Measures the first poll of a login, and finishes it.
async fn first_poll(passwords: &Passwords, password: Password, hash: &str) -> AllocationInfo {
    let mut login = pin!(passwords.verify(password, Some(hash), |hash| Some(hash)));
    let mut context = Context::from_waker(Waker::noop());
    let info = measure(|| assert!(login.as_mut().poll(&mut context).is_pending()));
    let _ = login.await;
    info
}

#[tokio::test]
async fn a_login_allocates_at_most_four_times_on_the_thread_of_the_caller() {
    let passwords = passwords(8);
    let typed = || Password::new("zebras paint 7 quiet lanterns");
    let hash = passwords.hash_new(typed()).await.unwrap();
    // The first login allocates the queues of the pool.
    first_poll(passwords, typed(), &hash).await;
    let info = first_poll(passwords, typed(), &hash).await;
    assert!(info.count_total <= 4 && info.bytes_max <= 4_096, "{info:?}");
    // Each character is normalized to itself.
    let info = first_poll(passwords, Password::new("\u{301}".repeat(512)), &hash).await;
    assert!(info.bytes_max < 32 * 1_024, "{info:?}");
}

#[tokio::test]
async fn a_login_that_a_full_pool_rejects_allocates_at_most_four_times() {
    let passwords = passwords(0);
    let hash = passwords.hash_new(Password::new("zebras paint 7 quiet lanterns")).await.unwrap();
    // Its permit is released a moment after the result.
    while passwords.pool_stats().running > 0 {
        tokio::task::yield_now().await;
    }
    let typed = || Password::new("wrong");
    let mut running = pin!(passwords.verify(typed(), Some(&*hash), |hash| Some(hash)));
    let mut context = Context::from_waker(Waker::noop());
    assert!(running.as_mut().poll(&mut context).is_pending());
    let mut rejected = pin!(passwords.verify(typed(), Some(&*hash), |hash| Some(hash)));
    let mut status = None;
    let info = measure(|| {
        if let Poll::Ready(Err(denial)) = rejected.as_mut().poll(&mut context) {
            status = Some(denial.status().as_u16());
        }
    });
    assert_eq!(status, Some(503));
    assert!(info.count_total <= 4, "{info:?}");
    assert_eq!(passwords.pool_stats().rejected, 1);
    let _ = running.await;
}

#[test]
fn a_text_of_over_1024_bytes_is_rejected_without_a_copy() {
    let json = serde_json::to_string(&"x".repeat(1 << 20)).unwrap();
    let info = measure(|| assert!(serde_json::from_str::<Password>(&json).is_err()));
    assert!(info.bytes_max < 1_024, "{info:?}");
}
