//! Logins and new passwords, with the jobs that they cause.

use std::sync::OnceLock;
use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::error::ConfigError;
use crate::gate::{DenialKind, PasswordProblem};
use crate::keys::ring::KeyRing;
use crate::password::{PasswordPolicy, PasswordsBuilder};

const TYPED: &str = "correct horse battery staple";

/// The cheapest cost that is accepted.
fn cheap() -> PasswordsBuilder {
    Passwords::builder().argon2id(7_168, 5, 1)
}

fn passwords() -> Passwords {
    cheap().build().unwrap()
}

fn typed() -> Password {
    Password::new(TYPED)
}

async fn hash(passwords: &Passwords) -> String {
    passwords.hash_new(typed()).await.unwrap()
}

/// Logs in with `typed`, as the user with this hash.
async fn log_in(
    passwords: &Passwords,
    typed: Password,
    stored: Option<&str>,
) -> Result<Verified<Option<String>>, Denial> {
    let user = Some(stored.map(str::to_owned));
    passwords.verify(typed, user, |stored| stored.as_deref()).await
}

fn keys() -> Result<KeyRing, ConfigError> {
    KeyRing::new("kM7w2QzR9cV4tY8uB1nX6eS3aD5fG0hJ")
}

#[tokio::test]
async fn a_right_password_yields_the_user_and_computes_one_hash() {
    let passwords = passwords();
    let stored = hash(&passwords).await;
    let before = passwords.pool_stats().started;
    let user = log_in(&passwords, typed(), Some(&stored)).await.unwrap();
    assert_eq!(user.as_deref(), Some(&*stored));
    assert!(!user.needs_rehash());
    assert_eq!(passwords.pool_stats().started - before, 1);
    assert_eq!(user.into_inner(), Some(stored));
}

#[tokio::test]
async fn all_rejections_are_equal_and_compute_one_hash_each() {
    let passwords = passwords();
    let stored = hash(&passwords).await;
    let costly = "$argon2id$v=19$m=4294967295,t=4294967295,p=16777215$BwcHBwcHBwcHBwcHBwcHBw$CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk";
    let unusable = [
        "",
        "!",
        "!kFJ2HxPxpN",
        "no hash",
        costly,
        "$2b$31$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuuabcdefghijklmnopq",
        "pbkdf2_sha256$2147483647$salt$aGFzaA==",
        "scrypt:1073741824:8:1$salt$00",
    ];
    let mut denials = Vec::new();
    let before = passwords.pool_stats().started;
    denials.push(passwords.verify(typed(), None::<String>, |stored| Some(stored)).await.err());
    denials.push(log_in(&passwords, typed(), None).await.err());
    denials.push(log_in(&passwords, Password::new("wrong"), Some(&stored)).await.err());
    denials.push(log_in(&passwords, Password::new("pw\0x"), Some(&stored)).await.err());
    denials.push(log_in(&passwords, Password::new(""), Some(&stored)).await.err());
    denials.push(log_in(&passwords, serde_json::from_str(r#""\ud800""#).unwrap(), Some(&stored)).await.err());
    for text in unusable {
        denials.push(log_in(&passwords, typed(), Some(text)).await.err());
    }
    let expected = Denial::new(DenialKind::InvalidCredentials, Default::default());
    assert!(denials.iter().all(|denial| denial.as_ref() == Some(&expected)), "{denials:?}");
    assert_eq!(passwords.pool_stats().started - before, denials.len() as u64);
    // None of them needed more memory than one default hash.
    assert!(passwords.pool_stats().max_memory_kib <= 7_168 * passwords_at_once());
    assert_eq!((expected.status().as_u16(), &*expected.detail()), (401, "the account or the password is wrong"));
    assert!(expected.challenges().eq(["Bearer realm=\"api\""]));
}

fn passwords_at_once() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| std::thread::available_parallelism().unwrap().get())
}

#[tokio::test]
async fn an_unusable_hash_never_matches_even_the_empty_password() {
    let passwords = passwords();
    for text in ["", "!", "no hash"] {
        assert!(log_in(&passwords, Password::new(text), Some(text)).await.is_err());
    }
}

#[tokio::test]
async fn the_dummy_hash_follows_the_settings() {
    let passwords = Passwords::builder().argon2id(12_288, 3, 1).build().unwrap();
    log_in(&passwords, typed(), None).await.unwrap_err();
    assert_eq!(passwords.pool_stats().max_memory_kib, 12_288);
    assert_eq!(passwords.0.hasher.dummy().cost.passes, 3);
}

#[tokio::test(start_paused = true)]
async fn a_rejection_waits_for_the_minimum_time_and_a_success_does_not() {
    let fake = crate::testing::FakeClock::new();
    let builder = cheap().min_rejection_time(Duration::from_secs(1)).clock(fake.clock());
    let passwords = builder.build().unwrap();
    let stored = hash(&passwords).await;
    // The app's work of 300 ms counts.
    let start = Instant::now();
    let rejected = passwords.verify(Password::new("wrong"), Some(&stored), |stored| {
        fake.advance(Duration::from_millis(300));
        Some(stored.as_str())
    });
    rejected.await.unwrap_err();
    // tokio's timers have a resolution of a millisecond.
    assert_eq!(start.elapsed().as_millis(), 700);
    let start = Instant::now();
    log_in(&passwords, Password::new("wrong"), None).await.unwrap_err();
    assert_eq!(start.elapsed().as_millis(), 1_000);
    let start = Instant::now();
    let _ = log_in(&passwords, typed(), Some(&stored)).await.unwrap();
    assert_eq!(start.elapsed().as_millis(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_rejection_that_waits_holds_no_permit() {
    let passwords = cheap().min_rejection_time(Duration::from_secs(10)).concurrency(1).queue(0, Duration::ZERO);
    let passwords = passwords.build().unwrap();
    let rejected = log_in(&passwords, Password::new("wrong"), None);
    let mut rejected = std::pin::pin!(rejected);
    let start = Instant::now();
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(rejected.as_mut().poll(&mut context).is_pending());
    // The hash ends while the time stands still.
    while passwords.pool_stats().started == 0 || passwords.pool_stats().running > 0 {
        std::thread::yield_now();
    }
    assert!(rejected.as_mut().poll(&mut context).is_pending());
    assert_eq!(start.elapsed(), Duration::ZERO);
    let stats = passwords.pool_stats();
    assert_eq!((stats.started, stats.running, stats.waiting), (1, 0, 0));
    assert_eq!(rejected.await.unwrap_err().kind(), &DenialKind::InvalidCredentials);
}

#[tokio::test]
async fn the_nfc_and_nfd_forms_verify_against_each_other_and_nfkc_does_not() {
    let passwords = passwords();
    let new = |text: &str| passwords.hash_new(Password::new(text.repeat(4)));
    let composed = new("caf\u{e9} \u{fb01}sh ").await.unwrap();
    let decomposed = Password::new("cafe\u{301}\u{a0}\u{fb01}sh ".repeat(4));
    assert!(log_in(&passwords, decomposed, Some(&composed)).await.is_ok());
    let compatible = Password::new("caf\u{e9} fish ".repeat(4));
    assert!(log_in(&passwords, compatible, Some(&composed)).await.is_err());
}

#[tokio::test]
async fn a_login_replaces_an_outdated_hash_with_one_that_verifies() {
    let old = passwords();
    let stored = hash(&old).await;
    let new = Passwords::builder().argon2id(47_104, 1, 1).build().unwrap();
    let mut user = log_in(&new, typed(), Some(&stored)).await.unwrap();
    assert!(user.needs_rehash());
    let replaced = user.rehash().await.unwrap();
    assert!(replaced.starts_with("$argon2id$v=19$m=47104,t=1,p=1$") && replaced.len() <= 160, "{replaced}");
    assert!(!user.needs_rehash());
    assert_eq!(user.rehash().await, None);
    let again = log_in(&new, typed(), Some(&replaced)).await.unwrap();
    assert!(!again.needs_rehash());
}

#[tokio::test]
async fn a_stronger_hash_is_not_replaced() {
    let strong = Passwords::builder().argon2id(65_536, 3, 1).build().unwrap();
    let stored = hash(&strong).await;
    let mut user = log_in(&Passwords::builder().build().unwrap(), typed(), Some(&stored)).await.unwrap();
    assert_eq!(user.rehash().await, None);
}

#[tokio::test]
async fn after_a_rotation_of_the_pepper_hashes_are_replaced_and_after_its_removal_they_are_unusable() {
    let old = cheap().pepper(&keys().unwrap()).build().unwrap();
    let stored = hash(&old).await;
    assert!(stored.contains(",keyid=") && stored.len() <= 160, "{stored}");
    assert!(!log_in(&old, typed(), Some(&stored)).await.unwrap().needs_rehash());
    let secret = "zQ3x8LmN5bW2pR7kT9vC1yH4jF6dS0gA";
    let rotated = KeyRing::new(secret).unwrap().previous("kM7w2QzR9cV4tY8uB1nX6eS3aD5fG0hJ").unwrap();
    let rotated = cheap().pepper(&rotated).build().unwrap();
    let replaced = log_in(&rotated, typed(), Some(&stored)).await.unwrap().rehash().await.unwrap();
    let removed = cheap().pepper(&KeyRing::new(secret).unwrap()).build().unwrap();
    let denial = log_in(&removed, typed(), Some(&stored)).await.unwrap_err();
    assert_eq!(denial.kind(), &DenialKind::InvalidCredentials);
    assert!(!log_in(&removed, typed(), Some(&replaced)).await.unwrap().needs_rehash());
    // Neither without any pepper.
    assert!(log_in(&passwords(), typed(), Some(&stored)).await.is_err());
}

#[tokio::test]
async fn a_hash_without_the_pepper_is_replaced() {
    let stored = hash(&passwords()).await;
    let peppered = cheap().pepper(&keys().unwrap()).build().unwrap();
    assert!(log_in(&peppered, typed(), Some(&stored)).await.unwrap().needs_rehash());
}

#[tokio::test]
async fn a_rehash_gives_way_to_calls_that_wait_and_drops_its_password() {
    let passwords = cheap().concurrency(1).build().unwrap();
    let stored = hash(&passwords).await;
    let peppered = cheap().concurrency(1).pepper(&keys().unwrap()).build().unwrap();
    let mut user = log_in(&peppered, typed(), Some(&stored)).await.unwrap();
    let calls = [(); 3].map(|()| {
        let passwords = peppered.clone();
        tokio::spawn(async move { log_in(&passwords, typed(), None).await.is_err() })
    });
    tokio::task::yield_now().await;
    assert!(peppered.pool_stats().waiting > 0);
    let started = peppered.pool_stats().started;
    assert_eq!(user.rehash().await, None);
    assert!(!user.needs_rehash());
    for call in calls {
        assert!(call.await.unwrap());
    }
    assert!(peppered.pool_stats().started <= started + 3);
}

#[tokio::test]
async fn all_problems_are_returned_at_once_and_no_hash_is_computed() {
    let passwords = passwords();
    let denial = passwords.hash_new(Password::new("zebrafish\t")).context(["zebrafish@example.com"]).await.unwrap_err();
    assert_eq!(denial.status(), 422);
    let problems = [PasswordProblem::TooShort { min: 15 }, PasswordProblem::InvalidCharacter, PasswordProblem::Context];
    assert_eq!(denial.kind(), &DenialKind::password_rejected(problems));
    assert!(denial.detail().contains("use at least 15 characters; remove control characters"));
    assert!(!denial.detail().contains("zebrafish") && !format!("{denial:?}").contains("zebrafish"));
    let long = passwords.hash_new(Password::new("x".repeat(1_025))).await.unwrap_err();
    assert_eq!(long.kind(), &DenialKind::password_rejected([PasswordProblem::TooLong { max: 128 }]));
    let surrogate = passwords.hash_new(serde_json::from_str(r#""\ud800""#).unwrap()).await.unwrap_err();
    assert_eq!(surrogate.kind(), &DenialKind::password_rejected([PasswordProblem::InvalidCharacter]));
    assert_eq!(passwords.pool_stats().started, 0);
}

#[tokio::test]
async fn the_policy_of_the_app_applies() {
    let policy = PasswordPolicy::builder().min_length(20).build().unwrap();
    let passwords = cheap().policy(policy).build().unwrap();
    let denial = passwords.hash_new(Password::new("lanterns paint 7")).await.unwrap_err();
    assert_eq!(denial.kind(), &DenialKind::password_rejected([PasswordProblem::TooShort { min: 20 }]));
    assert!(passwords.hash_new(Password::generate()).await.is_ok());
}

#[tokio::test]
async fn the_first_match_of_the_history_ends_the_search() {
    let passwords = passwords();
    let stored = hash(&passwords).await;
    let other = passwords.hash_new(Password::new("zebras paint 7 lanterns")).await.unwrap();
    let before = passwords.pool_stats().started;
    let history = [&*other, "no hash", &*stored, &*other, &*other];
    let denial = passwords.hash_new(typed()).history(history).await.unwrap_err();
    assert_eq!(denial.kind(), &DenialKind::password_rejected([PasswordProblem::Reused]));
    assert_eq!(passwords.pool_stats().started - before, 2);
    // Without a match, all are compared, and the new hash is computed.
    let before = passwords.pool_stats().started;
    assert!(passwords.hash_new(typed()).history([&*other, &*other]).await.is_ok());
    assert_eq!(passwords.pool_stats().started - before, 3);
}

#[tokio::test]
async fn more_than_24_hashes_are_an_error_and_never_a_silent_cut() {
    let passwords = passwords();
    let accepted = ["!"; 24];
    assert!(passwords.hash_new(typed()).history(accepted).await.is_ok());
    let before = passwords.pool_stats().started;
    let denial = passwords.hash_new(typed()).history(accepted).history(["!"]).await.unwrap_err();
    assert_eq!((denial.status().as_u16(), denial.code()), (500, "server_misconfigured"));
    assert_eq!(passwords.pool_stats().started, before);
}

#[tokio::test]
async fn a_full_pool_is_503_with_retry_after_and_no_hash() {
    let passwords = cheap().concurrency(1).queue(0, Duration::ZERO).build().unwrap();
    let running = tokio::spawn({
        let passwords = passwords.clone();
        async move { log_in(&passwords, typed(), None).await.is_err() }
    });
    tokio::task::yield_now().await;
    let started = passwords.pool_stats();
    let denial = log_in(&passwords, typed(), None).await.unwrap_err();
    assert_eq!((denial.status().as_u16(), denial.code()), (503, "overloaded"));
    assert_eq!(denial.retry_after(), Some(Duration::from_secs(1)));
    assert_eq!(passwords.hash_new(typed()).await.unwrap_err().status(), 503);
    assert!(running.await.unwrap());
    assert_eq!(passwords.pool_stats().rejected, started.rejected + 2);
    assert_eq!(passwords.pool_stats().started, 1);
}

#[test]
fn debug_shows_no_secret() {
    let passwords = cheap().pepper(&keys().unwrap()).build().unwrap();
    let text = format!("{passwords:?}");
    assert!(text.contains("7168") && !text.contains("kM7w") && !text.contains("salt"), "{text}");
}

#[cfg(feature = "legacy_passwords")]
mod legacy {
    use super::*;
    use crate::password::LegacyHash;

    /// `tests/vectors` has those of all frameworks; this one is Django's, of `correct horse`, with one round.
    async fn legacy_app() -> (Passwords, String) {
        let builder =
            cheap().legacy_hashes([LegacyHash::Django, LegacyHash::Bcrypt]).min_rejection_time(Duration::ZERO);
        // bcrypt of U*U with the cost 5, from the test vectors of Openwall.
        (builder.build().unwrap(), "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW".to_owned())
    }

    #[tokio::test]
    async fn a_legacy_hash_verifies_once_and_is_replaced() {
        let (passwords, stored) = legacy_app().await;
        let mut user = log_in(&passwords, Password::new("U*U"), Some(&stored)).await.unwrap();
        assert!(user.rehash().await.unwrap().starts_with("$argon2id$"));
        assert_eq!(passwords.pool_stats().started, 2);
        assert!(log_in(&passwords, Password::new("U*V"), Some(&stored)).await.is_err());
        // Only if its format is configured.
        assert!(log_in(&super::passwords(), Password::new("U*U"), Some(&stored)).await.is_err());
    }

    #[tokio::test]
    async fn an_argon2_hash_of_unnormalized_bytes_verifies_and_is_replaced_by_one_of_nfc() {
        use argon2::Block;

        use crate::password::stored::StoredHash;
        let (passwords, _) = legacy_app().await;
        let raw = "cafe\u{301}";
        let cost = passwords.0.hasher.dummy().cost;
        let mut memory = vec![Block::new(); cost.blocks()];
        let stored = StoredHash::create(raw.as_bytes(), [7; 16], cost, None, &mut memory).unwrap().to_string();
        let mut user = log_in(&passwords, Password::new(raw), Some(&stored)).await.unwrap();
        let replaced = user.rehash().await.unwrap();
        assert!(log_in(&passwords, Password::new("caf\u{e9}"), Some(&replaced)).await.is_ok());
    }
}
