//! Compares in-memory decisions of `RateLimit` with governor: time per decision and memory per key.
//!
//! Run it with `cargo bench --bench rate_limit`. Both are measured in alternating rounds; each number is a median.

use std::cell::Cell;
use std::future::Future;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use allocation_counter::measure;
use governor::RateLimiter;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use http::{Request, Response, request};
use portcullis::TrustedProxies;
use portcullis::gate::{Entry, Gate, Reply};
use portcullis::rate_limit::{Algorithm, Key, Limit, MemoryStore, Subject};
use portcullis::{Quota, RateLimit};

/// governor's limiter as a gate. It inserts a snapshot for handlers, like the `RateLimitStatus` of this crate.
#[derive(Clone)]
struct Governor(Arc<Keyed>);

type Keyed = RateLimiter<IpAddr, DashMapStateStore<IpAddr>, DefaultClock, StateInformationMiddleware>;

impl Gate for Governor {
    type Pass = ();

    fn enter(&self, head: &mut request::Parts) -> Entry<()> {
        let ip = head.extensions.get::<SocketAddr>().map_or(ANY, SocketAddr::ip);
        match self.0.check_key(&ip) {
            Ok(snapshot) => {
                head.extensions.insert(snapshot);
                Entry::Admit(())
            }
            Err(_) => {
                let mut response = Response::new(Vec::new());
                *response.status_mut() = http::StatusCode::TOO_MANY_REQUESTS;
                Entry::Refuse(Reply::new(response))
            }
        }
    }
}

const ANY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
const KEYS: usize = 1_000_000;
/// More than all rounds use.
const UNITS: u32 = 1_000_000_000;
const ROUNDS: usize = 9;

fn main() {
    decisions();
    layers();
    bytes();
}

/// A whole `check`: it reads the clock once, hashes the subject, finds its counter, updates and charges it, and returns
/// a `RateLimitStatus`. The first row is the reading of the clock alone, which is part of all others.
fn decisions() {
    println!("{:<44}{:>9}{:>11}{:>8}{:>9}", "decision, ns", "ours", "governor", "ratio", "budget");
    let clock = DefaultClock::default();
    let (ours, theirs) = (|| _ = black_box(Instant::now()), || _ = black_box(clock.now()));
    report("reading the clock", None, 1_000_000, ours, theirs);
    let ips = addresses();
    let (ours, theirs) = (limit_by_address(Algorithm::TokenBucket, KEYS), governor());
    let one = Subject::address(ANY);
    report("one hot key", Some(36), 1_000_000, || decide(&ours, &one), || decide_by_governor(&theirs, ANY));
    for (name, algorithm) in [("sliding window", Algorithm::SlidingWindow), ("fixed window", Algorithm::FixedWindow)] {
        let ours = limit_by_address(algorithm, KEYS);
        let name = format!("one hot key, {name}");
        report(&name, None, 1_000_000, || decide(&ours, &one), || decide_by_governor(&theirs, ANY));
    }
    for (name, capacity, budget) in
        [("1 M random keys", KEYS, None), ("1 M random keys, capacity 1.4 M", KEYS * 7 / 5, Some(190))]
    {
        let ours = limit_by_address(Algorithm::TokenBucket, capacity);
        for ip in &ips {
            decide(&ours, &Subject::address(*ip));
            decide_by_governor(&theirs, *ip);
        }
        let (our_state, their_state) = (Cell::new(7_u64), Cell::new(7_u64));
        let decide = || decide(&ours, &Subject::address(pick(&ips, &our_state)));
        report(name, budget, 1_000_000, decide, || decide_by_governor(&theirs, pick(&ips, &their_state)));
    }
    let round =
        || (two_threads(&|| decide(&ours, &Subject::address(ANY))), two_threads(&|| decide_by_governor(&theirs, ANY)));
    let (ours, theirs) = (0..ROUNDS).map(|_| round()).unzip();
    print("one hot key, two threads", Some(140), ours, theirs);
}

/// The decision of a layer, which reads the subject from the request head and inserts the status for handlers.
fn layers() {
    println!("\n{:<44}{:>9}{:>11}{:>8}", "Gate::enter, ns", "ours", "governor", "ratio");
    let ips = addresses();
    let theirs = Governor(Arc::new(governor()));
    let ours = limit_by(Algorithm::TokenBucket, KEYS * 7 / 5, Key::ip());
    report("one hot key", None, 300_000, || enter(&ours, ANY), || enter(&theirs, ANY));
    for ip in &ips {
        enter(&ours, *ip);
        enter(&theirs, *ip);
    }
    let (our_state, their_state) = (Cell::new(7), Cell::new(7));
    let random = || enter(&ours, pick(&ips, &our_state));
    report("1 M random keys", None, 300_000, random, || enter(&theirs, pick(&ips, &their_state)));
    let global = limit_by(Algorithm::TokenBucket, KEYS, Key::global());
    report("global key", None, 300_000, || enter(&global, ANY), || enter(&theirs, ANY));
    let custom = limit_by(Algorithm::TokenBucket, KEYS, Key::custom(|head| Some(head.uri.path().to_owned())));
    report("custom key", None, 300_000, || enter(&custom, ANY), || enter(&theirs, ANY));
}

/// The memory of a million keys.
fn bytes() {
    println!("\nbytes per key at {KEYS} keys, ours with the same capacity (budget 48)");
    let ips = addresses();
    let show = |name: &str, bytes: i64| println!("  {name:<42}{:>9.1}", bytes as f64 / KEYS as f64);
    let mut kept = None;
    let allocated = measure(|| {
        let theirs = governor();
        ips.iter().for_each(|ip| decide_by_governor(&theirs, *ip));
        kept = Some(theirs);
    });
    show("governor", allocated.bytes_current);
    let algorithms = [
        ("token bucket", Algorithm::TokenBucket, UNITS, 36),
        ("fixed window", Algorithm::FixedWindow, UNITS, 27),
        ("sliding window, 65,535 units", Algorithm::SlidingWindow, 65_535, 46),
        ("sliding window, more units", Algorithm::SlidingWindow, UNITS, 78),
        ("sliding log, 8 units", Algorithm::SlidingLog, 8, 60),
        ("sliding log, 128 units", Algorithm::SlidingLog, 128, 543),
    ];
    for (name, algorithm, units, bytes) in algorithms {
        let mut kept = None;
        let allocated = measure(|| {
            let quota = Quota::per_hour(units).unwrap().algorithm(algorithm);
            let ours = build(quota, KEYS * bytes, Key::ip());
            ips.iter().for_each(|ip| decide(&ours, &Subject::address(*ip)));
            kept = Some(ours);
        });
        show(name, allocated.bytes_current);
    }
    drop(kept);
}

fn limit_by_address(algorithm: Algorithm, capacity: usize) -> RateLimit {
    limit_by(algorithm, capacity, Key::ip())
}

fn limit_by(algorithm: Algorithm, capacity: usize, key: Key) -> RateLimit {
    let bytes = match algorithm {
        Algorithm::FixedWindow => 27,
        Algorithm::TokenBucket => 36,
        _ => 78,
    };
    build(Quota::per_hour(UNITS).unwrap().algorithm(algorithm), capacity * bytes, key)
}

fn build(quota: Quota, max_bytes: usize, key: Key) -> RateLimit {
    let limit = Limit::new("bench", quota).key(key);
    RateLimit::builder()
        .limit(limit)
        .without_legacy_headers()
        .store(MemoryStore::with_max_bytes(max_bytes))
        .build()
        .unwrap()
}

fn governor() -> Keyed {
    let quota = governor::Quota::per_hour(NonZeroU32::new(UNITS).unwrap());
    RateLimiter::dashmap(quota).with_middleware()
}

/// Decides by the in-memory store, which never waits.
fn decide(limit: &RateLimit, subject: &Subject<'_>) {
    let mut decision = pin!(limit.check(subject, 1));
    let Poll::Ready(outcome) = decision.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        unreachable!("the in-memory store never waits")
    };
    let _ = black_box(outcome);
}

fn decide_by_governor(limiter: &Keyed, ip: IpAddr) {
    let _ = black_box(limiter.check_key(&ip));
}

fn enter<G: Gate>(gate: &G, ip: IpAddr) {
    let (mut head, ()) = Request::new(()).into_parts();
    head.extensions.insert(SocketAddr::new(ip, 1));
    // Ours reads what this layer found.
    let _ = TrustedProxies::none().enter(&mut head);
    let _ = black_box(gate.enter(&mut head));
}

fn addresses() -> Vec<IpAddr> {
    // The factor is odd, so that no address occurs twice.
    (0..KEYS as u32).map(|i| IpAddr::V4(Ipv4Addr::from_bits(i.wrapping_mul(0x9E37_79B1)))).collect()
}

/// Returns a random address (xorshift).
fn pick(ips: &[IpAddr], state: &Cell<u64>) -> IpAddr {
    let mut x = state.get();
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    state.set(x);
    ips[x as usize % ips.len()]
}

fn report(name: &str, budget: Option<u32>, count: u32, mut ours: impl FnMut(), mut theirs: impl FnMut()) {
    let (ours, theirs) = (0..ROUNDS).map(|_| (time(count, &mut ours), time(count, &mut theirs))).unzip();
    print(name, budget, ours, theirs);
}

fn time(count: u32, mut op: impl FnMut()) -> f64 {
    let start = Instant::now();
    (0..count).for_each(|_| op());
    nanos(start.elapsed(), count)
}

/// Returns the nanoseconds of one decision while two threads decide.
fn two_threads(op: &(dyn Fn() + Sync)) -> f64 {
    const COUNT: u32 = 500_000;
    let barrier = Barrier::new(2);
    let run = || {
        barrier.wait();
        time(COUNT, op)
    };
    thread::scope(|scope| {
        let other = scope.spawn(run);
        let this = run();
        this.max(other.join().unwrap())
    })
}

fn nanos(time: Duration, count: u32) -> f64 {
    time.as_nanos() as f64 / f64::from(count)
}

fn print(name: &str, budget: Option<u32>, ours: Vec<f64>, theirs: Vec<f64>) {
    let (ours, theirs) = (median(ours), median(theirs));
    let budget = budget.map(|budget| budget.to_string()).unwrap_or_default();
    println!("  {name:<42}{ours:>9.1}{theirs:>11.1}{:>8.2}{budget:>9}", ours / theirs);
}

fn median(mut rounds: Vec<f64>) -> f64 {
    rounds.sort_by(f64::total_cmp);
    rounds[rounds.len() / 2]
}
