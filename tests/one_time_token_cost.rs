//! The instructions of issuing a one-time token, and of rejecting a forged one, as valgrind counts them.

use std::process::Command;

use portcullis::KeyRing;
use portcullis::one_time_tokens::{OneTimeTokens, Purpose};
use portcullis::replay_cache::{MemoryReplays, ReplayCache};

/// Runs this test again under valgrind, with the name of a case.
#[test]
fn issuing_a_token_and_rejecting_a_forged_one_take_few_instructions() {
    if let Ok(case) = std::env::var("PORTCULLIS_BUDGET_ONE_TIME_TOKEN") {
        let (case, repetitions) = case.rsplit_once(' ').unwrap();
        return run(case, repetitions.parse().unwrap());
    }
    for (case, max) in [("issue", MAX_ISSUE), ("forged", MAX_FORGED), ("malformed", MAX_MALFORMED)] {
        let Some(count) = instructions(case) else {
            println!("skipped: valgrind is not installed");
            return;
        };
        println!("{case}: {count} of at most {max} instructions");
        assert!(count <= max, "{case}: {count} instructions, at most {max}");
    }
}

// Without optimizations, 60,343, 39,299 and 11,806 were measured.
const MAX_ISSUE: u64 = 73_000;
const MAX_FORGED: u64 = 47_000;
const MAX_MALFORMED: u64 = 15_000;

fn run(case: &str, repetitions: usize) {
    let secret: Vec<u8> = (0..32).collect();
    let replays = ReplayCache::new(MemoryReplays::with_capacity(1));
    let tokens = OneTimeTokens::new(&KeyRing::new(secret).unwrap(), &replays);
    let purpose = Purpose::PASSWORD_RESET;
    let issue = || tokens.issue(&purpose, "0f8fad5b-d9cb-469f-a165-70867728950e", [7; 8]).unwrap();
    let text = issue().as_str().to_owned();
    // The last character of the nonce's middle: the MAC is wrong.
    let other = if text.as_bytes()[40] == b'A' { "B" } else { "A" };
    let forged = format!("{}{other}{}", &text[..40], &text[41..]);
    let malformed = format!("{}=", &text[1..]);
    for _ in 0..repetitions {
        match case {
            "issue" => drop(issue()),
            "forged" => assert!(tokens.verify(&purpose, &forged).is_err()),
            _ => assert!(tokens.verify(&purpose, &malformed).is_err()),
        }
    }
}

/// Returns the instructions of one repetition, as the difference of two runs. `None` without valgrind.
fn instructions(case: &str) -> Option<u64> {
    let run = |repetitions: u64| {
        let test = "issuing_a_token_and_rejecting_a_forged_one_take_few_instructions";
        let mut command = Command::new("valgrind");
        command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
        command.arg(std::env::current_exe().unwrap()).args(["--exact", test, "--test-threads=1"]);
        let output = command.env("PORTCULLIS_BUDGET_ONE_TIME_TOKEN", format!("{case} {repetitions}")).output().ok()?;
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        let line = text.lines().find(|line| line.contains("Collected :"))?;
        line.rsplit(' ').next()?.parse::<u64>().ok()
    };
    Some((run(400)? - run(100)?) / 300)
}
