//! An API and the issuer that it trusts, on 127.0.0.1, with nothing else installed.
//!
//! Run `cargo run --example quickstart`; `PORT=3001` selects another port. It prints tokens and
//! an API key to export in a second terminal, and `curl` commands to run there.
//!
//! A logout revokes a token until the process ends. To share it, start two processes with the same
//! `REDIS_URL` (Redis 6.2 or later), the second one with another `PORT`, and with the `ISSUER_URL`
//! that the first one prints, so that it accepts the tokens of both. A token that logs out of one is
//! then rejected by the other.
//!
//! These are seven of the commands, with their responses:
//!
//! ```sh
//! curl -i http://127.0.0.1:3000/me
//! ```
//! ```text
//! HTTP/1.1 401 Unauthorized
//! content-type: application/problem+json
//! cache-control: no-store
//! www-authenticate: Bearer realm="api"
//! www-authenticate: ApiKey realm="api"
//! vary: Origin
//! cross-origin-opener-policy: same-origin
//! cross-origin-resource-policy: same-origin
//! origin-agent-cluster: ?1
//! referrer-policy: no-referrer
//! x-content-type-options: nosniff
//! x-frame-options: DENY
//! x-xss-protection: 0
//! content-security-policy: default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
//! content-length: 141
//!
//! {"type":"about:blank","title":"Unauthorized","status":401,"detail":"a credential is required: Bearer or ApiKey","code":"credentials_missing"}
//! ```
//!
//! ```sh
//! curl -i http://127.0.0.1:3000/me -H "Authorization: Bearer $BASIC_TOKEN"
//! ```
//! ```text
//! HTTP/1.1 200 OK
//! cross-origin-opener-policy: same-origin
//! cross-origin-resource-policy: same-origin
//! origin-agent-cluster: ?1
//! referrer-policy: no-referrer
//! x-content-type-options: nosniff
//! x-frame-options: DENY
//! x-xss-protection: 0
//! content-security-policy: default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
//! content-type: application/json
//! x-ratelimit-remaining: 99
//! x-ratelimit-limit: 100
//! x-ratelimit-reset: 1795294201
//! cache-control: no-store
//! vary: Origin
//! content-length: 350
//!
//! {"id":"ann","principal":"user","credential":"token","scopes":["read:valuations"],"roles":["basic_user"],"permissions":["create:document","create:valuation","read:document","read:market_data","read:user_profile","read:valuation","update:user_profile"],"issuer":"http://127.0.0.1:39205","client_id":"test-client","tier":"basic","expires_at":1795294201}
//! ```
//!
//! ```sh
//! curl -i http://127.0.0.1:3000/valuations -X POST -H "Authorization: Bearer $BASIC_TOKEN"
//! ```
//! ```text
//! HTTP/1.1 403 Forbidden
//! cross-origin-opener-policy: same-origin
//! cross-origin-resource-policy: same-origin
//! origin-agent-cluster: ?1
//! referrer-policy: no-referrer
//! x-content-type-options: nosniff
//! x-frame-options: DENY
//! x-xss-protection: 0
//! content-security-policy: default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
//! content-type: application/problem+json
//! cache-control: no-store
//! www-authenticate: Bearer realm="api", error="insufficient_scope", error_description="required scope: write:valuations", scope="write:valuations"
//! x-ratelimit-remaining: 98
//! x-ratelimit-limit: 100
//! x-ratelimit-reset: 1795294201
//! vary: Origin
//! content-length: 183
//!
//! {"type":"about:blank","title":"Forbidden","status":403,"detail":"required scope: write:valuations","code":"insufficient_scope","error":"insufficient_scope","scope":"write:valuations"}
//! ```
//!
//! ```sh
//! curl -i http://127.0.0.1:3000/me -H "Authorization: ApiKey $API_KEY"
//! ```
//! ```text
//! HTTP/1.1 200 OK
//! cross-origin-opener-policy: same-origin
//! cross-origin-resource-policy: same-origin
//! origin-agent-cluster: ?1
//! referrer-policy: no-referrer
//! x-content-type-options: nosniff
//! x-frame-options: DENY
//! x-xss-protection: 0
//! content-security-policy: default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
//! content-type: application/json
//! x-ratelimit-remaining: 97
//! x-ratelimit-limit: 100
//! x-ratelimit-reset: 1795294201
//! cache-control: no-store
//! vary: Origin
//! content-length: 146
//!
//! {"id":"ann","principal":"user","credential":"api_key","scopes":["write:valuations"],"roles":[],"permissions":[],"issuer":"http://127.0.0.1:39205"}
//! ```
//!
//! ```sh
//! curl -i http://127.0.0.1:3000/logout -X POST -H "Authorization: Bearer $LOGOUT_TOKEN"
//! ```
//! ```text
//! HTTP/1.1 200 OK
//! cross-origin-opener-policy: same-origin
//! cross-origin-resource-policy: same-origin
//! origin-agent-cluster: ?1
//! referrer-policy: no-referrer
//! x-content-type-options: nosniff
//! x-frame-options: DENY
//! x-xss-protection: 0
//! content-security-policy: default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
//! content-type: application/json
//! x-ratelimit-remaining: 96
//! x-ratelimit-limit: 100
//! x-ratelimit-reset: 1795294201
//! cache-control: no-store
//! vary: Origin
//! content-length: 75
//!
//! {"detail":"Token has been invalidated","message":"Successfully logged out"}
//! ```
//!
//! ```sh
//! curl -i http://127.0.0.1:3000/me -H "Authorization: Bearer $LOGOUT_TOKEN"
//! ```
//! ```text
//! HTTP/1.1 401 Unauthorized
//! content-type: application/problem+json
//! cache-control: no-store
//! www-authenticate: Bearer realm="api", error="invalid_token", error_description="the token has been revoked"
//! www-authenticate: ApiKey realm="api"
//! vary: Origin
//! cross-origin-opener-policy: same-origin
//! cross-origin-resource-policy: same-origin
//! origin-agent-cluster: ?1
//! referrer-policy: no-referrer
//! x-content-type-options: nosniff
//! x-frame-options: DENY
//! x-xss-protection: 0
//! content-security-policy: default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
//! content-length: 143
//!
//! {"type":"about:blank","title":"Unauthorized","status":401,"detail":"the token has been revoked","code":"token_revoked","error":"invalid_token"}
//! ```
//!
//! ```sh
//! curl -i http://127.0.0.1:3000/valuations/1 -X OPTIONS -H 'Origin: http://localhost:5173' -H 'Access-Control-Request-Method: DELETE'
//! ```
//! ```text
//! HTTP/1.1 204 No Content
//! vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers
//! access-control-allow-origin: http://localhost:5173
//! access-control-allow-credentials: true
//! access-control-allow-methods: DELETE
//! access-control-max-age: 600
//! cross-origin-opener-policy: same-origin
//! cross-origin-resource-policy: same-origin
//! origin-agent-cluster: ?1
//! referrer-policy: no-referrer
//! x-content-type-options: nosniff
//! x-frame-options: DENY
//! x-xss-protection: 0
//! content-security-policy: default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
//! allow: DELETE
//! ```

use std::env;
use std::error::Error;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use portcullis::api_key::{MemoryKeys, NewApiKey};
use portcullis::context::Credential;
use portcullis::gate::Denial;
use portcullis::rate_limit::Key;
use portcullis::testing::TestIssuer;
use portcullis::{
    AnyOf, ApiKeyAuth, ConfigError, Cors, Issuer, JwtAuth, OriginSet, Quota, RateLimit,
    RequireCredential, RequirePermission, RequireScope, RequireTier, Revocations, Roles, Scopes,
    SecurityHeaders, Stack, Tiers, UserContext,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

fn app(issuer: Issuer, keys: ApiKeyAuth) -> Result<Router, ConfigError> {
    let tiers = Tiers::ascending(["basic", "professional", "enterprise"])?;
    let roles = roles()?;
    // All processes with the same `REDIS_URL` share what is revoked.
    let revocations = match env::var("REDIS_URL") {
        Ok(url) => Revocations::builder().redis_stream(&url).build()?,
        Err(_) => Revocations::builder().build()?,
    };
    let mut auth = JwtAuth::builder().issuer(issuer).audience("api").revocations(&revocations);
    if let Ok(url) = env::var("ISSUER_URL") {
        auth = auth.add_issuer(url.as_str());
    }
    let auth = auth.roles(roles.clone()).tiers(tiers.clone()).build()?;
    let limit = RateLimit::builder()
        .by_tier([
            (tiers.get("basic")?, Quota::per_hour(100)?),
            (tiers.get("professional")?, Quota::per_hour(500)?),
            (tiers.get("enterprise")?, Quota::per_hour(2000)?),
        ])
        .key(Key::user())
        .exempt(["/health"])
        .build()?;
    // Pages of this origin may call the API.
    let cors = Cors::builder().origins(OriginSet::new(["http://localhost:5173"])?);
    let stack = Stack::builder()
        .security_headers(SecurityHeaders::api().build()?)
        .cors(cors.allow_credentials().allow_methods(["DELETE"]).build()?)
        .authenticate(AnyOf::new((auth, keys))?)
        .open(["/health"])
        .limit_by_user(limit)
        .build()?;

    let may_write = RequireScope::new("write:valuations")?;
    let may_delete = RequirePermission::new(roles.permission("delete:valuation")?)?;
    // A key ends when its owner revokes it: see the example `api_keys`.
    let by_token = RequireCredential::new(Credential::Token);
    let professional = RequireTier::at_least(&tiers, "professional")?;
    Ok(Router::new()
        .route("/me", get(async |user: UserContext| Json(user)))
        .route("/valuations", post(|| async { StatusCode::CREATED }).layer(may_write))
        .route("/valuations/{id}", delete(|| async { StatusCode::NO_CONTENT }).layer(may_delete))
        .route("/analytics", get(|| async { "4.2\n" }).layer(professional))
        .route("/logout", post(logout).with_state(revocations).layer(by_token))
        .route("/health", get(|| async { "ok\n" }))
        .layer(stack))
}

/// The roles that a token may name, and what they grant.
fn roles() -> Result<Roles, ConfigError> {
    let all = ACTIONS.split(' ').flat_map(|action| {
        RESOURCES.split(' ').map(move |resource| format!("{action}:{resource}"))
    });
    Roles::builder()
        .role("basic_user", BASIC.split(' '))
        .role("professional_user", PROFESSIONAL.split(' '))
        .role("enterprise_user", ENTERPRISE.split(' '))
        .role("admin", all)
        .inherits("professional_user", ["basic_user"])
        .inherits("enterprise_user", ["professional_user"])
        .build()
}

/// Revokes the token of the request.
async fn logout(user: UserContext, revocations: State<Revocations>) -> Result<Json<Value>, Denial> {
    revocations.revoke(&user).await?;
    let detail = "Token has been invalidated";
    Ok(Json(json!({ "message": "Successfully logged out", "detail": detail })))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))
        .await
        .map_err(|error| format!("PORT={port}: {error}"))?;
    let issuer = TestIssuer::start().await?;
    // The keys of this example end with the process: implement `ApiKeyStore` for your database.
    let keys = ApiKeyAuth::builder().prefix("quickstart").store(MemoryKeys::new()).build()?;
    let app = app(Issuer::discover(issuer.url()), keys.clone())?;
    let url = format!("http://{}", listener.local_addr()?);
    let ann = UserContext::new("ann").with_issuer(issuer.url());
    let ann = ann.with_scopes(Scopes::new(["write:valuations"])?);
    let key = keys.create(NewApiKey::for_user(&ann).scopes(["write:valuations"])).await?;
    println!("export ISSUER_URL={}\nexport API_KEY={}", issuer.url(), key.secret());
    let token = |user: &str| issuer.token(user).audience("api").expires_in(HOUR);
    let write = |user: &str| token(user).scope("write:valuations");
    for (name, role, token) in [
        ("BASIC", "basic_user", token("ann").tier("basic").scope("read:valuations")),
        ("PROFESSIONAL", "professional_user", write("bob").tier("professional")),
        ("ENTERPRISE", "enterprise_user", write("eve").tier("enterprise")),
        ("ADMIN", "admin", write("kim").tier("enterprise")),
    ] {
        println!("export {name}_TOKEN={}", token.role(role).sign());
    }
    println!("export EXPIRED_TOKEN={}", token("ann").expired().sign());
    println!("curl -i {url}/health\ncurl -i {url}/me");
    println!("curl -i {url}/me -H \"Authorization: Bearer $EXPIRED_TOKEN\"");
    for name in ["BASIC_TOKEN", "PROFESSIONAL_TOKEN", "ENTERPRISE_TOKEN", "ADMIN_TOKEN", "API_KEY"]
    {
        let scheme = if name == "API_KEY" { "ApiKey" } else { "Bearer" };
        for request in ["/me", "/valuations -X POST", "/valuations/1 -X DELETE", "/analytics"] {
            println!("curl -i {url}{request} -H \"Authorization: {scheme} ${name}\"");
        }
    }
    println!("export LOGOUT_TOKEN={}", token("ann").tier("basic").role("basic_user").sign());
    let logout_token = "-H \"Authorization: Bearer $LOGOUT_TOKEN\"";
    println!("curl -i {url}/logout -X POST {logout_token}\ncurl -i {url}/me {logout_token}");
    let preflight = "-H 'Origin: http://localhost:5173' -H 'Access-Control-Request-Method: DELETE'";
    println!("curl -i {url}/valuations/1 -X OPTIONS {preflight}");
    Ok(axum::serve(listener, app).await?)
}

const HOUR: Duration = Duration::from_secs(3600);

const BASIC: &str = "create:valuation read:valuation create:document read:document \
    read:market_data read:user_profile update:user_profile";
const PROFESSIONAL: &str = "export:valuation read:analytics create:webhook read:webhook \
    update:webhook delete:webhook export:document";
const ENTERPRISE: &str = "delete:valuation delete:document export:analytics read:billing";

const ACTIONS: &str = "create read update delete execute export";
const RESOURCES: &str =
    "valuation document market_data analytics user_profile webhook billing admin";
