//! An issuer and an API that trusts it, on 127.0.0.1 with nothing else installed.
//!
//! `cargo run --example quickstart`, or with another port `PORT=3001 cargo run --example quickstart`. It prints tokens to
//! export in a second terminal, and `curl` lines to try there. `REDIS_URL=redis://127.0.0.1:6379` counts requests in Redis.

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

/// How often a user may ask, by tier; an anonymous caller as the lowest, by address.
fn limit(tiers: &Tiers, store: Store) -> Result<RateLimit, ConfigError> {
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

/// What an app adds around its routes: all layers in the one right order. Two front ends, one on this machine, may call it.
fn stack(auth: JwtAuth, limit: RateLimit) -> Result<Stack<JwtAuth>, ConfigError> {
    let pages = OriginSet::new(["http://localhost:5173", "https://app.example.com"])?;
    Stack::builder()
        .security_headers(SecurityHeaders::api().build()?)
        .cors(Cors::builder().origins(pages).allow_credentials().allow_methods(["DELETE"]).build()?)
        .authenticate(auth)
        .limit_by_user(limit)
        .build()
}

/// And on each route, what it requires.
fn app(stack: Stack<JwtAuth>, roles: &Roles, tiers: &Tiers) -> Result<Router, ConfigError> {
    let may_create = RequirePermission::all([roles.permission("create:valuation")?])?;
    let professional = RequireTier::at_least(tiers.get("professional")?);
    let may_write = RequireScope::all(["write:valuations"])?;
    let guarded = Router::new()
        .route("/me", get(me))
        .route("/valuations", post(create).layer(may_create))
        .route("/analytics/industry-benchmarks", get(benchmarks).layer(professional))
        .route("/valuations/{id}", delete(remove).layer(may_write))
        .layer(RequireUser::new());
    let open = Router::new().route("/health", get(|| async { "ok" }));
    Ok(open.merge(guarded).layer(stack))
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
    let port: u16 = port.parse().map_err(|error| format!("PORT={port}: {error}; give a number from 0 to 65535"))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    let listener = listener.map_err(|error| format!("port {port}: {error}; set another, as PORT=3001"))?;
    let (roles, tiers) = (roles()?, Tiers::ascending(["basic", "professional", "enterprise"])?);
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
    let app = app(stack(auth, limit(&tiers, store)?)?, &roles, &tiers)?;
    print(&issuer, listener.local_addr()?);
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}

fn print(issuer: &TestIssuer, addr: SocketAddr) {
    for (tier, scope) in [("basic", "read"), ("professional", "read write"), ("enterprise", "read write")] {
        let scopes: Vec<_> = scope.split(' ').map(|action| format!("{action}:valuations")).collect();
        let token = issuer.token(&format!("{tier}-user")).audience(AUDIENCE).scope(scopes.join(" "));
        let token = token.role(format!("{tier}_user")).tier(tier).expires_in(Duration::from_secs(3600));
        println!("export {}_TOKEN={}", tier.to_uppercase(), token.sign());
    }
    println!("export EXPIRED_TOKEN={}", issuer.token("late-user").audience(AUDIENCE).expired().sign());
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
