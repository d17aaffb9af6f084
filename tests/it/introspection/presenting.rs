//! Where a token is read, and the challenges.

use super::*;

#[tokio::test]
async fn request_without_a_token_gets_401_with_a_challenge_without_an_error() {
    let fixture = Fixture::with(|builder| builder.realm("billing")).await;
    for headers in [&[][..], &[("authorization", "Basic YTpi")], &[("x-api-key", "k")], &[("authorization", "Token t")]]
    {
        let response = TestResponse::get(&fixture.app, "/", headers).await;
        assert_eq!((response.status.as_u16(), response.challenge()), (401, r#"Bearer realm="billing""#), "{headers:?}");
        assert_eq!(response.headers["cache-control"], "no-store");
        assert_eq!(response.headers["content-type"], "application/problem+json");
    }
    assert_eq!((fixture.server.calls(), fixture.handled.load(SeqCst)), (0, 0));
}

#[tokio::test]
async fn inactive_token_gets_401_with_invalid_token() {
    let fixture = Fixture::new().await;
    let response = fixture.send("t").await;
    let challenge = r#"Bearer realm="api", error="invalid_token", error_description="the token is not active""#;
    assert_eq!((response.status.as_u16(), response.challenge()), (401, challenge));
    assert_eq!(response.headers["content-type"], "application/problem+json");
    assert_eq!(fixture.handled.load(SeqCst), 0);
}

#[tokio::test]
async fn token_in_the_query_is_no_credential() {
    let fixture = Fixture::new().await;
    fixture.server.add("t", &json!({}));
    let response = TestResponse::get(&fixture.app, "/?access_token=t", &[]).await;
    assert_eq!(response.denial.unwrap().code(), "credentials_missing");
    assert_eq!(fixture.server.calls(), 0);
}

#[tokio::test]
async fn two_tokens_get_400_even_if_they_are_equal() {
    let fixture = Fixture::new().await;
    fixture.server.add("t", &json!({}));
    assert_eq!(fixture.status("t").await, 200);
    for headers in [
        [("authorization", "Bearer t"), ("authorization", "Bearer t")],
        [("authorization", "Bearer t"), ("authorization", "Basic YTpi")],
    ] {
        let response = TestResponse::get(&fixture.app, "/", &headers).await;
        assert_eq!(response.status, 400);
        assert_eq!(response.denial.unwrap().code(), "credential_repeated");
    }
}

#[tokio::test]
async fn scheme_is_accepted_in_any_letter_case() {
    let fixture = Fixture::new().await;
    fixture.server.add("t", &json!({}));
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let response = TestResponse::get(&fixture.app, "/", &[("authorization", &format!("{scheme} t"))]).await;
        assert_eq!(response.status, 200, "{scheme}");
    }
    assert_eq!(fixture.server.calls(), 1);
}

#[tokio::test]
async fn optional_layer_admits_requests_without_a_token_and_rejects_an_invalid_one() {
    let fixture = Fixture::with(IntrospectionAuthBuilder::optional).await;
    assert_eq!(TestResponse::get(&fixture.app, "/", &[]).await.body, "anonymous");
    assert_eq!(fixture.status("t").await, 401);
    let strict = Fixture::new().await;
    let handler = async |user: Option<UserContext>| if user.is_some() { "user" } else { "anonymous" };
    let open = Router::new().route("/", any(handler)).layer(strict.auth.to_optional());
    assert_eq!(TestResponse::get(&open, "/", &[]).await.body, "anonymous");
    strict.server.add("t", &json!({}));
    assert_eq!(strict.status("t").await, 200);
    assert_eq!(TestResponse::get(&open, "/", &[("authorization", "Bearer t")]).await.body, "user");
    assert_eq!(strict.server.calls(), 1, "both share the cache");
}
