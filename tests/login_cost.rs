//! The cost of `Attempt::charge` beside `RateLimit::check`: allocations, and instructions by valgrind.

use std::future::Future;
use std::pin::pin;
use std::process::Command;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use allocation_counter::measure;
use http::HeaderMap;
use portcullis::rate_limit::{Attempt, DeviceCookies, Key, Limit, Subject};
use portcullis::{KeyRing, Quota, RateLimit};

fn keys() -> KeyRing {
    KeyRing::new((0..32).collect::<Vec<u8>>()).unwrap()
}

fn limit(key: Key) -> RateLimit {
    let limit = Limit::new("account", Quota::per(1_000, Duration::from_secs(3_600)).unwrap()).only_failures();
    let limit = limit.block_for(Duration::from_secs(30)).escalate_to(Duration::from_secs(3_600));
    RateLimit::builder().limit(limit).key(key).build().unwrap()
}

/// A store in memory responds at once.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a store in memory never waits"),
    }
}

struct Login {
    by_name: RateLimit,
    by_account: RateLimit,
    devices: DeviceCookies,
    headers: HeaderMap,
}

impl Login {
    fn new() -> Self {
        let devices = DeviceCookies::new(&keys());
        let cookie = devices.set_cookie("ann@example.com", 0);
        let cookie = cookie.header_value().unwrap().to_str().unwrap().split(';').next().unwrap().parse().unwrap();
        let by_account = limit(Key::account(&keys()));
        let headers = HeaderMap::from_iter([(http::header::COOKIE, cookie)]);
        Self { by_name: limit(Key::custom(|_| None)), by_account, devices, headers }
    }

    /// One attempt, which succeeds: its units are refunded at the end.
    fn run(&self, case: &str) {
        let attempt = Attempt::default();
        attempt.succeeded();
        let name = "Ann@Example.com";
        match case {
            "check" => {
                let name = Subject::custom(name);
                ready(self.by_name.check(&name, 1)).unwrap();
                ready(self.by_name.refund(&name, 1)).unwrap();
            }
            "charge" => drop(ready(attempt.charge(&self.by_account, Subject::account(name))).unwrap()),
            "cookie" => drop(self.devices.subject(name, &self.headers)),
            _ => drop(ready(attempt.charge(&self.by_account, self.devices.subject(name, &self.headers))).unwrap()),
        }
    }
}

#[test]
fn a_charge_allocates_for_the_attempt_the_name_and_what_is_refunded() {
    let login = Login::new();
    for (case, max) in [("check", 2), ("charge", 5), ("cookie", 3), ("device", 6)] {
        login.run(case);
        let count = measure(|| login.run(case)).count_total;
        println!("{case}: {count} allocations");
        assert!(count <= max, "{case}: {count} allocations, at most {max}");
    }
}

/// Runs this test again under valgrind, with the name of a case.
#[test]
fn a_charge_stays_within_its_budget_of_instructions() {
    if let Ok(case) = std::env::var("PORTCULLIS_BUDGET_LOGIN") {
        let (case, times) = case.rsplit_once(' ').unwrap();
        let login = Login::new();
        return (0..times.parse().unwrap()).for_each(|_: u32| login.run(case));
    }
    // Without optimizations, which leave about a tenth.
    for (case, max) in BUDGETS {
        let Some(count) = instructions(case) else {
            println!("skipped: valgrind is not installed");
            return;
        };
        println!("{case}: {count} instructions of at most {max}");
        assert!(count <= max, "{case}: {count} instructions, at most {max}");
    }
}

/// Returns the instructions of one repetition, as the difference of two runs. `None` without valgrind.
fn instructions(case: &str) -> Option<u64> {
    let run = |times: u64| {
        let mut command = Command::new("valgrind");
        command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
        command.arg(std::env::current_exe().unwrap());
        command.args(["--exact", "a_charge_stays_within_its_budget_of_instructions", "--test-threads=1"]);
        let output = command.env("PORTCULLIS_BUDGET_LOGIN", format!("{case} {times}")).output().ok()?;
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        let line = text.lines().find(|line| line.contains("Collected :"))?;
        line.rsplit(' ').next()?.parse::<u64>().ok()
    };
    Some((run(400)? - run(100)?) / 300)
}

// Measured without debug information: 29,303, 53,131, 49,473 and 84,865.
const BUDGETS: [(&str, u64); 4] = [("check", 36_000), ("charge", 65_000), ("cookie", 60_000), ("device", 104_000)];
