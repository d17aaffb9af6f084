//! `Authenticated`: a request that gates have admitted without an inner service.

use std::fmt;

use http::{Response, request};

use crate::context::Visitor;
use crate::gate::engine::Gate;
use crate::gate::entry::Entry;
use crate::gate::reply::Reply;

/// A request that [`AuthGate::authenticate`](crate::gate::AuthGate::authenticate) or
/// [`Stack::authenticate`](crate::Stack::authenticate) has admitted.
///
/// The user is in the extensions of the request's head. This value holds what the gate adds to the response.
#[must_use = "without `write`, the response lacks a renewed session cookie and `Cache-Control`"]
pub struct Authenticated<G: Gate> {
    gate: G,
    pass: G::Pass,
}

impl<G: Gate> Authenticated<G> {
    /// Runs the gate on the head of a request.
    ///
    /// A decision that waits owns the head that it changes. It gets a copy, so that the caller keeps its head if the
    /// request is rejected or the future is dropped. A copy costs little compared with what the gate waits for.
    pub(crate) async fn decide(gate: &G, head: &mut request::Parts) -> Result<Self, Reply> {
        let pass = match gate.enter(head) {
            Entry::Admit(pass) => pass,
            Entry::Refuse(reply) => {
                head.extensions.remove::<Visitor>();
                return Err(reply);
            }
            Entry::Wait(decision) => {
                let copy = head.clone();
                // In a stack, a gate may have authenticated the request already, while a rate limit waits.
                head.extensions.remove::<Visitor>();
                let (decided, pass) = decision.start(copy).await?;
                *head = decided;
                pass
            }
        };
        Ok(Self { gate: gate.clone(), pass })
    }

    /// Writes what the gate adds to the response, for example `Cache-Control`.
    ///
    /// It includes the cookie of a session that is new, renewed or ended.
    ///
    /// Call it once the handler has produced the response, whatever its status. The gate may change the status too. If
    /// the server has another type of response, write to a `Response<()>` with the status and the headers of the
    /// handler's response, and copy both back.
    ///
    /// ```
    /// # use http::{Request, Response, header::CACHE_CONTROL, request};
    /// # use portcullis::gate::{AuthGate, Reply};
    /// # use portcullis::{BasicAuth, SecurityHeaders, Stack};
    /// async fn handle(
    ///     stack: &Stack<BasicAuth>,
    ///     mut head: request::Parts,
    /// ) -> Result<Response<String>, Reply> {
    ///     let authenticated = stack.authenticate(&mut head).await?;
    ///     let mut response = Response::new("42 orders".to_owned());
    ///     authenticated.write(&mut response);
    ///     Ok(response)
    /// }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), portcullis::ConfigError> {
    /// # let auth = BasicAuth::builder().user("ann", "0123456789abcdef").build()?;
    /// # let headers = SecurityHeaders::api().build()?;
    /// # let stack = Stack::builder().security_headers(headers).authenticate(auth).build()?;
    /// # let request = Request::get("/").header("authorization", "Basic YW5uOjAxMjM0NTY3ODlhYmNkZWY=");
    /// # let head = request.body(()).unwrap().into_parts().0;
    /// # let response = handle(&stack, head).await.unwrap();
    /// # assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    /// # Ok(())
    /// # }
    /// ```
    pub fn write<B>(self, response: &mut Response<B>) {
        self.gate.leave(self.pass, response);
    }
}

impl<G: Gate> fmt::Debug for Authenticated<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticated").finish_non_exhaustive()
    }
}
