//! `RiskInput`: what is known of a login or a request whose risk is assessed.

use std::net::IpAddr;

use http::header::USER_AGENT;
use http::{HeaderMap, HeaderValue, request};

use crate::context::UserContext;
use crate::context::client_addr::ClientAddr;
use crate::context::route::matched_path;
use crate::risk::decision::RiskFactor;

/// What is known of a login or a request.
///
/// A login handler sets what it knows. As a layer, a [`RiskCheck`](crate::risk::RiskCheck) sets the user, the client's
/// address, the user agent and the route.
#[derive(Clone, Debug, Default)]
pub struct RiskInput {
    user: Option<UserContext>,
    address: Option<IpAddr>,
    user_agent: Option<HeaderValue>,
    route: Option<Box<str>>,
    failed_attempts: u32,
    factors: Vec<RiskFactor>,
}

impl RiskInput {
    /// Creates an input of which nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates the input of a request that is authenticated.
    pub(super) fn of_request(head: &request::Parts) -> Self {
        let input = Self {
            user: UserContext::from_extensions(&head.extensions).cloned(),
            address: ClientAddr::from_extensions(&head.extensions).map(ClientAddr::ip),
            route: matched_path(head).map(Into::into),
            ..Self::default()
        };
        input.with_headers(&head.headers)
    }

    /// Sets the user.
    #[must_use]
    pub fn with_user(mut self, user: UserContext) -> Self {
        self.user = Some(user);
        self
    }

    /// Sets the user by its id.
    #[must_use]
    pub fn with_user_id(self, id: impl Into<String>) -> Self {
        self.with_user(UserContext::new(id))
    }

    /// Sets the client's address, for example from [`ClientAddr::ip`].
    #[must_use]
    pub fn with_address(mut self, address: IpAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// Sets the user agent, from the headers of the request.
    #[must_use]
    pub fn with_headers(mut self, headers: &HeaderMap) -> Self {
        self.user_agent = headers.get(USER_AGENT).cloned();
        self
    }

    /// Sets how many attempts to log in have failed before (default 0).
    #[must_use]
    pub fn with_failed_attempts(mut self, attempts: u32) -> Self {
        self.failed_attempts = attempts;
        self
    }

    /// Adds a factor that the app has found.
    #[must_use]
    pub fn with_factor(mut self, factor: RiskFactor) -> Self {
        self.factors.push(factor);
        self
    }

    /// Returns the user; `None` if there is no such account.
    #[must_use]
    pub fn user(&self) -> Option<&UserContext> {
        self.user.as_ref()
    }

    /// Returns the client's address.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// Returns the user agent, which the client chooses.
    #[must_use]
    pub fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_ref()?.to_str().ok()
    }

    /// Returns the pattern of the matched route, if the risk of a request is assessed.
    #[must_use]
    pub fn route(&self) -> Option<&str> {
        self.route.as_deref()
    }

    /// Returns how many attempts to log in have failed before.
    #[must_use]
    pub fn failed_attempts(&self) -> u32 {
        self.failed_attempts
    }

    /// Returns whether the app has found this factor.
    #[must_use]
    pub fn has_factor(&self, factor: RiskFactor) -> bool {
        self.factors.contains(&factor)
    }
}
