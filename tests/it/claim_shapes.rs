//! Claims of unexpected shapes: what grants nothing is read as absent, what grants something is rejected.

use portcullis::gate::TokenError;
use portcullis::{ClaimMap, Issuer, Principal, Roles, UserContext};
use serde_json::{Value, json};

use crate::support::log_capture::LogCapture;
use crate::support::protected_app::ProtectedApp;
use crate::support::tokens::{
    ISSUER, SECRET, app_trusting, claims_with, compatible_auth, now, token, token_with_header, valid_claims,
};

/// An app whose issuer has the default settings, with the compatible profile.
fn default_app() -> ProtectedApp {
    ProtectedApp::behind(compatible_auth().build().unwrap())
}

fn app_mapping(claims: ClaimMap) -> ProtectedApp {
    app_trusting(Issuer::hs256(ISSUER, SECRET).claims(claims))
}

/// The lines of the log that say that a claim is read as absent.
fn ignored_lines(log: &LogCapture) -> Vec<String> {
    let text = log.text();
    text.lines().filter(|line| line.contains("is read as absent")).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_claim_that_grants_nothing_never_rejects_a_token_and_is_named_in_one_debug_line() {
    let app = default_app();
    let absent = |name: &str, user: &UserContext| match name {
        "acr" => user.acr().is_none(),
        "amr" => user.amr().count() == 0,
        "auth_time" => user.auth_time().is_none(),
        "azp" => user.client_id() == Some("client-1"),
        "client_id" => user.client_id().is_none(),
        "email" => user.email().is_none(),
        "email_verified" => !user.email_verified(),
        "jti" => user.token_id().is_none(),
        "name" => user.name().is_none(),
        "roles" => user.roles().count() == 0,
        _ => true,
    };
    for (name, values) in [
        ("acr", &["1", "null", r#""""#, "{}", "[]"][..]),
        ("amr", &["{}", "[1]", r#"["pwd",null]"#, "7"]),
        ("auth_time", &["null", r#""1700000000""#, "-1", "{}"]),
        ("client_id", &["null", r#"["a"]"#, r#""""#, "7"]),
        ("email", &["null", r#"["a@b"]"#, r#""""#]),
        ("email_verified", &["null", "1", r#""yes""#, r#""""#, "{}"]),
        ("name", &["null", "{}", r#""""#]),
        ("jti", &["17", r#""""#, "null", "[]"]),
        ("nbf", &["null"]),
        ("iat", &["null"]),
        ("cnf", &["null"]),
        ("roles", &["7", "{}", "[null]", r#"{"admin":{}}"#, r#"[["admin"]]"#]),
    ] {
        for value in values {
            let log = LogCapture::start();
            let token = token(claims_with(name, value));
            let response = app.send_token(&token).await;
            assert!(response.handler_called, "{name}: {value}");
            assert!(absent(name, response.user()), "{name}: {value}");
            assert!(app.send_token(&token).await.handler_called, "a cached token, which is not read again");
            let lines = ignored_lines(&log);
            let [line] = &*lines else { panic!("{name}: {value}: {}", log.text()) };
            assert!(line.contains("DEBUG") && line.contains(&format!("claim=\"{name}\"")), "{line}");
            assert!(line.contains(&format!("issuer=\"{ISSUER}\"")), "{line}");
        }
    }
    // `azp` is not read, since the token has a `client_id`.
    for value in ["null", "7", r#"["a"]"#] {
        let response = app.send_token(&token(claims_with("azp", value))).await;
        assert!(absent("azp", response.user()), "{value}");
    }
}

#[tokio::test]
async fn a_check_of_a_malformed_login_fails_closed() {
    let app = default_app();
    let claims = claims_with("amr", r#"[{"method":"otp"},7]"#);
    let response = app.send_token(&token(claims)).await;
    let user = response.user();
    assert!(!user.amr().any(|method| method == "otp") && user.auth_time().is_none());
}

#[tokio::test]
async fn authentication_methods_may_be_objects_with_a_method() {
    let amr = json!([{"method": "password", "timestamp": now()}]).to_string();
    let response = default_app().send_token(&token(claims_with("amr", &amr))).await;
    assert!(response.user().amr().eq(["password"]));
}

#[tokio::test]
async fn a_malformed_claim_that_grants_something_is_rejected_and_the_log_names_its_path() {
    for (name, values) in [
        ("scope", &["null", "{}", "7", "\"caf\u{e9}\""][..]),
        ("permissions", &["8", r#"{"write:page":true}"#, "[null]"]),
        ("tier", &["2", r#"{"name":"pro"}"#]),
        ("subscription_tier", &["2"]),
    ] {
        for value in values {
            // A new app, because it logs one warning per minute.
            let app = default_app();
            let log = LogCapture::start();
            let response = app.send_token(&token(claims_with(name, value))).await;
            response.assert_invalid_token(TokenError::claim_invalid(name));
            let text = log.text();
            let warning = text.lines().find(|line| line.contains(" WARN ")).unwrap();
            assert!(warning.contains(&format!(": {name}")), "{warning}");
        }
    }
    for (name, value) in [("scope", r#""""#), ("permissions", "null"), ("permissions", "[]"), ("tier", "null")] {
        assert!(default_app().send_token(&token(claims_with(name, value))).await.handler_called, "{name}: {value}");
    }
}

#[tokio::test]
async fn malformed_roles_are_rejected_if_the_app_maps_or_defines_roles() {
    let defines = || {
        let roles = Roles::from_names(["admin"]).unwrap();
        ProtectedApp::behind(compatible_auth().roles(roles).build().unwrap())
    };
    let maps = || app_mapping(ClaimMap::new().roles(["roles"]));
    let adds = || app_mapping(ClaimMap::new().add_roles("groups"));
    for app in [defines(), maps(), adds()] {
        // Of the last, one role would result if it were split.
        for value in ["7", r#"{"admin":{}}"#, "[null]", r#"[["admin"]]"#, r#"["admin",7]"#] {
            let response = app.send_token(&token(claims_with("roles", value))).await;
            response.assert_invalid_token(TokenError::claim_invalid("roles"));
        }
        for (value, roles) in [("[]", &[][..]), ("null", &[]), (r#""admin user""#, &["admin user"])] {
            let response = app.send_token(&token(claims_with("roles", value))).await;
            assert!(response.user().roles().eq(roles.iter().copied()), "{value}");
            assert!(!response.user().has_role("admin"), "{value}");
        }
    }
}

#[tokio::test]
async fn the_names_of_an_object_are_roles_only_if_the_map_says_so() {
    let claim = "urn:zitadel:iam:org:project:roles";
    let roles = r#"{"editor":{"2873":"acme.example.com"},"admin":null}"#;
    let app = app_mapping(ClaimMap::new().role_keys(["urn:zitadel:iam:org:project:7:roles", claim]));
    let response = app.send_token(&token(claims_with(claim, roles))).await;
    assert!(response.user().roles().eq(["editor"]), "neither an organization nor a role that the user does not have");
    for malformed in ["7", r#"["editor"]"#, r#""editor""#] {
        let response = app.send_token(&token(claims_with(claim, malformed))).await;
        response.assert_invalid_token(TokenError::claim_invalid(claim));
    }
    let strict = app_mapping(ClaimMap::new().roles([claim])).send_token(&token(claims_with(claim, roles))).await;
    strict.assert_invalid_token(TokenError::claim_invalid(claim));
}

#[tokio::test]
async fn the_log_names_the_path_of_a_nested_claim() {
    let issuer = || Issuer::hs256(ISSUER, SECRET);
    for (issuer, claims, path) in [
        (issuer().claims(ClaimMap::new().roles(["/realm_access/roles"])), r#"{"roles":7}"#, "/realm_access/roles"),
        (issuer().claims(ClaimMap::new().roles(["/realm_access/roles"])), "7", "/realm_access/roles"),
        (issuer().claims(ClaimMap::new().id("/realm_access/id")), "{}", "/realm_access/id"),
    ] {
        let log = LogCapture::start();
        let response = app_trusting(issuer).send_token(&token(claims_with("realm_access", claims))).await;
        assert_eq!(response.head.status, 401);
        let text = log.text();
        let warning = text.lines().find(|line| line.contains(" WARN ")).unwrap();
        assert!(warning.contains(path), "{warning}");
    }
}

#[tokio::test]
async fn a_claim_inside_null_is_absent() {
    let map = ClaimMap::new()
        .roles(["/realm_access/roles", "/resource_access/api/roles"])
        .scopes(["/realm_access/scopes"])
        .tenant("/resource_access/api/tenant")
        .acr("/realm_access/acr");
    let app = app_mapping(map);
    for (name, value) in [
        ("realm_access", "null"),
        ("realm_access", r#"{"roles":null}"#),
        ("resource_access", "null"),
        ("resource_access", r#"{"api":null}"#),
    ] {
        let response = app.send_token(&token(claims_with(name, value))).await;
        let user = response.user();
        assert_eq!((user.roles().count(), user.tenant(), user.acr()), (0, None, None), "{name}: {value}");
    }
    let missing_id = app_mapping(ClaimMap::new().id("/user/id")).send_token(&token(claims_with("user", "null"))).await;
    missing_id.assert_invalid_token(TokenError::claim_missing("/user/id"));
}

#[tokio::test]
async fn sub_may_be_empty_null_or_malformed_if_the_id_is_another_claim() {
    let app = app_mapping(ClaimMap::new().id("common_name"));
    for sub in [r#""""#, "null", "7", "[]"] {
        let claims = claims_with("sub", sub);
        let claims = format!(r#"{},"common_name":"e367.access"}}"#, claims.strip_suffix('}').unwrap());
        assert_eq!(app.send_token(&token(claims)).await.user().id(), "e367.access", "{sub}");
    }
    for sub in [r#""""#, "null", "7", "[]"] {
        let response = default_app().send_token(&token(claims_with("sub", sub))).await;
        response.assert_invalid_token(TokenError::claim_invalid("sub"));
    }
}

#[tokio::test]
async fn null_or_empty_claims_of_users_do_not_make_a_user_of_a_client() {
    let app = default_app();
    let principal = async |more: &str| {
        let claims = claims_with("sub", r#""client-1""#);
        let claims = format!("{},{more}}}", claims.strip_suffix('}').unwrap());
        app.send_token(&token(claims)).await.user().principal()
    };
    for more in [r#""email":null"#, r#""email":"""#, r#""acr":null,"auth_time":null"#] {
        assert_eq!(principal(more).await, Principal::Client, "{more}");
    }
    for more in [r#""email":["a@b"]"#, r#""acr":1"#, r#""amr":[]"#] {
        assert_eq!(principal(more).await, Principal::User, "{more}");
    }
}

#[tokio::test]
async fn a_null_claim_of_other_tokens_does_not_make_another_token() {
    let header = r#"{"alg":"HS256","typ":"JWT"}"#;
    let send = async |name: &str, value: &str| {
        default_app().send_token(&token_with_header(header, claims_with(name, value))).await
    };
    for name in ["nonce", "at_hash", "c_hash", "s_hash", "events"] {
        assert!(send(name, "null").await.handler_called, "{name}");
        send(name, r#""x""#).await.assert_invalid_token(TokenError::Type);
    }
}

#[tokio::test]
async fn access_token_with_the_claims_of_an_id_token_needs_a_claim_that_marks_it() {
    let header = r#"{"alg":"HS256","typ":"JWT"}"#;
    let mut claims = valid_claims();
    let id_token: Value = json!({"nonce": "n", "at_hash": "h", "auth_time": now()});
    claims.as_object_mut().unwrap().extend(id_token.as_object().unwrap().clone());
    let id_token = claims.to_string();
    claims["scope"] = "openid email".into();
    claims["typ"] = "Bearer".into();
    let access_token = claims.to_string();
    let issuer = || Issuer::hs256(ISSUER, SECRET);
    for issuer in [issuer().access_token_claim("scope"), issuer().token_use("typ", "Bearer")] {
        let app = app_trusting(issuer);
        let response = app.send_token(&token_with_header(header, &access_token)).await;
        assert_eq!(response.user().id(), "user-1");
        app.send_token(&token_with_header(header, &id_token)).await.assert_invalid_token(TokenError::Type);
    }
    let unmarked = default_app().send_token(&token_with_header(header, &access_token)).await;
    unmarked.assert_invalid_token(TokenError::Type);
}
