//! `StackBuilder`: the gates of a `Stack`, and the checks that they can work in their places.

use crate::context::TrustedProxies;
use crate::cors::Cors;
use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};
use crate::gate::{Gate, Pair};
use crate::headers::SecurityHeaders;
use crate::rate_limit::RateLimit;
use crate::stack::gate::{NoAuth, Stack};

/// Configures a [`Stack`]. The setters may be called in any order; a second call replaces the first.
#[derive(Clone, Debug)]
#[must_use]
pub struct StackBuilder<A = NoAuth> {
    proxies: Option<TrustedProxies>,
    headers: Option<SecurityHeaders>,
    cors: Option<Cors>,
    by_address: Option<RateLimit>,
    authenticate: A,
    by_user: Option<RateLimit>,
    has_user: bool,
}

impl Stack {
    /// Returns a builder without any layer.
    pub fn builder() -> StackBuilder {
        StackBuilder {
            proxies: None,
            headers: None,
            cors: None,
            by_address: None,
            authenticate: NoAuth::new(),
            by_user: None,
            has_user: false,
        }
    }
}

impl<A: Gate> StackBuilder<A> {
    /// Sets the proxies whose forwarding headers report the client's address, for all inner layers and handlers.
    ///
    /// [`SecurityHeaders`] has [its own setter](crate::headers::SecurityHeadersBuilder::trusted_proxies) for the proxies whose
    /// `X-Forwarded-Proto` it trusts.
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.proxies = Some(proxies);
        self
    }

    /// Sets the layer that adds security headers to every response.
    pub fn security_headers(mut self, headers: SecurityHeaders) -> Self {
        self.headers = Some(headers);
        self
    }

    /// Sets the CORS policy: which pages of other origins may read responses.
    pub fn cors(mut self, cors: Cors) -> Self {
        self.cors = Some(cors);
        self
    }

    /// Sets a rate limit that runs before authentication and so bounds the work of verifying tokens.
    ///
    /// Its key may be the client's address, an API key or the global key, but not the user, because no user is known
    /// yet. CORS preflights are not charged, because [`Cors`] responds to them first.
    pub fn limit_by_address(mut self, limit: RateLimit) -> Self {
        self.by_address = Some(limit);
        self
    }

    /// Sets the gate that authenticates: a [`JwtAuth`](crate::JwtAuth), in tests [`as_user`](crate::testing::as_user), or a
    /// custom gate.
    ///
    /// A custom gate inserts a [`Visitor`](crate::context::Visitor) into the request's extensions and honors
    /// [`NoStore`](crate::context::NoStore).
    pub fn authenticate<B: Gate>(self, gate: B) -> StackBuilder<B> {
        StackBuilder {
            proxies: self.proxies,
            headers: self.headers,
            cors: self.cors,
            by_address: self.by_address,
            authenticate: gate,
            by_user: self.by_user,
            has_user: true,
        }
    }

    /// Sets a rate limit that runs after authentication. Its key may be the user or a claim, and its quotas may differ
    /// by tier.
    pub fn limit_by_user(mut self, limit: RateLimit) -> Self {
        self.by_user = Some(limit);
        self
    }

    /// Builds the layer.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if a rate limit needs a user but no gate authenticates one before it, or if no layer is
    /// set.
    pub fn build(self) -> Result<Stack<A>, ConfigError> {
        let mut issues = ConfigIssues::default();
        if needs_user(self.by_address.as_ref()) {
            let reason = "the limit needs a user, and none is known before authentication";
            let remedy = "pass it to limit_by_user";
            issues.add(ConfigIssue::new("limit_by_address", IssueKind::Prohibited, reason, remedy));
        }
        if needs_user(self.by_user.as_ref()) && !self.has_user {
            let reason = "the limit needs a user, and no gate authenticates one";
            let remedy = "call authenticate(..), or give the limit another key";
            issues.add(ConfigIssue::new("limit_by_user", IssueKind::Missing, reason, remedy));
        }
        if !self.has_any_layer() {
            let remedy = "call at least one of trusted_proxies, security_headers, cors, limit_by_address, authenticate and \
                          limit_by_user";
            issues.add(ConfigIssue::new("stack", IssueKind::Missing, "no layer is set", remedy));
        }
        issues.into_result(|| {
            let outer = Pair::new(Pair::new(self.proxies, self.cors), self.by_address);
            Stack::new(self.headers, outer, self.authenticate, self.by_user)
        })
    }

    fn has_any_layer(&self) -> bool {
        self.proxies.is_some()
            || self.headers.is_some()
            || self.cors.is_some()
            || self.by_address.is_some()
            || self.has_user
            || self.by_user.is_some()
    }
}

fn needs_user(limit: Option<&RateLimit>) -> bool {
    limit.is_some_and(RateLimit::needs_user)
}
