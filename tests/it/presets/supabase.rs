//! The preset for Supabase.

use portcullis::gate::TokenError;
use portcullis::{Issuer, JwtAuth, Principal};
use serde_json::{Value, json};

use super::{Preset, roles, with_changes};

const KEYS_URL: &str = "https://abcdefghijklmnopqrst.supabase.co/auth/v1/.well-known/jwks.json";

async fn preset(issuer: Issuer) -> Preset {
    Preset::start_with(JwtAuth::builder().issuer(issuer), KEYS_URL).await
}

fn supabase() -> Issuer {
    Issuer::supabase("abcdefghijklmnopqrst")
}

/// Made from documentation: the JWT claims reference and the custom access token hook.
fn user_claims() -> Value {
    json!({
        "aal": "aal1", "amr": [{"method": "password", "timestamp": 1_640_991_600}],
        "app_metadata": {"provider": "email", "providers": ["email"]}, "aud": "authenticated",
        "email": "ann@example.com", "is_anonymous": false,
        "iss": "https://abcdefghijklmnopqrst.supabase.co/auth/v1", "phone": "", "role": "authenticated",
        "session_id": "123e4567-e89b-12d3-a456-426614174001", "sub": "123e4567-e89b-12d3-a456-426614174000",
        "user_metadata": {"email_verified": true, "name": "Ann"},
    })
}

#[tokio::test]
async fn supabase_user_token_is_accepted_with_amr_of_objects() {
    let response = preset(supabase()).await.send_token(json!({"typ": "JWT"}), &user_claims()).await;
    let user = response.user();
    assert_eq!(user.id(), "123e4567-e89b-12d3-a456-426614174000");
    assert_eq!(user.amr().collect::<Vec<_>>(), ["password"]);
    assert_eq!((user.acr(), user.email()), (Some("aal1"), Some("ann@example.com")));
    assert_eq!(user.session_id(), Some("123e4567-e89b-12d3-a456-426614174001"));
    assert_eq!((roles(user), user.principal()), (vec!["authenticated"], Principal::User));
    assert!(!user.email_verified(), "users can edit their metadata");
}

#[tokio::test]
async fn supabase_token_of_a_custom_domain_is_accepted() {
    let url = "https://auth.example.com/auth/v1/.well-known/jwks.json";
    let builder = JwtAuth::builder().issuer(Issuer::supabase_at("https://auth.example.com"));
    let preset = Preset::start_with(builder, url).await;
    let claims = with_changes(&user_claims(), json!({"iss": "https://auth.example.com/auth/v1"}));
    assert_eq!(preset.send_token(json!({"typ": "JWT"}), &claims).await.user().acr(), Some("aal1"));
}

#[tokio::test]
async fn supabase_anonymous_user_is_rejected_unless_allowed() {
    let claims = with_changes(&user_claims(), json!({"is_anonymous": true, "email": ""}));
    let rejected = preset(supabase()).await.send_token(json!({"typ": "JWT"}), &claims).await;
    rejected.assert_invalid_token(TokenError::claim_mismatch("is_anonymous"));
    let allowed = preset(supabase().allow_anonymous_users()).await.send_token(json!({"typ": "JWT"}), &claims).await;
    assert_eq!(allowed.user().email(), None);
}

#[tokio::test]
async fn supabase_project_keys_are_rejected() {
    // Made from documentation: the API keys `anon` and `service_role` are tokens without a subject.
    let keys = json!({"ref": "abcdefghijklmnopqrst", "sub": null, "aud": null, "session_id": null, "amr": null,
        "aal": null, "email": null, "is_anonymous": null});
    let preset = preset(supabase()).await;
    for role in ["anon", "service_role"] {
        let claims = with_changes(&with_changes(&user_claims(), keys.clone()), json!({"role": role}));
        let response = preset.send_token(json!({"typ": "JWT"}), &claims).await;
        response.assert_invalid_token(TokenError::claim_missing("aud"));
        let with_audience = with_changes(&claims, json!({"aud": "authenticated"}));
        let response = preset.send_token(json!({"typ": "JWT"}), &with_audience).await;
        response.assert_invalid_token(TokenError::claim_missing("sub"));
        let of_supabase = with_changes(&claims, json!({"iss": "supabase"}));
        let response = preset.send_token(json!({"typ": "JWT"}), &of_supabase).await;
        response.assert_invalid_token(TokenError::Issuer);
    }
}

#[tokio::test]
async fn supabase_token_with_another_audience_or_issuer_is_rejected() {
    let preset = preset(supabase()).await;
    for (changes, error) in [
        (json!({"aud": "anon"}), TokenError::Audience),
        (json!({"iss": "https://other.supabase.co/auth/v1"}), TokenError::Issuer),
    ] {
        let response = preset.send_token(json!({"typ": "JWT"}), &with_changes(&user_claims(), changes)).await;
        response.assert_invalid_token(error);
    }
}
