//! The preset for Amazon Cognito.

use portcullis::gate::TokenError;
use portcullis::{Issuer, Principal};
use serde_json::{Value, json};

use super::{Preset, roles, scopes, with_changes};

async fn preset() -> Preset {
    let url = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf123/.well-known/jwks.json";
    Preset::start(Issuer::cognito("eu-west-1", "eu-west-1_AbCdEf123"), "57cbishk4j24pabc1234567890", url).await
}

fn user_claims() -> Value {
    json!({
        "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "cognito:groups": ["editors"],
        "iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf123", "version": 2,
        "client_id": "57cbishk4j24pabc1234567890", "origin_jti": "o", "event_id": "e", "token_use": "access",
        "scope": "openid valuations/read", "auth_time": 1_700_000_000, "jti": "j", "username": "ann",
    })
}

#[tokio::test]
async fn cognito_access_token_has_client_id_as_audience_and_groups_as_roles() {
    let response = preset().await.send_token(json!({}), &user_claims()).await;
    let user = response.user();
    assert_eq!(user.id(), "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee");
    assert_eq!(user.client_id(), Some("57cbishk4j24pabc1234567890"));
    assert_eq!((roles(user), scopes(user)), (vec!["editors"], vec!["openid", "valuations/read"]));
    assert_eq!(user.principal(), Principal::User);
}

#[tokio::test]
async fn cognito_client_credentials_token_is_a_client() {
    // It has an `auth_time`, like the token of a user.
    let changes = json!({"sub": "57cbishk4j24pabc1234567890", "cognito:groups": null, "username": null,
        "origin_jti": null, "event_id": null, "scope": "valuations/read"});
    let response = preset().await.send_token(json!({}), &with_changes(&user_claims(), changes)).await;
    assert_eq!(response.user().principal(), Principal::Client);
}

#[tokio::test]
async fn cognito_token_with_another_or_no_client_id_is_rejected() {
    let preset = preset().await;
    let other = with_changes(&user_claims(), json!({"client_id": "other"}));
    preset.send_token(json!({}), &other).await.assert_invalid_token(TokenError::Audience);
    let without = with_changes(&user_claims(), json!({"client_id": null, "aud": "57cbishk4j24pabc1234567890"}));
    preset.send_token(json!({}), &without).await.assert_invalid_token(TokenError::claim_missing("client_id"));
}

#[tokio::test]
async fn cognito_id_token_is_rejected() {
    let preset = preset().await;
    let id_token = with_changes(
        &user_claims(),
        json!({"token_use": "id", "aud": "57cbishk4j24pabc1234567890", "email": "ann@example.com"}),
    );
    preset.send_token(json!({}), &id_token).await.assert_invalid_token(TokenError::Type);
    let unmarked = with_changes(&user_claims(), json!({"token_use": null}));
    preset.send_token(json!({}), &unmarked).await.assert_invalid_token(TokenError::Type);
}

#[tokio::test]
async fn cognito_region_of_china_has_another_domain() {
    let url = "https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_AbCdEf123/.well-known/jwks.json";
    let issuer = Issuer::cognito("cn-north-1", "cn-north-1_AbCdEf123");
    let preset = Preset::start(issuer, "57cbishk4j24pabc1234567890", url).await;
    let changes = json!({"iss": "https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_AbCdEf123"});
    assert_eq!(roles(preset.send_token(json!({}), &with_changes(&user_claims(), changes)).await.user()), ["editors"]);
}
