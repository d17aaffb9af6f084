//! Several processes at once, and what they may admit together.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant, UNIX_EPOCH};

use portcullis::rate_limit::{Algorithm, Limit, RedisStore};
use portcullis::{Quota, RateLimit};

use super::limited_app::{Limited, named};
use crate::support::redis_server::Server;

const UNITS: u32 = 20;
const WINDOW: Duration = Duration::from_millis(150);
const BOTH: [Algorithm; 2] = [Algorithm::SlidingLog, Algorithm::SlidingWindow];
const URL: &str = "PORTCULLIS_TEST_REDIS_URL";

fn micros() -> u64 {
    UNIX_EPOCH.elapsed().unwrap().as_micros() as u64
}

/// Asks for as long as a second, and prints when each admission was sent and received.
#[tokio::test]
#[ignore = "one of the processes of the test below"]
async fn one_of_several_processes() {
    let Ok(url) = std::env::var(URL) else { return };
    let store = RedisStore::connect(&url).unwrap().deadline(Duration::from_secs(5));
    let work = BOTH.map(|algorithm| {
        let quota = Quota::per(UNITS, WINDOW).unwrap().algorithm(algorithm);
        let builder = RateLimit::builder().limit(Limit::new("limit", quota)).key(named("x-user"));
        (algorithm, Limited::new(builder.store(store.clone()).build().unwrap()))
    });
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(1200) {
        for (algorithm, app) in &work {
            let sent = micros();
            let told = app.ask("x-user: ann").await;
            let received = micros();
            match told.status {
                200 => println!("admitted {algorithm:?} {sent} {received}"),
                429 => {}
                status => panic!("{status}"),
            }
        }
        tokio::time::sleep(Duration::from_micros(300)).await;
    }
}

#[test]
#[ignore = "needs redis-server: run tests/run"]
fn several_processes_together_exceed_the_quota_in_no_rolling_window() {
    let server = Server::start();
    let processes = [(); 4].map(|()| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "redis::processes::one_of_several_processes", "--ignored", "--nocapture"]);
        command.env(URL, server.url()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    });
    let outputs = processes.map(|process| process.wait_with_output().unwrap());
    let texts = outputs.map(|output| {
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    });
    for algorithm in BOTH {
        let word = format!("admitted {algorithm:?} ");
        let admissions = |text: &str| {
            // The name of the test stands before the first.
            let lines = text.lines().filter_map(|line| line.split_once(&word)?.1.split_once(' '));
            lines.map(|(sent, received)| (sent.parse().unwrap(), received.parse().unwrap())).collect::<Vec<_>>()
        };
        let by_process = texts.each_ref().map(|text| admissions(text));
        assert!(by_process.iter().filter(|admitted| !admitted.is_empty()).count() > 1, "{algorithm:?}: one had all");
        let all: Vec<(u64, u64)> = by_process.concat();
        assert!(all.len() > 60, "{algorithm:?}: {} admissions", all.len());
        let worst = worst(&all);
        assert!(worst <= UNITS as usize, "{algorithm:?}: {worst} of {UNITS} in one window");
        assert!(worst > UNITS as usize / 2, "{algorithm:?}: {worst} of {UNITS}, too few to tell");
    }
}

/// The most that were surely admitted within one window: sent after its start, answered before its end.
fn worst(admissions: &[(u64, u64)]) -> usize {
    let within = |start: u64| {
        let end = start + WINDOW.as_micros() as u64;
        admissions.iter().filter(|(sent, received)| *sent >= start && *received < end).count()
    };
    admissions.iter().map(|(sent, _)| within(*sent)).max().unwrap_or_default()
}
