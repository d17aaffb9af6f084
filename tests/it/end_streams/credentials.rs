//! Credentials besides tokens, and what a stream does not depend on.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use portcullis::api_key::{MemoryKeys, NewApiKey};
use portcullis::gate::{AccountRefusal, LoadError};
use portcullis::revocation::Revocation;
use portcullis::session::{MemorySessions, Session};
use portcullis::{ApiKeyAuth, SessionAuth, UserContext};

use super::*;

const SSE: &str = "text/event-stream";
const YEAR: Duration = Duration::from_secs(365 * 86_400);

#[tokio::test(start_paused = true)]
async fn the_stream_of_an_api_key_ends_when_the_key_expires_or_is_revoked() {
    for (expires, revokes) in [(true, false), (false, true), (false, false)] {
        let clock = clock();
        let revocations = revocations(&clock);
        let store = MemoryKeys::new();
        let keys = ApiKeyAuth::builder().prefix("acme_live").store(store).revocations(&revocations);
        let keys = keys.clock(clock.clock()).build().unwrap();
        let mut new = NewApiKey::for_user(&UserContext::new("ann"));
        if expires {
            new = new.expires_in(LIFETIME);
        }
        let key = keys.create(new).await.unwrap();
        let (_producer, body) = Producer::new();
        let app = app(SSE, body, EndStreams::new()).layer(keys.clone());
        let mut task = receive(send(app, &format!("ApiKey {}", key.secret())).await.into_body());
        clock.advance(LIFETIME - Duration::from_secs(1));
        assert_open(&mut task).await;
        clock.advance(Duration::from_secs(2));
        if revokes {
            keys.revoke(key.record().id()).await.unwrap();
        }
        if !expires && !revokes {
            clock.advance(YEAR);
            assert_open(&mut task).await;
            continue;
        }
        assert_eq!(ends(task).await, clean(""));
    }
}

#[tokio::test(start_paused = true)]
async fn the_stream_of_a_session_ends_at_a_logout_and_the_absolute_timeout_but_not_when_it_is_idle() {
    for logs_out in [true, false] {
        let clock = clock();
        let revocations = Revocations::builder().clock(clock.clock()).max_token_lifetime(YEAR).build().unwrap();
        let store = MemorySessions::new().with_clock(clock.clock());
        let sessions = SessionAuth::builder().store(store).clock(clock.clock()).revocations(&revocations);
        let sessions = sessions.build().unwrap();
        let log_in = any(async |session: Session| session.log_in(UserContext::new("ann")).await.map(drop));
        let (_producer, body) = Producer::new();
        let app = app(SSE, body, EndStreams::new()).layer(sessions.clone());
        let app = app.merge(Router::new().route("/login", log_in).layer(sessions.to_optional()));
        let login = Request::post("/login").header("sec-fetch-site", "same-origin").body(Body::empty()).unwrap();
        let login = app.clone().oneshot(login).await.unwrap();
        let cookie = login.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        let request = Request::get("/").header("cookie", cookie).body(Body::empty()).unwrap();
        let response = app.oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        let mut task = receive(response.into_body());
        // Longer than the idle timeout.
        clock.advance(Duration::from_secs(3_600));
        assert_open(&mut task).await;
        if logs_out {
            revocations.revoke_by(Revocation::subject("", "ann")).await.unwrap();
        } else {
            clock.advance(YEAR);
        }
        assert_eq!(ends(task).await, clean(""));
    }
}

#[tokio::test(start_paused = true)]
async fn the_stream_of_an_anonymous_caller_is_not_ended() {
    let clock = clock();
    let (producer, body) = Producer::new();
    let auth = auth(&clock).optional().build().unwrap();
    let app = app(SSE, body, EndStreams::new().end_downloads()).layer(auth);
    let response = app.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
    let mut task = receive(response.into_body());
    clock.advance(YEAR);
    assert_open(&mut task).await;
    producer.send("all");
    drop(producer);
    assert_eq!(ends(task).await, clean("all"));
}

#[tokio::test(start_paused = true)]
async fn a_user_loader_that_would_reject_the_user_now_does_not_end_a_stream_but_the_credential_does() {
    let clock = clock();
    let revocations = revocations(&clock);
    let is_locked = Arc::new(AtomicBool::new(false));
    let locked = Arc::clone(&is_locked);
    // Another user than that of the token, as from a database: it has no expiry of its own.
    let load = move |_: UserContext| {
        let is_locked = locked.load(SeqCst);
        async move {
            if is_locked { Err(LoadError::refused(AccountRefusal::Locked)) } else { Ok(UserContext::new("row 7")) }
        }
    };
    let auth = auth(&clock).revocations(&revocations).load_user(load).build().unwrap();
    let (_producer, body) = open(SSE, auth.clone(), EndStreams::new()).await;
    let mut by_expiry = receive(body);
    let (_producer, body) = open(SSE, auth, EndStreams::new()).await;
    let mut by_revocation = receive(body);
    is_locked.store(true, SeqCst);
    assert_open(&mut by_expiry).await;
    assert_open(&mut by_revocation).await;
    clock.advance(LIFETIME + LEEWAY);
    assert_eq!((ends(by_expiry).await, ends(by_revocation).await), (clean(""), clean("")));
}

#[tokio::test(start_paused = true)]
async fn revocations_that_the_layer_knows_end_the_stream_of_a_custom_gate() {
    let clock = clock();
    let revocations = revocations(&clock);
    let ann = UserContext::new("ann").with_issuer(ISSUER);
    let (_producer, body) = Producer::new();
    let app = app(SSE, body, EndStreams::new().revocations(&revocations));
    let response = send(app.layer(portcullis::testing::as_user(ann)), "").await;
    let mut task = receive(response.into_body());
    assert_open(&mut task).await;
    revocations.revoke_by(Revocation::subject(ISSUER, "ann")).await.unwrap();
    assert_eq!(ends(task).await, clean(""));
}

#[tokio::test(start_paused = true)]
async fn revocations_that_only_end_streams_knows_end_the_stream_of_a_token_and_keep_its_leeway() {
    let clock = clock();
    let revocations = revocations(&clock);
    let layer = || EndStreams::new().revocations(&revocations);
    let auth = auth(&clock).build().unwrap();
    let (_producer, body) = open(SSE, auth.clone(), layer()).await;
    let mut task = receive(body);
    clock.advance(LIFETIME + LEEWAY - Duration::from_secs(1));
    assert_open(&mut task).await;
    clock.advance(Duration::from_secs(1));
    assert_eq!(ends(task).await, clean(""));

    clock.set_wall(*START);
    let (_producer, body) = open(SSE, auth, layer()).await;
    let mut task = receive(body);
    assert_open(&mut task).await;
    revocations.revoke_by(Revocation::subject(ISSUER, "ann")).await.unwrap();
    assert_eq!(ends(task).await, clean(""));
}

#[tokio::test(start_paused = true)]
async fn other_revocations_than_those_of_the_layer_that_authenticates_are_not_used() {
    let clock = clock();
    let (own, other) = (revocations(&clock), revocations(&clock));
    let auth = auth(&clock).revocations(&own).build().unwrap();
    let (_producer, body) = open(SSE, auth, EndStreams::new().revocations(&other)).await;
    let mut task = receive(body);
    other.revoke_by(Revocation::subject(ISSUER, "ann")).await.unwrap();
    assert_open(&mut task).await;
    own.revoke_by(Revocation::subject(ISSUER, "ann")).await.unwrap();
    assert_eq!(ends(task).await, clean(""));
}
