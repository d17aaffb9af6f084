//! The preset for Okta.

use portcullis::gate::TokenError;
use portcullis::{Issuer, Principal};
use serde_json::{Value, json};

use super::{Preset, roles, scopes, with_changes};

async fn preset() -> Preset {
    let url = "https://dev-1.okta.com/oauth2/default/v1/keys";
    Preset::start(Issuer::okta("dev-1.okta.com", "default"), "api://default", url).await
}

fn user_claims() -> Value {
    json!({
        "ver": 1, "jti": "AT.1", "iss": "https://dev-1.okta.com/oauth2/default", "aud": "api://default",
        "cid": "0oa1", "uid": "00u1", "scp": ["openid", "read:valuations"], "auth_time": 1_700_000_000,
        "sub": "ann@example.com", "groups": ["Everyone", "Editors"],
    })
}

#[tokio::test]
async fn okta_user_token_has_scopes_from_an_array_and_groups_as_roles() {
    let response = preset().await.send_token(json!({}), &user_claims()).await;
    let user = response.user();
    assert_eq!((user.id(), user.client_id()), ("ann@example.com", Some("0oa1")));
    assert_eq!(scopes(user), ["openid", "read:valuations"]);
    assert_eq!(roles(user), ["Everyone", "Editors"]);
    assert_eq!((user.principal(), user.token_id()), (Principal::User, Some("AT.1")));
}

#[tokio::test]
async fn okta_client_credentials_token_is_a_client() {
    let changes = json!({"sub": "0oa1", "uid": null, "auth_time": null, "groups": null, "scp": ["read:valuations"]});
    let response = preset().await.send_token(json!({}), &with_changes(&user_claims(), changes)).await;
    assert_eq!((response.user().id(), response.user().principal()), ("0oa1", Principal::Client));
}

#[tokio::test]
async fn okta_id_token_is_rejected() {
    let preset = preset().await;
    let changes =
        json!({"aud": "0oa1", "cid": null, "uid": null, "scp": null, "amr": ["pwd"], "idp": "00o1", "at_hash": "h"});
    preset.send_token(json!({}), &with_changes(&user_claims(), changes)).await.assert_invalid_token(TokenError::Type);
    let changes = json!({"aud": "0oa1", "cid": null, "uid": null, "scp": null});
    preset
        .send_token(json!({}), &with_changes(&user_claims(), changes))
        .await
        .assert_invalid_token(TokenError::Audience);
}

#[tokio::test]
async fn okta_token_of_another_authorization_server_is_rejected() {
    let changes = json!({"iss": "https://dev-1.okta.com/oauth2/other"});
    preset()
        .await
        .send_token(json!({}), &with_changes(&user_claims(), changes))
        .await
        .assert_invalid_token(TokenError::Issuer);
}
