//! Several processes that share a server: together they admit no more than the quota.

use std::process::{Command, Stdio};
use std::time::Duration;

use portcullis::rate_limit::{Algorithm, Limit, RedisStore};
use portcullis::testing::FakeClock;
use portcullis::{Quota, RateLimit};

use crate::support::limited_app::{LimitedApp, by_header};
use crate::support::redis_connection::BlockingConnection;
use crate::support::redis_server::{Server, send};
use crate::support::test_store::LONG_DEADLINE;

const UNITS: u32 = 20;
/// In seconds, that is, in calls: see `BlockingConnection::with_time_counter`.
const WINDOW: u64 = 150;
const ALGORITHMS: [Algorithm; 2] = [Algorithm::SlidingLog, Algorithm::SlidingWindow];
const ADMISSIONS_PER_PROCESS: usize = 20;
const PORT: &str = "PORTCULLIS_TEST_REDIS_PORT";
const COUNTER: &str = "test-time";

/// Sends requests until enough are admitted. Prints the time before and after each admission.
#[tokio::test]
#[ignore = "one of the processes of the test below"]
async fn one_of_several_processes() {
    let Ok(port) = std::env::var(PORT) else { return };
    let port: u16 = port.parse().unwrap();
    let time = || -> u64 { send(port, &["GET", COUNTER], LONG_DEADLINE).unwrap().parse().unwrap() };
    let connection = BlockingConnection::open(&format!("redis://127.0.0.1:{port}/")).with_time_counter(COUNTER);
    let store = RedisStore::new(connection).deadline(LONG_DEADLINE);
    let clock = FakeClock::new();
    let apps = ALGORITHMS.map(|algorithm| {
        let quota = Quota::per(UNITS, Duration::from_secs(WINDOW)).unwrap().algorithm(algorithm);
        let builder = RateLimit::builder().limit(Limit::new(format!("{algorithm:?}"), quota)).key(by_header("x-user"));
        LimitedApp::new(builder.store(store.clone()).clock(clock.clock()).build().unwrap())
    });
    let mut admissions = [0; ALGORITHMS.len()];
    while admissions.iter().any(|count| *count < ADMISSIONS_PER_PROCESS) {
        for (index, app) in apps.iter().enumerate() {
            // All cached denials expire, so that each request calls the script.
            clock.advance(Duration::from_secs(WINDOW * 2));
            let before = time();
            let status = app.send("x-user: ann").await.status;
            let after = time();
            assert!([200, 429].contains(&status), "{status}");
            if status == 200 {
                admissions[index] += 1;
                println!("admitted {:?} {before} {after}", ALGORITHMS[index]);
            }
        }
    }
}

#[test]
#[ignore = "needs redis-server: run tests/run"]
fn several_processes_together_exceed_the_quota_in_no_rolling_window() {
    let server = Server::start();
    assert_eq!(server.command(&["SET", COUNTER, "1800000000"]), "OK");
    let processes = [(); 4].map(|()| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "redis::processes::one_of_several_processes", "--ignored", "--nocapture"]);
        command.env(PORT, server.port().to_string()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    });
    let outputs = processes.map(|process| {
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    });
    for algorithm in ALGORITHMS {
        let mut all = Vec::new();
        for output in &outputs {
            let admissions = parse_admissions(output, algorithm);
            assert!(admissions.len() >= ADMISSIONS_PER_PROCESS, "{algorithm:?}: {admissions:?}");
            all.extend(admissions);
        }
        let max = max_in_one_window(&all);
        assert!(max <= UNITS as usize, "{algorithm:?}: {max} of {UNITS} in one window");
        assert!(
            max > UNITS as usize / 2,
            "{algorithm:?}: {max} of {UNITS} is too few to show that the processes share the quota"
        );
    }
}

/// Reads the times before and after each admission.
fn parse_admissions(output: &str, algorithm: Algorithm) -> Vec<(u64, u64)> {
    let prefix = format!("admitted {algorithm:?} ");
    // The test harness prints the name of the test before the first line.
    let times = output.lines().filter_map(|line| line.split_once(&prefix)?.1.split_once(' '));
    times.map(|(before, after)| (before.parse().unwrap(), after.parse().unwrap())).collect()
}

/// The maximum number of requests that were certainly admitted within one window: sent after its start, with the
/// response before its end.
fn max_in_one_window(admissions: &[(u64, u64)]) -> usize {
    let admitted_within = |start: u64| {
        let is_within = |(before, after): &&(u64, u64)| *before >= start && *after < start + WINDOW;
        admissions.iter().filter(is_within).count()
    };
    admissions.iter().map(|(before, _)| admitted_within(*before)).max().unwrap_or_default()
}
