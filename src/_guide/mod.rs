//! The guide: getting started, recipes for everyday tasks, and the reasons behind the design.
//!
//! New here? Read [Getting started](start), from an app without security to a secured one in eight steps. The
//! [recipes] solve one task each. The other pages explain how the layers work together, and why.
//!
//! # Common questions
//!
//! | question | page |
//! |---|---|
//! | How do I see a log? Why was this token rejected? | [logging](recipes::logging) |
//! | How do I log security events, and count them? | [audit events](recipes::audit_events) |
//! | How do I return my own error JSON, or an error page? | [error bodies](recipes::error_bodies) |
//! | How do I test my routes? | [testing](recipes::testing) |
//! | Which header does a client send? | [client requests](recipes::client_requests) |
//! | How do I leave some routes open? | [open routes](recipes::open_routes) |
//! | How do I guard GET and POST of one path differently? | [methods](recipes::methods) |
//! | Which kind of credential do I accept? | [which credential](recipes::which_credential) |
//! | How do I authenticate by an API key? | [API keys](recipes::api_keys), [in another format](recipes::custom_api_keys) |
//! | How do I accept opaque tokens? | [opaque tokens](recipes::opaque_tokens) |
//! | How do I authenticate services by TLS client certificates? | [mTLS](recipes::mtls) |
//! | How do I log browser users in and out? | [sessions](recipes::sessions) |
//! | How do I accept tokens and API keys on one route? | [several credentials](recipes::several_credentials) |
//! | How do I authenticate a WebSocket or an event stream? | [WebSockets](recipes::websockets) |
//! | How do I log a user out on all devices, and end open streams? | [logout](recipes::logout) |
//! | How do I move users from another framework, with their passwords? | [legacy passwords](recipes::legacy_passwords) |
//! | How do I store and check passwords? | [passwords](recipes::passwords) |
//! | How do I reset passwords, or log in by a link or a sent code? | [one-time tokens](recipes::one_time_tokens) |
//! | How do I limit failed logins? | [login limits](recipes::login_limits) |
//! | Why does my app not compile? | [compiler errors](recipes::compile_errors) |
//! | How do I check that a user owns a resource? | [checks in a handler](crate::require#checks-in-a-handler) |
//! | Why is the client's address unknown? | [the client's address](recipes::peer_address) |
//! | How do I use it with actix-web, on Lambda, or with gRPC-Web? | [other servers](recipes::other_servers) |
//! | What do I configure behind a proxy? | [load balancers](recipes::load_balancer) |
//! | How do I accept the tokens of many tenants? | [many tenants](recipes::many_tenants) |
//! | How do I rotate keys? | [key rotation](recipes::key_rotation) |
//! | How do I read settings from a file? | [settings](recipes::settings) |
//! | What happens when Redis is down? | [Redis outage](recipes::redis_outage) |
//! | Is it production ready? How do I report a vulnerability? | [production](recipes::production) |
//!
//! # How it works, and why
//!
//! | page | explains |
//! |---|---|
//! | [issuers] | how to configure each provider, such as Auth0 or Keycloak, a provider without a preset, or your own issuer |
//! | [layer order](layer_order) | where each layer goes, and why |
//! | [defaults] | every default, with its reason |
//! | [threat model](threat_model) | attacks, defenses, and what remains the app's job |
//! | [features] | what each cargo feature adds, and how many crates it brings |
//! | [migration] | how to replace tower-http's `CorsLayer` and helmet |
//! | [performance] | what each layer costs |
//! | [architecture] | how the crate is organized |

#[doc = include_str!("architecture.md")]
pub mod architecture {}

#[doc = include_str!("defaults.md")]
pub mod defaults {}

#[doc(alias("cargo features", "crates", "default-features", "dependencies", "feature flags"))]
#[doc = include_str!("features.md")]
pub mod features {}

#[doc(alias("auth0", "azure", "keycloak", "okta"))]
#[doc = include_str!("issuers.md")]
pub mod issuers {}

#[doc(alias("middleware", "ServiceBuilder"))]
#[doc = include_str!("layer_order.md")]
pub mod layer_order {}

#[doc(alias("CorsLayer", "helmet", "tower-http"))]
#[doc = include_str!("migration.md")]
pub mod migration {}

#[doc = include_str!("performance.md")]
pub mod performance {}

/// Recipes: short pages, each with code for one everyday task.
///
/// The code is complete and runs as a test. Lines that only set up the test are hidden.
pub mod recipes {
    #[doc(alias("api key", "x-api-key"))]
    #[doc = include_str!("recipes/api_keys.md")]
    pub mod api_keys {}

    #[doc(alias("audit log", "metrics", "OCSF", "OWASP", "prometheus", "SIEM"))]
    #[doc = include_str!("recipes/audit_events.md")]
    pub mod audit_events {}

    #[doc(alias("Authorization", "bearer", "client"))]
    #[doc = include_str!("recipes/client_requests.md")]
    pub mod client_requests {}

    #[doc(alias("compile error", "E0277", "E0283", "NewError"))]
    #[doc = include_str!("recipes/compile_errors.md")]
    pub mod compile_errors {}

    #[doc(alias("custom api key", "Gate"))]
    #[doc = include_str!("recipes/custom_api_keys.md")]
    pub mod custom_api_keys {}

    #[doc(alias("custom error", "json"))]
    #[doc = include_str!("recipes/error_bodies.md")]
    pub mod error_bodies {}

    #[doc(alias("jwks", "rotate"))]
    #[doc = include_str!("recipes/key_rotation.md")]
    pub mod key_rotation {}

    #[doc(alias(
        "bcrypt",
        "django",
        "devise",
        "laravel",
        "migrate users",
        "password hash",
        "pbkdf2",
        "scrypt",
        "werkzeug"
    ))]
    #[doc = include_str!("recipes/legacy_passwords.md")]
    pub mod legacy_passwords {}

    #[doc(alias("nginx", "proxy"))]
    #[doc = include_str!("recipes/load_balancer.md")]
    pub mod load_balancer {}

    #[doc(alias("401", "debug", "log", "RUST_LOG", "tracing", "troubleshooting"))]
    #[doc = include_str!("recipes/logging.md")]
    pub mod logging {}

    #[doc(alias("brute force", "login"))]
    #[doc = include_str!("recipes/login_limits.md")]
    pub mod login_limits {}

    #[doc(alias("blocklist", "denylist", "log out everywhere", "revoke", "sign out", "single logout"))]
    #[doc = include_str!("recipes/logout.md")]
    pub mod logout {}

    #[doc(alias("multi-tenant", "organizations", "realms"))]
    #[doc = include_str!("recipes/many_tenants.md")]
    pub mod many_tenants {}

    #[doc(alias("guard", "method_router"))]
    #[doc = include_str!("recipes/methods.md")]
    pub mod methods {}

    #[doc(alias("Client-Cert", "client certificate", "RFC 9440", "SPIFFE", "XFCC"))]
    #[doc = include_str!("recipes/mtls.md")]
    pub mod mtls {}

    #[doc(alias("authorization code", "OpenID Connect", "PKCE", "single sign-on", "SSO"))]
    #[doc = include_str!("recipes/oidc_login.md")]
    pub mod oidc_login {}

    #[doc(alias("email verification", "forgot password", "magic link", "OTP", "password reset", "SMS"))]
    #[doc = include_str!("recipes/one_time_tokens.md")]
    pub mod one_time_tokens {}

    #[doc(alias("introspection", "reference token", "RFC 7662"))]
    #[doc = include_str!("recipes/opaque_tokens.md")]
    pub mod opaque_tokens {}

    #[doc(alias("anonymous", "public"))]
    #[doc = include_str!("recipes/open_routes.md")]
    pub mod open_routes {}

    #[doc(alias("actix", "API Gateway", "Connect", "dioxus", "grpc-web", "lambda", "leptos", "pingora", "poem"))]
    #[doc(alias("rocket", "salvo"))]
    #[doc = include_str!("recipes/other_servers.md")]
    pub mod other_servers {}

    #[doc(alias("ConnectInfo", "into_make_service_with_connect_info", "ip"))]
    #[doc(alias("argon2", "password hash", "password reset"))]
    #[doc = include_str!("recipes/passwords.md")]
    pub mod passwords {}

    #[doc = include_str!("recipes/peer_address.md")]
    pub mod peer_address {}

    #[doc(alias("checklist", "deploy", "vulnerability"))]
    #[doc = include_str!("recipes/production.md")]
    pub mod production {}

    #[doc(alias = "redis")]
    #[doc = include_str!("recipes/redis_outage.md")]
    pub mod redis_outage {}

    #[doc(alias("AnyOf", "multiple credentials", "session"))]
    #[doc = include_str!("recipes/several_credentials.md")]
    pub mod several_credentials {}

    #[doc(alias("cookie", "csrf", "login", "SPA"))]
    #[doc = include_str!("recipes/sessions.md")]
    pub mod sessions {}

    #[doc(alias("config", "configuration", "environment variables", "json", "serde", "toml"))]
    #[doc = include_str!("recipes/settings.md")]
    pub mod settings {}

    #[doc(alias("mock", "test"))]
    #[doc = include_str!("recipes/testing.md")]
    pub mod testing {}

    #[doc(alias("EventSource", "SSE", "websocket"))]
    #[doc = include_str!("recipes/websockets.md")]
    pub mod websockets {}

    #[doc(alias("authentication methods", "comparison", "credentials"))]
    #[doc = include_str!("recipes/which_credential.md")]
    pub mod which_credential {}
}

#[doc(alias("getting started", "quickstart", "tutorial"))]
#[doc = include_str!("start.md")]
pub mod start {}

#[doc(alias("csrf", "xss"))]
#[doc = include_str!("threat_model.md")]
pub mod threat_model {}

/// Runs the README's code as doc tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
