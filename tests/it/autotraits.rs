//! Which traits the public types have: to lose one breaks who stores, sends or prints them.

use std::error::Error;
use std::fmt::{Debug, Display};
use std::hash::Hash;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use portcullis::clock::Clock;
use portcullis::context::{Attempt, ClaimsError, LimitStatus, NoStore, RateLimitStatus, Realm, RolesBuilder, Visitor};
use portcullis::cors::CorsBuilder;
use portcullis::extract::{Claims, Rejection};
use portcullis::gate::{
    AccountRefusal, CredentialError, Denial, DenialKind, Entry, Gated, Reply, TokenError, Violation,
};
use portcullis::headers::{
    Audit, ClearSiteData, Csp, Directive, Hsts, Lint, PermissionsPolicy, SecurityHeadersBuilder, Source,
};
use portcullis::jwt::{JwtAuthBuilder, LoadError};
use portcullis::rate_limit::{
    Key, Limit, MemoryStore, OutagePolicy, Pass, RateLimitBuilder, ResetFormat, Store, StoreUnavailable, Subject, Usage,
};
use portcullis::stack::StackBuilder;
use portcullis::testing::{AsUser, FakeClock, TestIssuer, TokenBuilder};
use portcullis::{
    Algorithm, ClaimMap, ClientAddr, ConfigError, ConfigIssue, Cors, CspNonce, Extractor, IssueKind, Issuer, JwtAuth,
    OriginSet, Permission, Principal, Profile, Quota, RateLimit, RequirePermission, RequireRole, RequireScope,
    RequireTier, Role, Roles, Scopes, SecurityHeaders, Stack, Tier, Tiers, TrustedProxies, UserContext,
};
use tower::Service;

fn shared<T: Send + Sync + Debug + 'static>() {}

fn value<T: Send + Sync + Clone + Debug + 'static>() {}

#[test]
fn layers_are_cloned_sent_shared_and_printed() {
    value::<Cors>();
    value::<JwtAuth>();
    value::<RateLimit>();
    value::<SecurityHeaders>();
    value::<Stack>();
    value::<Stack<JwtAuth>>();
    value::<RequirePermission>();
    value::<RequireRole>();
    value::<RequireScope>();
    value::<RequireTier>();
    value::<TrustedProxies>();
    value::<AsUser>();
}

#[test]
fn so_are_what_layers_are_made_of_and_what_they_leave() {
    value::<Algorithm>();
    value::<RateLimitStatus>();
    value::<Attempt>();
    value::<ConfigError>();
    value::<ClaimMap>();
    value::<Claims<String>>();
    value::<ClientAddr>();
    value::<Clock>();
    value::<Audit>();
    value::<ClearSiteData>();
    value::<CorsBuilder>();
    value::<Csp>();
    value::<CspNonce>();
    value::<Directive>();
    value::<Hsts>();
    value::<Lint>();
    value::<NoStore>();
    value::<PermissionsPolicy>();
    value::<SecurityHeadersBuilder>();
    value::<Source>();
    value::<StackBuilder<JwtAuth>>();
    value::<Denial>();
    value::<DenialKind>();
    value::<Extractor<UserContext>>();
    value::<FakeClock>();
    value::<IssueKind>();
    value::<Issuer>();
    value::<Key>();
    value::<Limit>();
    value::<LoadError>();
    value::<MemoryStore>();
    value::<OriginSet>();
    value::<OutagePolicy>();
    value::<Permission>();
    value::<Principal>();
    value::<ConfigIssue>();
    value::<Profile>();
    value::<Quota>();
    value::<Realm>();
    value::<CredentialError>();
    value::<ResetFormat>();
    value::<Role>();
    value::<Roles>();
    value::<RolesBuilder>();
    value::<Scopes>();
    value::<LimitStatus<'static>>();
    value::<Store>();
    value::<StoreUnavailable>();
    value::<Subject<'static>>();
    value::<TestIssuer>();
    value::<Tier>();
    value::<Tiers>();
    value::<TokenBuilder>();
    value::<TokenError>();
    value::<Usage>();
    value::<UserContext>();
    value::<AccountRefusal>();
    value::<Violation>();
    value::<Visitor>();
    value::<portcullis::rate_limit::Algorithm>();
}

#[test]
fn what_is_used_once_is_sent_and_printed() {
    shared::<JwtAuthBuilder>();
    shared::<RateLimitBuilder>();
    fn sent<T: Send + Debug + 'static>() {}
    sent::<Entry<()>>();
    sent::<Pass>();
    sent::<portcullis::cors::Pass>();
    sent::<portcullis::headers::Pass>();
    sent::<Rejection>();
    sent::<Reply>();
}

#[test]
fn what_is_only_data_is_compared_and_hashed() {
    fn compared<T: Eq>() {}
    fn hashed<T: Eq + Hash + Copy>() {}
    fn hashed_and_cloned<T: Eq + Hash + Clone>() {}
    compared::<ConfigError>();
    compared::<Denial>();
    compared::<Permission>();
    compared::<Quota>();
    compared::<Realm>();
    compared::<Role>();
    compared::<Roles>();
    compared::<Scopes>();
    compared::<Tier>();
    compared::<Usage>();
    compared::<Violation>();
    compared::<Tiers>();
    hashed::<ClientAddr>();
    hashed::<CredentialError>();
    hashed::<TokenError>();
    hashed_and_cloned::<AccountRefusal>();
}

#[test]
fn errors_are_errors_that_threads_may_share() {
    fn error<T: Error + Send + Sync + 'static>() {}
    error::<ConfigError>();
    error::<ClaimsError>();
    error::<Denial>();
    error::<StoreUnavailable>();
    error::<TokenError>();
    fn shown<T: Display>() {}
    shown::<ClientAddr>();
    shown::<Permission>();
    shown::<Scopes>();
}

#[test]
fn services_and_their_futures_are_sent_where_the_inner_ones_are() {
    fn service<G>()
    where
        Gated<G, Inner>: Service<Request<Full<Bytes>>, Future: Send + Debug + 'static> + Clone + Send + Sync + Debug,
    {
    }
    service::<Cors>();
    service::<JwtAuth>();
    service::<RateLimit>();
    service::<SecurityHeaders>();
    service::<Stack<JwtAuth>>();
    service::<RequirePermission>();
    service::<RequireRole>();
    service::<RequireScope>();
    service::<RequireTier>();
    service::<TrustedProxies>();
    service::<AsUser>();
}

/// An inner service, of the least that a server asks for.
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
