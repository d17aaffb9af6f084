//! Settings that are invalid, all at once.

use super::*;

fn settings(builder: PasswordsBuilder) -> Vec<&'static str> {
    builder.build().unwrap_err().issues().iter().map(ConfigIssue::setting).collect()
}

#[test]
fn every_row_of_owasp_is_accepted_and_a_weaker_cost_is_not() {
    for (memory, passes) in OWASP {
        assert!(Passwords::builder().argon2id(memory, passes, 1).build().is_ok());
        assert_eq!(settings(Passwords::builder().argon2id(memory - 1, passes, 1)), ["argon2id"]);
    }
    for (memory, passes, lanes) in [(262_145, 2, 1), (19_456, 17, 1), (19_456, 2, 17), (19_456, 2, 0)] {
        assert_eq!(settings(Passwords::builder().argon2id(memory, passes, lanes)), ["argon2id"]);
    }
}

#[test]
fn all_issues_are_reported_at_once() {
    let builder = Passwords::builder()
        .argon2id(1, 1, 1)
        .concurrency(0)
        .queue(4_097, Duration::from_secs(11))
        .require_breach_check()
        .max_history(25)
        .min_rejection_time(Duration::from_secs(11));
    let expected =
        ["argon2id", "concurrency", "queue", "queue", "max_history", "min_rejection_time", "require_breach_check"];
    assert_eq!(settings(builder), expected);
}

#[test]
fn more_hashes_at_once_than_cores_are_rejected() {
    let cores = available_parallelism().unwrap().get();
    assert!(Passwords::builder().concurrency(cores).queue(0, Duration::ZERO).build().is_ok());
    assert_eq!(settings(Passwords::builder().concurrency(cores + 1)), ["concurrency"]);
}

#[test]
fn rejections_wait_a_second_with_legacy_hashes_unless_another_time_is_set() {
    assert_eq!(Passwords::builder().effective_min_rejection_time(), Duration::ZERO);
    #[cfg(feature = "legacy_passwords")]
    {
        let legacy = || Passwords::builder().legacy_hashes([crate::password::LegacyHash::Django]);
        assert_eq!(legacy().effective_min_rejection_time(), Duration::from_secs(1));
        let zero = legacy().min_rejection_time(Duration::ZERO);
        assert_eq!(zero.effective_min_rejection_time(), Duration::ZERO);
    }
}
