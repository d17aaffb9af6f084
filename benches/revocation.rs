//! Measures revocations that are shared by a stream in Redis: how soon another process rejects, and how fast a node
//! starts.
//!
//! Run it with `cargo bench --bench revocation`. It starts `redis-server` from the PATH, or the program in
//! `PORTCULLIS_REDIS`, on a free loopback port, and itself as the other process. A node is a handle with its own thread
//! and connections.

mod support;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

use portcullis::revocation::Revocation;
use portcullis::{Revocations, UserContext};
use redis::aio::MultiplexedConnection;

use crate::support::redis_server::Server;

const ISSUER: &str = "https://issuer.example.com";
const KEY: &str = "portcullis:revocations";
const REVOCATIONS: usize = 2_000;
const ENTRIES: usize = 200_000;
const STARTS: usize = 5;
/// The argument of the other process, before the URL of the server.
const OTHER_PROCESS: &str = "other-process";
/// What the other process writes before it checks a token for the first time.
const WATCHING: &str = "watching";

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    if let [_, mode, url] = arguments.as_slice()
        && mode == OTHER_PROCESS
    {
        return other_process(url).await;
    }
    let server = Server::start();
    let mut connection = server.connect().await;
    latency(&server).await;
    add_entries(&mut connection).await;
    let bytes: usize =
        redis::cmd("MEMORY").arg("USAGE").arg(KEY).arg("SAMPLES").arg(0).query_async(&mut connection).await.unwrap();
    println!("memory in Redis: {} bytes an entry (budget 160)", bytes / ENTRIES);
    start(&server).await;
}

/// Measures the time from the call and from `Ok` until another process rejects.
async fn latency(server: &Server) {
    let first = node(&server.url()).await;
    let mut other = OtherProcess::start(&server.url());
    let (mut since_call, mut since_ok, mut until_ok) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..REVOCATIONS {
        let token = format!("token-{n}");
        other.watch(&token);
        let called = now();
        first.revoke_by(Revocation::token(ISSUER, &token)).await.unwrap();
        let stored = now();
        let rejected = other.rejected_at();
        until_ok.push(stored.saturating_sub(called));
        since_call.push(rejected.saturating_sub(called));
        since_ok.push(rejected.saturating_sub(stored));
    }
    print("revoke until Ok", until_ok);
    print("revoke until another process rejects", since_call);
    print("Ok until another process rejects (budget 1 ms, 10 ms)", since_ok);
}

/// A second process with a node, which checks one token after another until it rejects it.
struct OtherProcess {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl OtherProcess {
    fn start(url: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([OTHER_PROCESS, url]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    /// Waits until the process checks this token.
    fn watch(&mut self, token: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{token}").unwrap();
        assert_eq!(self.line(), WATCHING);
    }

    /// Returns when the process has rejected the token.
    fn rejected_at(&mut self) -> Duration {
        Duration::from_nanos(self.line().parse().unwrap())
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for OtherProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the second process does.
async fn other_process(url: &str) {
    let node = node(url).await;
    for token in std::io::stdin().lines() {
        let user = UserContext::new("ann").with_issuer(ISSUER).with_token_id(token.unwrap());
        assert!(node.check(&user).is_ok());
        println!("{WATCHING}");
        while node.check(&user).is_ok() {
            // On a machine with few processors, the thread that reads the stream needs this one.
            thread::yield_now();
        }
        println!("{}", now().as_nanos());
    }
}

/// Returns the time of the host, which both processes have.
fn now() -> Duration {
    UNIX_EPOCH.elapsed().unwrap()
}

/// Returns a node that has read the stream.
async fn node(url: &str) -> Revocations {
    let node = Revocations::builder().redis_stream(url).build().unwrap();
    node.wait_until_ready().await;
    node
}

fn print(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    println!("{name}: p50 {:.3} ms, p99 {:.3} ms, max {:.3} ms", at(50), at(99), at(100));
}

/// Measures the time until a node has read a long stream.
async fn start(server: &Server) {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let start = Instant::now();
        drop(node(&server.url()).await);
        times.push(start.elapsed());
    }
    times.sort();
    let median = times[STARTS / 2].as_secs_f64();
    let rate = ENTRIES as f64 / median;
    println!("start with {ENTRIES} entries: {median:.3} s, {rate:.0} entries a second (budget 2 s, 100,000)");
}

/// Adds entries with different ids, in the format of the stream.
async fn add_entries(connection: &mut MultiplexedConnection) {
    const CODE: &str = "\
        redis.call('DEL', KEYS[1]) \
        for n = 1, tonumber(ARGV[1]) do \
          local entry = struct.pack('>BBI8I8I4I4', 1, 1, n * 7919, n * 2, 4294967295, tonumber(ARGV[2])) \
          redis.call('XADD', KEYS[1], '*', 'r', entry) \
        end \
        return redis.status_reply('OK')";
    let tomorrow = UNIX_EPOCH.elapsed().unwrap().as_secs() + 86_400;
    let mut command = redis::cmd("EVAL");
    command.arg(CODE).arg(1).arg(KEY).arg(ENTRIES).arg(tomorrow);
    let added: String = command.query_async(connection).await.unwrap();
    assert_eq!(added, "OK");
}
