//! What a request through the layers costs beside the same through other crates: instructions, allocations, time.
//!
//! `benches/peers/run`, which takes some minutes. Each case is a router that is asked once and again, without a socket; each
//! figure is what the case costs beyond the bare handler that is asked the same. The times of all cases are taken in turns,
//! and each is the median of the rounds. Instructions are counted by valgrind, where it is installed, as the difference of
//! two runs of different length.

use std::process::{Command, Stdio};
use std::thread;

use portcullis_peers::asked::{Asked, bare, named};
use portcullis_peers::cases::CASES;
use portcullis_peers::{anew, choose_provider};

fn main() {
    choose_provider();
    let args: Vec<String> = std::env::args().collect();
    match args.get(1).map(String::as_str) {
        // How a case is run under valgrind.
        Some(kind @ ("run" | "bare")) => {
            let asked = if kind == "run" { named(&args[2]) } else { bare(&args[2]) };
            run(asked, args[3].parse().expect("a number of requests"));
        }
        _ => {
            report();
            report_threads();
            report_tokens_anew();
        }
    }
}

fn run(mut asked: Asked, requests: usize) {
    for _ in 0..requests {
        asked.once();
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
    let counted = |kind| CASES.iter().map(|case| allocations(kind, case.name)).collect::<Vec<u64>>();
    let [own_allocations, bare_allocations] = ["run", "bare"].map(counted);
    let counted = |kind| CASES.iter().map(|case| instructions(kind, case.name)).collect::<Vec<Option<u64>>>();
    let [own_instructions, bare_instructions] = ["run", "bare"].map(counted);
    println!(
        "beyond the bare handler, which costs {:.0} ns, {} allocations, {} instructions:\n",
        medians[0],
        own_allocations[0],
        shown(own_instructions[0])
    );
    println!("{:<42} {:>12} {:>11} {:>9} {:>7}", "", "instructions", "allocations", "ns", "x bare");
    for (index, case) in CASES.iter().enumerate().skip(1) {
        let instructions =
            own_instructions[index].zip(bare_instructions[index]).map(|(own, bare)| own.saturating_sub(bare));
        println!(
            "{:<42} {:>12} {:>11} {:>9.0} {:>7.2}",
            case.name,
            shown(instructions),
            own_allocations[index] as i64 - bare_allocations[index] as i64,
            medians[index] - medians[0],
            medians[index] / medians[0],
        );
    }
}

/// The same token on one thread and on two at once: what threads wait for one another.
fn report_threads() {
    let name = "JwtAuth HS256, token seen before";
    let time = |name: &str, threads: usize| {
        let first = named(name);
        let rounds = (0..ROUNDS).flat_map(|_| {
            let asked: Vec<Asked> = (0..threads).map(|_| first.another()).collect();
            let running = asked.into_iter().map(|mut asked| thread::spawn(move || asked.time(TOGETHER)));
            let running: Vec<_> = running.collect();
            running.into_iter().map(|thread| thread.join().expect("a thread that asks")).collect::<Vec<_>>()
        });
        median(rounds.collect())
    };
    let of = |threads| time(name, threads) - time("bare", threads);
    println!("\n{name}, beyond bare: {:.0} ns on one thread, {:.0} ns on each of two", of(1), of(2));
}

/// A token anew with each request: the rows above verify one again and again.
fn report_tokens_anew() {
    let mut apps = anew::apps();
    let mut times = vec![Vec::new(); apps.len()];
    for _ in 0..ROUNDS {
        for (asked, times) in apps.iter_mut().zip(&mut times) {
            times.push(asked.time(TOGETHER));
        }
    }
    let [bare, verified, remembered] = [0, 1, 2].map(|at| median(times[at].clone()));
    println!(
        "JwtAuth HS256, a token anew with each request, beyond bare: {:.0} ns to verify it, {:.0} ns to verify and remember it",
        verified - bare,
        remembered - bare
    );
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn shown(instructions: Option<u64>) -> String {
    instructions.map_or_else(|| "-".to_owned(), |count| count.to_string())
}

/// The allocations of one request, counted by the program beside this one.
fn allocations(kind: &str, case: &str) -> u64 {
    let program = std::env::current_exe().expect("this program").with_file_name("allocations");
    let output = Command::new(program).args([kind, case]).output().expect("built by the same command");
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number")
}

/// The instructions of one request; `None` without valgrind.
fn instructions(kind: &str, case: &str) -> Option<u64> {
    let of = |requests: u64| {
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
    Some(of(LONG)?.saturating_sub(of(SHORT)?) / (LONG - SHORT))
}

const ROUNDS: usize = 9;
const REQUESTS: u32 = 3_000;
/// Enough that threads do meet.
const TOGETHER: u32 = 50_000;
const SHORT: u64 = 200;
const LONG: u64 = 700;
