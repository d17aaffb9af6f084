//! Tokens of Okta's shape.

use portcullis::gate::TokenError;
use portcullis::{Issuer, Principal};
use serde_json::{Value, json};

use super::{Preset, roles, scopes, with};

async fn preset() -> Preset {
    let url = "https://dev-1.okta.com/oauth2/default/v1/keys";
    Preset::start(Issuer::okta("dev-1.okta.com", "default"), "api://default", url).await
}

fn of_a_user() -> Value {
    json!({
        "ver": 1, "jti": "AT.1", "iss": "https://dev-1.okta.com/oauth2/default", "aud": "api://default",
        "cid": "0oa1", "uid": "00u1", "scp": ["openid", "read:valuations"], "auth_time": 1_700_000_000,
        "sub": "ann@example.com", "groups": ["Everyone", "Editors"],
    })
}

#[tokio::test]
async fn a_token_of_okta_is_a_user_with_scopes_of_an_array_and_groups_for_roles() {
    let answer = preset().await.ask(json!({}), &of_a_user()).await;
    let user = answer.user();
    assert_eq!((user.id(), user.client_id()), ("ann@example.com", Some("0oa1")));
    assert_eq!(scopes(user), ["openid", "read:valuations"]);
    assert_eq!(roles(user), ["Everyone", "Editors"]);
    assert_eq!((user.principal(), user.token_id()), (Principal::User, Some("AT.1")));
}

#[tokio::test]
async fn a_machines_token_of_okta_is_a_client() {
    let changes = json!({"sub": "0oa1", "uid": null, "auth_time": null, "groups": null, "scp": ["read:valuations"]});
    let answer = preset().await.ask(json!({}), &with(&of_a_user(), changes)).await;
    assert_eq!((answer.user().id(), answer.user().principal()), ("0oa1", Principal::Client));
}

#[tokio::test]
async fn an_id_token_of_okta_is_refused() {
    let preset = preset().await;
    let changes =
        json!({"aud": "0oa1", "cid": null, "uid": null, "scp": null, "amr": ["pwd"], "idp": "00o1", "at_hash": "h"});
    preset.ask(json!({}), &with(&of_a_user(), changes)).await.refused_token(TokenError::Type);
    let changes = json!({"aud": "0oa1", "cid": null, "uid": null, "scp": null});
    preset.ask(json!({}), &with(&of_a_user(), changes)).await.refused_token(TokenError::Audience);
}

#[tokio::test]
async fn a_token_of_another_authorization_server_of_okta_is_refused() {
    let changes = json!({"iss": "https://dev-1.okta.com/oauth2/other"});
    preset().await.ask(json!({}), &with(&of_a_user(), changes)).await.refused_token(TokenError::Issuer);
}
