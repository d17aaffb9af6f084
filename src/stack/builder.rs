//! `StackBuilder`: which gates there are, and which of them stand where they cannot do their work.

use crate::context::TrustedProxies;
use crate::cors::Cors;
use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};
use crate::gate::{Gate, Pair};
use crate::headers::SecurityHeaders;
use crate::rate_limit::RateLimit;
use crate::stack::gate::{Open, Outside, Stack};

/// Configures a [`Stack`], in any order. Each setter replaces what was set before.
#[derive(Clone, Debug)]
#[must_use]
pub struct StackBuilder<A = Open> {
    proxies: Option<TrustedProxies>,
    headers: Option<SecurityHeaders>,
    cors: Option<Cors>,
    by_address: Option<RateLimit>,
    authenticate: A,
    by_user: Option<RateLimit>,
    has_user: bool,
}

impl StackBuilder {
    pub(super) fn new() -> Self {
        Self {
            proxies: None,
            headers: None,
            cors: None,
            by_address: None,
            authenticate: Open(()),
            by_user: None,
            has_user: false,
        }
    }
}

impl<A: 'static> StackBuilder<A> {
    /// Sets the proxies by which the client's address is found for every layer and handler below. A
    /// [`SecurityHeaders`] is told of them by
    /// [a setter of its own](crate::headers::SecurityHeadersBuilder::trusted_proxies).
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.proxies = Some(proxies);
        self
    }

    /// Sets what completes every answer.
    pub fn security_headers(mut self, headers: SecurityHeaders) -> Self {
        self.headers = Some(headers);
        self
    }

    /// Sets which pages of other origins may read the answers.
    pub fn cors(mut self, cors: Cors) -> Self {
        self.cors = Some(cors);
        self
    }

    /// Sets the limit that stands outside of what authenticates, where the work of checking tokens must be bounded. It counts by what
    /// is known there: the address, an API key, everybody. Preflights, which cost next to nothing, pass it uncounted.
    pub fn limit_by_address(mut self, limit: RateLimit) -> Self {
        self.by_address = Some(limit);
        self
    }

    /// Sets the gate that authenticates: a [`JwtAuth`](crate::JwtAuth), in tests [`as_user`](crate::testing::as_user), or one
    /// of one's own that leaves a [`Visitor`](crate::context::Visitor) and heeds [`NoStore`](crate::context::NoStore).
    pub fn authenticate<B: Gate + 'static>(self, gate: B) -> StackBuilder<B> {
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

    /// Sets the limit that stands inside of what authenticates. It counts by user, tenant or tier.
    pub fn limit_by_user(mut self, limit: RateLimit) -> Self {
        self.by_user = Some(limit);
        self
    }

    /// Builds the layer.
    ///
    /// # Errors
    ///
    /// Names a limit that asks for a user where none is known, and says where nothing was set.
    pub fn build(self) -> Result<Stack<A>, ConfigError> {
        let mut problems = ConfigIssues::default();
        let asks_for_a_user = |limit: &Option<RateLimit>| limit.as_ref().is_some_and(RateLimit::asks_for_a_user);
        if asks_for_a_user(&self.by_address) {
            let (reason, remedy) = ("it asks for a user, who is not known there", "give it to limit_by_user");
            problems.add(ConfigIssue::new("limit_by_address", IssueKind::Prohibited, reason, remedy));
        }
        if asks_for_a_user(&self.by_user) && !self.has_user {
            let remedy = "say authenticate(..), or give the limit another key";
            problems.add(ConfigIssue::new("limit_by_user", IssueKind::Missing, "nothing authenticates a user", remedy));
        }
        let is_set = [
            self.proxies.is_some(),
            self.headers.is_some(),
            self.cors.is_some(),
            self.by_address.is_some(),
            self.has_user,
            self.by_user.is_some(),
        ];
        if !is_set.contains(&true) {
            let remedy = "say at least one of trusted_proxies, security_headers, cors, limit_by_address, authenticate and limit_by_user";
            problems.add(ConfigIssue::new("stack", IssueKind::Missing, "nothing was set", remedy));
        }
        problems.none_or(|| {
            let outside = Pair::new(Pair::new(self.proxies, self.cors), self.by_address);
            Stack::new(self.headers, Outside(outside), self.authenticate, self.by_user)
        })
    }
}
