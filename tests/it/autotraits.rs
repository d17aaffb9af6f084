//! The traits of the public types. To lose one is a breaking change.

use std::error::Error;
use std::fmt::{Debug, Display};
use std::hash::Hash;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::{BoxBody, UnsyncBoxBody};
use http_body_util::{Either, Empty, Full};
use portcullis::SessionAuth;
use portcullis::StoreError;
use portcullis::api_key::{
    ApiKey, ApiKeyAuthBuilder, ApiKeyChange, ApiKeyError, ApiKeyId, ApiKeyRecord, ApiKeyUsage, Grace, MemoryKeys,
    NewApiKey, RedisKeys,
};
use portcullis::basic::{BasicAuthBuilder, BasicCredentials};
use portcullis::client_cert::ClientCertAuthBuilder;
use portcullis::clock::Clock;
use portcullis::context::{AuthScheme, ClaimsError, NoStore, PeerCertificate, Realm, RolesBuilder, Visitor};
use portcullis::cors::CorsBuilder;
use portcullis::end_streams::{CredentialEnded, EndStreamsService, EndableBody, Ending, EndingBody};
use portcullis::extract::{Claims, Rejection};
use portcullis::gate::{
    AccountRefusal, AuthPass, Authenticated, BodyFromBytes, CredentialError, CredentialSource, CredentialSources,
    Denial, DenialKind, Entry, Gate, GateLayer, Gated, LoadError, Reply, RequiredNames, ResponseHeaders, TokenError,
    Violation,
};
use portcullis::headers::{
    Audit, ClearSiteData, Csp, Directive, Hsts, Lint, PermissionsPolicy, SecurityHeadersBuilder, Source,
};
use portcullis::introspection::{ClientAuth, IntrospectionAuthBuilder};
use portcullis::ip_filter::IpFilterBuilder;
use portcullis::jwt::JwtAuthBuilder;
use portcullis::rate_limit::{Attempt, LimitStatus, RateLimitStatus};
use portcullis::rate_limit::{
    Key, Limit, LimitUsage, MemoryStore, OutagePolicy, RateLimitBuilder, RateLimitPass, ResetFormat, Store,
    StoreUnavailable, Subject,
};
use portcullis::revocation::{Ended, Watch};
use portcullis::session::{
    MemorySessions, Session, SessionAuthBuilder, SessionDigest, SessionError, SessionId, SessionInfo, SessionPass,
    SessionRecord, UserFrom,
};
use portcullis::stack::{NoAuth, StackBuilder, StackPass};
use portcullis::testing::{AsUser, AsUserPass, FakeClock, TestIssuer, TokenBuilder};
use portcullis::{
    Algorithm, AnyOf, ApiKeyAuth, BasicAuth, ClaimMap, ClientAddr, ClientCertAuth, ConfigError, ConfigIssue, Cors,
    CspNonce, EndStreams, Extractor, IntrospectionAuth, IpFilter, IssueKind, Issuer, Issuers, JwtAuth, OriginSet,
    Permission, Principal, Profile, Quota, RateLimit, RequireCredential, RequirePermission, RequireRole, RequireScope,
    RequireTier, RequireUser, RequireVerifiedEmail, Role, Roles, Scopes, SecurityHeaders, Stack, Tenants, Tier, Tiers,
    TrustedProxies, UserContext,
};
use tower::Service;

fn is_value<T: Send + Sync + Clone + Debug + 'static>() {}

#[test]
fn layers_are_clone_send_sync_and_debug() {
    is_value::<AnyOf<(JwtAuth, JwtAuth)>>();
    is_value::<ApiKeyAuth>();
    is_value::<SessionAuth>();
    is_value::<EndStreams>();
    is_value::<EndStreamsService<Inner>>();
    is_value::<UserFrom>();
    is_value::<IntrospectionAuth>();
    is_value::<BasicAuth>();
    is_value::<BasicAuthBuilder>();
    is_value::<BasicCredentials>();
    is_value::<ClientCertAuth>();
    is_value::<ClientCertAuthBuilder>();
    is_value::<PeerCertificate>();
    is_value::<Cors>();
    is_value::<IpFilterBuilder>();
    is_value::<IpFilter>();
    is_value::<JwtAuth>();
    is_value::<RateLimit>();
    is_value::<SecurityHeaders>();
    is_value::<Stack>();
    is_value::<Stack<JwtAuth>>();
    is_value::<RequireCredential>();
    is_value::<RequirePermission>();
    is_value::<RequireRole>();
    is_value::<RequireScope>();
    is_value::<RequireTier>();
    is_value::<TrustedProxies>();
    is_value::<AsUser>();
    is_value::<NoAuth>();
    is_value::<GateLayer<NoAuth>>();
    is_value::<RequireUser>();
    is_value::<RequireVerifiedEmail>();
}

#[test]
fn settings_and_values_of_layers_are_clone_send_sync_and_debug() {
    is_value::<Algorithm>();
    is_value::<RateLimitStatus>();
    is_value::<ApiKeyAuthBuilder>();
    is_value::<SessionAuthBuilder>();
    is_value::<ClientAuth>();
    is_value::<IntrospectionAuthBuilder>();
    is_value::<ApiKeyChange>();
    is_value::<ApiKeyId>();
    is_value::<ApiKeyRecord>();
    is_value::<ApiKeyUsage>();
    is_value::<Grace>();
    is_value::<MemoryKeys>();
    is_value::<MemorySessions>();
    is_value::<Session>();
    is_value::<SessionRecord>();
    is_value::<SessionInfo>();
    is_value::<SessionId>();
    is_value::<SessionDigest>();
    is_value::<NewApiKey>();
    is_value::<RedisKeys>();
    is_value::<portcullis::session::RedisSessions>();
    is_value::<StoreError>();
    is_value::<Attempt>();
    is_value::<ConfigError>();
    is_value::<ClaimMap>();
    is_value::<Claims<String>>();
    is_value::<ClientAddr>();
    is_value::<Clock>();
    is_value::<Audit>();
    is_value::<ClearSiteData>();
    is_value::<CorsBuilder>();
    is_value::<JwtAuthBuilder>();
    is_value::<RateLimitBuilder>();
    is_value::<RequiredNames>();
    is_value::<StackBuilder>();
    is_value::<Csp>();
    is_value::<CspNonce>();
    is_value::<Directive>();
    is_value::<Hsts>();
    is_value::<Lint>();
    is_value::<NoStore>();
    is_value::<PermissionsPolicy>();
    is_value::<SecurityHeadersBuilder>();
    is_value::<Source>();
    is_value::<StackBuilder<JwtAuth>>();
    is_value::<Denial>();
    is_value::<DenialKind>();
    is_value::<Extractor<UserContext>>();
    is_value::<FakeClock>();
    is_value::<IssueKind>();
    is_value::<Issuer>();
    is_value::<Issuers>();
    is_value::<Tenants>();
    is_value::<Key>();
    is_value::<Limit>();
    is_value::<CredentialEnded>();
    is_value::<Ended>();
    is_value::<LoadError>();
    is_value::<MemoryStore>();
    is_value::<OriginSet>();
    is_value::<OutagePolicy>();
    is_value::<Permission>();
    is_value::<Principal>();
    is_value::<ConfigIssue>();
    is_value::<Profile>();
    is_value::<Quota>();
    is_value::<Realm>();
    is_value::<AuthScheme>();
    is_value::<CredentialError>();
    is_value::<CredentialSource>();
    is_value::<CredentialSources>();
    is_value::<ResetFormat>();
    is_value::<ResponseHeaders>();
    is_value::<Role>();
    is_value::<Roles>();
    is_value::<RolesBuilder>();
    is_value::<Scopes>();
    is_value::<LimitStatus<'static>>();
    is_value::<Store>();
    is_value::<StoreUnavailable>();
    is_value::<Subject<'static>>();
    is_value::<TestIssuer>();
    is_value::<Tier>();
    is_value::<Tiers>();
    is_value::<TokenBuilder>();
    is_value::<TokenError>();
    is_value::<LimitUsage>();
    is_value::<UserContext>();
    is_value::<AccountRefusal>();
    is_value::<Violation>();
    is_value::<Visitor>();
    is_value::<portcullis::rate_limit::Algorithm>();
}

#[test]
fn passes_are_send_and_debug() {
    fn is_send_debug<T: Send + Debug + 'static>() {}
    is_send_debug::<ApiKey>();
    is_send_debug::<AuthPass>();
    is_send_debug::<Ending>();
    is_send_debug::<EndingBody<Full<Bytes>>>();
    is_send_debug::<Watch>();
    is_send_debug::<ApiKeyError>();
    is_send_debug::<SessionError>();
    is_send_debug::<SessionPass>();
    is_send_debug::<Entry<()>>();
    is_send_debug::<RateLimitPass>();
    is_send_debug::<portcullis::cors::CorsPass>();
    is_send_debug::<portcullis::headers::SecurityHeadersPass>();
    is_send_debug::<Rejection>();
    is_send_debug::<StackPass<()>>();
    is_send_debug::<AsUserPass>();
    is_send_debug::<Authenticated<JwtAuth>>();
    is_send_debug::<Reply>();
}

#[test]
fn plain_data_is_eq_and_hash() {
    fn is_eq<T: Eq>() {}
    fn is_copy_eq_hash<T: Eq + Hash + Copy>() {}
    fn is_clone_eq_hash<T: Eq + Hash + Clone>() {}
    is_eq::<ConfigError>();
    is_eq::<Denial>();
    is_eq::<Permission>();
    is_eq::<Quota>();
    is_eq::<Realm>();
    is_eq::<Role>();
    is_eq::<Roles>();
    is_eq::<Scopes>();
    is_eq::<Tier>();
    is_eq::<LimitUsage>();
    is_eq::<Violation>();
    is_eq::<Tiers>();
    is_copy_eq_hash::<ClientAddr>();
    is_copy_eq_hash::<CredentialError>();
    is_clone_eq_hash::<AccountRefusal>();
    is_clone_eq_hash::<TokenError>();
}

#[test]
fn errors_implement_error_send_and_sync() {
    fn is_error<T: Error + Send + Sync + 'static>() {}
    is_error::<ConfigError>();
    is_error::<ClaimsError>();
    is_error::<CredentialEnded>();
    is_error::<Denial>();
    is_error::<StoreUnavailable>();
    is_error::<TokenError>();
    fn is_display<T: Display>() {}
    is_display::<ClientAddr>();
    is_display::<Permission>();
    is_display::<Scopes>();
}

#[test]
fn services_and_their_futures_are_send_if_the_inner_ones_are() {
    fn is_service<G>()
    where
        Gated<G, Inner>: Service<Request<Full<Bytes>>, Future: Send + Debug + 'static> + Clone + Send + Sync + Debug,
    {
    }
    is_service::<Cors>();
    is_service::<JwtAuth>();
    is_service::<RateLimit>();
    is_service::<SecurityHeaders>();
    is_service::<Stack<JwtAuth>>();
    is_service::<RequireCredential>();
    is_service::<RequirePermission>();
    is_service::<RequireRole>();
    is_service::<RequireScope>();
    is_service::<RequireTier>();
    is_service::<RequireVerifiedEmail>();
    is_service::<TrustedProxies>();
    is_service::<AsUser>();
}

/// `Gate` alone is a sufficient bound for code that is generic over gates.
#[test]
fn gates_are_send_sync_and_static_and_their_passes_are_send() {
    fn is_clone_send_sync<T: Clone + Send + Sync + 'static>() {}
    fn is_send<T: Send + 'static>() {}
    fn is_gate<G: Gate>() {
        is_clone_send_sync::<G>();
        is_send::<G::Pass>();
        is_send::<Entry<G::Pass>>();
    }
    is_gate::<Cors>();
    is_gate::<Option<ClearSiteData>>();
    is_gate::<Stack<Stack<JwtAuth>>>();
    is_gate::<NoAuth>();
}

#[test]
fn common_bodies_can_be_created_from_bytes() {
    fn is_body<B: BodyFromBytes>() {}
    is_body::<Bytes>();
    is_body::<Full<Bytes>>();
    is_body::<BoxBody<Bytes, std::io::Error>>();
    is_body::<UnsyncBoxBody<Bytes, std::io::Error>>();
    is_body::<Either<Full<Bytes>, Empty<Bytes>>>();
    is_body::<Box<axum::body::Body>>();
    is_body::<tonic::body::Body>();
}

#[test]
fn common_bodies_can_end_early() {
    fn is_endable<B: EndableBody>() {}
    fn is_sync<T: Sync + Unpin>() {}
    is_endable::<Full<Bytes>>();
    is_endable::<BoxBody<Bytes, std::io::Error>>();
    is_endable::<UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>>();
    is_endable::<Either<Full<Bytes>, Empty<Bytes>>>();
    is_endable::<Box<axum::body::Body>>();
    is_endable::<tonic::body::Body>();
    is_sync::<EndingBody<Full<Bytes>>>();
}

/// An inner service with no more traits than a server requires.
#[derive(Clone)]
struct Inner;

impl Service<Request<Full<Bytes>>> for Inner {
    type Response = Response<Full<Bytes>>;
    type Error = std::convert::Infallible;
    type Future = std::future::Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
        std::future::ready(Ok(Response::default()))
    }
}
