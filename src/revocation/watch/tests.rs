//! Tests of `Watch`: revocations, expiries, and runtimes.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::Wake;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::runtime::Builder;
use tokio::time::{self, Instant, timeout};

use super::*;
use crate::clock::{Clock, TimeSource};
use crate::context::Identity;
use crate::revocation::revocation::Revocation;

const ISSUER: &str = "https://auth.example.com";

/// When the tests begin, in seconds since 1970.
const START: u64 = 1_700_000_000;

/// A wall clock that follows tokio's clock, which a test can pause, and can be moved.
#[derive(Clone)]
struct TestClock {
    start: Instant,
    /// The difference between the two, in milliseconds since 1970.
    offset: Arc<AtomicU64>,
    follows_tokio: bool,
}

impl TestClock {
    fn new(follows_tokio: bool) -> Self {
        Self { start: Instant::now(), offset: Arc::new(AtomicU64::new(START * 1_000)), follows_tokio }
    }

    /// Sets the wall clock forward.
    fn advance(&self, time: Duration) {
        self.offset.fetch_add(time.as_millis() as u64, Ordering::SeqCst);
    }

    fn revocations(&self) -> Revocations {
        Revocations::builder().clock(Clock::from_source(self.clone())).build().unwrap()
    }
}

impl TimeSource for TestClock {
    fn wall(&self) -> SystemTime {
        let elapsed = if self.follows_tokio { self.start.elapsed() } else { Duration::ZERO };
        UNIX_EPOCH + Duration::from_millis(self.offset.load(Ordering::SeqCst)) + elapsed
    }

    fn monotonic(&self) -> std::time::Instant {
        (self.start + if self.follows_tokio { self.start.elapsed() } else { Duration::ZERO }).into_std()
    }
}

/// A handle whose clock stands still.
fn revocations() -> Revocations {
    TestClock::new(false).revocations()
}

/// A user with a token that expires `expires_in` after `START`.
fn user_until(id: &str, token_id: &str, expires_in: Option<Duration>) -> UserContext {
    let identity = Identity {
        id: Some(id.into()),
        issuer: Some(ISSUER.into()),
        token_id: Some(token_id.into()),
        session_id: Some(format!("session of {token_id}").into()),
        client_id: Some("web".into()),
        issued_at: Some(Duration::from_secs(START)),
        expires_at: expires_in.map(|time| Duration::from_secs(START) + time),
        ..Identity::default()
    };
    let ids = Arc::new(identity.new_revocation_ids(None, None));
    UserContext::from_identity(Identity { revocation_ids: Some(ids), ..identity })
}

/// A user whose token does not expire.
fn user(id: &str) -> UserContext {
    user_until(id, &format!("token of {id}"), None)
}

/// Runs a future that is ready at once.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the future is not ready"),
    }
}

fn revoke(revocations: &Revocations, user: &UserContext) {
    now(revocations.revoke(user)).unwrap();
}

/// Counts how often it is woken.
#[derive(Default)]
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A watch that is polled by hand.
struct Polled {
    watch: Watch,
    counter: Arc<Counter>,
}

impl Polled {
    fn new(watch: Watch) -> Self {
        let mut polled = Self { watch, counter: Arc::default() };
        assert_eq!(polled.poll(), Poll::Pending);
        polled
    }

    fn poll(&mut self) -> Poll<Ended> {
        let waker = Waker::from(Arc::clone(&self.counter));
        Pin::new(&mut self.watch).poll(&mut Context::from_waker(&waker))
    }

    fn wake_ups(&self) -> usize {
        self.counter.0.load(Ordering::SeqCst)
    }
}

fn watched(revocations: &Revocations) -> usize {
    revocations.0.watchers().len()
}

#[test]
fn a_credential_that_is_revoked_already_ends_at_once() {
    let revocations = revocations();
    revoke(&revocations, &user("ann"));
    assert_eq!(now(revocations.watch(&user("ann"))), Ended::Revoked);
    Polled::new(revocations.watch(&user("bob")));
}

#[test]
fn a_revocation_between_the_call_and_the_first_poll_ends_the_watch() {
    let revocations = revocations();
    let mut watch = revocations.watch(&user("ann"));
    revoke(&revocations, &user("ann"));
    assert_eq!(now(&mut watch), Ended::Revoked);
    assert_eq!(now(&mut watch), Ended::Revoked, "the result stays the same");
}

#[test]
fn a_revocation_wakes_only_the_watches_that_it_may_end() {
    let revocations = revocations();
    let mut polled = ["ann", "bob", "eve"].map(|id| Polled::new(revocations.watch(&user(id))));
    revoke(&revocations, &user("bob"));
    assert_eq!(polled.each_ref().map(Polled::wake_ups), [0, 1, 0]);
    let states = polled.each_mut().map(Polled::poll);
    assert_eq!(states, [Poll::Pending, Poll::Ready(Ended::Revoked), Poll::Pending]);
    // By value, and of more than one watch.
    now(revocations.revoke_by(Revocation::issuer(ISSUER))).unwrap();
    assert_eq!(polled.each_ref().map(Polled::wake_ups), [1, 1, 1]);
    assert_eq!(polled.each_mut().map(Polled::poll), [Poll::Ready(Ended::Revoked); 3]);
}

#[test]
fn each_kind_of_revocation_ends_a_watch() {
    let ann = user("ann");
    for revocation in [
        Revocation::token(ISSUER, "token of ann"),
        Revocation::session(ISSUER, "session of token of ann"),
        Revocation::subject(ISSUER, "ann"),
        Revocation::client(ISSUER, "web"),
        Revocation::issuer(ISSUER),
    ] {
        let revocations = revocations();
        let mut polled = Polled::new(revocations.watch(&ann));
        now(revocations.revoke_by(revocation)).unwrap();
        assert_eq!((polled.wake_ups(), polled.poll()), (1, Poll::Ready(Ended::Revoked)));
    }
}

#[test]
fn an_excepted_login_stays_pending_until_it_is_revoked_itself() {
    let revocations = revocations();
    let users = ["this", "other"].map(|token| user_until("ann", token, None));
    let [mut this, mut other] = users.each_ref().map(|user| Polled::new(revocations.watch(user)));
    now(revocations.revoke_others(&users[0])).unwrap();
    assert_eq!((this.wake_ups(), other.wake_ups()), (1, 1), "both have the subject");
    assert_eq!((this.poll(), other.poll()), (Poll::Pending, Poll::Ready(Ended::Revoked)));
    revoke(&revocations, &users[0]);
    assert_eq!((this.wake_ups(), this.poll()), (2, Poll::Ready(Ended::Revoked)));
}

#[test]
fn a_watch_frees_its_slot_when_it_resolves_and_when_it_is_dropped() {
    let revocations = revocations();
    let mut polled = ["ann", "bob"].map(|id| Polled::new(revocations.watch(&user(id))));
    drop(revocations.watch(&user("eve")));
    assert_eq!(watched(&revocations), 2);
    revoke(&revocations, &user("ann"));
    assert_eq!(polled[0].poll(), Poll::Ready(Ended::Revoked));
    assert_eq!(watched(&revocations), 1);
    drop(polled);
    assert_eq!(watched(&revocations), 0);
}

#[test]
fn without_a_runtime_or_timers_a_watch_still_sees_revocations_and_an_expiry_at_a_poll() {
    let check = || {
        let clock = TestClock::new(false);
        let revocations = clock.revocations();
        let hour = Duration::from_secs(3_600);
        let mut polled = ["ann", "bob"].map(|id| Polled::new(revocations.watch(&user_until(id, id, Some(hour)))));
        revoke(&revocations, &user_until("ann", "ann", Some(hour)));
        assert_eq!(polled.each_ref().map(Polled::wake_ups), [1, 0]);
        assert_eq!(polled.each_mut().map(Polled::poll), [Poll::Ready(Ended::Revoked), Poll::Pending]);
        clock.advance(hour);
        assert_eq!(polled[1].poll(), Poll::Ready(Ended::Expired));
    };
    check();
    Builder::new_current_thread().build().unwrap().block_on(async { check() });
}

#[test]
fn a_watch_moves_to_another_runtime_when_its_own_is_shut_down() {
    let runtime = || Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let first = runtime();
    let clock = first.block_on(async { TestClock::new(false) });
    let revocations = clock.revocations();
    let mut watch = revocations.watch(&user_until("ann", "t", Some(Duration::from_secs(30))));
    first.block_on(async { timeout(Duration::from_secs(1), &mut watch).await.unwrap_err() });
    drop(first);
    assert_eq!(Pin::new(&mut watch).poll(&mut Context::from_waker(Waker::noop())), Poll::Pending);
    runtime().block_on(async {
        timeout(Duration::from_secs(1), &mut watch).await.unwrap_err();
        // In a task, which only the timer of the watch wakes.
        let mut task = tokio::spawn(watch);
        timeout(Duration::from_secs(1), &mut task).await.unwrap_err();
        clock.advance(Duration::from_secs(30));
        assert_eq!(timeout(Duration::from_secs(60), task).await.unwrap().unwrap(), Ended::Expired);
    });
}

#[tokio::test(start_paused = true)]
async fn a_watch_resolves_at_the_expiry_without_leeway() {
    for (expires_in, from, until) in [
        (Duration::from_secs(300), 299_999, 300_001),
        (Duration::from_secs(30), 29_999, 30_001),
        (Duration::from_micros(1_500_500), 1_500, 1_503),
    ] {
        let revocations = TestClock::new(true).revocations();
        let mut watch = revocations.watch(&user_until("ann", "t", Some(expires_in)));
        let start = Instant::now();
        timeout(Duration::from_millis(from), &mut watch).await.unwrap_err();
        assert_eq!(watch.await, Ended::Expired);
        assert!(start.elapsed() <= Duration::from_millis(until), "{:?}", start.elapsed());
        assert_eq!(watched(&revocations), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn an_expiry_that_is_earlier_than_the_awaited_one_is_not_missed() {
    let revocations = TestClock::new(true).revocations();
    let later = user_until("ann", "t", Some(Duration::from_secs(3_600)));
    let mut later = tokio::spawn(revocations.watch(&later));
    timeout(Duration::from_millis(10), &mut later).await.unwrap_err();
    let soon = user_until("bob", "u", Some(Duration::from_millis(100)));
    let soon = tokio::spawn(revocations.watch(&soon));
    assert_eq!(timeout(Duration::from_millis(95), soon).await.unwrap().unwrap(), Ended::Expired);
}

#[test]
fn a_watch_that_was_first_polled_without_a_runtime_is_woken_at_the_expiry_once_it_has_one() {
    let clock = TestClock::new(false);
    let mut polled = Polled::new(clock.revocations().watch(&user_until("ann", "t", Some(Duration::from_secs(30)))));
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
        assert_eq!(polled.poll(), Poll::Pending);
        clock.advance(Duration::from_secs(30));
        time::sleep(Duration::from_secs(1)).await;
        assert_eq!((polled.wake_ups(), polled.poll()), (1, Poll::Ready(Ended::Expired)));
    });
}

#[test]
fn the_task_that_polled_last_is_woken() {
    let revocations = revocations();
    let mut polled = Polled::new(revocations.watch(&user("ann")));
    let first = std::mem::take(&mut polled.counter);
    assert_eq!(polled.poll(), Poll::Pending);
    revoke(&revocations, &user("ann"));
    assert_eq!((first.0.load(Ordering::SeqCst), polled.wake_ups()), (0, 1));
}

#[test]
fn an_expired_credential_stays_expired_when_the_clock_is_set_back() {
    let clock = TestClock::new(false);
    let mut watch = clock.revocations().watch(&user_until("ann", "t", Some(Duration::ZERO)));
    assert_eq!(now(&mut watch), Ended::Expired);
    clock.offset.fetch_sub(60_000, Ordering::SeqCst);
    assert_eq!(now(&mut watch), Ended::Expired);
}

#[test]
fn a_credential_does_not_end_a_part_of_a_microsecond_early() {
    let clock = TestClock::new(false);
    let mut polled = Polled::new(clock.revocations().watch(&user_until("ann", "t", Some(Duration::from_nanos(1)))));
    clock.advance(Duration::from_millis(1));
    assert_eq!(polled.poll(), Poll::Ready(Ended::Expired));
}

#[tokio::test]
async fn an_expired_credential_ends_at_once() {
    let revocations = revocations();
    assert_eq!(now(revocations.watch(&user_until("ann", "t", Some(Duration::ZERO)))), Ended::Expired);
    // If it was revoked too, the future says so.
    let ann = user_until("ann", "u", Some(Duration::ZERO));
    now(revocations.revoke_by(Revocation::token(ISSUER, "u"))).unwrap();
    assert_eq!(now(revocations.watch(&ann)), Ended::Revoked);
}

#[tokio::test(start_paused = true)]
async fn the_wall_clock_decides_when_a_timer_ends() {
    let clock = TestClock::new(false);
    let revocations = clock.revocations();
    // In a task, which only the timer of the watch wakes.
    let mut task = tokio::spawn(revocations.watch(&user_until("ann", "t", Some(Duration::from_secs(30)))));
    // The wall clock stands still while the timer runs.
    timeout(Duration::from_secs(3_600), &mut task).await.unwrap_err();
    clock.advance(Duration::from_secs(30));
    assert_eq!(timeout(Duration::from_secs(31), task).await.unwrap().unwrap(), Ended::Expired);
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_is_set_forward_is_noticed_within_a_second() {
    let clock = TestClock::new(true);
    let revocations = clock.revocations();
    let mut task = tokio::spawn(revocations.watch(&user_until("ann", "t", Some(Duration::from_secs(86_400)))));
    timeout(Duration::from_secs(1), &mut task).await.unwrap_err();
    clock.advance(Duration::from_secs(86_400));
    assert_eq!(timeout(Duration::from_secs(1), task).await.unwrap().unwrap(), Ended::Expired);
}

#[test]
fn a_user_of_a_custom_gate_is_watched_by_its_values() {
    let revocations = revocations();
    let mut polled = Polled::new(revocations.watch(&UserContext::new("ann").with_issuer(ISSUER)));
    now(revocations.revoke_by(Revocation::subject(ISSUER, "ann"))).unwrap();
    assert_eq!((polled.wake_ups(), polled.poll()), (1, Poll::Ready(Ended::Revoked)));
}

#[tokio::test(start_paused = true)]
async fn a_user_without_an_issuer_only_expires() {
    let revocations = TestClock::new(true).revocations();
    let ann = UserContext::new("ann");
    let mut forever = revocations.watch(&ann);
    let expiring = revocations.watch(&ann.with_expires_at(UNIX_EPOCH + Duration::from_secs(START + 60)));
    assert_eq!(timeout(Duration::from_secs(61), expiring).await.unwrap(), Ended::Expired);
    timeout(Duration::from_secs(86_400 * 365), &mut forever).await.unwrap_err();
}

#[test]
fn revocations_on_many_threads_end_the_watches_of_many_threads() {
    const USERS: usize = 400;
    let runtime = Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
    let revocations = TestClock::new(false).revocations();
    let user = |number: usize| user_until(&number.to_string(), &number.to_string(), Some(Duration::from_secs(3_600)));
    let ended = runtime.block_on(async {
        let tasks: Vec<_> = (0..USERS)
            .map(|number| {
                let revocations = revocations.clone();
                // Half of the watches begin to watch while others are revoked.
                tokio::spawn(async move { revocations.watch(&user(number)).await })
            })
            .collect();
        let threads: Vec<_> = (0..4)
            .map(|first| {
                let revocations = revocations.clone();
                thread::spawn(move || (first..USERS).step_by(4).for_each(|number| revoke(&revocations, &user(number))))
            })
            .collect();
        let mut ended = Vec::new();
        for task in tasks {
            ended.push(time::timeout(Duration::from_secs(60), task).await.unwrap().unwrap());
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        ended
    });
    assert_eq!(ended, [Ended::Revoked; USERS]);
    assert_eq!(watched(&revocations), 0);
}
