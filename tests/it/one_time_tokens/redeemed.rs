//! Tokens are redeemed once, while the account has its state.

use futures_util::future::join_all;

use super::*;
use crate::support::log_capture::LogCapture;

#[tokio::test]
async fn a_token_is_redeemed_once_in_one_round_trip() {
    let app = App::new();
    let token = app.issue(&RESET);
    assert_eq!(app.store.calls(), 0);
    assert_eq!(app.tokens.verify(&RESET, token.as_str()).unwrap().user_id(), "ann");
    assert_eq!(outcome(app.redeem(token.as_str()).await), REDEEMED);
    assert_eq!(app.store.calls(), 1);
    assert_eq!(outcome(app.redeem(token.as_str()).await), INVALID);
}

#[tokio::test]
async fn of_2_or_64_redemptions_at_once_one_succeeds() {
    let app = App::new();
    for count in [2, 64] {
        let token = app.issue(&RESET);
        let results = join_all((0..count).map(|_| app.redeem(token.as_str()))).await;
        let outcomes: Vec<_> = results.into_iter().map(outcome).collect();
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == REDEEMED).count(), 1);
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == INVALID).count(), count - 1);
        // After a retry too.
        assert_eq!(outcome(app.redeem(token.as_str()).await), INVALID);
    }
}

#[tokio::test]
async fn after_a_change_of_the_state_a_token_is_400_and_not_consumed() {
    let app = App::new();
    let token = app.issue(&RESET);
    let verified = || app.tokens.verify(&RESET, token.as_str()).unwrap();
    for state in [&42_u64.to_be_bytes()[..], b"\0", &STATE[..7]] {
        assert_eq!(outcome(verified().redeem(state).await), INVALID, "{state:?}");
    }
    assert_eq!(app.store.calls(), 0);
    assert_eq!(outcome(verified().redeem(STATE).await), REDEEMED);
}

#[tokio::test]
async fn of_two_changes_of_the_email_address_only_the_latest_can_be_redeemed() {
    let app = App::new();
    let purpose = Purpose::EMAIL_VERIFICATION;
    let state = |epoch: u64, address: &str| [&epoch.to_be_bytes()[..], address.as_bytes()].concat();
    let first = app.tokens.issue(&purpose, "ann", state(1, "a@example.com")).unwrap();
    // The second request has replaced the pending address.
    let second = app.tokens.issue(&purpose, "ann", state(1, "b@example.com")).unwrap();
    let redeem = async |token: &OneTimeToken, pending: &str| {
        outcome(app.tokens.verify(&purpose, token.as_str()).unwrap().redeem(state(1, pending)).await)
    };
    assert_eq!(redeem(&first, "b@example.com").await, INVALID);
    assert_eq!(redeem(&second, "b@example.com").await, REDEEMED);
}

#[tokio::test]
async fn an_empty_state_or_user_id_is_an_error_of_the_call() {
    let app = App::new();
    let issue = |user_id: &str, state: &[u8]| outcome(app.tokens.issue(&RESET, user_id, state).map(drop));
    assert_eq!(issue("ann", b""), MISUSE);
    assert_eq!(issue("", &STATE), MISUSE);
    assert_eq!(issue(&"u".repeat(257), &STATE), MISUSE);
    assert_eq!(issue(&"u".repeat(256), &STATE).0, 200);
    let token = app.issue(&RESET);
    assert_eq!(outcome(app.tokens.verify(&RESET, token.as_str()).unwrap().redeem([]).await), MISUSE);
    assert_eq!(outcome(app.redeem(token.as_str()).await), REDEEMED);
}

#[tokio::test]
async fn while_the_store_is_unavailable_a_redemption_is_503_and_consumes_nothing() {
    let app = App::new();
    let token = app.issue(&RESET);
    app.store.is_down.store(true, Ordering::SeqCst);
    let log = LogCapture::start();
    let denial = app.redeem(token.as_str()).await.unwrap_err();
    assert_eq!((denial.retry_after(), outcome(Err(denial))), (Some(SECOND), UNAVAILABLE));
    assert_eq!(log.count("a one-time token could not be redeemed"), 1);
    assert!(log.text().contains("connection refused"), "{}", log.text());
    app.store.is_down.store(false, Ordering::SeqCst);
    assert_eq!(outcome(app.redeem(token.as_str()).await), REDEEMED);
}

#[tokio::test]
async fn if_the_memory_cache_is_full_a_redemption_is_503_and_no_live_entry_is_evicted() {
    let app = App::with(&ring(1), 3);
    let tokens: Vec<_> = (0..4).map(|_| app.issue(&RESET)).collect();
    for token in &tokens[..3] {
        assert_eq!(outcome(app.redeem(token.as_str()).await), REDEEMED);
    }
    assert_eq!(outcome(app.redeem(tokens[3].as_str()).await), UNAVAILABLE);
    for token in &tokens[..3] {
        assert_eq!(outcome(app.redeem(token.as_str()).await), INVALID);
    }
    // Entries are kept for a minute after the expiry of their tokens.
    app.clock.advance(RESET.lifetime() - 10 * SECOND);
    let late = app.issue(&RESET);
    assert_eq!(outcome(app.redeem(late.as_str()).await), UNAVAILABLE);
    app.clock.advance(72 * SECOND);
    assert_eq!(outcome(app.redeem(late.as_str()).await), REDEEMED);
}

#[tokio::test]
async fn a_link_that_a_scanner_has_opened_twice_still_works() {
    let app = App::new();
    let token = app.issue(&RESET);
    // GET shows the form, and verifies the token only.
    for _ in 0..2 {
        assert!(app.tokens.verify(&RESET, token.as_str()).is_ok());
    }
    assert_eq!(outcome(app.redeem(token.as_str()).await), REDEEMED);
}
