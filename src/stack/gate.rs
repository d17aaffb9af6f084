//! `Stack`: the layer that runs all gates, one inside of the other.

use std::any::TypeId;
use std::fmt;
use std::sync::Arc;

use http::{Response, request};
use tower_layer::Layer;

use crate::context::TrustedProxies;
use crate::cors::{self, Cors};
use crate::gate::{Entry, Gate, Gated, Pair};
use crate::headers::{self, SecurityHeaders};
use crate::rate_limit::{self, RateLimit};
use crate::stack::builder::StackBuilder;

/// All layers as one, around the gate `A` that authenticates; see the [module](crate::stack).
#[must_use]
pub struct Stack<A = Open>(Arc<Gates<A>>);

/// Pairs lean to the left: what waits, which is mostly the last one, is wrapped as few times as can be.
struct Gates<A> {
    gates: Pair<Option<SecurityHeaders>, Pair<Pair<Outside, A>, Option<RateLimit>>>,
    /// Whether the fields of `SecurityHeaders` may be written first, which is cheaper: no gate inside touches them.
    is_headers_first: bool,
}

impl Stack {
    /// Starts a configuration.
    pub fn builder() -> StackBuilder {
        StackBuilder::new()
    }
}

impl<A> Stack<A> {
    pub(super) fn new(
        headers: Option<SecurityHeaders>,
        outside: Outside,
        authenticate: A,
        limit: Option<RateLimit>,
    ) -> Self
    where
        A: 'static,
    {
        let is_headers_first = writes_none_of_headers::<A>() && headers.as_ref().is_some_and(SecurityHeaders::is_apart);
        let gates = Pair::new(headers, Pair::new(Pair::new(outside, authenticate), limit));
        Self(Arc::new(Gates { gates, is_headers_first }))
    }
}

/// Whether the gate that authenticates is one that is known to leave the fields of `SecurityHeaders` alone.
fn writes_none_of_headers<A: 'static>() -> bool {
    #[cfg(feature = "jwt")]
    if TypeId::of::<A>() == TypeId::of::<crate::jwt::JwtAuth>() {
        return true;
    }
    TypeId::of::<A>() == TypeId::of::<Open>()
}

/// The gates that stand between `SecurityHeaders` and the one that authenticates.
#[derive(Clone)]
pub(super) struct Outside(pub(super) Pair<Pair<Option<TrustedProxies>, Option<Cors>>, Option<RateLimit>>);

/// What stands in the place of a gate that authenticates where there is none.
#[derive(Clone, Copy, Debug)]
pub struct Open(pub(super) ());

impl<A> Gate for Stack<A>
where
    A: Gate<Pass: Send + 'static> + Send + Sync + 'static,
{
    type Pass = (
        Option<headers::Pass>,
        ((((Option<()>, Option<cors::Pass>), Option<rate_limit::Pass>), A::Pass), Option<rate_limit::Pass>),
    );

    fn enter(&self, head: &mut request::Parts) -> Entry<Self::Pass> {
        self.0.gates.enter(head)
    }

    fn leave<B>(&self, pass: Self::Pass, response: &mut Response<B>) {
        if self.0.is_headers_first {
            self.0.gates.leave_outer_first(pass, response);
        } else {
            // Once for all gates: a map that grows moves all it has.
            let _ = response.headers_mut().try_reserve(FIELDS);
            self.0.gates.leave(pass, response);
        }
    }
}

impl Gate for Outside {
    type Pass = ((Option<()>, Option<cors::Pass>), Option<rate_limit::Pass>);

    fn enter(&self, head: &mut request::Parts) -> Entry<Self::Pass> {
        self.0.enter(head)
    }

    fn leave<B>(&self, pass: Self::Pass, response: &mut Response<B>) {
        self.0.leave(pass, response);
    }
}

impl Gate for Open {
    type Pass = ();

    fn enter(&self, _: &mut request::Parts) -> Entry<()> {
        Entry::Admit(())
    }
}

impl<A, S> Layer<S> for Stack<A> {
    type Service = Gated<Self, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(self.clone(), inner)
    }
}

impl<A> Clone for Stack<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A> fmt::Debug for Stack<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack").finish_non_exhaustive()
    }
}

/// What the gates of a stack add to an answer, about.
const FIELDS: usize = 20;
