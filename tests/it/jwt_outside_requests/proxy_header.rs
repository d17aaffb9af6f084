//! `JwtAuthBuilder::header`: the token of a proxy that authenticates users, in a header of its own.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, Method, Request};
use axum::routing::any;
use portcullis::api_key::{MemoryKeys, NewApiKey};
use portcullis::clock::Clock;
use portcullis::gate::{CredentialError, DenialKind, Gate, TokenError};
use portcullis::testing::TestIssuer;
use portcullis::{Algorithm, AnyOf, ApiKeyAuth, Csrf, Issuer, JwtAuth, OriginSet, Profile, Stack, UserContext};
use serde_json::json;

use crate::support::response::TestResponse;
use crate::support::tokens::{base64url, compatible_auth, token, valid_claims};

const ASSERTION: &str = "x-goog-iap-jwt-assertion";
const NAME: HeaderName = HeaderName::from_static(ASSERTION);

fn auth() -> JwtAuth {
    compatible_auth().header(NAME).build().unwrap()
}

fn valid_token() -> String {
    token(valid_claims().to_string())
}

/// An app whose handler returns the user, and the `Debug` of the headers.
fn app(auth: impl Gate) -> Router {
    let handler = async |user: Option<UserContext>, headers: HeaderMap| {
        let user = user.map_or("anonymous".to_owned(), |user| user.id().to_owned());
        format!("{user} {headers:?}")
    };
    Router::new().route("/", any(handler)).route("/open", any(handler)).layer(portcullis::gate::layer(auth))
}

async fn send(app: &Router, method: Method, headers: &[(&str, &str)]) -> TestResponse {
    let request = Request::builder().method(method).uri("/").header("host", "app.example");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    TestResponse::send(app, request.body(Body::empty()).unwrap()).await
}

async fn get(app: &Router, headers: &[(&str, &str)]) -> TestResponse {
    send(app, Method::GET, headers).await
}

#[tokio::test]
async fn the_token_is_the_whole_header_which_is_read_instead_of_authorization() {
    let app = app(auth());
    let token = valid_token();
    let bearer = format!("Bearer {token}");
    let response = get(&app, &[(ASSERTION, &token), ("authorization", "Bearer that.of.aproxy")]).await;
    assert!(response.body.starts_with("user-1 "), "{response:?}");
    assert!(response.body.contains(r#""x-goog-iap-jwt-assertion": Sensitive"#), "{}", response.body);

    let response = get(&app, &[("authorization", &bearer)]).await;
    assert_eq!(response.denial.as_ref().unwrap().kind(), &DenialKind::CredentialsMissing);
    assert_eq!((response.status.as_u16(), response.challenge()), (401, r#"Bearer realm="api""#));
    for (value, kind) in [
        (&*bearer, DenialKind::InvalidRequest(CredentialError::Malformed)),
        ("", DenialKind::InvalidRequest(CredentialError::Malformed)),
        (&format!("{token},{token}"), DenialKind::InvalidRequest(CredentialError::Multiple)),
        ("a.b", DenialKind::InvalidToken(TokenError::Segments)),
    ] {
        let response = get(&app, &[(ASSERTION, value)]).await;
        assert_eq!(response.denial.as_ref().unwrap().kind(), &kind, "{value}");
        assert_eq!(response.status == 401, response.challenge().contains("invalid_token"), "{value}");
    }
    // Two values, even equal ones.
    let response = get(&app, &[(ASSERTION, &token), (ASSERTION, &token)]).await;
    assert_eq!(response.denial.unwrap().kind(), &DenialKind::InvalidRequest(CredentialError::Multiple));
}

#[tokio::test]
async fn a_request_that_another_site_causes_is_checked_as_with_a_cookie() {
    let default = app(auth());
    let trusted = OriginSet::new(["https://pages.example"]).unwrap();
    let csrf = Csrf::builder().origins(trusted).build().unwrap();
    let trusting = app(compatible_auth().header(NAME).csrf(csrf).build().unwrap());
    let token = valid_token();
    let token = (ASSERTION, &*token);
    for (method, headers, status) in [
        (Method::POST, &[token, ("origin", "https://app.example")][..], 200),
        (Method::POST, &[token, ("sec-fetch-site", "same-origin")], 200),
        (Method::POST, &[token, ("origin", "https://evil.example")], 403),
        (Method::POST, &[token], 403),
        (Method::GET, &[token, ("origin", "https://evil.example")], 200),
        (Method::GET, &[token, ("origin", "https://evil.example"), ("upgrade", "websocket")], 403),
        // Without the token there is nothing to protect.
        (Method::POST, &[("origin", "https://evil.example")], 401),
    ] {
        // The second time, the token is cached.
        for _ in 0..2 {
            assert_eq!(send(&default, method.clone(), headers).await.status, status, "{method} {headers:?}");
        }
    }
    let from_page = [token, ("origin", "https://pages.example")];
    assert_eq!(send(&trusting, Method::POST, &from_page).await.status, 200);
    assert_eq!(send(&default, Method::POST, &from_page).await.status, 403);
}

#[tokio::test]
async fn in_any_of_a_credential_that_the_client_sends_itself_takes_precedence() {
    let keys = ApiKeyAuth::builder().prefix("acme").store(MemoryKeys::new()).build().unwrap();
    let key = keys.create(NewApiKey::for_user(&UserContext::new("robot")).name("ci")).await.unwrap();
    let own = format!("ApiKey {}", key.secret());
    let gates = AnyOf::new((keys, auth())).unwrap();
    let token = valid_token();
    let token = (ASSERTION, &*token);
    let [default, exact] = [gates.clone(), gates.exactly_one()].map(app);
    for app in [&default, &exact] {
        assert!(get(app, &[token]).await.body.starts_with("user-1 "));
        assert_eq!(get(app, &[token, token]).await.status, 400);
    }
    let both = [token, ("authorization", &*own)];
    let response = get(&default, &both).await;
    assert!(response.body.starts_with("robot ") && !response.body.contains(&token.1[30..60]), "{response:?}");
    assert_eq!(get(&exact, &both).await.status, 400);
    // Nor is it a second explicit credential, since the proxy adds it.
    assert!(get(&default, &[token, ("x-other", "a")]).await.body.starts_with("user-1 "));

    // Two gates do not read one header.
    let other = ApiKeyAuth::builder().prefix("acme").header(NAME).store(MemoryKeys::new()).build().unwrap();
    let error = AnyOf::new((other, auth())).unwrap_err();
    assert_eq!(error.issues()[0].value(), Some("header x-goog-iap-jwt-assertion"));
}

#[tokio::test]
async fn in_a_stack_the_header_is_sensitive_on_an_open_route() {
    assert_eq!(auth().credential_headers(), [NAME]);
    let stack = Stack::builder().authenticate(auth()).open(["/open"]).build().unwrap();
    let app = app(stack);
    let token = valid_token();
    let response = TestResponse::get(&app, "/open", &[(ASSERTION, &token)]).await;
    assert!(response.status == 200 && response.body.contains("Sensitive"), "{response:?}");
    assert!(get(&app, &[(ASSERTION, &token)]).await.body.starts_with("user-1 "));
    assert_eq!(get(&app, &[]).await.status, 401);
}

/// The claims and headers that the products document, with keys of a test issuer.
#[tokio::test]
async fn the_tokens_of_google_iap_and_cloudflare_access_are_accepted() {
    for (name, algorithm, iss, audience, claims) in [
        (
            "x-goog-iap-jwt-assertion",
            Algorithm::Es256,
            "https://cloud.google.com/iap",
            "/projects/123456789/global/backendServices/987654321",
            json!({"aud": "/projects/123456789/global/backendServices/987654321",
                "azp": "/projects/123456789/global/backendServices/987654321",
                "email": "ann@example.com", "hd": "example.com", "sub": "accounts.google.com:117",
                "google": {"access_levels": ["accessPolicies/1/accessLevels/corp"]}, "identity_source": "GOOGLE"}),
        ),
        (
            "cf-access-jwt-assertion",
            Algorithm::Rs256,
            "https://acme.cloudflareaccess.com",
            "4714c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2",
            json!({"aud": ["4714c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2"], "country": "US",
                "type": "app", "email": "ann@example.com", "identity_nonce": "6ei69kawdKzMIAPF",
                "sub": "7335d417-61da-459d-899c-0a01c76a2f94"}),
        ),
    ] {
        let signer = TestIssuer::start_with(algorithm, Clock::system()).await.unwrap();
        let keys = signer.jwks();
        let issuer = Issuer::jwks_document(iss, keys).profile(Profile::Compatible);
        let auth = JwtAuth::builder().issuer(issuer).audience(audience).header(HeaderName::from_static(name));
        let app = app(auth.build().unwrap());
        let subject = claims["sub"].as_str().unwrap();
        let mut token = signer.token(subject).claim("iss", iss).header("typ", "JWT");
        for (claim, value) in claims.as_object().unwrap() {
            token = token.claim(claim, value.clone());
        }
        let response = get(&app, &[(name, &token.clone().sign())]).await;
        assert!(response.body.starts_with(&format!("{subject} ")), "{response:?}");
        let response = get(&app, &[(name, &token.claim("aud", "/projects/1/apps/other").sign())]).await;
        assert_eq!(response.denial.unwrap().kind(), &DenialKind::InvalidToken(TokenError::Audience));
        let forged = format!("{}.e30.{}", base64url(r#"{"alg":"none"}"#), base64url("x"));
        assert_eq!(get(&app, &[(name, &forged)]).await.status, 401);
    }
}
