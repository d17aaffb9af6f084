//! Tenants whose keys, users and tokens have the same ids share nothing.

use axum::http::StatusCode;

use super::{Function, Server, realm, tenant, tenant_token, tenant_token_builder};
use crate::support::fake_network::{key_set_of, published_jwks};
use crate::support::protected_app::ProtectedApp;

#[tokio::test]
async fn two_realms_with_the_same_kid_sub_and_jti_each_use_their_own_key_and_user() {
    let server = Server::with_realms(&["acme", "globex"]).await;
    let key_sets = server.realms.lock().unwrap().clone().into_iter().map(|(iss, signer)| {
        let mut key = published_jwks(&signer).remove(0);
        key["kid"] = "same".into();
        (format!("{iss}/keys"), key_set_of(&[key]))
    });
    let key_sets: Vec<_> = key_sets.collect();
    let realms = server.realms.lock().unwrap().clone();
    server.network.respond_with(move |url| match key_sets.iter().find(|(keys_url, _)| keys_url == url) {
        Some((_, key_set)) => axum::http::Response::new(key_set.clone()),
        None => super::respond(&realms, url),
    });
    let token = |signer: &str, iss: &str| {
        let token = server.token_builder(signer).claim("iss", realm(iss)).header("kid", "same").claim("jti", "1");
        token.sign()
    };
    let app = ProtectedApp::behind(server.app.auth.clone());
    for _ in 0..2 {
        for name in ["acme", "globex"] {
            let response = app.send_token(&token(name, name)).await;
            assert_eq!((response.user().id(), response.user().issuer()), ("ann", Some(realm(name).as_str())));
        }
        for (signer, iss) in [("acme", "globex"), ("globex", "acme")] {
            assert_eq!(server.app.status_for(&token(signer, iss)).await, StatusCode::UNAUTHORIZED);
        }
    }
}

#[tokio::test]
async fn the_secret_of_one_tenant_does_not_verify_tokens_of_another() {
    let function = Function::new(|iss: String| async move { Some(tenant(iss)) });
    let app = function.app();
    let [a, b] = ["https://a.example", "https://b.example"];
    for iss in [a, b] {
        assert_eq!(app.status_for(&tenant_token(iss)).await, StatusCode::OK);
    }
    for (signer, iss) in [(a, b), (b, a)] {
        let token = tenant_token_builder(signer).claim("iss", iss).sign();
        assert_eq!(app.status_for(&token).await, StatusCode::UNAUTHORIZED);
    }
}
