//! `Entry`: the decision of a gate about a request.

use std::fmt;
use std::future::Future;

use http::request;

use crate::gate::decision::Decision;
use crate::gate::reply::Reply;

/// The decision of a [`Gate`](crate::gate::Gate) about a request.
///
/// The enum is exhaustive because a gate that wraps another gate must handle every decision:
///
/// ```
/// use http::{Response, request};
/// use portcullis::gate::{Entry, Gate};
///
/// /// Runs a gate for all paths except one.
/// #[derive(Clone)]
/// struct Except<G>(&'static str, G);
///
/// impl<G: Gate> Gate for Except<G> {
///     type Pass = Option<G::Pass>;
///
///     fn enter(&self, head: &mut request::Parts) -> Entry<Self::Pass> {
///         let Self(path, gate) = self;
///         if head.uri.path() == *path {
///             return Entry::Admit(None);
///         }
///         match gate.enter(head) {
///             Entry::Admit(pass) => Entry::Admit(Some(pass)),
///             Entry::Refuse(reply) => Entry::Refuse(reply),
///             Entry::Wait(decision) => Entry::wait(|head| async move {
///                 let (head, pass) = decision.start(head).await?;
///                 Ok((head, Some(pass)))
///             }),
///         }
///     }
///
///     fn leave<B>(&self, pass: Self::Pass, response: &mut Response<B>) {
///         if let Some(pass) = pass {
///             self.1.leave(pass, response);
///         }
///     }
/// }
/// # let mut head = http::Request::get("/health").body(()).unwrap().into_parts().0;
/// # let gate = Except("/health", portcullis::RequireUser::new());
/// # assert!(matches!(gate.enter(&mut head), Entry::Admit(None)));
/// ```
#[must_use]
#[expect(clippy::exhaustive_enums, reason = "a gate that wraps another one handles every decision")]
pub enum Entry<P> {
    /// The request is admitted: the inner service is called, and then [`leave`](crate::gate::Gate::leave) with this
    /// pass.
    Admit(P),
    /// The request is rejected: the reply is sent, and the inner service is not called.
    Refuse(Reply),
    /// The gate must wait for something, for example for a response from the network; see [`Entry::wait`].
    Wait(Decision<P>),
}

impl<P> Entry<P> {
    /// Decides later.
    ///
    /// `decide` takes the request's head, and its future returns it with the gate's pass, or rejects the request. This
    /// is the only entry that allocates.
    ///
    /// The head moves into the future and back, because the future outlives this call. If the client disconnects, the
    /// future is dropped at its current await point.
    ///
    /// ```
    /// use http::request;
    /// use portcullis::gate::{Entry, Gate};
    ///
    /// #[derive(Clone)]
    /// struct LookUp(&'static str);
    ///
    /// impl Gate for LookUp {
    ///     type Pass = ();
    ///
    ///     fn enter(&self, _: &mut request::Parts) -> Entry<()> {
    ///         let gate = self.clone();
    ///         Entry::wait(async move |mut head: request::Parts| {
    ///             // Await a database or another service here.
    ///             head.extensions.insert(gate.0);
    ///             Ok((head, ()))
    ///         })
    ///     }
    /// }
    /// # let mut head = http::Request::new(()).into_parts().0;
    /// assert!(matches!(LookUp("value").enter(&mut head), Entry::Wait(_)));
    /// ```
    pub fn wait<D, F>(decide: D) -> Self
    where
        D: FnOnce(request::Parts) -> F + Send + 'static,
        F: Future<Output = Result<(request::Parts, P), Reply>> + Send + 'static,
    {
        Self::Wait(Decision::new(decide))
    }

    /// Wraps the pass, for a gate that does not run for every request.
    #[inline]
    pub(crate) fn into_optional(self) -> Entry<Option<P>>
    where
        P: Send + 'static,
    {
        match self {
            Self::Admit(pass) => Entry::Admit(Some(pass)),
            Self::Refuse(reply) => Entry::Refuse(reply),
            Self::Wait(decision) => Entry::wait(|head| async move {
                let (head, pass) = decision.start(head).await?;
                Ok((head, Some(pass)))
            }),
        }
    }
}

impl<P> fmt::Debug for Entry<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Admit(_) => "Admit",
            Self::Refuse(_) => "Refuse",
            Self::Wait(_) => "Wait",
        })
    }
}
