//! How an issuer's metadata is found, and which of it counts (RFC 8414).

use axum::http::{Response, StatusCode};
use portcullis::Issuer;
use serde_json::json;

use super::network::status;
use super::{App, World, settle};
use crate::support::log_capture::LogCapture;

const TENANT: &str = "https://login.example/tenant1";
const KEYS: &str = "https://keys.example/tenant1";
const FORMS: [&str; 3] = [
    "https://login.example/.well-known/oauth-authorization-server/tenant1",
    "https://login.example/.well-known/openid-configuration/tenant1",
    "https://login.example/tenant1/.well-known/openid-configuration",
];

fn app(world: &World) -> App {
    App::new(world.builder(Issuer::discover(TENANT)))
}

fn token(world: &World) -> String {
    world.issuer.token("ann").audience("api").claim("iss", TENANT).sign()
}

/// Lets the network have this metadata at this URL, the issuer's keys at theirs, and nothing elsewhere.
fn publish(world: &World, at: &'static str, metadata: &serde_json::Value) {
    let (metadata, issuer) = (metadata.to_string(), world.issuer.clone());
    world.network.answers(move |url| match url {
        _ if url == at => Response::new(metadata.clone().into_bytes()),
        KEYS => Response::new(issuer.jwks().into_bytes()),
        _ => status(404),
    });
}

#[tokio::test]
async fn metadata_is_looked_for_by_path_insertion_of_oauth_then_of_openid_and_then_by_append() {
    for (index, form) in FORMS.into_iter().enumerate() {
        let world = World::new().await;
        publish(&world, form, &json!({ "issuer": TENANT, "jwks_uri": KEYS }));
        let app = app(&world);
        assert_eq!(app.status(&token(&world)).await, StatusCode::OK, "{form}");
        let mut expected = FORMS[..=index].to_vec();
        expected.push(KEYS);
        assert_eq!(world.network.urls(), expected);
    }
}

#[tokio::test]
async fn metadata_that_is_nowhere_is_503() {
    let world = World::new().await;
    world.network.answers(|_| status(404));
    assert_eq!(app(&world).status(&token(&world)).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(world.network.urls(), FORMS);
}

#[tokio::test]
async fn metadata_of_another_issuer_is_not_used_however_near_its_name() {
    for near in [
        "https://login.example/tenant1/",
        "https://login.example/tenant2",
        "https://login.example",
        "https://LOGIN.example/tenant1",
        "https://login.example:443/tenant1",
        "http://login.example/tenant1",
        "https://login.example/%74enant1",
        "",
    ] {
        let world = World::new().await;
        let metadata = json!({ "issuer": near, "jwks_uri": KEYS }).to_string();
        world.network.answers(move |_| Response::new(metadata.clone().into_bytes()));
        assert_eq!(app(&world).status(&token(&world)).await, StatusCode::SERVICE_UNAVAILABLE, "{near}");
        assert_eq!(world.network.urls(), FORMS, "{near}: no key is asked for");
    }
}

#[tokio::test]
async fn metadata_of_another_issuer_is_the_reason_in_the_log_though_the_last_form_is_404() {
    let world = World::new().await;
    publish(&world, FORMS[0], &json!({ "issuer": "https://login.example/tenant1/", "jwks_uri": KEYS }));
    let log = LogCapture::start();
    assert_eq!(app(&world).status(&token(&world)).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(log.count("the metadata names another issuer"), 1, "{}", log.text());
}

#[tokio::test]
async fn metadata_that_is_wrong_gives_way_to_the_next_form() {
    for wrong in
        ["<html>", "[]", "{}", r#"{"issuer":"https://login.example/tenant1"}"#, r#"{"issuer":"https://evil.example"}"#]
    {
        let world = World::new().await;
        let issuer = world.issuer.clone();
        world.network.answers(move |url| {
            let text = match url {
                KEYS => issuer.jwks(),
                _ if url == FORMS[1] => json!({ "issuer": TENANT, "jwks_uri": KEYS }).to_string(),
                _ => wrong.to_owned(),
            };
            Response::new(text.into_bytes())
        });
        assert_eq!(app(&world).status(&token(&world)).await, StatusCode::OK, "{wrong}");
        assert_eq!(world.network.urls(), [FORMS[0], FORMS[1], KEYS], "{wrong}");
    }
}

#[tokio::test]
async fn keys_at_a_url_that_is_not_https_are_not_fetched() {
    for uri in [
        "http://keys.example/k",
        "http://127.0.0.1/k",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "ftp://keys.example/k",
        "https://user:pass@keys.example/k",
        "/k",
        "",
    ] {
        let world = World::new().await;
        let metadata = json!({ "issuer": TENANT, "jwks_uri": uri }).to_string();
        world.network.answers(move |_| Response::new(metadata.clone().into_bytes()));
        assert_eq!(app(&world).status(&token(&world)).await, StatusCode::SERVICE_UNAVAILABLE, "{uri}");
        assert_eq!(world.network.urls(), FORMS, "{uri}");
    }
}

#[tokio::test]
async fn metadata_is_read_once_and_anew_after_a_fetch_of_keys_failed() {
    let world = World::new().await;
    publish(&world, FORMS[0], &json!({ "issuer": TENANT, "jwks_uri": KEYS }));
    let app = app(&world);
    assert_eq!(app.status(&token(&world)).await, StatusCode::OK);
    world.issuer.rotate();
    assert_eq!(app.status(&token(&world)).await, StatusCode::OK);
    assert_eq!(world.network.urls(), [FORMS[0], KEYS, KEYS]);
    world.issuer.rotate();
    world.advance(31.0);
    world.network.answers(|_| status(410));
    assert_eq!(app.status(&token(&world)).await, StatusCode::SERVICE_UNAVAILABLE);
    publish(&world, FORMS[0], &json!({ "issuer": TENANT, "jwks_uri": KEYS }));
    world.advance(31.0);
    assert_eq!(app.status(&token(&world)).await, StatusCode::OK);
    assert_eq!(world.network.urls()[3..], [KEYS, FORMS[0], KEYS], "keys may have moved");
}

#[tokio::test]
async fn metadata_is_read_anew_after_a_day_though_every_fetch_of_keys_succeeds() {
    let world = World::new().await;
    publish(&world, FORMS[0], &json!({ "issuer": TENANT, "jwks_uri": KEYS }));
    let app = app(&world);
    for (hours, urls) in [(0.0, &[FORMS[0], KEYS][..]), (12.0, &[KEYS]), (11.9, &[KEYS]), (0.2, &[FORMS[0], KEYS])] {
        let before = world.network.urls().len();
        world.advance(hours * 3600.0);
        assert_eq!(app.status(&token(&world)).await, StatusCode::OK);
        settle().await;
        assert_eq!(world.network.urls()[before..], *urls, "{hours} h later");
    }
}

#[tokio::test]
async fn a_url_in_a_token_is_never_asked() {
    let world = World::new().await;
    publish(&world, FORMS[0], &json!({ "issuer": TENANT, "jwks_uri": KEYS }));
    let app = app(&world);
    for member in ["jku", "x5u"] {
        let token = world.issuer.token("eve").audience("api").claim("iss", TENANT).header("kid", "evil");
        let token = token.header(member, "https://evil.example/keys").sign();
        assert_eq!(app.status(&token).await, StatusCode::UNAUTHORIZED, "{member}");
    }
    let known = [FORMS[0], KEYS];
    assert!(world.network.urls().iter().all(|url| known.contains(&url.as_str())), "{:?}", world.network.urls());
}
