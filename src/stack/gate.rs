//! `Stack`: the layer that runs all gates in order.

use std::fmt;
use std::sync::Arc;

use http::header::CACHE_CONTROL;
use http::{Response, request};
use tower_layer::Layer;

use crate::context::TrustedProxies;
use crate::gate::{Authenticated, Entry, Gate, Gated, Pair, Reply, ResponseHeaders};
use crate::ip_filter::gate::IpFilter;
use crate::stack::layers::{Cors, RateLimit, SecurityHeaders};
use crate::stack::open_routes::ExceptOpenRoutes;

/// All layers as one, around the gate `A` that authenticates; see the [module](crate::stack).
///
/// Clones share their configuration and their rate-limit counters. A `Stack` is a [`Gate`] itself.
#[must_use]
pub struct Stack<A = NoAuth>(Arc<Gates<A>>);

struct Gates<A> {
    gates: AllGates<A>,
    /// Whether the headers of `SecurityHeaders` may be written before those of the other gates. `SecurityHeaders`
    /// starts from a copy of its prepared map if the response has few headers. If it writes first, a request with a
    /// cached token costs 16 % fewer instructions beyond the bare handler than if it writes last.
    writes_security_headers_first: bool,
}

/// Pairs nest to the left, so that the decision of the last gate, which waits most often, is wrapped as rarely as
/// possible.
type AllGates<A> = Pair<ConnectionGates, Pair<Pair<OuterGates, ExceptOpenRoutes<A>>, Option<RateLimit>>>;

/// What looks at the connection: `SecurityHeaders` needs the scheme that the proxies report.
pub(super) type ConnectionGates = Pair<Option<TrustedProxies>, Option<SecurityHeaders>>;

/// The gates between `SecurityHeaders` and the gate that authenticates.
pub(super) type OuterGates = Pair<Pair<Option<Cors>, Option<IpFilter>>, Option<RateLimit>>;

impl<A: Gate> Stack<A> {
    pub(super) fn new(
        connection: ConnectionGates,
        outer: OuterGates,
        authenticate: ExceptOpenRoutes<A>,
        limit: Option<RateLimit>,
    ) -> Self {
        let declared = outer.response_headers().union(authenticate.response_headers()).union(limit.response_headers());
        // A custom gate that authenticates may forget to declare the header of `NoStore`. It would then be written too
        // late to replace a weaker `Cache-Control`.
        let other_headers = declared.union(ResponseHeaders::only([CACHE_CONTROL]));
        let writes_security_headers_first = !connection.response_headers().overlaps(&other_headers);
        let gates = Pair::new(connection, Pair::new(Pair::new(outer, authenticate), limit));
        Self(Arc::new(Gates { gates, writes_security_headers_first }))
    }

    /// Runs all gates of the stack on a request without an inner service.
    ///
    /// Use it on servers that run no tower services, as
    /// [`AuthGate::authenticate`](crate::gate::AuthGate::authenticate), which describes the details. An `Err` may be a
    /// response to a CORS preflight.
    ///
    /// ```
    /// # use portcullis::{BasicAuth, SecurityHeaders, Stack};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), portcullis::ConfigError> {
    /// # let auth = BasicAuth::builder().user("ann", "0123456789abcdef").build()?;
    /// let stack = Stack::builder()
    ///     .security_headers(SecurityHeaders::api().build()?)
    ///     .authenticate(auth)
    ///     .build()?;
    /// let mut head = http::Request::new(()).into_parts().0;
    /// let reply = stack.authenticate(&mut head).await.unwrap_err();
    /// assert_eq!(reply.status(), 401);
    /// assert_eq!(reply.headers()["x-content-type-options"], "nosniff");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the response that the layer would send.
    pub async fn authenticate(&self, head: &mut request::Parts) -> Result<Authenticated<Self>, Reply> {
        Authenticated::decide(self, head).await
    }
}

/// The gate of a [`Stack`] without authentication: it admits every request and sets no user.
#[derive(Clone, Copy, Debug)]
pub struct NoAuth(());

impl NoAuth {
    pub(super) fn new() -> Self {
        Self(())
    }
}

/// The pass of a [`Stack`]: the passes of its gates. `P` is the pass of the gate that authenticates.
pub struct StackPass<P>(Passes<P>);

type Passes<P> = (PassOf<ConnectionGates>, ((PassOf<OuterGates>, Option<P>), PassOf<Option<RateLimit>>));

type PassOf<G> = <G as Gate>::Pass;

impl<A: Gate> Gate for Stack<A> {
    type Pass = StackPass<A::Pass>;

    fn enter(&self, head: &mut request::Parts) -> Entry<Self::Pass> {
        self.0.gates.enter_as(head, StackPass)
    }

    fn leave<B>(&self, StackPass(passes): Self::Pass, response: &mut Response<B>) {
        if self.0.writes_security_headers_first {
            self.0.gates.leave_outer_first(passes, response);
        } else {
            // Reserve once for all gates, because a map that grows moves all of its entries.
            let _ = response.headers_mut().try_reserve(USUAL_HEADERS);
            self.0.gates.leave(passes, response);
        }
    }

    fn response_headers(&self) -> ResponseHeaders {
        self.0.gates.response_headers()
    }
}

impl Gate for NoAuth {
    type Pass = ();

    fn enter(&self, _: &mut request::Parts) -> Entry<()> {
        Entry::Admit(())
    }

    fn response_headers(&self) -> ResponseHeaders {
        ResponseHeaders::none()
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

impl<P> fmt::Debug for StackPass<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StackPass").finish_non_exhaustive()
    }
}

/// The number of headers that the gates of a stack usually add to a response.
const USUAL_HEADERS: usize = 20;
