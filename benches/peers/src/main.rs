//! What a request through the layers costs beside the same through other crates: instructions, allocations, time.
//!
//! `cargo run --release --manifest-path benches/peers/Cargo.toml`. Each case is a router that is asked once and again, without a socket;
//! each figure is what the case costs beyond the bare handler. The times of all cases are taken in turns, and each is the median
//! of the rounds. Instructions are counted by valgrind, where it is installed, as the difference of two runs of different length.

mod cases;
mod ours;
mod peers;

use std::pin::pin;
use std::process::{Command, Stdio};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use tower::Service;

use cases::{CASES, Case};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    match args.get(1).map(String::as_str) {
        // How a case is run under valgrind.
        Some("run") => run(&args[2], args[3].parse().expect("a number of requests")),
        _ => report(),
    }
}

fn run(name: &str, requests: usize) {
    let case = CASES.iter().find(|case| case.name == name).expect("the name of a case");
    let mut asked = Asked::of(case);
    for _ in 0..requests {
        asked.once();
    }
}

/// A case that is set up.
struct Asked {
    app: Router,
    requests: fn() -> Request<Body>,
    status: u16,
    runtime: tokio::runtime::Runtime,
}

impl Asked {
    fn of(case: &Case) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        // As a server does: else the router makes its routes anew for every request.
        let app = (case.app)().with_state(());
        Self { app, requests: case.request, status: case.status, runtime }
    }

    fn once(&mut self) {
        let response = self.ask();
        assert_eq!(response.status().as_u16(), self.status);
    }

    fn ask(&mut self) -> Response<Body> {
        let request = (self.requests)();
        let mut future = pin!(Service::<Request<Body>>::call(&mut self.app, request));
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(response)) => response,
            Poll::Ready(Err(never)) => match never {},
            Poll::Pending => self.runtime.block_on(future).expect("a router does not fail"),
        }
    }

    /// Nanoseconds of one request, over so many.
    fn time(&mut self, requests: u32) -> f64 {
        let start = Instant::now();
        for _ in 0..requests {
            self.once();
        }
        start.elapsed().as_nanos() as f64 / f64::from(requests)
    }
}

fn report() {
    let mut all: Vec<Asked> = CASES.iter().map(Asked::of).collect();
    let mut times = vec![Vec::new(); CASES.len()];
    for _ in 0..ROUNDS {
        for (asked, times) in all.iter_mut().zip(&mut times) {
            asked.time(REQUESTS / 10);
            times.push(asked.time(REQUESTS));
        }
    }
    let medians: Vec<f64> = times.into_iter().map(median).collect();
    let allocations: Vec<u64> = all
        .iter_mut()
        .map(|asked| {
            asked.once();
            allocation_counter::measure(|| asked.once()).count_total
        })
        .collect();
    let instructions: Vec<Option<u64>> = CASES.iter().map(|case| instructions(case.name)).collect();
    println!(
        "beyond the bare handler, which costs {:.0} ns, {} allocations, {} instructions:\n",
        medians[0],
        allocations[0],
        shown(instructions[0])
    );
    println!("{:<42} {:>12} {:>11} {:>9} {:>7}", "", "instructions", "allocations", "ns", "x bare");
    for (index, case) in CASES.iter().enumerate().skip(1) {
        let instructions = instructions[index].zip(instructions[0]).map(|(own, bare)| own.saturating_sub(bare));
        println!(
            "{:<42} {:>12} {:>11} {:>9.0} {:>7.2}",
            case.name,
            shown(instructions),
            allocations[index] as i64 - allocations[0] as i64,
            medians[index] - medians[0],
            medians[index] / medians[0],
        );
    }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn shown(instructions: Option<u64>) -> String {
    instructions.map_or_else(|| "-".to_owned(), |count| count.to_string())
}

/// The instructions of one request; `None` without valgrind.
fn instructions(case: &str) -> Option<u64> {
    let of = |requests: u64| {
        let program = std::env::current_exe().ok()?;
        let mut command = Command::new("valgrind");
        command
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(program)
            .args(["run", case])
            .arg(requests.to_string());
        let output = command.stdout(Stdio::null()).stderr(Stdio::piped()).output().ok()?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let line = text.lines().find(|line| line.contains("Collected :"))?.to_owned();
        line.rsplit(' ').next()?.parse::<u64>().ok()
    };
    Some(of(LONG)?.saturating_sub(of(SHORT)?) / (LONG - SHORT))
}

const ROUNDS: usize = 9;
const REQUESTS: u32 = 3_000;
const SHORT: u64 = 200;
const LONG: u64 = 700;
