//! The `Require*` layers that look at who makes the request and how: persons, verified email addresses, credentials.

use std::future::ready;

use axum::Router;
use axum::routing::get;
use portcullis::context::Credential;
use portcullis::gate::{AccountRefusal, Denial, DenialKind, LoadError};
use portcullis::jwt::JwtAuthBuilder;
use portcullis::rate_limit::Key;
use portcullis::testing::{as_anonymous, as_user};
use portcullis::{
    Issuer, Principal, Quota, RateLimit, RequireCredential, RequireRole, RequireScope, RequireUser,
    RequireVerifiedEmail, Roles, Scopes, UserContext,
};
use serde_json::{Value, json};
use tower::ServiceBuilder;

use crate::support::log_capture::LogCapture;
use crate::support::protected_app::ProtectedApp;
use crate::support::response::TestResponse;
use crate::support::tokens::{ISSUER, SECRET, app_trusting, claims_with, compatible_auth, token, valid_claims};

const KINDS: [Credential; 6] = [
    Credential::ApiKey,
    Credential::Basic,
    Credential::Certificate,
    Credential::Other,
    Credential::Session,
    Credential::Token,
];

fn ann() -> UserContext {
    UserContext::new("ann").with_email("ann@example.com")
}

/// An app with a route for each layer, and one that needs only a user.
fn app() -> Router {
    let any = RequireCredential::any([Credential::Session, Credential::Token]).unwrap();
    let except = RequireCredential::except([Credential::ApiKey]).unwrap();
    let handler = || get(|| async { "handled" });
    Router::new()
        .route("/user", handler().layer(RequireUser::new()))
        .route("/person", handler().layer(RequireUser::person()))
        .route("/email", handler().layer(RequireVerifiedEmail::new()))
        .route("/any", handler().layer(any))
        .route("/except", handler().layer(except))
}

async fn send(path: &str, user: UserContext) -> TestResponse {
    TestResponse::get(&app().layer(as_user(user)), path, &[]).await
}

/// The code, the detail and the list of accepted credentials of a 403 whose handler was not called.
fn refused(response: &TestResponse) -> (String, String, Value) {
    assert_eq!(response.status, 403);
    assert_eq!(response.challenge(), "Bearer realm=\"api\"", "no privilege that another token could have");
    let body: Value = serde_json::from_str(&response.body).unwrap();
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    assert_eq!(body["error"], Value::Null);
    (text("code"), text("detail"), body["credentials"].clone())
}

#[tokio::test]
async fn a_route_for_persons_admits_users_and_rejects_clients_on_their_own_behalf() {
    assert_eq!(send("/person", ann()).await.body, "handled");
    // A user may act through a client.
    assert_eq!(send("/person", ann().with_client_id("spa")).await.status, 200);
    let client = ann().with_principal(Principal::Client);
    let (code, detail, _) = refused(&send("/person", client.clone()).await);
    assert_eq!(code, "client_not_allowed");
    assert_eq!(detail, "a client that acts on its own behalf is not allowed");
    assert_eq!(send("/user", client).await.status, 200, "RequireUser::new admits clients");
}

#[tokio::test]
async fn a_client_is_no_person_although_a_claim_map_reads_the_id_of_users_from_another_claim() {
    let issuer = || Issuer::hs256(ISSUER, SECRET).map_claims(|claims| claims.id("uid"));
    for (changes, principal) in [
        (json!({"sub": "batch", "client_id": "batch", "uid": "ann"}), Principal::Client),
        (json!({"sub": "s-1", "client_id": "ann", "uid": "ann"}), Principal::Client),
        (json!({"sub": "s-1", "client_id": "spa", "uid": "ann"}), Principal::User),
        (json!({"sub": "s-1", "uid": "ann"}), Principal::User),
    ] {
        let mut claims = valid_claims();
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let response = app_trusting(issuer()).send_token(&token(claims.to_string())).await;
        assert_eq!(response.user().principal(), principal, "{changes}");
    }
}

#[tokio::test]
async fn an_unverified_address_is_403_on_the_routes_that_ask_for_a_verified_one_only() {
    let (code, detail, _) = refused(&send("/email", ann()).await);
    assert_eq!((&*code, &*detail), ("email_not_verified", "the email address must be verified"));
    assert_eq!(send("/user", ann()).await.status, 200);
    assert_eq!(send("/email", ann().with_email_verified(true)).await.body, "handled");
    let client = UserContext::new("reporting-service").with_principal(Principal::Client);
    refused(&send("/email", client).await);
}

#[tokio::test]
async fn the_claim_or_the_user_loader_decides_whether_an_address_is_verified() {
    let status = async |auth: JwtAuthBuilder, value: &str| {
        let app = app().layer(auth.build().unwrap());
        let bearer = format!("Bearer {}", token(claims_with("email_verified", value)));
        TestResponse::get(&app, "/email", &[("authorization", &bearer)]).await.status.as_u16()
    };
    for (value, claim, loader_true, loader_false) in [("true", 200, 200, 403), ("false", 403, 200, 403)] {
        assert_eq!(status(compatible_auth(), value).await, claim, "{value}");
        let loader = |is_verified| {
            compatible_auth().load_user(move |user: UserContext| ready(Ok(user.with_email_verified(is_verified))))
        };
        assert_eq!(status(loader(true), value).await, loader_true, "{value}");
        assert_eq!(status(loader(false), value).await, loader_false, "{value}");
    }
    // Unlike a loader that rejects unverified accounts, which applies to every route.
    let unverified = compatible_auth().load_user(async |_| Err(LoadError::refused(AccountRefusal::Unverified)));
    let app = app().layer(unverified.build().unwrap());
    let bearer = format!("Bearer {}", token(claims_with("email_verified", "true")));
    let response = TestResponse::get(&app, "/user", &[("authorization", &bearer)]).await;
    assert_eq!(response.denial.unwrap().kind(), &DenialKind::AccountRefused(AccountRefusal::Unverified));
}

#[tokio::test]
async fn only_the_listed_kinds_of_credentials_are_accepted_and_the_response_lists_them() {
    for kind in KINDS {
        let response = send("/any", ann().with_credential(kind)).await;
        if matches!(kind, Credential::Session | Credential::Token) {
            assert_eq!(response.body, "handled", "{kind}");
            continue;
        }
        let expected =
            ("credential_not_accepted", "required credential: session or token", json!(["session", "token"]));
        let (code, detail, credentials) = refused(&response);
        assert_eq!((&*code, &*detail, credentials), expected, "{kind}");
    }
}

#[tokio::test]
async fn a_credential_of_an_excluded_kind_is_rejected_and_all_others_are_accepted() {
    for kind in KINDS {
        let response = send("/except", ann().with_credential(kind)).await;
        if kind == Credential::ApiKey {
            let (code, detail, credentials) = refused(&response);
            assert_eq!((&*code, &*detail), ("credential_not_accepted", "credential not accepted: api_key"));
            assert_eq!(credentials, Value::Null);
        } else {
            assert_eq!(response.body, "handled", "{kind}");
        }
    }
}

#[tokio::test]
async fn a_user_of_jwt_auth_has_a_token_as_credential_even_if_it_is_cached() {
    let app = ProtectedApp::behind(compatible_auth().build().unwrap());
    let token = token(claims_with("sid", "\"s-1\""));
    for _ in 0..2 {
        let response = app.send_token(&token).await;
        let user = response.user();
        assert_eq!((user.credential(), user.session_id()), (Credential::Token, Some("s-1")));
        assert!(user.issued_at().is_some());
    }
}

/// A custom gate would set the kind, and nothing else differs.
#[tokio::test]
async fn layers_and_extractors_treat_users_alike_whatever_the_credential_was() {
    for kind in KINDS {
        let limit = RateLimit::builder().quota(Quota::per_minute(1).unwrap()).key(Key::user()).build().unwrap();
        let layers = ServiceBuilder::new()
            .layer(limit)
            .layer(RequireScope::new("read").unwrap())
            .layer(RequireRole::new(&Roles::from_names(["editor"]).unwrap(), "editor").unwrap());
        let handler = get(|user: UserContext| async move { format!("{} by {}", user.id(), user.credential()) });
        let user = ann().with_scopes(Scopes::new(["read"]).unwrap()).with_roles(["editor"]).with_credential(kind);
        let app = Router::new().route("/", handler.layer(layers)).layer(as_user(user));
        assert_eq!(TestResponse::get(&app, "/", &[]).await.body, format!("ann by {kind}"));
        assert_eq!(TestResponse::get(&app, "/", &[]).await.status, 429, "counted by the user");
    }
}

#[tokio::test]
async fn an_anonymous_caller_is_401_and_a_missing_authenticating_layer_500_that_names_the_layer() {
    for (path, layer) in [("/person", "RequireUser"), ("/email", "RequireVerifiedEmail"), ("/any", "RequireCredential")]
    {
        let anonymous = TestResponse::get(&app().layer(as_anonymous()), path, &[]).await;
        assert_eq!(anonymous.denial.unwrap().kind(), &DenialKind::CredentialsMissing, "{path}");
        let log = LogCapture::start();
        let missing = TestResponse::get(&app(), path, &[]).await;
        assert_eq!(missing.denial.unwrap().kind(), &DenialKind::auth_layer_missing(layer), "{path}");
        assert!(log.text().contains(layer), "{}", log.text());
    }
}

#[test]
fn an_empty_list_of_credentials_is_a_config_error() {
    for error in [RequireCredential::any([]).unwrap_err(), RequireCredential::except([]).unwrap_err()] {
        assert!(error.to_string().contains("the list is empty; name at least one"), "{error}");
    }
}

#[tokio::test]
async fn the_checks_in_a_handler_reject_like_the_layers() {
    async fn handler(user: UserContext) -> Result<&'static str, Denial> {
        user.require_person()?;
        user.require_verified_email()?;
        user.require_credential(Credential::Session)?;
        Ok("handled")
    }
    let by_handler = Router::new().route("/", get(handler));
    let by_layers = ServiceBuilder::new()
        .layer(RequireUser::person())
        .layer(RequireVerifiedEmail::new())
        .layer(RequireCredential::new(Credential::Session));
    let by_layers = Router::new().route("/", get(|| async { "handled" }).layer(by_layers));
    let verified = ann().with_email_verified(true);
    for (user, status) in [
        (ann().with_principal(Principal::Client), 403),
        (ann(), 403),
        (verified.clone(), 403),
        (verified.with_credential(Credential::Session), 200),
    ] {
        let of_handler = TestResponse::get(&by_handler.clone().layer(as_user(user.clone())), "/", &[]).await;
        let of_layers = TestResponse::get(&by_layers.clone().layer(as_user(user)), "/", &[]).await;
        assert_eq!(of_handler.status, status);
        assert_eq!((of_handler.body, of_handler.denial), (of_layers.body, of_layers.denial));
    }
}
