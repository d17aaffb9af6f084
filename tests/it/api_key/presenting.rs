//! Where a request has its key, and the responses to requests without a valid one.

use super::*;

#[tokio::test]
async fn key_is_read_from_api_key_and_bearer_and_the_header() {
    let fixture = Fixture::new();
    let key = fixture.create().await;
    let text = key.secret();
    for (name, value) in [
        ("authorization", format!("ApiKey {text}")),
        ("authorization", format!("apikey   {text}")),
        ("authorization", format!("APIKEY {text}")),
        ("authorization", format!("Bearer {text}")),
        ("authorization", format!("bearer {text}")),
        ("x-api-key", text.to_owned()),
    ] {
        let response = fixture.send(&[(name, &value)]).await;
        assert_eq!((response.status.as_u16(), &*response.body), (200, "ann"), "{name}: {value}");
    }
}

#[tokio::test]
async fn anything_else_is_no_credential() {
    let fixture = Fixture::new();
    let key = fixture.create().await;
    let text = key.secret();
    let query = format!("/?api_key={text}&access_token={text}");
    for (path, name, value) in [
        ("/", "authorization", "Bearer a.b.c".to_owned()),
        ("/", "authorization", format!("Basic {text}")),
        ("/", "authorization", format!("Bearer x{text}")),
        ("/", "x-other-key", text.to_owned()),
        ("/", "cookie", format!("key={text}")),
        (&query, "accept", "*/*".to_owned()),
    ] {
        let response = TestResponse::get(&fixture.app, path, &[(name, &value)]).await;
        assert_eq!(response.status, 401, "{name}: {value}");
        assert_eq!(response.denial.unwrap().code(), "credentials_missing", "{name}: {value}");
    }
    assert_eq!((fixture.handled(), fixture.store.finds()), (0, 0));
}

#[tokio::test]
async fn request_without_a_key_gets_the_challenge_without_an_error() {
    let fixture = Fixture::with(|builder| builder.realm("billing"));
    let response = fixture.send(&[]).await;
    assert_eq!((response.status.as_u16(), response.challenge()), (401, "ApiKey realm=\"billing\""));
    assert_eq!(response.headers["cache-control"], "no-store");
    assert_eq!(response.headers["content-type"], "application/problem+json");
    assert_eq!(fixture.handled(), 0);
}

#[tokio::test]
async fn two_keys_are_400_even_if_equal() {
    let fixture = Fixture::new();
    let key = fixture.create().await;
    let scheme = format!("ApiKey {}", key.secret());
    let bearer = format!("Bearer {}", key.secret());
    for headers in [
        &[("authorization", &*scheme), ("x-api-key", key.secret())][..],
        &[("authorization", &scheme), ("authorization", &scheme)],
        &[("authorization", &scheme), ("authorization", &bearer)],
        &[("x-api-key", key.secret()), ("x-api-key", key.secret())],
        &[("x-api-key", &format!("{0},{0}", key.secret()))],
    ] {
        let response = fixture.send(headers).await;
        assert_eq!((response.status.as_u16(), response.denial.unwrap().error()), (400, Some("invalid_request")));
    }
    assert_eq!(fixture.handled(), 0);
}

#[tokio::test]
async fn good_key_beside_a_bad_token_is_400() {
    let fixture = Fixture::new();
    let key = fixture.create().await;
    let response = fixture.send(&[("x-api-key", key.secret()), ("authorization", "Bearer bad")]).await;
    assert_eq!((response.status.as_u16(), fixture.handled()), (400, 0));
}

#[tokio::test]
async fn malformed_text_is_401_without_a_lookup_and_equals_an_unknown_key() {
    let fixture = Fixture::new();
    let key = fixture.create().await;
    let text = key.secret();
    let unknown = fixture.send_key(&unknown_key(7)).await;
    assert_eq!(fixture.store.finds(), 1);
    let wrong_secret = fixture.send_key(&with_wrong_secret(&key)).await;
    assert_eq!(fixture.store.finds(), 2);
    assert_eq!(fixture.status(text).await, 200);

    let other = if text.ends_with('0') { "1" } else { "0" };
    let wrong_checksum = format!("{}{other}", &text[..text.len() - 1]);
    let malformed = [
        wrong_checksum,
        text.replacen("acme_live", "acme_test", 1),
        text[..text.len() - 1].to_owned(),
        format!("{text}0"),
        text.replacen(&text[20..21], "-", 1),
        "x".to_owned(),
        format!("{text}{}", "0".repeat(600)),
    ];
    for text in malformed {
        let response = fixture.send_key(&text).await;
        for expected in [&unknown, &wrong_secret] {
            assert_eq!(response.status, expected.status, "{text}");
            assert_eq!(response.headers, expected.headers, "{text}");
            assert_eq!(response.body, expected.body, "{text}");
        }
    }
    assert_eq!((fixture.store.finds(), fixture.handled()), (2, 1));
}

#[tokio::test]
async fn invalid_key_gets_the_challenge_of_the_scheme_that_was_used() {
    let fixture = Fixture::new();
    let text = unknown_key(1);
    let error = "error=\"invalid_token\", error_description=\"the credential is invalid\"";
    for (name, value, scheme) in [
        ("authorization", format!("ApiKey {text}"), "ApiKey"),
        ("authorization", format!("BEARER {text}"), "Bearer"),
        ("x-api-key", text.clone(), "ApiKey"),
    ] {
        let response = fixture.send(&[(name, &value)]).await;
        assert_eq!(response.challenge(), format!("{scheme} realm=\"api\", {error}"));
        assert_eq!(response.denial.unwrap().code(), "credential_invalid");
    }
}

#[tokio::test]
async fn optional_layer_admits_no_key_and_rejects_an_invalid_one() {
    let fixture = Fixture::with(ApiKeyAuthBuilder::optional);
    assert_eq!(fixture.send(&[]).await.body, "anonymous");
    assert_eq!(fixture.status(&unknown_key(1)).await, 401);
    assert_eq!(fixture.status("x").await, 401);
    let strict = Fixture::new();
    let app = Router::new().route("/", any(|| async {})).layer(strict.keys.to_optional());
    assert_eq!(TestResponse::get(&app, "/", &[]).await.status, 200);
    assert_eq!(strict.send(&[]).await.status, 401);
}
