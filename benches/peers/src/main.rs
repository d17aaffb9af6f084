//! Compares the cost of a request through these layers and through other crates: instructions, allocations, time.
//!
//! Run it with `benches/peers/run`, which takes a few minutes. Each case is a router that receives the same request
//! many times, without a socket. Each figure is the cost beyond that of the bare handler, which receives the same
//! requests. Times: the cases take turns, and the figure is the median of the rounds. Instructions: counted by
//! valgrind, if it is installed, as the difference between a long run and a short one.

use std::process::{Command, Stdio};
use std::thread;

use portcullis_peers::cases::CASES;
use portcullis_peers::prepared::{PreparedCase, bare, named};
use portcullis_peers::{install_crypto_provider, new_tokens, streams};

fn main() {
    install_crypto_provider();
    let args: Vec<String> = std::env::args().collect();
    match args.get(1).map(String::as_str) {
        // This program runs itself under valgrind with these arguments.
        Some(kind @ ("run" | "bare")) => {
            let case = if kind == "run" { named(&args[2]) } else { bare(&args[2]) };
            run(case, args[3].parse().expect("a number of requests"));
        }
        Some(kind @ ("stream" | "bare stream")) => {
            streams::run(&args[2], kind == "stream", args[3].parse().expect("a number"));
        }
        Some("streams") => report_streams(),
        _ => {
            report_cases();
            report_threads();
            report_new_tokens();
            report_streams();
        }
    }
}

fn run(mut case: PreparedCase, requests: usize) {
    for _ in 0..requests {
        case.send();
    }
}

fn report_cases() {
    let medians = median_times();
    let allocations_of = |kind| CASES.iter().map(|case| allocations(kind, case.name)).collect::<Vec<u64>>();
    let [case_allocations, bare_allocations] = ["run", "bare"].map(allocations_of);
    let instructions_of = |kind| CASES.iter().map(|case| instructions(kind, case.name)).collect::<Vec<Option<u64>>>();
    let [case_instructions, bare_instructions] = ["run", "bare"].map(instructions_of);
    println!(
        "beyond the bare handler, which costs {:.0} ns, {} allocations, {} instructions:\n",
        medians[0],
        case_allocations[0],
        or_dash(case_instructions[0])
    );
    println!("{:<42} {:>12} {:>11} {:>9} {:>7}", "", "instructions", "allocations", "ns", "x bare");
    for (index, case) in CASES.iter().enumerate().skip(1) {
        let instructions =
            case_instructions[index].zip(bare_instructions[index]).map(|(case, bare)| case.saturating_sub(bare));
        println!(
            "{:<42} {:>12} {:>11} {:>9.0} {:>7.2}",
            case.name,
            or_dash(instructions),
            case_allocations[index] as i64 - bare_allocations[index] as i64,
            medians[index] - medians[0],
            medians[index] / medians[0],
        );
    }
}

/// Returns the median time of each case in nanoseconds. The cases take turns.
fn median_times() -> Vec<f64> {
    let mut cases: Vec<PreparedCase> = CASES.iter().map(PreparedCase::new).collect();
    let mut times = vec![Vec::new(); CASES.len()];
    for _ in 0..ROUNDS {
        for (case, times) in cases.iter_mut().zip(&mut times) {
            case.nanoseconds(REQUESTS / 10);
            times.push(case.nanoseconds(REQUESTS));
        }
    }
    times.into_iter().map(median).collect()
}

/// Prints the cost of one cached token on one thread and on two at once, which shows contention between threads.
fn report_threads() {
    let name = "JwtAuth HS256, cached token";
    let time = |name: &str, threads: usize| {
        let first = named(name);
        let rounds = (0..ROUNDS).flat_map(|_| {
            let cases: Vec<PreparedCase> = (0..threads).map(|_| first.for_another_thread()).collect();
            let running = cases.into_iter().map(|mut case| thread::spawn(move || case.nanoseconds(LONG_ROUND)));
            let running: Vec<_> = running.collect();
            running.into_iter().map(|thread| thread.join().expect("a thread that sends")).collect::<Vec<_>>()
        });
        median(rounds.collect())
    };
    let beyond_bare = |threads| time(name, threads) - time("bare", threads);
    println!("\n{name}, beyond bare: {:.0} ns on one thread, {:.0} ns on each of two", beyond_bare(1), beyond_bare(2));
}

/// Prints the cost of a new token in each request. The cases above verify the same token every time.
fn report_new_tokens() {
    let mut cases = new_tokens::cases();
    let mut times = vec![Vec::new(); cases.len()];
    for _ in 0..ROUNDS {
        for (case, times) in cases.iter_mut().zip(&mut times) {
            times.push(case.nanoseconds(LONG_ROUND));
        }
    }
    let [bare, verified, cached] = [0, 1, 2].map(|index| median(times[index].clone()));
    println!(
        "JwtAuth HS256, a new token in each request, beyond bare: {:.0} ns to verify it, {:.0} ns to verify and cache it",
        verified - bare,
        cached - bare
    );
}

/// Prints what `EndStreams` adds to a response, to a frame and to a stream.
fn report_streams() {
    for work in streams::WORK {
        let [median, least] = streams::added_nanoseconds(work);
        let [layered, bare] = ["stream", "bare stream"].map(|kind| instructions(kind, work));
        let instructions = layered.zip(bare).map(|(layered, bare)| layered.saturating_sub(bare));
        println!(
            "EndStreams, {work}: {:.1} ns (least disturbed {least:.1}), {} instructions",
            median,
            or_dash(instructions)
        );
    }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn or_dash(count: Option<u64>) -> String {
    count.map_or_else(|| "-".to_owned(), |count| count.to_string())
}

/// Returns the allocations of one request, counted by the program `allocations`.
fn allocations(kind: &str, case: &str) -> u64 {
    let program = std::env::current_exe().expect("this program").with_file_name("allocations");
    let output = Command::new(program).args([kind, case]).output().expect("`allocations`, built by the same command");
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number")
}

/// Returns the instructions of one request; `None` without valgrind.
fn instructions(kind: &str, case: &str) -> Option<u64> {
    let instructions_of = |requests: u64| {
        let program = std::env::current_exe().ok()?;
        let mut command = Command::new("valgrind");
        command
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(program)
            .args([kind, case])
            .arg(requests.to_string());
        let output = command.stdout(Stdio::null()).stderr(Stdio::piped()).output().ok()?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let line = text.lines().find(|line| line.contains("Collected :"))?.to_owned();
        line.rsplit(' ').next()?.parse::<u64>().ok()
    };
    let difference = instructions_of(LONG_RUN)?.saturating_sub(instructions_of(SHORT_RUN)?);
    Some(difference / (LONG_RUN - SHORT_RUN))
}

const ROUNDS: usize = 9;
const REQUESTS: u32 = 3_000;
/// Long enough that the threads run at the same time.
const LONG_ROUND: u32 = 50_000;
const SHORT_RUN: u64 = 200;
const LONG_RUN: u64 = 700;
