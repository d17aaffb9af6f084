//! `ApiKeyAuth` beside `JwtAuth`.

use portcullis::AnyOf;

use super::*;
use crate::support::tokens::{compatible_auth, token, valid_claims};

#[tokio::test]
async fn token_or_key_authenticates_and_a_401_names_both_schemes() {
    let fixture = Fixture::new();
    let key = fixture.create().await;
    let tokens = compatible_auth().build().unwrap();
    let auth = AnyOf::new((tokens, fixture.keys.clone())).unwrap();
    let handler = |user: UserContext| async move { user.credential().to_string() };
    let app = Router::new().route("/", any(handler)).layer(auth);
    let bearer = format!("Bearer {}", token(valid_claims().to_string()));
    let key_after_bearer = format!("Bearer {}", key.secret());
    for (name, value, body) in [
        ("authorization", &*bearer, "token"),
        ("authorization", &key_after_bearer, "api_key"),
        ("x-api-key", key.secret(), "api_key"),
    ] {
        assert_eq!(TestResponse::get(&app, "/", &[(name, value)]).await.body, body);
    }
    let schemes = |response: &TestResponse| {
        let values = response.headers.get_all("www-authenticate");
        values.iter().map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let none = TestResponse::get(&app, "/", &[]).await;
    assert_eq!(schemes(&none), ["Bearer realm=\"api\"", "ApiKey realm=\"api\""]);
    let invalid = TestResponse::get(&app, "/", &[("x-api-key", &unknown_key(1))]).await;
    let error = "error=\"invalid_token\", error_description=\"the credential is invalid\"";
    assert_eq!(schemes(&invalid), [&format!("ApiKey realm=\"api\", {error}"), "Bearer realm=\"api\""]);
    let both = TestResponse::get(&app, "/", &[("authorization", &bearer), ("x-api-key", key.secret())]).await;
    assert_eq!(both.status, 400);
}
