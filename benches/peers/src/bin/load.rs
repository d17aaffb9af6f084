//! A load test over loopback: throughput, latency and CPU time of a server on one thread.
//!
//! Run it with `benches/peers/run`. The servers take turns, and each figure is the median of the rounds. The requests
//! come from this process, over connections that stay open.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use portcullis_peers::cases::bearer_of_hs256;
use portcullis_peers::server_app;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const NAMES: [&str; 4] = ["bare", "Stack, cached token", "Stack, uncached token", "peers, one ServiceBuilder"];
const ROUNDS: usize = 5;
const CONNECTIONS: usize = 32;
const TIME: Duration = Duration::from_secs(2);

fn main() {
    match std::env::args().nth(1) {
        Some(name) => serve(&name),
        None => report(),
    }
}

/// Serves an app until the process is killed.
fn serve(name: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        println!("{} {}", listener.local_addr().expect("an address"), bearer_of_hs256());
        let app = server_app(name).into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(listener, app).await.expect("a server");
    });
}

struct Server {
    process: Child,
    addr: SocketAddr,
    bearer: String,
}

impl Server {
    fn start(name: &str) -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut process = Command::new(program).arg(name).stdout(Stdio::piped()).spawn().expect("a server");
        let mut line = String::new();
        let output = process.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut line).expect("its address");
        let (addr, bearer) = line.trim().split_once(' ').expect("an address and a token");
        Self { addr: addr.parse().expect("an address"), bearer: bearer.to_owned(), process }
    }

    /// The CPU time of the process, which Linux reports in hundredths of a second.
    fn cpu_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).expect("Linux");
        let after_name = stat.rsplit(") ").next().expect("the fields after the name");
        // `utime` and `stime`, see proc_pid_stat(5).
        let ticks: u64 = after_name.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("ticks")).sum();
        Duration::from_millis(ticks * 10)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns requests a second, then p50, p99 and the CPU time of a request in microseconds.
fn measure(name: &str) -> [f64; 4] {
    let server = Server::start(name);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let request = format!(
        "GET / HTTP/1.1\r\nhost: api.example.com\r\norigin: https://app0.example.com\r\nauthorization: {}\r\n\r\n",
        server.bearer
    );
    let run = |time| runtime.block_on(load(server.addr, request.clone(), time));
    run(TIME / 4);
    let before = server.cpu_time();
    let mut latencies = run(TIME);
    let cpu_time = server.cpu_time() - before;
    latencies.sort_unstable();
    let percentile = |part: f64| latencies[((latencies.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e6;
    let count = latencies.len() as f64;
    [count / TIME.as_secs_f64(), percentile(0.5), percentile(0.99), cpu_time.as_secs_f64() * 1e6 / count]
}

async fn load(addr: SocketAddr, request: String, time: Duration) -> Vec<Duration> {
    let deadline = Instant::now() + time;
    let connections: Vec<_> =
        (0..CONNECTIONS).map(|_| tokio::spawn(connection(addr, request.clone(), deadline))).collect();
    let mut latencies = Vec::new();
    for connection in connections {
        latencies.extend(connection.await.expect("a connection"));
    }
    latencies
}

async fn connection(addr: SocketAddr, request: String, deadline: Instant) -> Vec<Duration> {
    let mut stream = TcpStream::connect(addr).await.expect("the server");
    stream.set_nodelay(true).expect("a socket");
    let mut latencies = Vec::new();
    let mut buffer = vec![0; 8_192];
    while Instant::now() < deadline {
        let start = Instant::now();
        stream.write_all(request.as_bytes()).await.expect("a request");
        let mut len = 0;
        while !buffer[..len].ends_with(b"handled") {
            len += stream.read(&mut buffer[len..]).await.expect("a response");
        }
        assert!(buffer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&buffer[..len]));
        latencies.push(start.elapsed());
    }
    latencies
}

fn report() {
    let mut all = vec![Vec::new(); NAMES.len()];
    for _ in 0..ROUNDS {
        for (name, rounds) in NAMES.iter().zip(&mut all) {
            rounds.push(measure(name));
        }
    }
    let medians: Vec<[f64; 4]> = all.iter().map(|rounds| [0, 1, 2, 3].map(|figure| median(rounds, figure))).collect();
    println!(
        "{:<28} {:>10} {:>7} {:>9} {:>9} {:>7} {:>13}",
        "", "requests/s", "of bare", "p50 us", "p99 us", "x bare", "CPU us/request"
    );
    for (name, [rate, p50, p99, cpu_time]) in NAMES.iter().zip(&medians) {
        let rate_of_bare = rate / medians[0][0];
        let p99_of_bare = p99 / medians[0][2];
        println!(
            "{name:<28} {rate:>10.0} {rate_of_bare:>7.2} {p50:>9.0} {p99:>9.0} {p99_of_bare:>7.2} {cpu_time:>13.2}"
        );
    }
}

fn median(rounds: &[[f64; 4]], figure: usize) -> f64 {
    let mut values: Vec<f64> = rounds.iter().map(|round| round[figure]).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
