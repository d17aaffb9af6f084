//! `ExceptOpenRoutes`: the gate that authenticates, except on open routes.

use std::sync::Arc;

use http::{Response, request};

use crate::context::{Realm, RequestRoute, Visitor, is_route};
use crate::error::{ConfigIssue, ConfigIssues, IssueKind};
use crate::gate::{Entry, Gate, ResponseHeaders};

/// Runs a gate on all routes except the open ones. There, every caller is anonymous, whatever credential it sends.
#[derive(Clone, Debug)]
pub(super) struct ExceptOpenRoutes<A> {
    gate: A,
    routes: Arc<[Box<str>]>,
}

impl<A> ExceptOpenRoutes<A> {
    pub(super) fn new(gate: A, routes: Vec<Box<str>>) -> Self {
        Self { gate, routes: routes.into() }
    }

    fn is_open(&self, head: &request::Parts) -> bool {
        !self.routes.is_empty() && RequestRoute::of(head).is_any_of(&self.routes)
    }
}

impl<A: Gate> Gate for ExceptOpenRoutes<A> {
    type Pass = Option<A::Pass>;

    fn enter(&self, head: &mut request::Parts) -> Entry<Self::Pass> {
        if self.is_open(head) {
            head.extensions.insert(Visitor::anonymous(Realm::default()));
            return Entry::Admit(None);
        }
        self.gate.enter(head).into_optional()
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
pub(super) fn validate(routes: Option<&[Box<str>]>, has_user: bool, issues: &mut ConfigIssues) {
    let Some(routes) = routes else { return };
    let mut add = |kind, reason: &'static str, remedy: &'static str, route: Option<&str>| {
        let issue = ConfigIssue::new("open", kind, reason, remedy);
        issues.add(if let Some(route) = route { issue.with_value(route) } else { issue });
    };
    if !has_user {
        let reason = "no gate authenticates, so every route is open";
        add(IssueKind::Missing, reason, "call authenticate(..), or remove open(..)", None);
    }
    if routes.is_empty() {
        add(IssueKind::Invalid, "the list of routes is empty", "name at least one route, or remove open(..)", None);
    }
    for (index, route) in routes.iter().enumerate() {
        if !is_route(route) {
            let remedy = "write the route as in the router, for example /docs/{*path}";
            add(IssueKind::Invalid, "not a route of axum 0.8", remedy, Some(route));
        }
        if routes.iter().take(index).any(|other| other == route) {
            add(IssueKind::Duplicate, "the route is named twice", "name each route once", Some(route));
        }
    }
}
