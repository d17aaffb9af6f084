//! npm's oidc-provider: opaque tokens that are issued, introspected and revoked there.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use portcullis::gate::{Denial, DenialKind};
use portcullis::introspection::{ClientAuth, IntrospectionAuthBuilder};
use portcullis::testing::FakeClock;
use portcullis::{AnyOf, IntrospectionAuth, Issuer, JwtAuth, RequireScope, UserContext};
use tower::ServiceExt;

use crate::support::log_capture::LogCapture;
use crate::support::oidc_provider::OidcProvider;

const AUDIENCE: &str = "https://api.example.com";

/// The default time for which a response is cached.
const CACHE_TTL: Duration = Duration::from_secs(30);

fn builder(server: &OidcProvider, client: ClientAuth) -> IntrospectionAuthBuilder {
    let builder = IntrospectionAuth::builder().endpoint(server.setting("introspection_endpoint"));
    builder.client_auth(client).audience(AUDIENCE).issuer(&*server.url)
}

/// A resource server that authenticates by its secret.
fn basic(server: &OidcProvider, client_id: &str) -> ClientAuth {
    ClientAuth::basic(client_id, server.setting("resource_server_secret"))
}

fn app(auth: IntrospectionAuth) -> Router {
    async fn id(user: UserContext) -> String {
        user.id().to_owned()
    }
    let scope = RequireScope::new("read:valuations").unwrap();
    Router::new().route("/", get(id).layer(scope)).layer(auth)
}

async fn send(app: &Router, token: &str) -> (StatusCode, Option<Denial>) {
    let request = Request::get("/").header("authorization", format!("Bearer {token}")).body(Body::empty()).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    (response.status(), response.extensions().get::<Denial>().cloned())
}

async fn status(app: &Router, token: &str) -> StatusCode {
    send(app, token).await.0
}

#[tokio::test]
#[ignore = "needs node: run tests/run"]
async fn a_token_that_is_revoked_at_the_server_gets_401_within_the_cache_ttl() {
    let server = OidcProvider::start().await;
    let clock = FakeClock::new();
    let cached = app(builder(&server, basic(&server, "api:basic")).clock(clock.clock()).build().unwrap());
    let uncached = builder(&server, basic(&server, "api:basic")).cache_ttl(Duration::ZERO).clock(clock.clock());
    let uncached = app(uncached.build().unwrap());
    let (token, other) = (server.token("opaque").await, server.token("opaque").await);
    for app in [&cached, &uncached] {
        assert_eq!(status(app, &token).await, StatusCode::OK);
        assert_eq!(status(app, &other).await, StatusCode::OK);
        assert_eq!(status(app, "unknown").await, StatusCode::UNAUTHORIZED);
    }
    server.revoke(&token).await;
    let (status_at_once, denial) = send(&uncached, &token).await;
    assert_eq!(status_at_once, StatusCode::UNAUTHORIZED);
    assert_eq!(denial.unwrap().error(), Some("invalid_token"));
    clock.advance(CACHE_TTL);
    assert_eq!(status(&cached, &token).await, StatusCode::UNAUTHORIZED);
    for app in [&cached, &uncached] {
        assert_eq!(status(app, &other).await, StatusCode::OK);
    }
    server.quit().await;
}

#[tokio::test]
#[ignore = "needs node: run tests/run"]
async fn the_app_authenticates_by_basic_post_and_private_key_jwt() {
    let server = OidcProvider::start().await;
    let token = server.token("opaque").await;
    let secret = server.setting("resource_server_secret");
    let mut clients = vec![ClientAuth::basic("api:basic", secret), ClientAuth::post("api-post", secret)];
    for algorithm in ["RS256", "PS256", "ES256", "EdDSA"] {
        let id = format!("api-{}", algorithm.to_lowercase());
        clients.push(ClientAuth::private_key_jwt(id, server.client_key(algorithm), &*server.url));
    }
    for client in clients {
        let name = format!("{client:?}");
        let app = app(builder(&server, client).cache_ttl(Duration::ZERO).build().unwrap());
        // Twice: a server rejects a client assertion that it has seen.
        assert_eq!(status(&app, &token).await, StatusCode::OK, "{name}");
        assert_eq!(status(&app, &token).await, StatusCode::OK, "{name}");
        assert_eq!(status(&app, "unknown").await, StatusCode::UNAUTHORIZED, "{name}");
    }
    server.quit().await;
}

#[tokio::test]
#[ignore = "needs node: run tests/run"]
async fn rejected_credentials_of_the_app_are_503_and_the_log_names_the_setting() {
    let server = OidcProvider::start().await;
    let token = server.token("opaque").await;
    let key = server.client_key("ES256");
    for client in [
        ClientAuth::basic("api:basic", "marker-secret"),
        ClientAuth::post("api-post", "marker-secret"),
        ClientAuth::basic("unknown", "marker-secret"),
        // The key of another client, and another audience.
        ClientAuth::private_key_jwt("api-rs256", &*key, &*server.url),
        ClientAuth::private_key_jwt("api-es256", &*key, "https://other.example.com"),
    ] {
        let name = format!("{client:?}");
        let app = app(builder(&server, client).build().unwrap());
        let log = LogCapture::start();
        let (status, denial) = send(&app, &token).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{name}");
        let kind = denial.unwrap().kind().clone();
        assert!(matches!(kind, DenialKind::IntrospectionUnavailable { .. }), "{kind:?}");
        assert!(log.text().contains("`client_auth`"), "{}", log.text());
        assert!(!log.text().contains("marker-secret") && !log.text().contains(&token), "{}", log.text());
    }
    server.quit().await;
}

#[tokio::test]
#[ignore = "needs node: run tests/run"]
async fn signed_responses_are_verified_with_the_keys_of_the_issuer() {
    let mut server = OidcProvider::start().await;
    let jwt = JwtAuth::builder().issuer(Issuer::discover(&*server.url)).audience(AUDIENCE).build().unwrap();
    let token = server.token("opaque").await;
    let apps = ["rs256", "es256", "eddsa"].map(|algorithm| {
        let client = basic(&server, &format!("api-signed-{algorithm}"));
        app(builder(&server, client).keys_from(&jwt).cache_ttl(Duration::ZERO).build().unwrap())
    });
    for app in &apps {
        assert_eq!(status(app, &token).await, StatusCode::OK);
        assert_eq!(status(app, "unknown").await, StatusCode::UNAUTHORIZED);
    }
    // The next response has an unknown key, which is fetched.
    server.command("rotate").await;
    for app in &apps {
        assert_eq!(status(app, &token).await, StatusCode::OK);
    }
    server.revoke(&token).await;
    for app in &apps {
        assert_eq!(status(app, &token).await, StatusCode::UNAUTHORIZED);
    }
    server.quit().await;
}

#[tokio::test]
#[ignore = "needs node: run tests/run"]
async fn a_signed_response_is_rejected_as_an_access_token() {
    let server = OidcProvider::start().await;
    let token = server.token("opaque").await;
    let request = reqwest::Client::new().post(server.setting("introspection_endpoint"));
    let request = request.header("accept", "application/token-introspection+jwt");
    let secret = server.setting("resource_server_secret");
    let form = [("token", &*token), ("client_id", "api-post"), ("client_secret", secret)];
    let response = request.form(&form).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let signed = response.text().await.unwrap();
    for profile in [portcullis::Profile::Rfc9068, portcullis::Profile::Compatible] {
        let issuer = Issuer::discover(&*server.url).profile(profile);
        // Its audience is the client id.
        let auth = JwtAuth::builder().issuer(issuer).audience("api-post").build().unwrap();
        let app = Router::new().route("/", get(async || ())).layer(auth);
        let (status, denial) = send(&app, &signed).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert_eq!(denial.unwrap().detail(), "the token is not an access token", "{profile:?}");
    }
    server.quit().await;
}

#[tokio::test]
#[ignore = "needs node: run tests/run"]
async fn a_jwt_gets_401_alone_and_200_beside_jwt_auth() {
    let server = OidcProvider::start().await;
    let (jwt, opaque) = (server.token("es256").await, server.token("opaque").await);
    let opaque_only = builder(&server, basic(&server, "api:basic")).build().unwrap();
    assert_eq!(status(&app(opaque_only.clone()), &jwt).await, StatusCode::UNAUTHORIZED);
    let auth = JwtAuth::builder().issuer(Issuer::discover(&*server.url)).audience(AUDIENCE).build().unwrap();
    let both = Router::new().route("/", get(async || ())).layer(AnyOf::new((auth, opaque_only)).unwrap());
    assert_eq!(status(&both, &jwt).await, StatusCode::OK);
    assert_eq!(status(&both, &opaque).await, StatusCode::OK);
    server.quit().await;
}

#[tokio::test]
#[ignore = "needs node: run tests/run"]
async fn an_outage_of_the_server_is_503_except_for_cached_tokens() {
    let server = OidcProvider::start().await;
    let app = app(builder(&server, basic(&server, "api:basic")).build().unwrap());
    let (cached, other) = (server.token("opaque").await, server.token("opaque").await);
    assert_eq!(status(&app, &cached).await, StatusCode::OK);
    server.quit().await;
    assert_eq!(status(&app, &cached).await, StatusCode::OK);
    assert_eq!(status(&app, &other).await, StatusCode::SERVICE_UNAVAILABLE);
}
