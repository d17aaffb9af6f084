//! What kind of token it is (RFC 9068, RFC 8725 §3.11, §3.12).

use portcullis::gate::TokenError;
use portcullis::testing::TestIssuer;
use portcullis::{Algorithm, Issuer, JwtAuth, Principal, Profile};
use serde_json::{Value, json};

use crate::support::protected_app::ProtectedApp;
use crate::support::tokens::{
    AUDIENCE, HEADER, ISSUER, SECRET, both, claims, claims_with, claims_without, compatible, guarded, mac, now, signed,
    token,
};

fn typed(typ: &str, claims: &Value) -> String {
    signed(json!({"alg": "HS256", "typ": typ}).to_string(), claims.to_string())
}

fn honest_with(more: Value) -> Value {
    let mut claims = claims();
    let Value::Object(more) = more else { panic!("no object: {more}") };
    claims.as_object_mut().unwrap().extend(more);
    claims
}

#[tokio::test]
async fn t_9068_01_typ_is_at_jwt_and_nothing_else() {
    for typ in ["at+jwt", "application/at+jwt", "AT+JWT"] {
        assert!(guarded().ask(&typed(typ, &claims())).await.handled, "{typ}");
    }
    for typ in ["JWT", "jwt", "", "at+jwt ", "text/at+jwt", "id+jwt"] {
        guarded().ask(&typed(typ, &claims())).await.refused_token(TokenError::Type);
    }
    guarded().ask(&signed(r#"{"alg":"HS256"}"#, claims().to_string())).await.refused_token(TokenError::Type);
}

#[tokio::test]
async fn t_9068_01_the_compatible_profile_takes_an_untyped_token() {
    let stack = ProtectedApp::behind(compatible().build().unwrap());
    for header in [r#"{"alg":"HS256"}"#, r#"{"alg":"HS256","typ":"JWT"}"#, HEADER] {
        assert!(stack.ask(&signed(header, claims().to_string())).await.handled, "{header}");
    }
}

#[tokio::test]
async fn t_9068_02_the_issuer_is_compared_exactly() {
    for near in ["https://issuer.example.com/", "https://ISSUER.example.com", "http://issuer.example.com"] {
        let text = json!(near).to_string();
        guarded().ask(&token(claims_with("iss", &text))).await.refused_token(TokenError::Issuer);
    }
}

#[tokio::test]
async fn t_9068_03_the_audience_must_name_this_app() {
    let text = "\"https://other.example.com\"";
    guarded().ask(&token(claims_with("aud", text))).await.refused_token(TokenError::Audience);
}

#[tokio::test]
async fn t_9068_04_alg_none_is_refused_and_a_key_of_anyone_else_too() {
    let unsigned = signed(r#"{"alg":"none","typ":"at+jwt"}"#, claims().to_string());
    guarded().ask(&unsigned).await.refused_token(TokenError::Algorithm);
    let foreign = mac(&[9; 32], HEADER, claims().to_string());
    guarded().ask(&foreign).await.refused_token(TokenError::Signature);
}

#[tokio::test]
async fn t_9068_05_an_expired_token_is_refused_and_leeway_is_a_few_minutes_at_most() {
    let past = (now() - 61).to_string();
    guarded().ask(&token(claims_with("exp", &past))).await.refused_token(TokenError::Expired);
    let error = crate::support::tokens::strict().leeway(std::time::Duration::from_secs(301)).build().unwrap_err();
    assert_eq!(error.issues()[0].setting(), "leeway");
}

#[tokio::test]
async fn t_9068_06_every_such_failure_has_the_code_invalid_token() {
    let failures = [
        typed("JWT", &claims()),
        token(claims_with("iss", "\"https://evil.example\"")),
        token(claims_with("aud", "\"https://evil.example\"")),
        signed(r#"{"alg":"none","typ":"at+jwt"}"#, claims().to_string()),
        token(claims_with("exp", "1700000000")),
        mac(&[9; 32], HEADER, claims().to_string()),
    ];
    for failure in failures {
        let answer = guarded().ask(&failure).await;
        assert_eq!(answer.head.status, 401);
        assert!(answer.challenge().unwrap().contains(r#"error="invalid_token""#));
    }
}

#[tokio::test]
async fn t_9068_07_each_required_claim_is_required() {
    for name in ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"] {
        guarded().ask(&token(claims_without(name))).await.refused_token(TokenError::ClaimMissing(name));
        assert!(!guarded().ask(&token(claims_with(name, "null"))).await.handled, "{name}");
    }
}

#[tokio::test]
async fn t_9068_08_scope_roles_groups_and_entitlements_are_read_and_acr_amr_auth_time_may_be_absent() {
    let map = portcullis::ClaimMap::new().roles(["roles", "groups"]).permissions(["entitlements"]);
    let issuer = Issuer::hs256(ISSUER, SECRET).profile(Profile::Rfc9068).claims(map);
    let stack = ProtectedApp::behind(JwtAuth::builder().issuer(issuer).audience(AUDIENCE).build().unwrap());
    let answer = stack
        .ask(&token(
            honest_with(json!({
                "scope": "read write",
                "roles": [{"value": "editor", "display": "Editor"}],
                "groups": ["staff"],
                "entitlements": [{"value": "export:report"}],
                "acr": "urn:level:2", "amr": ["pwd", "otp"], "auth_time": 1_700_000_000,
            }))
            .to_string(),
        ))
        .await;
    let user = answer.user();
    assert_eq!(user.scopes().iter().collect::<Vec<_>>(), ["read", "write"]);
    assert_eq!(user.roles().collect::<Vec<_>>(), ["editor", "staff"]);
    assert_eq!(user.permissions().collect::<Vec<_>>(), ["export:report"]);
    assert_eq!((user.acr(), user.amr().collect::<Vec<_>>()), (Some("urn:level:2"), vec!["pwd", "otp"]));
    assert_eq!(user.auth_time(), std::time::UNIX_EPOCH.checked_add(std::time::Duration::from_secs(1_700_000_000)));
    let bare = stack.ask(&token(claims().to_string())).await;
    assert_eq!((bare.user().acr(), bare.user().auth_time(), bare.user().amr().count()), (None, None, 0));
}

#[tokio::test]
async fn t_9068_09_rs256_is_supported_without_asking_for_it() {
    let issuer = TestIssuer::start_with(Algorithm::Rs256, portcullis::clock::Clock::system()).await.unwrap();
    let trust = Issuer::jwks_document(issuer.url(), issuer.jwks());
    let stack = ProtectedApp::behind(JwtAuth::builder().issuer(trust).audience(AUDIENCE).build().unwrap());
    assert_eq!(stack.ask(&issuer.token("ann").audience(AUDIENCE).sign()).await.user().id(), "ann");
}

#[tokio::test]
async fn t_9068_11_a_subject_equal_to_its_client_is_a_client_unless_the_token_speaks_of_a_user() {
    let stack = guarded();
    let machine = json!({"sub": "client-1"});
    let principal = async |more: Value| {
        let mut claims = honest_with(machine.clone());
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        stack.ask(&token(claims.to_string())).await.user().principal()
    };
    assert_eq!(principal(json!({})).await, Principal::Client);
    assert_eq!(principal(json!({"scope": "read"})).await, Principal::Client);
    for marker in
        [json!({"auth_time": 1}), json!({"email": "a@example.com"}), json!({"amr": ["pwd"]}), json!({"sid": "s"})]
    {
        assert_eq!(principal(marker.clone()).await, Principal::User, "{marker}");
    }
    assert_eq!(stack.ask(&token(claims().to_string())).await.user().principal(), Principal::User);
}

#[tokio::test]
async fn t_bcp_10_a_type_that_is_there_must_be_the_expected_one_and_a_media_type_has_no_case() {
    let stack = ProtectedApp::behind(compatible().build().unwrap());
    for typ in ["application/jwt", "Application/AT+JWT", "jwt"] {
        assert!(stack.ask(&typed(typ, &claims())).await.handled, "{typ}");
    }
    for typ in ["rt+jwt", "kb+jwt", "entity-statement+jwt", "x/jwt", "application/application/jwt", ""] {
        stack.ask(&typed(typ, &claims())).await.refused_token(TokenError::Type);
    }
    let not_text = signed(r#"{"alg":"HS256","typ":["at+jwt"]}"#, claims().to_string());
    stack.ask(&not_text).await.refused_token(TokenError::Header);
}

/// Tokens that the same issuer signs for something else, by what they are.
fn foreign_kinds() -> Vec<(&'static str, String)> {
    let events = |event: &str| json!({"events": {event: {}}});
    let mut id_token = honest_with(json!({"nonce": "n", "at_hash": "h", "auth_time": now()}));
    id_token.as_object_mut().unwrap().remove("client_id");
    vec![
        ("an ID token", typed("JWT", &id_token)),
        (
            "a logout token",
            typed("logout+jwt", &honest_with(events("http://schemas.openid.net/event/backchannel-logout"))),
        ),
        (
            "an untyped logout token",
            typed("JWT", &honest_with(events("http://schemas.openid.net/event/backchannel-logout"))),
        ),
        ("a security event token", typed("secevent+jwt", &honest_with(events("urn:example:event")))),
        ("a security event token that says at+jwt", typed("at+jwt", &honest_with(events("urn:example:event")))),
        ("a DPoP proof", typed("dpop+jwt", &honest_with(json!({"htm": "GET", "htu": AUDIENCE})))),
        ("an untyped DPoP proof", typed("JWT", &honest_with(json!({"htm": "GET", "htu": AUDIENCE})))),
        (
            "an introspection answer",
            typed("token-introspection+jwt", &honest_with(json!({"token_introspection": {"active": true}}))),
        ),
        ("a client assertion", typed("client-authentication+jwt", &honest_with(json!({"sub": "client-1"})))),
        ("a refresh token", typed("refresh+jwt", &claims())),
    ]
}

#[tokio::test]
async fn t_bcp_11_a32_a_token_of_another_kind_is_no_access_token_by_either_profile() {
    for (name, token) in foreign_kinds() {
        for stack in both() {
            let answer = stack.ask(&token).await;
            assert!(!answer.handled, "{name}");
            answer.refused_token(TokenError::Type);
        }
    }
}

#[tokio::test]
async fn a32_an_access_token_is_no_id_token() {
    let issuer = Issuer::hs256(ISSUER, SECRET).profile(Profile::IdToken);
    let stack = ProtectedApp::behind(JwtAuth::builder().issuer(issuer).audience(AUDIENCE).build().unwrap());
    stack.ask(&typed("at+jwt", &claims())).await.refused_token(TokenError::Type);
    stack.ask(&typed("JWT", &honest_with(json!({"scope": "read"})))).await.refused_token(TokenError::Type);
    assert!(stack.ask(&typed("JWT", &honest_with(json!({"nonce": "n"})))).await.handled);
}

#[tokio::test]
async fn a32_a_refresh_token_of_an_apps_own_issuer_is_no_access_token() {
    let issuer = Issuer::hs256(ISSUER, SECRET).first_party();
    let stack = ProtectedApp::behind(JwtAuth::builder().issuer(issuer).audience(AUDIENCE).build().unwrap());
    assert!(stack.ask(&typed("JWT", &honest_with(json!({"type": "access"})))).await.handled);
    stack.ask(&typed("JWT", &honest_with(json!({"type": "refresh"})))).await.refused_token(TokenError::Type);
    stack.ask(&typed("JWT", &claims())).await.refused_token(TokenError::Type);
}
