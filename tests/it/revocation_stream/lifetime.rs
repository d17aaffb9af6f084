//! The thread of a node: it ends with the last handle, and needs no runtime.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Instant, SystemTime};

use portcullis::clock::{Clock, TimeSource};
use portcullis::revocation::Revocation;
use portcullis::{Revocations, UserContext};

use crate::revocation_stream::support::{ISSUER, TIMEOUT, builder, calls, status};
use crate::support::redis_server::{Server, wait_until};

/// The connections to the server, without the one that asks.
fn connections(server: &Server) -> usize {
    server.command(&["CLIENT", "LIST"]).trim().lines().count() - 1
}

fn wait_until_ready(node: &Revocations) {
    wait_until("the node is ready", || node.is_ready());
}

#[test]
#[ignore = "needs redis-server: run tests/run"]
fn the_thread_ends_when_the_last_handle_is_dropped_also_in_a_blocking_read() {
    let server = Server::start();
    let node = builder(&server.url()).build().unwrap();
    wait_until_ready(&node);
    let clone = node.clone();
    wait_until("the thread waits for entries", || server.command(&["INFO", "clients"]).contains("blocked_clients:1\r"));
    drop(node);
    let before = calls(&server, &["xread"]);
    // One of them may have started before the handle was dropped.
    wait_until("the thread goes on with its reads", || calls(&server, &["xread"]) >= before + 2);
    assert_eq!(connections(&server), 1, "a clone keeps it");
    drop(clone);
    wait_until("the connection is closed", || connections(&server) == 0);
}

#[test]
#[ignore = "needs redis-server: run tests/run"]
fn handles_without_a_server_can_be_dropped_and_leave_no_thread() {
    let server = Server::start();
    server.pause();
    for _ in 0..10 {
        drop(builder(&server.url()).build().unwrap());
    }
    server.resume();
    wait_until("no thread of these handles is left", || connections(&server) == 0);
}

#[test]
#[ignore = "needs redis-server: run tests/run"]
fn revocations_are_shared_without_a_runtime_of_the_app_and_on_any_executor() {
    let server = Server::start();
    let [first, second] = [builder(&server.url()).build().unwrap(), builder(&server.url()).build().unwrap()];
    wait_until_ready(&first);
    wait_until_ready(&second);
    let revocation = first.revoke_by(Revocation::token(ISSUER, "t"));
    // A runtime without timers and without I/O.
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(revocation).unwrap();
    wait_until("the other node rejects the token", || status(&second, "t") == 401);
}

#[test]
#[ignore = "needs redis-server: run tests/run"]
fn a_handle_can_be_dropped_while_a_revocation_waits() {
    let server = Server::start();
    let node = builder(&server.url()).build().unwrap();
    wait_until_ready(&node);
    server.pause();
    let user = UserContext::new("ann").with_issuer(ISSUER).with_token_id("t");
    let revocation = node.revoke(&user);
    drop(node);
    let (sender, receiver) = mpsc::channel();
    let started = Instant::now();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        sender.send(runtime.block_on(revocation).is_err()).unwrap();
    });
    assert_eq!(receiver.recv_timeout(TIMEOUT), Ok(true), "after {:?}", started.elapsed());
}

/// A clock that fails on the thread of a node.
struct FailingClock(Arc<AtomicBool>);

impl TimeSource for FailingClock {
    fn wall(&self) -> SystemTime {
        let is_thread = thread::current().name() == Some("portcullis-revocations");
        assert!(!(is_thread && self.0.load(Ordering::SeqCst)), "the clock fails");
        SystemTime::now()
    }

    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}

#[test]
#[ignore = "needs redis-server: run tests/run"]
fn a_panic_of_the_thread_makes_requests_get_503_and_revocations_fail() {
    let server = Server::start();
    let fails = Arc::new(AtomicBool::new(false));
    let clock = Clock::from_source(FailingClock(Arc::clone(&fails)));
    let node = builder(&server.url()).clock(clock).fail_open().build().unwrap();
    wait_until_ready(&node);
    fails.store(true, Ordering::SeqCst);
    wait_until("the node is not ready", || !node.is_ready());
    assert_eq!(status(&node, "t"), 503);
    let revocation = node.revoke_by(Revocation::token(ISSUER, "t"));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert!(runtime.block_on(revocation).is_err());
    wait_until("its connections are closed", || connections(&server) == 0);
}
