//! Tokens that were changed, cut, issued for another purpose or by other keys, or are too old.

use super::*;
use crate::support::log_capture::LogCapture;

fn verify(app: &App, purpose: &Purpose, token: &str) -> (u16, &'static str) {
    outcome(app.tokens.verify(purpose, token).map(drop))
}

#[test]
fn the_text_is_base64url_of_at_most_200_characters_for_a_64_byte_user_id() {
    let token = App::new().tokens.issue(&RESET, &"u".repeat(64), STATE).unwrap();
    assert!(token.as_str().len() <= 200, "{}", token.as_str().len());
    assert!(token.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
}

#[test]
fn two_tokens_of_one_user_differ() {
    let app = App::new();
    assert_ne!(app.issue(&RESET).as_str(), app.issue(&RESET).as_str());
}

#[tokio::test]
async fn a_token_is_accepted_for_its_own_purpose_only() {
    let app = App::new();
    let other = Purpose::new("invitation", 60 * SECOND).unwrap();
    let purposes = [
        Purpose::EMAIL_VERIFICATION,
        Purpose::MAGIC_LINK,
        Purpose::PASSWORD_RESET,
        Purpose::SECOND_FACTOR,
        Purpose::SENT_CODE,
        other,
    ];
    for issued in &purposes {
        let token = app.issue(issued);
        for expected in &purposes {
            let status = if issued == expected { 200 } else { 400 };
            assert_eq!(verify(&app, expected, token.as_str()).0, status, "{issued:?} for {expected:?}");
        }
    }
    assert_eq!(app.store.calls(), 0);
}

#[test]
fn any_changed_bit_is_400_without_a_round_trip() {
    let app = App::new();
    let bytes = URL_SAFE_NO_PAD.decode(app.issue(&RESET).as_str()).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(verify(&app, &RESET, &URL_SAFE_NO_PAD.encode(changed)), INVALID, "{bit}");
    }
    assert_eq!(app.store.calls(), 0);
}

#[test]
fn a_truncated_padded_upper_case_empty_or_null_token_is_400() {
    let app = App::new();
    let token = app.issue(&RESET);
    let text = token.as_str();
    for len in 0..text.len() {
        assert_eq!(verify(&app, &RESET, &text[..len]), INVALID, "{len}");
    }
    let others = ["null", "undefined", "\u{e9}", "\0", &"A".repeat(100_000)].map(str::to_owned);
    let changed = [
        format!("{text}="),
        format!("{text} "),
        format!(" {text}"),
        format!("{text}\n"),
        format!("{text}A"),
        text.to_uppercase(),
        text.replace(['-', '_'], "+"),
    ];
    for other in others.into_iter().chain(changed).filter(|other| other != text) {
        assert_eq!(verify(&app, &RESET, &other), INVALID, "{other:?}");
    }
}

#[test]
fn trailing_bits_are_400() {
    let app = App::new();
    // It does not end at a multiple of three bytes, so the last character has unused bits.
    let token = app.issue(&RESET);
    let text = token.as_str();
    assert_ne!(URL_SAFE_NO_PAD.decode(text).unwrap().len() % 3, 0);
    let accepted = ('0'..='z').filter(|last| {
        let changed = format!("{}{last}", &text[..text.len() - 1]);
        app.tokens.verify(&RESET, &changed).is_ok()
    });
    assert_eq!(accepted.count(), 1);
}

#[tokio::test]
async fn tokens_of_a_previous_secret_verify_and_those_of_a_removed_one_are_400() {
    let clock = FakeClock::new();
    let store = CountedStore::new(10, &clock);
    let app = |keys: KeyRing| App::on(&keys, store.clone(), clock.clone());
    let token = app(ring(1)).issue(&RESET);
    assert_eq!(verify(&app(ring(2)), &RESET, token.as_str()), INVALID);
    let rotated = app(ring(2).previous(secret(1)).unwrap());
    assert_eq!(outcome(rotated.redeem(token.as_str()).await), REDEEMED);
    assert_eq!(outcome(rotated.redeem(rotated.issue(&RESET).as_str()).await), REDEEMED);
    // A code too.
    let token = app(ring(1)).issue(&Purpose::SENT_CODE);
    let code = app(ring(1)).tokens.code(&token).unwrap();
    let verified = rotated.tokens.verify(&Purpose::SENT_CODE, token.as_str()).unwrap();
    assert_eq!(outcome(verified.redeem_with_code(STATE, &code).await), REDEEMED);
}

#[test]
fn a_token_is_400_at_its_expiry() {
    let app = App::new();
    let purposes = [Purpose::EMAIL_VERIFICATION, Purpose::MAGIC_LINK, RESET, Purpose::SECOND_FACTOR];
    for purpose in purposes {
        app.clock.set_wall(std::time::UNIX_EPOCH + 1_800_000_000 * SECOND);
        let token = app.issue(&purpose);
        app.clock.advance(purpose.lifetime() - Duration::from_nanos(1));
        assert_eq!(verify(&app, &purpose, token.as_str()).0, 200);
        app.clock.advance(Duration::from_nanos(1));
        assert_eq!(verify(&app, &purpose, token.as_str()), INVALID);
    }
}

#[test]
fn a_token_that_was_issued_over_60_seconds_in_the_future_is_400() {
    let app = App::new();
    app.clock.set_wall(std::time::UNIX_EPOCH + 1_800_000_000 * SECOND);
    let token = app.issue(&RESET);
    for (behind, status) in [(60, 200), (61, 400), (1_000, 400)] {
        app.clock.set_wall(std::time::UNIX_EPOCH + (1_800_000_000 - behind) * SECOND);
        assert_eq!(verify(&app, &RESET, token.as_str()).0, status, "{behind}");
    }
}

#[test]
fn while_the_wall_clock_is_before_1970_every_token_has_expired() {
    let app = App::new();
    let token = app.issue(&RESET);
    app.clock.set_wall(std::time::UNIX_EPOCH - SECOND);
    assert_eq!(verify(&app, &RESET, token.as_str()), INVALID);
}

#[tokio::test]
async fn every_failure_has_the_same_response_and_the_reason_is_in_the_log_only() {
    let log = LogCapture::start();
    let app = App::new();
    let token = app.issue(&RESET);
    let text = token.as_str().to_owned();
    let denial = |result: Result<(), Denial>| result.unwrap_err();
    let verified = |text: &str| app.tokens.verify(&RESET, text).map(drop);
    let mut forged = URL_SAFE_NO_PAD.decode(&text).unwrap();
    *forged.last_mut().unwrap() ^= 1;
    let mut denials = vec![
        denial(verified("garbage")),
        denial(verified(&URL_SAFE_NO_PAD.encode(forged))),
        denial(app.tokens.verify(&Purpose::MAGIC_LINK, &text).map(drop)),
        denial(App::with(&ring(2), 1).tokens.verify(&RESET, &text).map(drop)),
        denial(app.tokens.verify(&RESET, &text).unwrap().redeem([1]).await),
    ];
    app.redeem(&text).await.unwrap();
    denials.push(denial(app.redeem(&text).await));
    app.clock.advance(RESET.lifetime());
    denials.push(denial(verified(&text)));
    for denial in &denials {
        assert_eq!((denial, denial.detail()), (&denials[0], denials[0].detail()));
    }
    for reason in [
        "it is malformed",
        "its MAC is wrong",
        "it was issued for another purpose",
        "its secret is not in the key ring",
        "the account has changed since it was issued",
        "it was redeemed before",
        "it has expired",
    ] {
        assert_eq!(log.count(reason), 1, "{reason}: {}", log.text());
    }
    assert!(!log.text().contains(&text[..40]), "{}", log.text());
}

#[tokio::test]
async fn as_a_bearer_token_it_is_401() {
    use axum::Router;
    use axum::body::Body;
    use axum::routing::get;
    use portcullis::{Issuer, JwtAuth};
    use tower::ServiceExt;

    let token = App::new().issue(&Purpose::SECOND_FACTOR);
    let auth =
        JwtAuth::builder().issuer(Issuer::hs256("https://a.example", secret(1))).audience("api").build().unwrap();
    let app: Router = Router::new().route("/", get(|| async {})).layer(auth);
    let request = http::Request::get("/").header("authorization", format!("Bearer {}", token.as_str()));
    assert_eq!(app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status(), 401);
}

#[test]
fn debug_shows_the_purpose_and_the_user_and_not_the_text() {
    let app = App::new();
    let token = app.issue(&RESET);
    let shown = format!("{token:?} {:?}", app.tokens.verify(&RESET, token.as_str()).unwrap());
    let fields = r#"purpose: "password_reset", user_id: "ann", .. }"#;
    assert_eq!(shown, format!("OneTimeToken {{ {fields} VerifiedToken {{ {fields}"));
    assert!(!format!("{:?}", app.tokens).contains(token.as_str()));
}
