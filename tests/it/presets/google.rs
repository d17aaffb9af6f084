//! The preset for Google, whose ID tokens are the credentials.

use portcullis::gate::TokenError;
use portcullis::{Issuer, Principal};
use serde_json::{Value, json};

use super::{Preset, with_changes};

async fn preset() -> Preset {
    let url = "https://www.googleapis.com/oauth2/v3/certs";
    Preset::start(Issuer::google(), "1234987819200.apps.googleusercontent.com", url).await
}

fn id_token() -> Value {
    json!({
        "iss": "https://accounts.google.com", "azp": "1234987819200.apps.googleusercontent.com",
        "aud": "1234987819200.apps.googleusercontent.com", "sub": "10769150350006150715113082367", "at_hash": "HK6E",
        "nonce": "n", "email": "ann@example.com", "email_verified": true, "name": "Ann", "picture": "https://p.example/a",
    })
}

fn jwt_header() -> Value {
    json!({"typ": "JWT"})
}

#[tokio::test]
async fn google_id_token_is_accepted_with_both_issuer_forms() {
    let preset = preset().await;
    for iss in ["https://accounts.google.com", "accounts.google.com"] {
        let response = preset.send_token(jwt_header(), &with_changes(&id_token(), json!({ "iss": iss }))).await;
        let user = response.user();
        assert_eq!(user.id(), "10769150350006150715113082367");
        // Both forms yield the same issuer, so that issuer and id identify a user.
        assert_eq!(user.issuer(), Some("https://accounts.google.com"));
        assert_eq!((user.email(), user.name()), (Some("ann@example.com"), Some("Ann")));
        assert_eq!((user.principal(), user.scopes().is_empty()), (Principal::User, true));
    }
}

#[tokio::test]
async fn google_id_token_with_another_issuer_form_is_rejected() {
    for iss in ["http://accounts.google.com", "https://accounts.google.com/", "ACCOUNTS.google.com", "google.com"] {
        let response = preset().await.send_token(jwt_header(), &with_changes(&id_token(), json!({ "iss": iss }))).await;
        response.assert_invalid_token(TokenError::Issuer);
    }
}

#[tokio::test]
async fn google_id_token_for_another_client_is_rejected() {
    let changes = json!({"aud": "other.apps.googleusercontent.com"});
    preset()
        .await
        .send_token(jwt_header(), &with_changes(&id_token(), changes))
        .await
        .assert_invalid_token(TokenError::Audience);
}

#[tokio::test]
async fn google_workspace_domain_is_the_tenant() {
    let claims = with_changes(&id_token(), json!({"hd": "example.com"}));
    assert_eq!(preset().await.send_token(jwt_header(), &claims).await.user().tenant(), Some("example.com"));
}
