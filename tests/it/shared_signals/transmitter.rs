//! The configuration of the transmitter, and its keys.

use super::*;
use crate::support::fake_http_client::FakeHttpClient;

const TRANSMITTER: &str = "https://ssf.example.com/tenant1";
const CONFIGURATION: &str = "https://ssf.example.com/.well-known/ssf-configuration/tenant1";
const KEYS: &str = "https://ssf.example.com/keys";

/// A client that serves this configuration, and the keys of the issuer.
fn client(issuer: &TestIssuer, configuration: &Value) -> FakeHttpClient {
    let client = FakeHttpClient::with_document(CONFIGURATION, configuration.to_string());
    client.publish(KEYS, issuer.jwks());
    client
}

async fn app(configuration: &Value) -> (Fixture, FakeHttpClient, TestIssuer) {
    let clock = fake_clock();
    let transmitter = TestIssuer::start_with(Algorithm::Rs256, clock.clock()).await.unwrap();
    let client = client(&transmitter, configuration);
    let fetched = client.clone();
    let revocations = Revocations::builder().clock(clock.clock()).build().unwrap();
    let app = Fixture::of(clock, revocations, |builder| builder.transmitter(TRANSMITTER).http_client(client)).await;
    (app, fetched, transmitter)
}

fn token(app: &Fixture, transmitter: &TestIssuer) -> TokenBuilder {
    event_token(transmitter, json!({ SESSION_REVOKED: {} })).claim("iss", TRANSMITTER).claim("sub_id", app.user("ann"))
}

#[tokio::test]
async fn keys_are_those_of_the_configuration_whose_issuer_is_the_transmitter() {
    let (app, client, transmitter) = app(&json!({ "issuer": TRANSMITTER, "jwks_uri": KEYS })).await;
    let access = app.access_token("ann", "s1");
    assert_eq!(app.api(&access).await, 200);
    assert_eq!(app.send(&token(&app, &transmitter)).await.status, 202);
    assert_eq!(app.api(&access).await, 401);
    assert_eq!(client.requested_urls(), [CONFIGURATION, KEYS]);
    // The keys of the API's issuer are others.
    assert_rejected(
        &app.send(&app.session_revoked().claim("iss", TRANSMITTER)).await,
        "invalid_key",
        "the token's signature is invalid",
    );
}

#[tokio::test]
async fn a_configuration_of_another_issuer_or_with_other_keys_is_not_used() {
    for configuration in [
        json!({ "issuer": "https://ssf.example.com", "jwks_uri": KEYS }),
        json!({ "issuer": format!("{TRANSMITTER}/"), "jwks_uri": KEYS }),
        json!({ "jwks_uri": KEYS }),
        json!({ "issuer": TRANSMITTER }),
        json!({ "issuer": TRANSMITTER, "jwks_uri": "http://ssf.example.com/keys" }),
        json!({ "issuer": TRANSMITTER, "jwks_uri": KEYS, "critical_subject_members": "device" }),
    ] {
        let (app, client, transmitter) = app(&configuration).await;
        assert_eq!(app.send(&token(&app, &transmitter)).await.status, 503, "{configuration}");
        assert_eq!(client.requested_urls(), [CONFIGURATION]);
    }
}

#[tokio::test]
async fn rotated_keys_are_fetched() {
    let app = Fixture::new().await;
    assert_eq!(app.send(&app.session_revoked()).await.status, 202);
    app.issuer.rotate();
    assert_eq!(app.send(&app.session_revoked()).await.status, 202);
}

#[tokio::test]
async fn an_issuer_says_where_else_the_keys_are_and_which_algorithms_are_allowed() {
    let clock = fake_clock();
    let transmitter = TestIssuer::start_with(Algorithm::Es512, clock.clock()).await.unwrap();
    let trusted = || Issuer::jwks_document(TRANSMITTER, transmitter.jwks());
    let with = async |trusted: Issuer| {
        let app = Fixture::with(|builder| builder.transmitter(trusted)).await;
        app.send(&token(&app, &transmitter)).await.status.as_u16()
    };
    assert_eq!(with(trusted().algorithms([Algorithm::Es512])).await, 202);
    let rs256 = TestIssuer::start_with(Algorithm::Rs256, clock.clock()).await.unwrap();
    let app = Fixture::with(|builder| builder.transmitter(Issuer::jwks_document(TRANSMITTER, rs256.jwks()))).await;
    assert_rejected(&app.send(&token(&app, &transmitter)).await, "invalid_key", "the token's algorithm is not allowed");
    assert_eq!(app.send(&token(&app, &rs256)).await.status, 202);
}

#[tokio::test]
async fn an_event_whose_subject_has_an_unknown_critical_member_is_ignored() {
    let critical = json!(["user", "device"]);
    let (app, _, transmitter) =
        app(&json!({ "issuer": TRANSMITTER, "jwks_uri": KEYS, "critical_subject_members": critical })).await;
    let access = app.access_token("ann", "s1");
    let opaque = |id: &str| json!({ "format": "opaque", "id": id });
    let subject = |name: &str| json!({ "format": "complex", "user": app.user("ann"), name: opaque("x") });
    let log = crate::support::log_capture::LogCapture::start();
    assert_eq!(app.send(&token(&app, &transmitter).claim("sub_id", subject("device"))).await.status, 202);
    assert_eq!(app.api(&access).await, 200);
    assert_eq!(log.count("a critical member that is not supported"), 1, "{}", log.text());
    // A member that is not critical is ignored.
    assert_eq!(app.send(&token(&app, &transmitter).claim("sub_id", subject("group"))).await.status, 202);
    assert_eq!(app.api(&access).await, 401);
}

#[test]
fn the_name_of_a_transmitter_may_be_any_string() {
    let name = TRANSMITTER.to_owned();
    let builder = SharedSignals::builder;
    for builder in [builder().transmitter(&name), builder().transmitter(name.as_str()), builder().transmitter(name)] {
        let error = builder.build().unwrap_err();
        assert!(error.issues().iter().all(|issue| issue.setting() != "transmitter"), "{error}");
    }
}
