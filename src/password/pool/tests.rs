//! What the pool bounds, and the order of jobs.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Condvar, Mutex};
use std::task::Poll;

use tokio::runtime::Builder;

use super::*;

/// A lock that jobs wait at until the test opens it.
#[derive(Clone, Default)]
struct Latch(Arc<(Mutex<bool>, Condvar)>);

impl Latch {
    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    fn wait(&self) {
        let is_open = self.0.0.lock().unwrap();
        drop(self.0.1.wait_while(is_open, |is_open| !*is_open).unwrap());
    }
}

const BLOCKS: usize = 16;

fn pool(permits: usize, queue: usize) -> Pool {
    let settings = PoolSettings { permits, blocks_of_permit: BLOCKS, queue, max_wait: Duration::from_secs(2) };
    Pool::new(settings, Clock::system())
}

fn one_permit() -> JobSize {
    JobSize::of_blocks(BLOCKS)
}

/// Polls a call once, so that its job is submitted.
async fn submit<F: Future>(call: std::pin::Pin<&mut F>) -> Option<F::Output> {
    let mut call = call;
    poll_fn(|context| {
        Poll::Ready(match call.as_mut().poll(context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

/// Waits until the pool runs so many jobs. They are started by other threads.
fn until_running(pool: &Pool, jobs: usize) {
    while pool.stats().running != jobs {
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn a_thousand_calls_stay_within_the_permits_in_jobs_and_in_memory() {
    let pool = Arc::new(pool(2, 4_096));
    let calls: Vec<_> = (0..1_000)
        .map(|index| {
            let pool = pool.clone();
            let size = JobSize::of_blocks(if index % 10 == 0 { 5 * BLOCKS } else { BLOCKS });
            tokio::spawn(async move { pool.run(Priority::Login, size, |_| std::thread::yield_now()).await })
        })
        .collect();
    for call in calls {
        // The whole test is faster than the longest wait.
        call.await.unwrap().unwrap();
    }
    let stats = pool.stats();
    assert_eq!((stats.started, stats.rejected, stats.waiting), (1_000, 0, 0));
    assert!(stats.max_running <= 2, "{stats:?}");
    assert!(stats.max_memory_kib <= 5 * BLOCKS, "{stats:?}");
}

#[test]
fn a_job_takes_a_permit_for_each_part_of_its_memory_and_at_most_all() {
    let state =
        state::State::new(PoolSettings { permits: 4, blocks_of_permit: BLOCKS, queue: 0, max_wait: Duration::ZERO });
    let permits = |blocks| state.permits_of(JobSize::of_blocks(blocks));
    assert_eq!([1, 16, 17, 32, 33, 64, 1_000].map(permits), [1, 1, 2, 2, 3, 4, 4]);
}

#[tokio::test]
async fn a_large_job_runs_alone_and_is_not_overtaken() {
    let pool = pool(2, 10);
    let latch = Latch::default();
    let [first, last] = [latch.clone(), latch.clone()];
    let mut small = pin!(pool.run(Priority::Login, one_permit(), move |_| first.wait()));
    assert!(submit(small.as_mut()).await.is_none());
    until_running(&pool, 1);
    let mut large = pin!(pool.run(Priority::Login, JobSize::of_blocks(100 * BLOCKS), |blocks| blocks.len()));
    let mut behind = pin!(pool.run(Priority::Login, one_permit(), move |_| last.wait()));
    assert!(submit(large.as_mut()).await.is_none());
    assert!(submit(behind.as_mut()).await.is_none());
    assert_eq!((pool.stats().running, pool.stats().waiting), (1, 2));
    latch.open();
    assert_eq!(large.await, Ok(100 * BLOCKS));
    small.await.unwrap();
    behind.await.unwrap();
    assert_eq!(pool.stats().max_memory_kib, 100 * BLOCKS);
}

#[tokio::test]
async fn a_full_queue_rejects_in_the_first_poll() {
    let pool = pool(1, 1);
    let latch = Latch::default();
    let of_job = latch.clone();
    let mut running = pin!(pool.run(Priority::Login, one_permit(), move |_| of_job.wait()));
    assert!(submit(running.as_mut()).await.is_none());
    let mut waiting = pin!(pool.run(Priority::Login, one_permit(), |_| ()));
    assert!(submit(waiting.as_mut()).await.is_none());
    let mut rejected = Box::pin(pool.run(Priority::Login, one_permit(), |_| ()));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let Poll::Ready(Err(overload)) = rejected.as_mut().poll(&mut context) else { panic!("the call waits") };
    assert!(overload.retry_after >= Duration::from_secs(1) && overload.retry_after <= Duration::from_secs(5));
    assert_eq!(pool.stats().rejected, 1);
    latch.open();
    running.await.unwrap();
    waiting.await.unwrap();
    assert_eq!(pool.stats().started, 2);
}

#[tokio::test]
async fn without_a_queue_a_free_permit_is_still_used() {
    let pool = pool(1, 0);
    assert_eq!(pool.run(Priority::Login, one_permit(), |_| 7).await, Ok(7));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_two_seconds_is_rejected_and_leaves_the_queue() {
    let pool = pool(1, 8);
    let latch = Latch::default();
    let of_job = latch.clone();
    let mut running = pin!(pool.run(Priority::Login, one_permit(), move |_| of_job.wait()));
    assert!(submit(running.as_mut()).await.is_none());
    let start = tokio::time::Instant::now();
    assert!(pool.run(Priority::Login, one_permit(), |_| ()).await.is_err());
    assert_eq!(start.elapsed().as_secs(), 2);
    assert_eq!((pool.stats().waiting, pool.stats().rejected), (0, 1));
    latch.open();
    running.await.unwrap();
}

#[tokio::test]
async fn canceled_calls_leave_the_queue_and_no_permit_is_lost() {
    let pool = pool(2, 4_096);
    let running = Arc::new(AtomicUsize::new(0));
    let max_running = Arc::new(AtomicUsize::new(0));
    for _ in 0..1_000 {
        let (running, max_running) = (running.clone(), max_running.clone());
        let mut call = Box::pin(pool.run(Priority::Login, one_permit(), move |_| {
            max_running.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::yield_now();
            running.fetch_sub(1, Ordering::SeqCst);
        }));
        submit(call.as_mut()).await;
    }
    assert_eq!(pool.stats().waiting, 0);
    // Two jobs that run at once need both permits.
    let (sender, receiver) = mpsc::channel();
    let [here, there] = [(); 2].map(|()| sender.clone());
    let meet = Arc::new(std::sync::Barrier::new(2));
    let [first, second] = [meet.clone(), meet];
    let both = tokio::join!(
        pool.run(Priority::Login, one_permit(), move |_| {
            first.wait();
            here.send(()).unwrap();
        }),
        pool.run(Priority::Login, one_permit(), move |_| {
            second.wait();
            there.send(()).unwrap();
        })
    );
    assert_eq!(both, (Ok(()), Ok(())));
    assert_eq!(receiver.try_iter().count(), 2);
    assert!(max_running.load(Ordering::SeqCst) <= 2);
}

#[tokio::test]
async fn a_caller_that_goes_does_not_release_the_permit_of_a_job_that_runs() {
    let pool = pool(1, 8);
    let latch = Latch::default();
    let of_job = latch.clone();
    let mut call = Box::pin(pool.run(Priority::Login, one_permit(), move |_| of_job.wait()));
    submit(call.as_mut()).await;
    until_running(&pool, 1);
    drop(call);
    let mut next = pin!(pool.run(Priority::Login, one_permit(), |_| ()));
    assert!(submit(next.as_mut()).await.is_none());
    assert_eq!((pool.stats().running, pool.stats().waiting), (1, 1));
    latch.open();
    next.await.unwrap();
    assert_eq!(pool.stats().max_running, 1);
}

#[tokio::test]
async fn logins_run_first_in_their_order_then_new_passwords_then_rehashes() {
    let pool = pool(1, 16);
    let latch = Latch::default();
    let of_job = latch.clone();
    let mut running = pin!(pool.run(Priority::Login, one_permit(), move |_| of_job.wait()));
    submit(running.as_mut()).await;
    let (sender, order) = mpsc::channel();
    let mut calls = Vec::new();
    for (priority, name) in [
        (Priority::Rehash, "rehash"),
        (Priority::NewPassword, "new"),
        (Priority::Login, "login 1"),
        (Priority::Login, "login 2"),
    ] {
        let sender = sender.clone();
        let mut call = Box::pin(pool.run(priority, one_permit(), move |_| sender.send(name).unwrap()));
        submit(call.as_mut()).await;
        calls.push(call);
    }
    latch.open();
    running.await.unwrap();
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!(order.try_iter().collect::<Vec<_>>(), ["login 1", "login 2", "new", "rehash"]);
}

#[tokio::test]
async fn a_panic_fails_only_its_own_call() {
    let pool = pool(1, 8);
    let panicking = pool.run(Priority::Login, one_permit(), |_| -> () { panic!("injected") });
    let other = pool.run(Priority::Login, one_permit(), |_| 7);
    let (failed, other) = tokio::join!(panicking, other);
    assert!(failed.is_err());
    assert_eq!(other, Ok(7));
    until_running(&pool, 0);
    assert_eq!(pool.stats().started, 2);
}

#[test]
fn a_pool_works_on_two_runtimes_and_is_dropped_without_one() {
    let pool = pool(1, 8);
    for _ in 0..2 {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        assert_eq!(runtime.block_on(pool.run(Priority::Login, one_permit(), |_| 7)), Ok(7));
    }
    // Without timers, a call that waits has no timeout.
    let runtime = Builder::new_current_thread().build().unwrap();
    let both = async {
        tokio::join!(pool.run(Priority::Login, one_permit(), |_| 7), pool.run(Priority::Login, one_permit(), |_| 8))
    };
    assert_eq!(runtime.block_on(both), (Ok(7), Ok(8)));
    drop(runtime);
    drop(pool);
}

#[tokio::test]
async fn a_timer_fires_while_a_job_runs_on_a_runtime_of_one_thread() {
    let pool = pool(1, 0);
    let latch = Latch::default();
    let of_job = latch.clone();
    let timer = async {
        until_running(&pool, 1);
        tokio::time::sleep(Duration::from_millis(1)).await;
        // The job runs until the timer has fired.
        latch.open();
    };
    let (result, ()) = tokio::join!(pool.run(Priority::Login, one_permit(), move |_| of_job.wait()), timer);
    assert_eq!(result, Ok(()));
}

#[tokio::test]
async fn memory_is_clear_and_reused_for_the_next_job() {
    let pool = pool(1, 0);
    let job = |blocks: &mut [Block]| {
        let is_clear = blocks.iter().all(|block| block.as_ref().iter().all(|word| *word == 0));
        blocks.iter_mut().for_each(|block| block.as_mut().fill(7));
        (is_clear, blocks.as_ptr() as usize)
    };
    let (is_clear, first) = pool.run(Priority::Login, one_permit(), job).await.unwrap();
    assert!(is_clear);
    until_running(&pool, 0);
    let (is_clear, second) = pool.run(Priority::Login, one_permit(), job).await.unwrap();
    assert!(is_clear);
    assert_eq!(first, second);
    assert_eq!(pool.stats().max_memory_kib, BLOCKS);
}
