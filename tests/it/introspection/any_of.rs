//! Opaque tokens beside JWTs and API keys.

use portcullis::api_key::{MemoryKeys, NewApiKey};
use portcullis::testing::TokenBuilder;
use portcullis::{AnyOf, ApiKeyAuth, Issuer, JwtAuth};

use super::*;

const HS_SECRET: [u8; 32] = *b"a secret of at least 32 bytes...";

fn jwt_auth() -> JwtAuth {
    JwtAuth::builder().issuer(Issuer::hs256(ISSUER, HS_SECRET).first_party()).audience(API).build().unwrap()
}

fn jwt() -> String {
    TokenBuilder::first_party(ISSUER, HS_SECRET, "ann").audience(API).sign()
}

fn app(layer: impl FnOnce(Router) -> Router) -> Router {
    let handler = async |user: UserContext| format!("{} {} {}", user.credential(), user.issuer().unwrap(), user.id());
    layer(Router::new().route("/", any(handler)))
}

async fn send(app: &Router, token: &str) -> TestResponse {
    TestResponse::get(app, "/", &[("authorization", &format!("Bearer {token}"))]).await
}

#[tokio::test]
async fn token_in_jwt_form_is_not_sent_to_the_endpoint_if_a_jwt_gate_reads_it() {
    let fixture = Fixture::new().await;
    fixture.server.add("opaque", &json!({}));
    fixture.server.add("a.b.c", &json!({}));
    for auth in [
        app(|router| router.layer(AnyOf::new((jwt_auth(), fixture.auth.clone())).unwrap())),
        app(|router| router.layer(AnyOf::new((fixture.auth.clone(), jwt_auth())).unwrap())),
    ] {
        assert_eq!(send(&auth, &jwt()).await.status, 200);
        assert_eq!(send(&auth, "a.b.c").await.status, 401);
        assert_eq!(send(&auth, "opaque").await.status, 200);
    }
    assert_eq!(fixture.server.calls(), 1, "the opaque token, which is cached");
}

#[tokio::test]
async fn token_in_jwt_form_is_introspected_without_a_jwt_gate() {
    let fixture = Fixture::new().await;
    let jwt = jwt();
    fixture.server.add(&jwt, &json!({}));
    assert_eq!((fixture.status(&jwt).await, fixture.server.calls()), (200, 1));
}

#[tokio::test]
async fn key_with_the_prefix_goes_to_its_gate_and_any_other_text_to_the_endpoint() {
    let fixture = Fixture::new().await;
    let keys = ApiKeyAuth::builder().prefix("acme_live").store(MemoryKeys::new()).build().unwrap();
    let key = keys.create(NewApiKey::for_user(&UserContext::new("ann").with_issuer(ISSUER))).await.unwrap();
    let any_of = AnyOf::new((keys, jwt_auth(), fixture.auth.clone())).unwrap();
    let app = app(|router| router.layer(any_of));
    assert_eq!(send(&app, key.secret()).await.body, format!("api_key {ISSUER} ann"));
    assert_eq!(fixture.server.calls(), 0);
    for (calls, text) in ["acme_test_1", "a", "a.b", "a.b.c.d", "~+/=="].into_iter().enumerate() {
        assert_eq!(send(&app, text).await.status, 401, "{text}");
        assert_eq!(fixture.server.calls(), calls + 1, "{text}");
    }
}

#[tokio::test]
async fn user_is_the_same_whatever_the_credential() {
    let fixture = Fixture::new().await;
    fixture.server.add("opaque", &json!({}));
    let any_of = AnyOf::new((jwt_auth(), fixture.auth.clone())).unwrap();
    let app = app(|router| router.layer(any_of));
    let expected = format!("token {ISSUER} ann");
    assert_eq!((send(&app, &jwt()).await.body, send(&app, "opaque").await.body), (expected.clone(), expected));
}

#[tokio::test]
async fn two_gates_for_any_text_are_an_error() {
    let fixture = Fixture::new().await;
    let error = AnyOf::new((fixture.auth.clone(), fixture.auth)).unwrap_err();
    assert_eq!(error.issues()[0].value(), Some("Bearer"));
}

#[tokio::test]
async fn outage_of_the_server_rejects_no_jwt() {
    let fixture = Fixture::new().await;
    fixture.server.fail_with(Some(StatusCode::BAD_GATEWAY));
    let any_of = AnyOf::new((jwt_auth(), fixture.auth.clone())).unwrap();
    let app = app(|router| router.layer(any_of));
    assert_eq!(
        (send(&app, "opaque").await.status, send(&app, &jwt()).await.status),
        (503.try_into().unwrap(), 200.try_into().unwrap())
    );
}
