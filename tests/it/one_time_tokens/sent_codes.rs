//! Codes that are sent by SMS or email, and belong to a token.

use super::*;

const CODE: Purpose = Purpose::SENT_CODE;

async fn redeem(app: &App, purpose: &Purpose, token: &OneTimeToken, code: &str) -> (u16, &'static str) {
    outcome(app.tokens.verify(purpose, token.as_str()).unwrap().redeem_with_code(STATE, code).await)
}

#[tokio::test]
async fn a_code_is_redeemed_with_its_token_once() {
    let app = App::new();
    let token = app.issue(&CODE);
    let code = app.tokens.code(&token).unwrap();
    assert_eq!(code, app.tokens.code(&token).unwrap());
    assert_eq!(redeem(&app, &CODE, &token, &code).await, REDEEMED);
    assert_eq!(redeem(&app, &CODE, &token, &code).await, INVALID);
}

#[tokio::test]
async fn with_another_token_of_the_same_user_a_code_is_400() {
    let app = App::new();
    let (token, other) = (app.issue(&CODE), app.issue(&CODE));
    let code = app.tokens.code(&token).unwrap();
    assert_ne!(code, app.tokens.code(&other).unwrap());
    assert_eq!(redeem(&app, &CODE, &other, &code).await, INVALID);
    assert_eq!(redeem(&app, &CODE, &token, &code).await, REDEEMED);
}

#[tokio::test]
async fn a_wrong_code_consumes_nothing() {
    let app = App::new();
    let token = app.issue(&CODE);
    let code = app.tokens.code(&token).unwrap();
    let next = (code.parse::<u32>().unwrap() + 1) % 1_000_000;
    let others = [String::new(), format!("{next:06}"), code[..5].to_owned(), format!("{code}0"), "9".repeat(100_000)];
    for other in
        others.into_iter().chain(["abcdef", "\u{661}\u{662}\u{663}\u{664}\u{665}\u{666}", "-00001"].map(str::to_owned))
    {
        assert_eq!(redeem(&app, &CODE, &token, &other).await, INVALID, "{other:.10}");
    }
    assert_eq!(app.store.calls(), 0);
    // As some messages show it.
    let spaced = format!(" {} {}", &code[..3], &code[3..]);
    assert_eq!(redeem(&app, &CODE, &token, &spaced).await, REDEEMED);
}

#[tokio::test]
async fn a_token_with_a_code_is_not_redeemed_without_it_nor_one_without_a_code_with_one() {
    let app = App::new();
    let token = app.issue(&CODE);
    assert_eq!(outcome(app.tokens.verify(&CODE, token.as_str()).unwrap().redeem(STATE).await), MISUSE);
    let link = app.issue(&RESET);
    assert_eq!(redeem(&app, &RESET, &link, "123456").await, MISUSE);
    assert_eq!(outcome(app.tokens.code(&link).map(drop)), MISUSE);
    assert_eq!(app.store.calls(), 0);
}

#[tokio::test]
async fn a_token_with_a_code_is_not_one_of_the_same_purpose_without_a_code() {
    let app = App::new();
    let purpose = Purpose::new("invitation", 60 * SECOND).unwrap();
    let with_code = purpose.clone().with_code(6).unwrap();
    for (issued, expected) in [(&purpose, &with_code), (&with_code, &purpose)] {
        let token = app.issue(issued);
        assert_eq!(outcome(app.tokens.verify(expected, token.as_str()).map(drop)), INVALID);
    }
}

#[test]
fn every_code_is_equally_likely_and_leading_zeros_are_kept() {
    const CODES: usize = 20_000;
    let app = App::new();
    for digits in 6..=8_u8 {
        let purpose = CODE.with_code(digits).unwrap();
        let codes: Vec<_> = (0..CODES).map(|_| app.tokens.code(&app.issue(&purpose)).unwrap()).collect();
        assert!(codes.iter().all(|code| code.len() == usize::from(digits)));
        for place in 0..usize::from(digits) {
            let mut counts = [0_f64; 10];
            codes.iter().for_each(|code| counts[usize::from(code.as_bytes()[place] - b'0')] += 1.0);
            let expected = CODES as f64 / 10.0;
            let chi_square: f64 = counts.iter().map(|count| (count - expected).powi(2) / expected).sum();
            // With 9 degrees of freedom, a greater one has a probability of one in a billion.
            assert!(chi_square < 60.0, "{digits} digits, place {place}: {chi_square}");
        }
    }
}
