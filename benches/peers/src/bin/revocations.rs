//! Measures the check of a credential, and the table of a million revocations: instructions, times, memory.
//!
//! Run it with `cargo run --release --bin revocations`, with valgrind for the instructions.

use std::hint::black_box;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use allocation_counter::measure;
use portcullis::revocation::Revocation;
use portcullis::{Revocations, UserContext};
use portcullis_peers::revocations::{ISSUER, verified_users};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    // This program runs itself under valgrind with these arguments.
    if let Some([case, checks]) = args.get(1..3) {
        return run(case, checks.parse().expect("a number of checks"));
    }
    for case in ["unchanged", "lookup", "revoked"] {
        println!("{case}: {} instructions", instructions(case));
    }
    memory();
    times();
}

/// The same table twice: a credential that was checked with one is looked up by the other one.
fn tables(entries: usize) -> [Revocations; 2] {
    [(); 2].map(|()| {
        let revocations = Revocations::builder().build().expect("valid settings");
        fill(&revocations, entries);
        revocations
    })
}

fn fill(revocations: &Revocations, entries: usize) {
    for number in 0..entries {
        drop(revocations.revoke_by(Revocation::token(ISSUER, &number.to_string())));
    }
}

fn run(case: &str, checks: usize) {
    let [one, other] = tables(10_000);
    let users = verified_users(&one, 1_000);
    if case == "revoked" {
        users.iter().for_each(|user| drop((one.revoke(user), other.revoke(user))));
    }
    let second = if case == "unchanged" { &one } else { &other };
    let mut admitted = 0;
    for user in users.iter().cycle().take(checks / 2) {
        admitted += usize::from(one.check(black_box(user)).is_ok());
        admitted += usize::from(second.check(black_box(user)).is_ok());
    }
    assert_eq!(admitted, if case == "revoked" { 0 } else { checks });
}

/// Returns the instructions of one check, as the difference between a long run and a short one.
fn instructions(case: &str) -> u64 {
    let count = |checks: u64| {
        let program = std::env::current_exe().expect("a program");
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program);
        let output = valgrind.args([case, &checks.to_string()]).stdout(Stdio::null()).output().expect("valgrind");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let line = text.lines().find(|line| line.contains("Collected :")).expect("a count");
        line.split_whitespace().last().and_then(|count| count.parse::<u64>().ok()).expect("a number")
    };
    (count(2_000_000) - count(1_000_000)) / 1_000_000
}

fn memory() {
    let mut revocations = None;
    for entries in [500_000, 750_000, 1_000_000] {
        let memory = measure(|| {
            let table = Revocations::builder().build().expect("valid settings");
            fill(&table, entries);
            revocations = Some(table);
        });
        println!("{entries} entries: {:.1} bytes each", memory.bytes_current as f64 / entries as f64);
        revocations = None;
    }
}

fn times() {
    let started = Instant::now();
    let [one, other] = tables(1_000_000);
    println!("{:.0} revocations a second", 2e6 / started.elapsed().as_secs_f64());
    let hot = verified_users(&one, 1);
    let users = verified_users(&one, 100_000);
    let unchanged = |users: &[UserContext]| nanoseconds(users, &[&one]);
    let lookup = |users: &[UserContext]| nanoseconds(users, &[&one, &other]);
    println!("unchanged: {:.1} ns", unchanged(&hot));
    println!("lookup: {:.1} ns hot, {:.1} ns cold", lookup(&hot), lookup(&users));
    let single = unchanged(&hot);
    let both = thread::scope(|scope| {
        let threads = [(); 2].map(|()| scope.spawn(|| unchanged(&hot)));
        threads.map(|thread| thread.join().expect("a time"))
    });
    println!("unchanged on two threads: {:.1} and {:.1} ns, on one: {single:.1} ns", both[0], both[1]);
}

/// Returns the time of one check, if the tables take turns for each user.
fn nanoseconds(users: &[UserContext], tables: &[&Revocations]) -> f64 {
    let rounds = (2_000_000 / users.len()).max(2);
    let started = Instant::now();
    for round in 0..rounds {
        let table = tables[round % tables.len()];
        for user in users {
            assert!(black_box(table).check(black_box(user)).is_ok());
        }
    }
    started.elapsed().as_nanos() as f64 / (rounds * users.len()) as f64
}
