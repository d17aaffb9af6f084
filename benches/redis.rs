//! Compares decisions of `RateLimit` over Redis with a PING on the same connection.
//!
//! Run it with `cargo bench --bench redis --features redis`. It starts `redis-server` from the PATH, or the program in
//! `PORTCULLIS_REDIS`, on a free loopback port. PING, one limit and three limits are measured in alternating rounds;
//! each number is a median.

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis::rate_limit::{Key, Limit, RedisStore, Subject};
use portcullis::{Quota, RateLimit};
use redis::aio::MultiplexedConnection;

use crate::support::redis_server::Server;

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(500);
const SUBJECTS: usize = 10_000;
const UNITS: u32 = 1_000_000_000;
const DECISIONS: u32 = 10_000;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let server = Server::start();
    let mut connection = server.connect().await;
    let store = RedisStore::new(connection.clone()).deadline(Duration::from_secs(1));
    let [one, three] = [1, 3].map(|count| Arc::new(limits(&store, count, UNITS)));
    print!("{:<28}{:>12}{:>10}{:>10}{:>12}", "", "per second", "p50, us", "p99, us", "x PING p50");
    println!("{:>13}{:>12}", "script, us", "per call");
    for tasks in [1, 64] {
        let mut ping = Measurement::new("PING");
        let mut single = Measurement::new("one limit");
        let mut triple = Measurement::new("three limits");
        for _ in 0..ROUNDS {
            ping.add_round(&mut connection.clone(), tasks, |_| Sender::Ping(connection.clone())).await;
            single.add_round(&mut connection, tasks, |task| Sender::Limit(Arc::clone(&one), task)).await;
            triple.add_round(&mut connection, tasks, |task| Sender::Limit(Arc::clone(&three), task)).await;
        }
        let ping_p50 = Run::median(&ping.runs).p50;
        for measurement in [&ping, &single, &triple] {
            measurement.print(tasks, ping_p50);
        }
        let ratio = Run::median(&single.runs).rate / Run::median(&triple.runs).rate;
        println!("  three limits cost {ratio:.2} x as much as one (budget 1.5)");
    }
    println!("budgets: one limit 1.4 x PING with 1 task; 500,000 per second with 64 tasks");
    print_round_trips(&one, &mut connection, "admitted", 1.0).await;
    let narrow = limits(&store, 1, 1);
    let subject = Subject::custom("denied");
    let _ = narrow.check(&subject, 1).await;
    assert!(narrow.check(&subject, 1).await.is_err());
    let start = Instant::now();
    print_round_trips(&narrow, &mut connection, "denied from the cache", 0.0).await;
    println!("  {:.0} ns each", start.elapsed().as_nanos() as f64 / f64::from(DECISIONS));
}

/// All rounds of one kind of request.
struct Measurement {
    name: &'static str,
    runs: Vec<Run>,
    script: ScriptStats,
}

impl Measurement {
    fn new(name: &'static str) -> Self {
        Self { name, runs: Vec::new(), script: ScriptStats::default() }
    }

    async fn add_round(
        &mut self,
        connection: &mut MultiplexedConnection,
        tasks: usize,
        sender: impl Fn(usize) -> Sender,
    ) {
        let before = script_stats(connection).await;
        self.runs.push(run(tasks, sender).await);
        let after = script_stats(connection).await;
        self.script.calls += after.calls - before.calls;
        self.script.micros += after.micros - before.micros;
    }

    fn print(&self, tasks: usize, ping_p50: f64) {
        let median = Run::median(&self.runs);
        let requests: f64 = self.runs.iter().map(|run| run.count).sum();
        let name = format!("{}, {tasks} task(s)", self.name);
        let ratio = median.p50 / ping_p50;
        print!("{name:<28}{:>12.0}{:>10.1}{:>10.1}{ratio:>12.2}", median.rate, median.p50, median.p99);
        println!("{:>13.2}{:>12.1}", self.script.micros / requests, requests / self.script.calls.max(1.0));
    }
}

/// Prints how often the script is called for each decision.
async fn print_round_trips(limit: &RateLimit, connection: &mut MultiplexedConnection, name: &str, budget: f64) {
    let before = script_stats(connection).await.calls;
    for _ in 0..DECISIONS {
        let _ = limit.check(&Subject::custom("denied"), 1).await;
    }
    let round_trips = (script_stats(connection).await.calls - before) / f64::from(DECISIONS);
    println!("round trips per decision, {name}: {round_trips:.2} (budget {budget})");
}

/// How often the server ran the script, and for how long.
#[derive(Clone, Copy, Default)]
struct ScriptStats {
    calls: f64,
    micros: f64,
}

async fn script_stats(connection: &mut MultiplexedConnection) -> ScriptStats {
    let info: String = redis::cmd("INFO").arg("commandstats").query_async(connection).await.unwrap();
    let read = |line: &str| {
        let mut numbers = line.strip_prefix("cmdstat_evalsha:calls=")?.split([',', '=']);
        Some(ScriptStats { calls: numbers.next()?.parse().ok()?, micros: numbers.nth(1)?.parse().ok()? })
    };
    info.lines().find_map(read).unwrap_or_default()
}

fn limits(store: &RedisStore, count: u64, units: u32) -> RateLimit {
    let quota = |i| Quota::per(units, Duration::from_secs(3600 * (i + 1))).unwrap();
    (0..count)
        .map(|i| Limit::new(format!("bench {count} {units} {i}"), quota(i)))
        .fold(RateLimit::builder(), |builder, limit| builder.add_limit(limit))
        .key(Key::custom(|_| None))
        .store(store.clone())
        .build()
        .unwrap()
}

/// What a task sends repeatedly.
enum Sender {
    Ping(MultiplexedConnection),
    Limit(Arc<RateLimit>, usize),
}

impl Sender {
    async fn send(&mut self, subjects: &[String], turn: usize) {
        match self {
            Self::Ping(connection) => {
                let _: String = redis::cmd("PING").query_async(connection).await.unwrap();
            }
            Self::Limit(limit, task) => {
                let subject = Subject::custom(&*subjects[(*task * 151 + turn) % SUBJECTS]);
                limit.check(&subject, 1).await.unwrap();
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Run {
    count: f64,
    rate: f64,
    p50: f64,
    p99: f64,
}

impl Run {
    fn median(runs: &[Self]) -> Self {
        let median_of = |figure: fn(&Self) -> f64| {
            let mut values: Vec<f64> = runs.iter().map(figure).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        Self {
            count: median_of(|run| run.count),
            rate: median_of(|run| run.rate),
            p50: median_of(|run| run.p50),
            p99: median_of(|run| run.p99),
        }
    }
}

async fn run(tasks: usize, sender: impl Fn(usize) -> Sender) -> Run {
    let subjects: Arc<[String]> = (0..SUBJECTS).map(|subject| format!("subject-{subject}")).collect();
    let start = Instant::now();
    let spawned: Vec<_> = (0..tasks)
        .map(|task| {
            let mut sender = sender(task);
            let subjects = Arc::clone(&subjects);
            tokio::spawn(async move {
                let mut times = Vec::with_capacity(1 << 16);
                for turn in 0.. {
                    let sent = Instant::now();
                    sender.send(&subjects, turn).await;
                    times.push(sent.elapsed());
                    if start.elapsed() > ROUND {
                        break;
                    }
                }
                times
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in spawned {
        times.append(&mut task.await.unwrap());
    }
    let elapsed = start.elapsed();
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_nanos() as f64 / 1000.0;
    let count = times.len() as f64;
    Run { count, rate: count / elapsed.as_secs_f64(), p50: at(50), p99: at(99) }
}
