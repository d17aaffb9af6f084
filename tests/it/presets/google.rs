//! Google, whose ID tokens are the credentials.

use portcullis::gate::TokenError;
use portcullis::{Issuer, Principal};
use serde_json::{Value, json};

use super::{Preset, with};

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

fn jwt() -> Value {
    json!({"typ": "JWT"})
}

#[tokio::test]
async fn an_id_token_of_google_is_a_user_by_both_spellings_of_the_issuer() {
    let preset = preset().await;
    for iss in ["https://accounts.google.com", "accounts.google.com"] {
        let answer = preset.ask(jwt(), &with(&id_token(), json!({ "iss": iss }))).await;
        let user = answer.user();
        assert_eq!(user.id(), "10769150350006150715113082367");
        // One issuer, whatever it calls itself: users are told apart by issuer and id.
        assert_eq!(user.issuer(), Some("https://accounts.google.com"));
        assert_eq!((user.email(), user.name()), (Some("ann@example.com"), Some("Ann")));
        assert_eq!((user.principal(), user.scopes().is_empty()), (Principal::User, true));
    }
}

#[tokio::test]
async fn no_third_spelling_of_google_is_accepted() {
    for iss in ["http://accounts.google.com", "https://accounts.google.com/", "ACCOUNTS.google.com", "google.com"] {
        let answer = preset().await.ask(jwt(), &with(&id_token(), json!({ "iss": iss }))).await;
        answer.refused_token(TokenError::Issuer);
    }
}

#[tokio::test]
async fn an_id_token_for_another_client_of_google_is_refused() {
    let changes = json!({"aud": "other.apps.googleusercontent.com"});
    preset().await.ask(jwt(), &with(&id_token(), changes)).await.refused_token(TokenError::Audience);
}
