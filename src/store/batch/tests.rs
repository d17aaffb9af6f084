//! Which jobs share a call, and what becomes of jobs whose callers have gone.

use redis::RedisError;
use redis::aio::ConnectionLike;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::*;
use crate::store::failure::FailureKind;

/// A job of as many parts as its number says. The server responds with the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TestJob {
    NeedsCaller(u32),
    Needed(u32),
    /// Undoes the job with this number.
    Undo(u32),
}

struct TestCall(Vec<TestJob>);

impl Call for TestCall {
    type Response = Vec<u32>;

    async fn run<C: ConnectionLike + Send>(self, _: C) -> Result<Vec<u32>, RedisError> {
        Ok(Vec::new())
    }
}

impl TestJob {
    fn number(self) -> u32 {
        match self {
            Self::NeedsCaller(number) | Self::Needed(number) | Self::Undo(number) => number,
        }
    }
}

impl BatchJob for TestJob {
    type Call = TestCall;
    type Response = u32;

    const NAMES: &'static SettingNames = &SettingNames {
        documentation: "Test",
        url: "Test::connect",
        client: "Test::from_client",
        deadline: None,
        cluster_remedy: "use Test::cluster",
    };
    const DURING_OUTAGE: &'static str = "tests fail";
    const MAX_PARTS: usize = 10;

    fn parts(&self) -> usize {
        self.number() as usize
    }

    fn hash_tag(&self) -> String {
        self.number().to_string()
    }

    fn needs_caller(&self) -> bool {
        matches!(self, Self::NeedsCaller(_))
    }

    fn encode<'a>(batch: impl ExactSizeIterator<Item = &'a Self>) -> TestCall {
        TestCall(batch.copied().collect())
    }

    fn decode<'a>(response: Vec<u32>, batch: impl Iterator<Item = &'a Self>) -> Option<Vec<u32>> {
        batch.map(|job| job.number()).eq(response.iter().copied()).then_some(response)
    }

    fn undo(&self, response: &u32) -> Option<Self> {
        (!matches!(self, Self::Undo(_))).then_some(Self::Undo(*response))
    }
}

/// A call in progress: its jobs, and where the test sends the server's response.
struct PendingCall {
    jobs: Vec<TestJob>,
    response: oneshot::Sender<Result<Vec<u32>, Failure>>,
}

impl PendingCall {
    fn respond(self) {
        let numbers = self.jobs.iter().map(|job| job.number()).collect();
        self.response.send(Ok(numbers)).unwrap();
    }

    fn fail(self) {
        let failure = Failure { kind: FailureKind::Refused, message: "refused".to_owned() };
        self.response.send(Err(failure)).unwrap();
    }
}

struct TestConnection {
    calls: UnboundedSender<PendingCall>,
    connected_by: ConnectedBy,
}

impl Connection<TestCall> for TestConnection {
    fn call(&self, call: TestCall) -> CallFuture<Vec<u32>> {
        let (response, receiver) = oneshot::channel();
        self.calls.send(PendingCall { jobs: call.0, response }).ok().unwrap();
        Box::pin(async move { receiver.await.unwrap() })
    }

    fn connected_by(&self) -> ConnectedBy {
        self.connected_by
    }

    fn abandon(&self) {}
}

const DEADLINE: Duration = Duration::from_millis(50);

/// Returns a batcher, and the calls that it makes.
fn batcher(connected_by: ConnectedBy) -> (Arc<Batcher<TestJob>>, UnboundedReceiver<PendingCall>) {
    let (sender, calls) = unbounded_channel();
    (Arc::new(Batcher::new(Arc::new(TestConnection { calls: sender, connected_by }), DEADLINE)), calls)
}

/// Returns the next call. If there is none, the clock advances, and the test fails.
async fn next(calls: &mut UnboundedReceiver<PendingCall>) -> PendingCall {
    tokio::time::timeout(DEADLINE * 10, calls.recv()).await.unwrap().unwrap()
}

#[tokio::test(start_paused = true)]
async fn jobs_that_arrive_during_a_call_share_the_next_one() {
    let (batcher, mut calls) = batcher(ConnectedBy::Store);
    let first = batcher.send(TestJob::Needed(1)).unwrap();
    let call = next(&mut calls).await;
    assert_eq!(call.jobs, [TestJob::Needed(1)]);
    let others = [2, 3].map(|number| batcher.send(TestJob::Needed(number)).unwrap());
    call.respond();
    assert_eq!(first.await, Ok(1));
    let call = next(&mut calls).await;
    assert_eq!(call.jobs, [TestJob::Needed(2), TestJob::Needed(3)]);
    call.respond();
    for (receiver, number) in others.into_iter().zip(2..) {
        assert_eq!(receiver.await, Ok(number));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_has_at_most_the_allowed_parts_but_at_least_one_job() {
    let (batcher, mut calls) = batcher(ConnectedBy::Store);
    let numbers = [1, 99, 4, 6, 1];
    let receivers = numbers.map(|number| batcher.send(TestJob::Needed(number)).unwrap());
    let mut sizes = Vec::new();
    while sizes.iter().sum::<usize>() < numbers.len() {
        let call = next(&mut calls).await;
        sizes.push(call.jobs.len());
        call.respond();
    }
    assert_eq!(sizes, [1, 1, 2, 1]);
    for (receiver, number) in receivers.into_iter().zip(numbers) {
        assert_eq!(receiver.await, Ok(number));
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_caller_has_gone_is_sent_only_if_it_is_needed() {
    let (batcher, mut calls) = batcher(ConnectedBy::Store);
    let first = batcher.send(TestJob::Needed(1)).unwrap();
    let call = next(&mut calls).await;
    drop(batcher.send(TestJob::NeedsCaller(2)));
    drop(batcher.send(TestJob::Undo(3)));
    call.respond();
    assert_eq!(first.await, Ok(1));
    assert_eq!(next(&mut calls).await.jobs, [TestJob::Undo(3)]);
}

#[tokio::test(start_paused = true)]
async fn a_response_without_its_caller_is_undone() {
    let (batcher, mut calls) = batcher(ConnectedBy::Store);
    let receiver = batcher.send(TestJob::NeedsCaller(1)).unwrap();
    let call = next(&mut calls).await;
    drop(receiver);
    call.respond();
    assert_eq!(next(&mut calls).await.jobs, [TestJob::Undo(1)]);
}

#[tokio::test(start_paused = true)]
async fn a_response_after_the_deadline_is_undone() {
    let (batcher, mut calls) = batcher(ConnectedBy::Store);
    let receiver = batcher.send(TestJob::NeedsCaller(1)).unwrap();
    let call = next(&mut calls).await;
    // The clock of the test advances to the deadline.
    assert!(receiver.await.is_err());
    call.respond();
    assert_eq!(next(&mut calls).await.jobs, [TestJob::Undo(1)]);
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_releases_the_waiting_requests() {
    let (batcher, mut calls) = batcher(ConnectedBy::Store);
    for _ in 0..2 {
        let receiver = batcher.send(TestJob::Needed(1)).unwrap();
        next(&mut calls).await.fail();
        assert!(receiver.await.is_err());
    }
    let receiver = batcher.send(TestJob::Needed(1)).unwrap();
    let call = next(&mut calls).await;
    let waiting = batcher.send(TestJob::Needed(2)).unwrap();
    assert!(batcher.outages.breakers.allows_call(HashSlot::default(), Instant::now()));
    call.fail();
    assert!(receiver.await.is_err() && waiting.await.is_err());
    assert!(!batcher.outages.breakers.allows_call(HashSlot::default(), Instant::now()));
    assert!(calls.is_empty());
}

#[tokio::test(start_paused = true)]
async fn in_a_cluster_each_job_is_a_call() {
    let (batcher, mut calls) = batcher(ConnectedBy::AppToCluster);
    let receivers = [1, 2].map(|number| batcher.send(TestJob::Needed(number)).unwrap());
    for number in [1, 2] {
        assert_eq!(next(&mut calls).await.jobs, [TestJob::Needed(number)]);
    }
    drop(receivers);
    let slot = batcher.hash_slot(|| TestJob::Needed(1).hash_tag());
    assert_eq!(slot, HashSlot::of("1"));
}

#[test]
fn without_a_runtime_no_job_is_queued_and_the_breaker_opens() {
    let (batcher, calls) = batcher(ConnectedBy::Store);
    let now = Instant::now();
    for _ in 0..3 {
        assert!(batcher.outages.breakers.allows_call(HashSlot::default(), now));
        assert!(batcher.send(TestJob::Needed(1)).is_none());
    }
    assert!(!batcher.outages.breakers.allows_call(HashSlot::default(), now));
    assert!(calls.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_call_has_at_most_128_jobs() {
    let (batcher, mut calls) = batcher(ConnectedBy::Store);
    let receivers: Vec<_> = (0..129).map(|_| batcher.send(TestJob::Needed(0)).unwrap()).collect();
    for jobs in [128, 1] {
        let call = next(&mut calls).await;
        assert_eq!(call.jobs.len(), jobs);
        call.respond();
    }
    for receiver in receivers {
        assert_eq!(receiver.await, Ok(0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_takes_no_job() {
    let (batcher, mut calls) = batcher(ConnectedBy::Store);
    let first = batcher.send(TestJob::Needed(1)).unwrap();
    let call = next(&mut calls).await;
    let waiting: Vec<_> = (0..MAX_WAITING).map(|_| batcher.send(TestJob::Needed(0)).unwrap()).collect();
    assert!(batcher.send(TestJob::Needed(0)).is_none());
    call.respond();
    assert_eq!(first.await, Ok(1));
    next(&mut calls).await;
    assert!(batcher.send(TestJob::Needed(0)).is_some());
    drop(waiting);
}

#[tokio::test(start_paused = true)]
async fn a_response_of_another_form_is_a_failure() {
    let (batcher, mut calls) = batcher(ConnectedBy::Store);
    for _ in 0..3 {
        assert!(batcher.outages.breakers.allows_call(HashSlot::default(), Instant::now()));
        let receiver = batcher.send(TestJob::Needed(1)).unwrap();
        next(&mut calls).await.response.send(Ok(vec![1, 2])).unwrap();
        assert!(receiver.await.is_err());
    }
    assert!(!batcher.outages.breakers.allows_call(HashSlot::default(), Instant::now()));
}

#[tokio::test(start_paused = true)]
async fn a_response_between_failures_keeps_the_breaker_closed() {
    let (batcher, mut calls) = batcher(ConnectedBy::Store);
    for is_failure in [true, true, false, true, true] {
        let receiver = batcher.send(TestJob::Needed(1)).unwrap();
        let call = next(&mut calls).await;
        if is_failure {
            call.fail()
        } else {
            call.respond()
        }
        assert_eq!(receiver.await.is_err(), is_failure);
    }
    assert!(batcher.outages.breakers.allows_call(HashSlot::default(), Instant::now()));
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_until_the_deadline() {
    let (batcher, _) = batcher(ConnectedBy::Store);
    assert_eq!(batcher.deadline(), Instant::now() + DEADLINE);
}

/// Returns a runtime whose clock is advanced by the test alone.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

#[test]
fn a_task_whose_runtime_stands_still_is_replaced_after_twice_the_deadline() {
    let (batcher, mut calls) = batcher(ConnectedBy::Store);
    // The clock of the other runtime is the earlier one, so at first no time has passed for it.
    let [other, still] = [runtime(), runtime()];
    let enter = still.enter();
    let first = batcher.send(TestJob::Needed(1)).unwrap();
    drop(enter);
    other.block_on(async {
        let second = batcher.send(TestJob::Needed(2)).unwrap();
        tokio::task::yield_now().await;
        assert!(calls.is_empty());
        tokio::time::advance(DEADLINE * 100).await;
        let third = batcher.send(TestJob::Needed(3)).unwrap();
        let call = next(&mut calls).await;
        assert_eq!(call.jobs, [1, 2, 3].map(TestJob::Needed));
        call.respond();
        assert_eq!((first.await, second.await, third.await), (Ok(1), Ok(2), Ok(3)));
    });
}

#[test]
fn a_runtime_that_is_dropped_releases_the_waiting_requests() {
    let (batcher, mut calls) = batcher(ConnectedBy::Store);
    let dropped = runtime();
    let (_call, receivers) = dropped.block_on(async {
        let first = batcher.send(TestJob::Needed(1)).unwrap();
        (next(&mut calls).await, [first, batcher.send(TestJob::Needed(2)).unwrap()])
    });
    drop(dropped);
    assert!(receivers.into_iter().all(|receiver| receiver.blocking_recv().is_err()));
    runtime().block_on(async {
        let receiver = batcher.send(TestJob::Needed(3)).unwrap();
        let call = next(&mut calls).await;
        assert_eq!(call.jobs, [TestJob::Needed(3)]);
        call.respond();
        assert_eq!(receiver.await, Ok(3));
    });
}

#[tokio::test(start_paused = true)]
async fn in_a_cluster_a_failure_is_counted_for_the_slot_of_its_job() {
    let (batcher, mut calls) = batcher(ConnectedBy::AppToCluster);
    for _ in 0..3 {
        let receiver = batcher.send(TestJob::Needed(1)).unwrap();
        next(&mut calls).await.fail();
        assert!(receiver.await.is_err());
    }
    let allows = |tag| batcher.outages.breakers.allows_call(HashSlot::of(tag), Instant::now());
    assert!(!allows("1") && allows("2"));
}
