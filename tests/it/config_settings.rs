//! `ConfigIssue::setting()` is the constructor or the builder's method that the app called.

use std::time::Duration;

use axum::http::HeaderName;
use axum::http::header::{AUTHORIZATION, COOKIE, SEC_WEBSOCKET_PROTOCOL};
use portcullis::api_key::{ApiKeyChange, ApiKeyError, ApiKeyId, MemoryKeys, NewApiKey};
use portcullis::client_cert::ClientCertHeader;
use portcullis::context::AuthScheme;
use portcullis::gate::{CredentialSource, CredentialSources};
use portcullis::headers::{Csp, Hsts};
use portcullis::introspection::ClientAuth;
use portcullis::rate_limit::{Key, Limit, MemoryStore};
use portcullis::shared_signals::SharedSignalsBuilder;
use portcullis::{
    AnyOf, ApiKeyAuth, BackChannelLogout, BasicAuth, ClaimMap, ClientCertAuth, ConfigError, Csrf, IntrospectionAuth,
    IpFilter, Issuer, JwtAuth, OriginSet, Permission, Quota, RateLimit, RequireCredential, RequirePermission,
    RequireRole, RequireScope, RequireTier, Revocations, Roles, Scopes, SharedSignals, Stack, Tiers, TrustedProxies,
    UserContext,
};

/// The setting of the only issue.
#[track_caller]
fn setting<T>(result: Result<T, ConfigError>) -> &'static str {
    let Err(error) = result else { panic!("no issue") };
    let [issue] = error.issues() else { panic!("{error}") };
    issue.setting()
}

#[test]
fn constructors_are_named_by_their_path() {
    assert_eq!(setting(OriginSet::new(["*"])), "OriginSet::new");
    assert_eq!(setting(OriginSet::new([""; 0])), "OriginSet::new");
    let dangerous = OriginSet::dangerously_with_public_suffixes(["https://*.com/"]);
    assert_eq!(setting(dangerous), "OriginSet::dangerously_with_public_suffixes");
    assert_eq!(setting(AuthScheme::new("a b")), "AuthScheme::new");
    assert_eq!(setting(AuthScheme::bearer().parameter("realm", "a")), "AuthScheme::parameter");
    assert_eq!(setting(CredentialSources::new([CredentialSource::cookie("")])), "CredentialSources::new");
    let builder = || JwtAuth::builder().issuer(Issuer::hs256("https://a.example", [7; 32])).audience("a");
    let tokens = || builder().build().unwrap();
    assert_eq!(setting(AnyOf::new((tokens(), tokens()))), "AnyOf::new");
    assert_eq!(setting(Permission::new("a")), "Permission::new");
    assert_eq!(setting(Scopes::new([""])), "Scopes::new");
    for names in [&["a", "a"][..], &[], &["a", ""]] {
        assert_eq!(setting(Tiers::ascending(names)), "Tiers::ascending");
        assert_eq!(setting(Roles::from_names(names.iter().copied())), "Roles::from_names");
    }
    assert_eq!(setting(TrustedProxies::new(["a"])), "TrustedProxies::new");
    assert_eq!(setting(TrustedProxies::new(["::/0"])), "TrustedProxies::new");
    assert_eq!(setting(TrustedProxies::new(["11.0.0.0/8", "12.0.0.0/8"])), "TrustedProxies::new");
    let dangerous = TrustedProxies::dangerously_trust_networks(["::/0", "a"]);
    assert_eq!(setting(dangerous), "TrustedProxies::dangerously_trust_networks");
    assert_eq!(setting(TrustedProxies::hops(0)), "TrustedProxies::hops");
    let http = OriginSet::new(["http://a.example"]).unwrap();
    assert_eq!(setting(Csrf::builder().origins(http).build()), "origins");
    assert_eq!(setting(builder().csrf(Csrf::default()).build()), "csrf");
    let from_header = || builder().header(HeaderName::from_static("x-token"));
    for name in [AUTHORIZATION, COOKIE, SEC_WEBSOCKET_PROTOCOL] {
        assert_eq!(setting(builder().header(name).build()), "header");
    }
    assert_eq!(setting(from_header().cookie("a").build()), "cookie");
    assert_eq!(setting(from_header().websocket_protocol("a").build()), "websocket_protocol");
    assert!(from_header().csrf(Csrf::default()).build().is_ok());
    for name in ["", "a b", "a,b", "a/b", "\u{e9}"] {
        assert_eq!(setting(builder().websocket_protocol(name).build()), "websocket_protocol");
    }
    assert_eq!(setting(BasicAuth::builder().build()), "BasicAuth::builder");
    let user = || BasicAuth::builder().user("a", "0123456789abcdef");
    assert_eq!(setting(BasicAuth::builder().user("a:b", "0123456789abcdef").build()), "user");
    assert_eq!(setting(BasicAuth::builder().user("a", "0123456789abcde").build()), "user");
    assert_eq!(setting(BasicAuth::builder().user("a", "0123456789abcdef\n").build()), "user");
    assert_eq!(setting(user().add_user("a", "0123456789abcdef").build()), "add_user");
    assert_eq!(setting(user().realm("\"").build()), "realm");
    assert_eq!(setting(user().load_user_timeout(Duration::from_secs(1)).build()), "load_user_timeout");
    let certificates = || ClientCertAuth::builder().from_tls(|_| None).user(|_| None);
    assert_eq!(setting(ClientCertAuth::builder().user(|_| None).build()), "ClientCertAuth::builder");
    assert_eq!(setting(ClientCertAuth::builder().from_tls(|_| None).build()), "user");
    for proxies in [TrustedProxies::none(), TrustedProxies::hops(1).unwrap()] {
        assert_eq!(setting(certificates().forwarded(ClientCertHeader::Envoy, proxies).build()), "forwarded");
    }
    assert_eq!(setting(certificates().verified_by("a", "b").build()), "verified_by");
    for timeout in [Duration::ZERO, Duration::from_millis(60_001)] {
        let loading = certificates().load_user(async |user| Ok(user)).load_user_timeout(timeout);
        assert_eq!(setting(loading.build()), "load_user_timeout");
    }
    let forwarded = || certificates().forwarded(ClientCertHeader::Rfc9440, TrustedProxies::new(["10.0.0.1"]).unwrap());
    assert_eq!(setting(forwarded().verified_by("a b", "c").build()), "verified_by");
    assert_eq!(setting(forwarded().verified_by("a", "").build()), "verified_by");
    let opaque = || IntrospectionAuth::builder().endpoint("https://a.example/").client("a", "b").audience("c");
    let without_endpoint = IntrospectionAuth::builder().client("a", "b").audience("c");
    assert_eq!(setting(without_endpoint.build()), "endpoint");
    let without_client = IntrospectionAuth::builder().endpoint("https://a.example/").audience("c");
    assert_eq!(setting(without_client.build()), "client_auth");
    assert_eq!(setting(opaque().audiences([""; 0]).build()), "audience");
    assert_eq!(setting(opaque().add_audience("").build()), "audience");
    assert_eq!(setting(opaque().any_audience().build()), "any_audience");
    assert_eq!(setting(opaque().client("a", "").build()), "client");
    assert_eq!(setting(opaque().client_auth(ClientAuth::post("a", "")).build()), "client_auth");
    assert_eq!(setting(opaque().issuer("").build()), "issuer");
    assert_eq!(setting(opaque().keys_from(&tokens()).build()), "keys_from");
    assert_eq!(setting(opaque().timeout(Duration::ZERO).build()), "timeout");
    assert_eq!(setting(opaque().cache_ttl(Duration::MAX).build()), "cache_ttl");
    assert_eq!(setting(opaque().cache_capacity(0).build()), "cache_capacity");
    assert_eq!(setting(opaque().leeway(Duration::MAX).build()), "leeway");
    assert_eq!(setting(opaque().realm("").build()), "realm");
    assert_eq!(setting(opaque().claims(ClaimMap::new().id("")).build()), "claims");
    let free = Tiers::ascending(["free"]).unwrap().get("free").unwrap();
    assert_eq!(setting(opaque().default_tier(free).build()), "default_tier");
    assert_eq!(setting(opaque().load_user_timeout(Duration::from_secs(1)).build()), "load_user_timeout");
    assert_eq!(setting(IpFilter::builder().build()), "IpFilter::builder");
    assert_eq!(setting(IpFilter::builder().allow([""; 0]).build()), "allow");
    assert_eq!(setting(IpFilter::builder().allow(["a"]).build()), "allow");
    assert_eq!(setting(IpFilter::builder().deny(["a"]).build()), "deny");
    assert_eq!(setting(IpFilter::builder().deny(["::1"]).nat64_prefixes(["::/97"]).build()), "nat64_prefixes");
    assert_eq!(setting("0/h".parse::<Quota>()), "Quota::from_str");
    assert_eq!(setting("h".parse::<Quota>()), "Quota::from_str");
    assert_eq!(setting("a, b".parse::<Tiers>()), "Tiers::from_str");
    assert_eq!(setting("a < a".parse::<Tiers>()), "Tiers::from_str");
    assert_eq!(setting("a".parse::<Permission>()), "Permission::from_str");
    assert_eq!(setting("a \"".parse::<Scopes>()), "Scopes::from_str");
    assert_eq!(setting("preload".parse::<Hsts>()), "Hsts::from_str");
    assert_eq!(setting("".parse::<Csp>()), "Csp::from_str");
    for text in ["", "img-src *; img-src *", "block-all-mixed-content", "scripts *"] {
        assert_eq!(setting(Csp::parse(text)), "Csp::parse", "{text}");
    }
}

#[test]
fn settings_of_back_channel_logout_are_named_by_their_method() {
    let issuer = Issuer::hs256("https://a.example", [7; 32]);
    let keys = JwtAuth::builder().issuer(issuer).audience("a").build().unwrap();
    let revocations = Revocations::builder().build().unwrap();
    let builder = BackChannelLogout::builder;
    assert_eq!(setting(builder().client_id("web").revocations(&revocations).build()), "keys_from");
    assert_eq!(setting(builder().keys_from(&keys).revocations(&revocations).build()), "client_id");
    assert_eq!(setting(builder().keys_from(&keys).client_id("web").build()), "revocations");
    for id in ["", " web"] {
        let with_id = builder().keys_from(&keys).client_id(id).revocations(&revocations);
        assert_eq!(setting(with_id.build()), "client_id");
    }
}

#[test]
fn settings_of_shared_signals_are_named_by_their_method() {
    const VALUE: &str = "Bearer 7Fjfp0ZBr1KtDRbnfVdmIw";
    let revocations = Revocations::builder().build().unwrap();
    let builder = || SharedSignals::builder().revocations(&revocations);
    let named = || builder().transmitter("https://a.example");
    assert_eq!(setting(builder().audience("api").authorization(VALUE).build()), "transmitter");
    for name in ["http://a.example", "a", "https://a.example/.well-known/ssf-configuration", "https://a.example?b"] {
        assert_eq!(setting(builder().transmitter(name).audience("api").authorization(VALUE).build()), "transmitter");
    }
    let keys = builder().transmitter(Issuer::jwks("a", "http://a.example")).audience("api").authorization(VALUE);
    assert_eq!(setting(keys.build()), "Issuer::jwks");
    assert_eq!(setting(named().authorization(VALUE).build()), "audience");
    assert_eq!(setting(named().audience("api").build()), "authorization");
    assert_eq!(setting(named().audience(" api").authorization(VALUE).build()), "audience");
    for value in ["", "short", " leading-7Fjfp0ZBr1KtDRbnfVdmIw", "line\n-7Fjfp0ZBr1KtDRbnfVdmIw"] {
        assert_eq!(setting(named().audience("api").authorization(value).build()), "authorization");
    }
    let state = named().audience("api").authorization(VALUE).verification_state("");
    assert_eq!(setting(state.build()), "verification_state");
    let without = SharedSignals::builder().transmitter("https://a.example").audience("api").authorization(VALUE);
    assert_eq!(setting(without.build()), "revocations");
    let poller = |builder: SharedSignalsBuilder, url: &str| builder.build_poller(url, async || Ok(String::new()));
    let polled = || named().audience("api");
    for url in ["http://a.example/poll", "a", "https://a.example/#poll"] {
        assert_eq!(setting(poller(polled(), url)), "build_poller");
    }
    assert_eq!(setting(poller(named(), "https://a.example/poll?a=b")), "audience");
    assert_eq!(setting(poller(builder().audience("api"), "https://a.example/poll")), "transmitter");
    assert!(poller(polled(), "https://a.example/poll?a=b").is_ok());
}

#[test]
fn settings_of_api_keys_are_named_by_their_method() {
    const HOURS: Duration = Duration::from_secs(2 * 3_600);
    let keys = || ApiKeyAuth::builder().prefix("acme_live").store(MemoryKeys::new());
    assert_eq!(setting(ApiKeyAuth::builder().store(MemoryKeys::new()).build()), "prefix");
    assert_eq!(setting(keys().prefix("Acme").build()), "prefix");
    assert_eq!(setting(ApiKeyAuth::builder().prefix("acme_live").build()), "store");
    assert_eq!(setting(keys().header(AUTHORIZATION).build()), "header");
    assert_eq!(setting(keys().realm("\"").build()), "realm");
    assert_eq!(setting(keys().pepper([7; 31]).build()), "pepper");
    assert_eq!(setting(keys().store_timeout(Duration::ZERO).build()), "store_timeout");
    assert_eq!(setting(keys().cache_capacity(0).build()), "cache_capacity");
    assert_eq!(setting(keys().cache_ttl(HOURS).build()), "cache_ttl");
    assert_eq!(setting(keys().stale_for(HOURS).build()), "stale_for");
    assert_eq!(setting(keys().load_user_timeout(Duration::from_secs(2)).build()), "load_user_timeout");
    let basic = Tiers::ascending(["basic"]).unwrap().get("basic").unwrap();
    assert_eq!(setting(keys().default_tier(basic).build()), "default_tier");
    assert_eq!(setting("a".parse::<ApiKeyId>()), "ApiKeyId::from_str");
}

#[tokio::test]
async fn values_of_api_keys_are_named_by_their_method() {
    let keys = ApiKeyAuth::builder().prefix("acme_live").store(MemoryKeys::new()).build().unwrap();
    let invalid = |error| match error {
        ApiKeyError::Invalid(error) => setting::<()>(Err(error)),
        error => panic!("{error:?}"),
    };
    let ann = UserContext::new("ann");
    let new = || NewApiKey::for_user(&ann);
    let long = "a".repeat(201);
    for (new, setting) in [
        (NewApiKey::for_user(&UserContext::new("")), "for_user"),
        (NewApiKey::by_administrator(&ann, &UserContext::new("")), "by_administrator"),
        (new().name(&*long), "name"),
        (new().scopes([""]), "scopes"),
        (new().roles([&*long]), "roles"),
        (new().permissions(["a"]), "permissions"),
        (new().networks(["unix:"]), "networks"),
        (new().networks(["10.0.0.1"; 101]), "networks"),
        (new().expires_in(Duration::ZERO), "expires_in"),
        (new().expires_at(std::time::UNIX_EPOCH), "expires_at"),
    ] {
        assert_eq!(invalid(keys.create(new).await.unwrap_err()), setting);
    }
    let key = keys.create(new().networks(["10.0.0.1"; 100])).await.unwrap();
    let change = || ApiKeyChange::for_user(&ann);
    for (change, setting) in [
        (change().name(&*long), "name"),
        (change().scopes([""]), "scopes"),
        (change().roles([""]), "roles"),
        (change().permissions(["a"]), "permissions"),
        (change().networks(["a"]), "networks"),
    ] {
        assert_eq!(invalid(keys.update(key.id(), change).await.unwrap_err()), setting);
    }
}

#[test]
fn quotas_are_named_by_their_constructor() {
    assert_eq!(setting(Quota::per_second(0)), "Quota::per_second");
    assert_eq!(setting(Quota::per_minute(0)), "Quota::per_minute");
    assert_eq!(setting(Quota::per_hour(0)), "Quota::per_hour");
    assert_eq!(setting(Quota::per_day(0)), "Quota::per_day");
    assert_eq!(setting(Quota::per(0, Duration::from_secs(1))), "Quota::per");
    assert_eq!(setting(Quota::per(1, Duration::ZERO)), "Quota::per");
}

#[test]
fn requirements_are_named_by_their_layer() {
    let roles = Roles::from_names(["editor"]).unwrap();
    let tiers = Tiers::ascending(["basic"]).unwrap();
    assert_eq!(setting(RequireScope::new("two words")), "RequireScope::new");
    assert_eq!(setting(RequirePermission::new("a")), "RequirePermission::new");
    assert_eq!(setting(RequireRole::new(&roles, "editr")), "RequireRole::new");
    assert_eq!(setting(RequireTier::at_least(&tiers, "basc")), "RequireTier::at_least");
    assert_eq!(setting(RequireScope::all([""])), "RequireScope::all");
    assert_eq!(setting(RequireScope::any([""; 0])), "RequireScope::any");
    assert_eq!(setting(RequirePermission::all([""; 0])), "RequirePermission::all");
    assert_eq!(setting(RequirePermission::any(["a"])), "RequirePermission::any");
    assert_eq!(setting(RequireRole::all(&roles, [""; 0])), "RequireRole::all");
    assert_eq!(setting(RequireRole::any(&roles, [""; 0])), "RequireRole::any");
    assert_eq!(setting(RequireCredential::any([])), "RequireCredential::any");
    assert_eq!(setting(RequireCredential::except([])), "RequireCredential::except");
}

#[test]
fn what_build_finds_is_named_by_the_call_that_caused_it() {
    assert_eq!(setting(Stack::builder().build()), "Stack::builder");
    let quota = Quota::per_hour(1).unwrap();
    let with_limit = |limit| RateLimit::builder().limit(limit).key(Key::global());
    assert_eq!(setting(with_limit(Limit::new("", quota)).build()), "Limit::new");
    let basic = Tiers::ascending(["basic"]).unwrap().get("basic").unwrap();
    assert_eq!(setting(with_limit(Limit::by_tier("", [(basic, quota)])).build()), "Limit::by_tier");
    let store = MemoryStore::with_max_bytes(0);
    assert_eq!(setting(with_limit(Limit::new("a", quota)).store(store).build()), "MemoryStore::with_max_bytes");
    let role = Roles::builder().role("a", ["b"]).build();
    assert_eq!(setting(role), "role");

    let with_issuer = |issuer| JwtAuth::builder().issuer(issuer).audience("api").build();
    assert_eq!(setting(with_issuer(Issuer::hs256("", [7; 32]))), "Issuer::hs256");
    assert_eq!(setting(with_issuer(Issuer::discover("a"))), "Issuer::discover");
    assert_eq!(setting(with_issuer(Issuer::jwks("a", "b"))), "Issuer::jwks");
    assert_eq!(setting(with_issuer(Issuer::jwks_document("a", "b"))), "Issuer::jwks_document");
    assert_eq!(setting(with_issuer(Issuer::keycloak("http://a.example", "main"))), "Issuer::keycloak");
    assert_eq!(setting(with_issuer(Issuer::okta("a.example", "b#c"))), "Issuer::okta");
}
