//! What a decision of `RateLimit` over Redis costs beside a PING on the same connection.
//!
//! `cargo bench --bench redis --features redis`. It starts the `redis-server` of the PATH, or of `PORTCULLIS_REDIS`, on a
//! free loopback port. The three take turns; each number is the median of the rounds.

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use portcullis::rate_limit::{Key, Limit, Quota, RateLimit, RedisStore, Subject};
use redis::aio::MultiplexedConnection;

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(500);
const SUBJECTS: usize = 10_000;
const UNITS: u32 = 1_000_000_000;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let server = Server::start();
    let mut connection = server.connect().await;
    let store = RedisStore::new(connection.clone()).deadline(Duration::from_secs(1));
    let [one, three] = [1, 3].map(|count| Arc::new(limits(&store, count, UNITS)));
    print!("{:<28}{:>12}{:>10}{:>10}{:>12}", "", "a second", "p50, us", "p99, us", "of PING p50");
    println!("{:>13}{:>12}", "script, us", "a call");
    for tasks in [1, 64] {
        let (mut runs, mut spent) = ([const { Vec::new() }; 3], [(0.0, 0.0); 3]);
        for _ in 0..ROUNDS {
            let [ping, single, triple] = &mut runs;
            ping.push(run(tasks, |_| Asker::Ping(connection.clone())).await);
            let start = script(&mut connection).await;
            single.push(run(tasks, |task| Asker::Limit(Arc::clone(&one), task)).await);
            let middle = script(&mut connection).await;
            triple.push(run(tasks, |task| Asker::Limit(Arc::clone(&three), task)).await);
            let end = script(&mut connection).await;
            for (spent, [from, to]) in spent.iter_mut().skip(1).zip([[start, middle], [middle, end]]) {
                *spent = (spent.0 + to.calls - from.calls, spent.1 + to.micros - from.micros);
            }
        }
        let counts = runs.each_ref().map(|runs| runs.iter().map(|run| run.count).sum::<f64>());
        let [ping, single, triple] = runs.each_ref().map(|runs| Run::median(runs));
        let named = [("PING", &ping), ("one limit", &single), ("three limits", &triple)];
        for ((name, run), (count, (calls, micros))) in named.into_iter().zip(counts.into_iter().zip(spent)) {
            let name = format!("{name}, {tasks} task(s)");
            let ratio = run.p50 / ping.p50;
            print!("{name:<28}{:>12.0}{:>10.1}{:>10.1}{ratio:>12.2}", run.rate, run.p50, run.p99);
            println!("{:>13.2}{:>12.1}", micros / count, count / calls.max(1.0));
        }
        println!("  three limits are {:.2} x the price of one (budget 1.5)", single.rate / triple.rate);
    }
    println!("budgets: one limit 1.4 x PING with 1 task; 500,000 a second with 64");
    trips(&one, &mut connection, "known to fit", 1.0).await;
    let narrow = limits(&store, 1, 1);
    let subject = Subject::custom("denied");
    let _ = narrow.check(&subject, 1).await;
    assert!(narrow.check(&subject, 1).await.is_err());
    let start = Instant::now();
    trips(&narrow, &mut connection, "known to be denied", 0.0).await;
    println!("  {:.0} ns each", start.elapsed().as_nanos() as f64 / f64::from(TRIPS));
}

const TRIPS: u32 = 10_000;

/// The calls of the script for a decision.
async fn trips(limit: &RateLimit, connection: &mut MultiplexedConnection, name: &str, budget: f64) {
    let before = script(connection).await.calls;
    for _ in 0..TRIPS {
        let _ = limit.check(&Subject::custom("denied"), 1).await;
    }
    let trips = (script(connection).await.calls - before) / f64::from(TRIPS);
    println!("trips, {name}: {trips:.2} (budget {budget})");
}

/// What the server spent on the script.
#[derive(Clone, Copy, Default)]
struct Script {
    calls: f64,
    micros: f64,
}

async fn script(connection: &mut MultiplexedConnection) -> Script {
    let info: String = redis::cmd("INFO").arg("commandstats").query_async(connection).await.unwrap();
    let read = |line: &str| {
        let mut numbers = line.strip_prefix("cmdstat_evalsha:calls=")?.split([',', '=']);
        Some(Script { calls: numbers.next()?.parse().ok()?, micros: numbers.nth(1)?.parse().ok()? })
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

/// What a task asks, again and again.
enum Asker {
    Ping(MultiplexedConnection),
    Limit(Arc<RateLimit>, usize),
}

impl Asker {
    async fn ask(&mut self, subjects: &[String], turn: usize) {
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
        let middle = |of: fn(&Self) -> f64| {
            let mut values: Vec<f64> = runs.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        Self {
            count: middle(|run| run.count),
            rate: middle(|run| run.rate),
            p50: middle(|run| run.p50),
            p99: middle(|run| run.p99),
        }
    }
}

async fn run(tasks: usize, asker: impl Fn(usize) -> Asker) -> Run {
    let subjects: Arc<[String]> = (0..SUBJECTS).map(|subject| format!("subject-{subject}")).collect();
    let start = Instant::now();
    let spawned: Vec<_> = (0..tasks)
        .map(|task| {
            let (mut asker, subjects) = (asker(task), Arc::clone(&subjects));
            tokio::spawn(async move {
                let mut times = Vec::with_capacity(1 << 16);
                for turn in 0.. {
                    let asked = Instant::now();
                    asker.ask(&subjects, turn).await;
                    times.push(asked.elapsed());
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

/// A server of one's own, which ends with this value.
struct Server(Child, u16);

impl Server {
    fn start() -> Self {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let program = std::env::var_os("PORTCULLIS_REDIS").unwrap_or_else(|| "redis-server".into());
        let mut command = Command::new(program);
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.current_dir(std::env::temp_dir()).stdin(Stdio::null()).stdout(Stdio::null());
        Self(command.spawn().expect("redis-server starts"), port)
    }

    async fn connect(&self) -> MultiplexedConnection {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}/", self.1)).unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            match client.get_multiplexed_async_connection().await {
                Ok(connection) => return connection,
                Err(error) => assert!(Instant::now() < deadline, "no server: {error}"),
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
