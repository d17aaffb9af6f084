//! An API and the issuer that it trusts, on 127.0.0.1, with nothing else installed.
//!
//! Start it with `cargo run --example quickstart`, or on another port with `PORT=3001 cargo run --example quickstart`. With
//! `REDIS_URL=redis://127.0.0.1:6379`, the requests are counted in Redis.
//!
//! It prints tokens to export in a second terminal, and `curl` commands to run there. These are four of the commands,
//! with their responses:
//!
//! ```sh
//! curl -i http://127.0.0.1:3000/me
//! ```
//! ```text
//! HTTP/1.1 401 Unauthorized
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
//! www-authenticate: Bearer realm="api"
//! x-ratelimit-remaining: 99
//! x-ratelimit-limit: 100
//! x-ratelimit-reset: 1795294201
//! vary: Origin
//! content-length: 96
//!
//! {"type":"about:blank","title":"Unauthorized","status":401,"detail":"a bearer token is required"}
//! ```
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
//! content-length: 223
//!
//! {"id":"basic-user","permissions":["create:document","create:valuation","read:document","read:market_data","read:profile","read:valuation","update:profile"],"roles":["basic_user"],"scopes":["read:valuations"],"tier":"basic"}
//! ```
//! ```sh
//! curl -i -X DELETE http://127.0.0.1:3000/valuations/1 -H "Authorization: Bearer $BASIC_TOKEN"
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
//! content-length: 155
//!
//! {"type":"about:blank","title":"Forbidden","status":403,"detail":"required scope: write:valuations","error":"insufficient_scope","scope":"write:valuations"}
//! ```
//!
//! ```sh
//! curl -i -X OPTIONS http://127.0.0.1:3000/valuations/1 -H "Origin: http://localhost:5173" -H "Access-Control-Request-Method: DELETE"
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
//!
//! ```

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use portcullis::rate_limit::{Key, MemoryStore, RedisStore, Store};
use portcullis::testing::TestIssuer;
use portcullis::{
    ConfigError, Cors, Extractor, Issuer, JwtAuth, OriginSet, Quota, RateLimit, RequirePermission, RequireScope,
    RequireTier, RequireUser, Roles, SecurityHeaders, Stack, Tiers, TrustedProxies, UserContext,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

const AUDIENCE: &str = "https://api.example.com";

fn roles() -> Result<Roles, ConfigError> {
    let basic = ["create:valuation", "read:valuation", "create:document", "read:document", "read:market_data"];
    let professional = ["export:valuation", "export:document", "read:analytics", "*:webhook"];
    let enterprise = ["delete:valuation", "delete:document", "export:analytics", "read:billing"];
    Roles::builder()
        .role("basic_user", basic.into_iter().chain(["read:profile", "update:profile"]))
        .role("professional_user", professional)
        .role("enterprise_user", enterprise)
        .role("admin", ["*:*"])
        .inherits("professional_user", ["basic_user"])
        .inherits("enterprise_user", ["professional_user"])
        .build()
}

/// Limits users by tier. Anonymous callers are limited by address, with the quota of the lowest tier.
fn rate_limit(tiers: &Tiers, store: Store) -> Result<RateLimit, ConfigError> {
    RateLimit::builder()
        .by_tier([
            (tiers.get("basic")?, Quota::per_hour(100)?),
            (tiers.get("professional")?, Quota::per_hour(500)?),
            (tiers.get("enterprise")?, Quota::per_hour(2000)?),
        ])
        .key(Key::user().or_ip(TrustedProxies::none()))
        .exempt(["/health"])
        .store(store)
        .build()
}

/// Combines the layers around all routes. Pages of two origins may call the API: one in production, one in development.
fn stack(auth: JwtAuth, limit: RateLimit) -> Result<Stack<JwtAuth>, ConfigError> {
    let origins = OriginSet::new(["http://localhost:5173", "https://app.example.com"])?;
    Stack::builder()
        .security_headers(SecurityHeaders::api().build()?)
        .cors(Cors::builder().origins(origins).allow_credentials().allow_methods(["DELETE"]).build()?)
        .authenticate(auth)
        .limit_by_user(limit)
        .build()
}

/// Adds the requirements of each route.
fn app(stack: Stack<JwtAuth>, roles: &Roles, tiers: &Tiers) -> Result<Router, ConfigError> {
    let may_create = RequirePermission::all([roles.permission("create:valuation")?])?;
    let professional = RequireTier::at_least(tiers.get("professional")?);
    let may_write = RequireScope::all(["write:valuations"])?;
    let protected = Router::new()
        .route("/me", get(me))
        .route("/valuations", post(create).layer(may_create))
        .route("/analytics/industry-benchmarks", get(benchmarks).layer(professional))
        .route("/valuations/{id}", delete(remove).layer(may_write))
        .layer(RequireUser::new());
    let public = Router::new().route("/health", get(|| async { "ok" }));
    Ok(public.merge(protected).layer(stack))
}

async fn me(Extractor(user): Extractor<UserContext>) -> Json<Value> {
    Json(json!({
        "id": user.id(),
        "scopes": user.scopes().iter().collect::<Vec<_>>(),
        "roles": user.roles().collect::<Vec<_>>(),
        "permissions": user.permissions().collect::<Vec<_>>(),
        "tier": user.tier_name(),
    }))
}

async fn create(Extractor(user): Extractor<UserContext>) -> (StatusCode, Json<Value>) {
    (StatusCode::CREATED, Json(json!({ "id": 1, "owner": user.id() })))
}

async fn benchmarks() -> Json<Value> {
    Json(json!({ "industry": "software", "median_multiple": 4.2 }))
}

async fn remove(Path(_id): Path<u64>) -> StatusCode {
    StatusCode::NO_CONTENT
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let port: u16 = port.parse().map_err(|error| format!("PORT={port}: {error}; use a number from 0 to 65535"))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    let listener =
        listener.map_err(|error| format!("port {port}: {error}; choose another port, for example PORT=3001"))?;
    let roles = roles()?;
    let tiers = Tiers::ascending(["basic", "professional", "enterprise"])?;
    let store = match std::env::var("REDIS_URL") {
        Ok(url) => RedisStore::connect(&url)?.into(),
        Err(_) => MemoryStore::new().into(),
    };
    let issuer = TestIssuer::start().await?;
    let auth = JwtAuth::builder()
        .issuer(Issuer::discover(issuer.url()))
        .audience(AUDIENCE)
        .roles(roles.clone())
        .tiers(tiers.clone())
        .optional()
        .build()?;
    let app = app(stack(auth, rate_limit(&tiers, store)?)?, &roles, &tiers)?;
    print_commands(&issuer, listener.local_addr()?);
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}

/// Prints tokens to export, and the curl commands that use them.
fn print_commands(issuer: &TestIssuer, addr: SocketAddr) {
    for (tier, scope) in [("basic", "read"), ("professional", "read write"), ("enterprise", "read write")] {
        let scopes: Vec<_> = scope.split(' ').map(|action| format!("{action}:valuations")).collect();
        let token = issuer.token(&format!("{tier}-user")).audience(AUDIENCE).scope(scopes.join(" "));
        let token = token.role(format!("{tier}_user")).tier(tier).expires_in(Duration::from_secs(3600));
        println!("export {}_TOKEN={}", tier.to_uppercase(), token.sign());
    }
    println!("export EXPIRED_TOKEN={}", issuer.token("expired-user").audience(AUDIENCE).expired().sign());
    println!("curl -i http://{addr}/health");
    println!("curl -i http://{addr}/me");
    println!("curl -i http://{addr}/me -H \"Authorization: Bearer $BASIC_TOKEN\"");
    println!("curl -i http://{addr}/me -H \"Authorization: Bearer $EXPIRED_TOKEN\"");
    println!("curl -i http://{addr}/me -H \"Authorization: Bearer $ENTERPRISE_TOKEN\"");
    println!("curl -i http://{addr}/me -H \"Authorization: Bearer $BASIC_TOKEN\" -H \"Origin: http://localhost:5173\"");
    let preflight = "-H \"Origin: http://localhost:5173\" -H \"Access-Control-Request-Method: DELETE\"";
    println!("curl -i -X OPTIONS http://{addr}/valuations/1 {preflight}");
    println!("curl -i -X POST http://{addr}/valuations -H \"Authorization: Bearer $BASIC_TOKEN\"");
    for tier in ["BASIC", "PROFESSIONAL"] {
        println!("curl -i http://{addr}/analytics/industry-benchmarks -H \"Authorization: Bearer ${tier}_TOKEN\"");
        println!("curl -i -X DELETE http://{addr}/valuations/1 -H \"Authorization: Bearer ${tier}_TOKEN\"");
    }
}
