//! `ExceptOpenRoutes`: the gate that authenticates, except on open routes.

use std::sync::Arc;

use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderName, Response, request};

use crate::context::{RequestRoute, RoutePattern, Visitor};
use crate::error::{ConfigIssue, ConfigIssues, IssueKind};
use crate::field::header_map::mark_sensitive;
use crate::gate::{Entry, Gate, Pair, ResponseHeaders};
use crate::require::user::RequireUser;

/// Runs a gate on all routes except the open ones. There, every caller is anonymous, whatever credential it sends.
///
/// If there are open routes, all others require a user. The gate alone does not ensure that: a `JwtAuth` may be
/// optional, and a custom gate may admit anonymous callers.
#[derive(Clone, Debug)]
pub(super) struct ExceptOpenRoutes<A> {
    gate: A,
    open: Option<OpenRoutes<A>>,
}

#[derive(Clone, Debug)]
struct OpenRoutes<A> {
    routes: Arc<[RoutePattern]>,
    /// The headers in which the gate reads a credential.
    credential_headers: Arc<[HeaderName]>,
    /// The gate for all other routes.
    closed: Pair<A, RequireUser>,
}

impl<A: Gate> ExceptOpenRoutes<A> {
    pub(super) fn new(gate: A, routes: Option<Vec<RoutePattern>>) -> Self {
        let closed = Pair::new(gate.clone(), RequireUser::new());
        let credential_headers = [AUTHORIZATION, COOKIE].into_iter().chain(gate.credential_headers()).collect();
        let open = routes.map(|routes| OpenRoutes { routes: routes.into(), credential_headers, closed });
        Self { gate, open }
    }
}

impl<A: Gate> Gate for ExceptOpenRoutes<A> {
    type Pass = Option<A::Pass>;

    fn enter(&self, head: &mut request::Parts) -> Entry<Self::Pass> {
        let Some(OpenRoutes { routes, credential_headers, closed }) = &self.open else {
            return self.gate.enter(head).into_optional();
        };
        if RequestRoute::of(head).is_any_of(routes) {
            head.extensions.insert(Visitor::on_open_route());
            self.gate.remove_untrusted(head);
            // The gate would do this when it reads the credential.
            for name in credential_headers.iter() {
                mark_sensitive(&mut head.headers, name);
            }
            return Entry::Admit(None);
        }
        closed.enter_as(head, |(pass, ())| Some(pass))
    }

    fn leave<B>(&self, pass: Self::Pass, response: &mut Response<B>) {
        if let Some(pass) = pass {
            self.gate.leave(pass, response);
        }
    }

    fn response_headers(&self) -> ResponseHeaders {
        self.gate.response_headers()
    }
}

/// Validates the open routes, which are `None` if [`open`](crate::stack::StackBuilder::open) was not called.
pub(super) fn validate(routes: Option<&[RoutePattern]>, has_user: bool, issues: &mut ConfigIssues) {
    let Some(routes) = routes else { return };
    let mut add = |kind, reason: &'static str, remedy: &'static str, route: Option<&RoutePattern>| {
        let issue = ConfigIssue::new("open", kind, reason, remedy);
        issues.add(if let Some(route) = route { issue.with_value(route.to_string()) } else { issue });
    };
    if !has_user {
        let reason = "no gate authenticates, so every route is open";
        add(IssueKind::Missing, reason, "call authenticate(..), or remove open(..)", None);
    }
    if routes.is_empty() {
        add(IssueKind::Invalid, "the list of routes is empty", "name at least one route, or remove open(..)", None);
    }
    for (index, route) in routes.iter().enumerate() {
        if let Some((reason, remedy)) = route.mistake() {
            add(IssueKind::Invalid, reason, remedy, Some(route));
        }
        if routes.iter().take(index).any(|other| other.overlaps(route)) {
            add(IssueKind::Duplicate, "the route is named twice", "name each route once", Some(route));
        }
    }
}
