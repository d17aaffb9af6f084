//! Tokens whose `kid` no key at hand has: who may cause a fetch, and how often.

use axum::http::StatusCode;

use super::network::with_cache_control;
use super::{World, settle};
use crate::support::log_capture::LogCapture;

#[tokio::test]
async fn an_unknown_kid_costs_one_fetch_and_is_401_where_the_answer_has_no_such_key() {
    let world = World::new().await;
    let app = world.warm_app().await;
    assert_eq!(app.status(&world.of_kid("nobody")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(world.network.calls(), 2);
}

#[tokio::test]
async fn unknown_kids_cause_at_most_one_fetch_in_thirty_seconds() {
    let world = World::new().await;
    let app = world.warm_app().await;
    for (time, calls) in [(0.0, 2), (10.0, 2), (19.9, 2), (0.2, 3), (29.8, 3), (0.3, 4)] {
        world.advance(time);
        for n in 0..3 {
            let token = world.of_kid(&format!("{calls}-{time}-{n}"));
            assert_eq!(app.status(&token).await, StatusCode::UNAUTHORIZED);
        }
        assert_eq!(world.network.calls(), calls, "{time} s later");
    }
}

#[tokio::test]
async fn a_fetch_for_an_unknown_kid_counts_when_it_starts_however_it_ends() {
    let world = World::new().await;
    let app = world.warm_app().await;
    world.network.is_down();
    for (time, calls) in [(0.0, 2), (2.0, 2), (27.0, 2), (1.5, 3)] {
        world.advance(time);
        assert_eq!(app.status(&world.of_kid("new")).await, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(world.network.calls(), calls, "{time} s later");
    }
}

#[tokio::test]
async fn a_fetch_that_back_off_forbids_does_not_use_up_the_thirty_seconds() {
    let world = World::new().await;
    let set = world.issuer.jwks();
    world.network.answers(move |_| with_cache_control(&set, "max-age=86400"));
    let app = world.warm_app().await;
    world.network.is_down();
    for _ in 0..7 {
        world.advance(70.0);
        assert_eq!(app.status(&world.of_kid("new")).await, StatusCode::SERVICE_UNAVAILABLE);
    }
    assert_eq!(world.network.calls(), 8);
    world.advance(53.0);
    let response = app.ask(&world.of_kid("new")).await;
    assert_eq!(world.network.calls(), 8, "within the back-off of a minute");
    let wait: f64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    world.issuer.rotate();
    world.network.leads_to(&world.issuer);
    world.advance(wait);
    assert_eq!(app.status(&world.good()).await, StatusCode::OK, "no fetch was made for the request before");
}

#[tokio::test(start_paused = true)]
async fn concurrent_requests_share_the_fetch_for_a_new_key() {
    let world = World::new().await;
    let app = world.warm_app().await;
    world.issuer.rotate();
    world.network.hold();
    let requests: Vec<_> = (0..50)
        .map(|_| {
            let (app, token) = (app.clone(), world.good());
            tokio::spawn(async move { app.status(&token).await })
        })
        .collect();
    settle().await;
    assert_eq!(world.network.calls(), 2);
    world.network.release();
    for request in requests {
        assert_eq!(request.await.unwrap(), StatusCode::OK);
    }
    assert_eq!(world.network.calls(), 2);
}

#[tokio::test]
async fn a_kid_that_a_fetch_did_not_bring_causes_none_for_a_minute() {
    let world = World::new().await;
    let app = world.warm_app().await;
    assert_eq!(app.status(&world.of_kid("nobody")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(world.network.calls(), 2);
    world.advance(59.0);
    assert_eq!(app.status(&world.of_kid("nobody")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(world.network.calls(), 2);
    world.advance(2.0);
    assert_eq!(app.status(&world.of_kid("nobody")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(world.network.calls(), 3);
}

#[tokio::test]
async fn a_kid_noted_as_absent_is_accepted_once_any_fetch_brings_it() {
    let world = World::new().await;
    let app = world.warm_app().await;
    let early = world.network.calls();
    world.network.publishes(world.issuer.jwks());
    world.issuer.rotate();
    assert_eq!(app.status(&world.lasting()).await, StatusCode::UNAUTHORIZED, "signed before it was published");
    world.network.leads_to(&world.issuer);
    world.advance(31.0);
    assert_eq!(app.status(&world.of_kid("nobody")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(world.network.calls(), early + 2);
    assert_eq!(app.status(&world.good()).await, StatusCode::OK);
    assert_eq!(world.network.calls(), early + 2);
}

#[tokio::test]
async fn bad_signatures_under_a_known_kid_cause_no_fetch() {
    let world = World::new().await;
    let app = world.warm_app().await;
    let good = world.good();
    let (signed, signature) = good.rsplit_once('.').unwrap();
    for n in 0..200 {
        let mut forged = signature.as_bytes().to_vec();
        let place = n % 80;
        forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
        let token = format!("{signed}.{}", String::from_utf8(forged).unwrap());
        assert_eq!(app.status(&token).await, StatusCode::UNAUTHORIZED);
    }
    settle().await;
    assert_eq!(world.network.calls(), 1);
    assert_eq!(app.handled(), 0);
}

#[tokio::test]
async fn a_token_that_is_refused_for_its_claims_causes_no_fetch() {
    let world = World::new().await;
    let app = world.warm_app().await;
    let of = || world.issuer.token("eve").header("kid", "nobody");
    for token in [of().audience("other"), of().audience("api").expired(), of().audience("api").header("typ", "JWT")] {
        assert_eq!(app.status(&token.sign()).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(world.network.calls(), 1);
}

#[tokio::test]
async fn a14_no_kid_of_a_token_reaches_the_log_whatever_it_holds() {
    let world = World::new().await;
    let app = world.app();
    let log = LogCapture::start();
    for kid in ["' OR 1=1--", "../../dev/null", "line\r\nbreak", "kid-of-nobody", "\u{202e}txt"] {
        let token = world.issuer.token("ann").audience("api").header("kid", kid).sign();
        assert_eq!(app.status(&token).await, StatusCode::UNAUTHORIZED, "{kid}");
    }
    let text = log.text();
    for part in ["OR 1=1", "dev/null", "line", "break", "kid-of-nobody", "txt"] {
        assert!(!text.contains(part), "{part} in {text}");
    }
    assert!(log.count("request rejected") >= 5, "{text}");
}
