//! Requests over loopback: how many a second a server on one thread answers, how long each takes, and what it costs it.
//!
//! `benches/peers/run`. The servers take turns; each figure is the median of the
//! rounds. The load comes from this process, over connections that are kept open.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use portcullis_peers::cases::bearer_of_hs256;
use portcullis_peers::served;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const NAMES: [&str; 4] = ["bare", "Stack, token seen before", "Stack, token seen first", "peers, one ServiceBuilder"];
const ROUNDS: usize = 5;
const CONNECTIONS: usize = 32;
const TIME: Duration = Duration::from_secs(2);

fn main() {
    match std::env::args().nth(1) {
        Some(name) => serve(&name),
        None => report(),
    }
}

/// Serves a case until this process is ended.
fn serve(name: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        println!("{} {}", listener.local_addr().expect("an address"), bearer_of_hs256());
        let app = served(name).into_make_service_with_connect_info::<SocketAddr>();
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

    /// The time that the process was on a processor, as Linux counts it: in hundredths of a second.
    fn busy(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).expect("Linux");
        let after = stat.rsplit(") ").next().expect("the fields after its name");
        let ticks: u64 = after.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("ticks")).sum();
        Duration::from_millis(ticks * 10)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Requests a second, the middle and the 99th percentile of their times, and processor time a request, in microseconds.
fn measure(name: &str) -> [f64; 4] {
    let server = Server::start(name);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let request = format!(
        "GET / HTTP/1.1\r\nhost: api.example.com\r\norigin: https://app0.example.com\r\nauthorization: {}\r\n\r\n",
        server.bearer
    );
    let ask = |time| runtime.block_on(load(server.addr, request.clone(), time));
    ask(TIME / 4);
    let before = server.busy();
    let mut times = ask(TIME);
    let busy = server.busy() - before;
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e6;
    let count = times.len() as f64;
    [count / TIME.as_secs_f64(), at(0.5), at(0.99), busy.as_secs_f64() * 1e6 / count]
}

async fn load(addr: SocketAddr, request: String, time: Duration) -> Vec<Duration> {
    let until = Instant::now() + time;
    let connections: Vec<_> =
        (0..CONNECTIONS).map(|_| tokio::spawn(connection(addr, request.clone(), until))).collect();
    let mut times = Vec::new();
    for connection in connections {
        times.extend(connection.await.expect("a connection"));
    }
    times
}

async fn connection(addr: SocketAddr, request: String, until: Instant) -> Vec<Duration> {
    let mut stream = TcpStream::connect(addr).await.expect("the server");
    stream.set_nodelay(true).expect("a socket");
    let mut times = Vec::new();
    let mut buffer = vec![0; 8_192];
    while Instant::now() < until {
        let start = Instant::now();
        stream.write_all(request.as_bytes()).await.expect("a request");
        let mut len = 0;
        while !buffer[..len].ends_with(b"handled") {
            len += stream.read(&mut buffer[len..]).await.expect("an answer");
        }
        assert!(buffer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&buffer[..len]));
        times.push(start.elapsed());
    }
    times
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
    for (name, [rate, middle, last, busy]) in NAMES.iter().zip(&medians) {
        let (of_bare, last_of_bare) = (rate / medians[0][0], last / medians[0][2]);
        println!("{name:<28} {rate:>10.0} {of_bare:>7.2} {middle:>9.0} {last:>9.0} {last_of_bare:>7.2} {busy:>13.2}");
    }
}

fn median(rounds: &[[f64; 4]], figure: usize) -> f64 {
    let mut values: Vec<f64> = rounds.iter().map(|round| round[figure]).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
