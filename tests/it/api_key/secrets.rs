//! No text of a key appears in a store, a log, a body, or the output of `Debug`.

use portcullis::api_key::Grace;

use super::*;
use crate::support::log_capture::LogCapture;

#[tokio::test]
async fn text_of_a_key_is_in_no_log_body_or_debug_output() {
    let logs = LogCapture::start();
    let fixture = Fixture::with(|builder| builder.pepper(*b"a pepper of at least 32 bytes...."));
    let key = fixture.create().await;
    let rotated = fixture.keys.rotate(key.id(), Grace::hours(1)).await.unwrap().unwrap();
    let wrong = with_wrong_secret(&key);
    let mut outputs = Vec::new();
    for text in [key.secret(), rotated.secret(), &wrong, &unknown_key(1), &key.secret()[..59]] {
        outputs.push(format!("{:?}", fixture.send_key(text).await));
        outputs.push(format!("{:?}", fixture.send(&[("authorization", &format!("Bearer {text}"))]).await));
    }
    fixture.store.set_down(true);
    fixture.clock.advance(60 * MINUTE);
    outputs.push(format!("{:?}", fixture.send_key(key.secret()).await));
    outputs.push(format!("{key:?} {:?} {:?} {:?}", key.record(), fixture.keys, ApiKeyAuth::builder().pepper([7; 32])));
    outputs.push(format!("{:?} {}", fixture.keys.find(key.id()).await, key.record().to_json()));
    outputs.push(logs.text());
    let secrets = [&key.secret()[22..54], &rotated.secret()[22..54], "a pepper", &"s".repeat(32), &"0".repeat(32)];
    for output in outputs {
        for secret in secrets {
            assert!(!output.contains(secret), "{output}");
        }
    }
    assert_eq!(format!("{key:?}"), format!("ApiKey(acme_live_{}....)", key.id()));
}

#[tokio::test]
async fn request_that_reaches_the_handler_has_its_header_marked_as_sensitive() {
    let fixture = Fixture::new();
    let key = fixture.create().await;
    let handler = |headers: axum::http::HeaderMap| async move { format!("{headers:?}") };
    let app = Router::new().route("/", any(handler)).layer(fixture.keys.clone());
    for (name, value) in [("authorization", format!("ApiKey {}", key.secret())), ("x-api-key", key.secret().to_owned())]
    {
        let response = TestResponse::get(&app, "/", &[(name, &value)]).await;
        assert_eq!(response.status, 200);
        assert!(response.body.contains("Sensitive") && !response.body.contains(key.secret()), "{}", response.body);
    }
}

#[tokio::test]
async fn store_gets_no_text_and_the_pepper_decides() {
    let clock = fake_clock();
    let store = TestStore::default();
    let with_pepper = |pepper: u8| Fixture::of(store.clone(), clock.clone(), |builder| builder.pepper([pepper; 32]));
    let first = with_pepper(1);
    let key = first.create().await;
    let stored = store.0.keys.find(key.id()).await.unwrap().unwrap().to_json();
    assert!(!stored.contains(&key.secret()[22..54]));
    let without = Fixture::of(store.clone(), clock.clone(), |builder| builder);
    let statuses = [&first, &with_pepper(2), &without];
    for (fixture, status) in statuses.into_iter().zip([200, 401, 401]) {
        assert_eq!(fixture.status(key.secret()).await, status);
    }
}

#[tokio::test]
async fn text_that_a_client_chooses_is_no_key() {
    let fixture = Fixture::new();
    let chosen = unknown_key(7);
    assert_eq!(fixture.status(&chosen).await, 401);
    assert_eq!(fixture.handled(), 0);
    let matches = |text: &str| {
        let rest = text.strip_prefix("acme_live_").unwrap_or_default();
        rest.len() == 50 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    assert_eq!(fixture.keys.pattern(), "acme_live_[0-9A-Za-z]{50}");
    assert!(matches(fixture.create().await.secret()));
}
