//! What a gate costs in allocations: nothing where it decides at once, one where it waits.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use allocation_counter::measure;
use bytes::Bytes;
use http::{Request, Response, request};
use http_body_util::Full;
use portcullis::context::Visitor;
use portcullis::gate::{Entry, Gate, Gated};
use portcullis::{
    RequirePermission, RequireRole, RequireScope, RequireTier, Roles, Scopes, Tiers, TrustedProxies, UserContext,
};
use tower::{Layer, Service};

/// A service that allocates nothing.
#[derive(Clone)]
struct Bare;

impl Service<Request<()>> for Bare {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(Response::new(Full::default())))
    }
}

/// Admits at once.
#[derive(Clone)]
struct Open;

impl Gate for Open {
    type Pass = ();

    fn enter(&self, head: request::Parts) -> Entry<()> {
        Entry::Admit(head, ())
    }
}

/// Admits, but not at once.
#[derive(Clone)]
struct Slow;

impl Gate for Slow {
    type Pass = ();

    fn enter(&self, head: request::Parts) -> Entry<()> {
        Entry::wait(ready(Ok((head, ()))))
    }
}

/// How many allocations one request to the service makes, answered with this status.
fn allocations<S>(mut service: S, request: Request<()>, status: u16) -> u64
where
    S: Service<Request<()>, Response = Response<Full<Bytes>>, Error = Infallible>,
{
    let mut context = Context::from_waker(Waker::noop());
    let mut answer = None;
    let counted = measure(|| {
        assert!(service.poll_ready(&mut context).is_ready());
        let mut future = pin!(service.call(request));
        while answer.is_none() {
            if let Poll::Ready(response) = future.as_mut().poll(&mut context) {
                answer = response.ok();
            }
        }
    });
    assert_eq!(answer.unwrap().status(), status);
    counted.count_total
}

fn plain() -> Request<()> {
    Request::get("/").header("accept", "*/*").body(()).unwrap()
}

#[test]
fn the_counter_counts() {
    assert_eq!(measure(|| drop(std::hint::black_box(Box::new(7)))).count_total, 1);
    assert_eq!(allocations(Bare, plain(), 200), 0);
}

#[test]
fn a_gate_that_decides_at_once_allocates_nothing() {
    assert_eq!(allocations(Gated::new(Open, Bare), plain(), 200), 0);
    assert_eq!(allocations(Gated::new(Open, Gated::new(Open, Gated::new(Open, Bare))), plain(), 200), 0);
}

#[test]
fn a_gate_that_waits_allocates_once() {
    assert_eq!(allocations(Gated::new(Slow, Bare), plain(), 200), 1);
    assert_eq!(allocations(Gated::new(Open, Gated::new(Slow, Gated::new(Open, Bare))), plain(), 200), 1);
}

#[test]
fn every_gate_that_judges_a_user_admits_without_an_allocation() {
    let tiers = Tiers::ascending(["basic", "professional"]).unwrap();
    let roles = Roles::builder().role("reader", ["read:*"]).role("editor", ["write:page"]);
    let roles = roles.inherits("editor", ["reader"]).build().unwrap();
    let user = UserContext::new("ann")
        .with_scopes(Scopes::new(["read", "write"]).unwrap())
        .with_roles(["editor"])
        .with_role_table(roles.clone())
        .with_tier(tiers.get("professional").unwrap());
    let request = || {
        let mut request = plain();
        request.extensions_mut().insert(Visitor::authenticated(user.clone()));
        request
    };
    let count = |name, count: u64| assert_eq!(count, 0, "{name}");
    let scopes = RequireScope::all(["read", "write"]).unwrap();
    count("RequireScope", allocations(scopes.layer(Bare), request(), 200));
    let role = RequireRole::any([roles.get("reader").unwrap()]).unwrap();
    count("RequireRole", allocations(role.layer(Bare), request(), 200));
    let permissions = RequirePermission::all(["read:page", "write:page"]).unwrap();
    count("RequirePermission", allocations(permissions.layer(Bare), request(), 200));
    let tier = RequireTier::at_least(tiers.get("basic").unwrap());
    count("RequireTier", allocations(tier.layer(Bare), request(), 200));
    let other = Tiers::ascending(["basic", "professional"]).unwrap().get("basic").unwrap();
    count("RequireTier of another table", allocations(RequireTier::at_least(other).layer(Bare), request(), 200));
}

#[test]
fn proxies_are_walked_without_an_allocation() {
    let proxies = TrustedProxies::new(["10.0.0.0/8"]).unwrap();
    let mut request = Request::get("/").header("x-forwarded-for", "203.0.113.9, 10.1.2.3").body(()).unwrap();
    request.extensions_mut().insert(std::net::SocketAddr::from(([10, 0, 0, 1], 443)));
    let head = request.into_parts().0;
    let mut client = None;
    assert_eq!(measure(|| client = proxies.client(&head)).count_total, 0);
    assert_eq!(client.unwrap().to_string(), "203.0.113.9");
}
