//! `JwtAuth::verify`: tokens outside a request.

use crate::context::UserContext;
use crate::gate::{AuthGate, Denial};
use crate::jwt::gate::JwtAuth;
use crate::jwt::policy::Verification;
use crate::jwt::request_token::RequestToken;

/// # Tokens outside a request
impl JwtAuth {
    /// Verifies a token that is not in a request, such as one in the first message on a WebSocket.
    ///
    /// The decision is the one that the layer makes about a request with this token, with the same keys, cache,
    /// [revocations](crate::jwt::JwtAuthBuilder::revocations) and
    /// [user loader](crate::jwt::JwtAuthBuilder::load_user). It waits if the layer would wait, for a key, an issuer or
    /// the user. A rejection is logged as the layer would log it. A token that is bound to a key or a certificate
    /// (`cnf`, RFC 7800) is rejected, as in a request: it proves no possession of the key.
    ///
    /// `token` is the text after `Bearer `, without the scheme. Nothing limits how often a client sends invalid tokens
    /// in messages: close the socket after the first one.
    ///
    /// ```
    /// use axum::extract::State;
    /// use axum::extract::ws::{CloseFrame, Message};
    /// use axum::extract::ws::{WebSocket, WebSocketUpgrade};
    /// use axum::response::Response;
    /// use portcullis::{Issuer, JwtAuth, UserContext, testing::TestIssuer};
    ///
    /// async fn open(
    ///     State(auth): State<JwtAuth>,
    ///     upgrade: WebSocketUpgrade,
    /// ) -> Response {
    ///     upgrade.on_upgrade(async move |mut socket| {
    ///         match first_message(&auth, &mut socket).await {
    ///             Some(user) => serve(socket, user).await,
    ///             None => {
    ///                 let reason = "log in".into();
    ///                 let frame = CloseFrame { code: 3000, reason };
    ///                 let _ = socket.send(Message::Close(Some(frame))).await;
    ///             }
    ///         }
    ///     })
    /// }
    ///
    /// /// The user of the token in the first message.
    /// async fn first_message(
    ///     auth: &JwtAuth,
    ///     socket: &mut WebSocket,
    /// ) -> Option<UserContext> {
    ///     let Some(Ok(Message::Text(token))) = socket.recv().await else {
    ///         return None;
    ///     };
    ///     auth.verify(&token).await.ok()
    /// }
    /// # async fn serve(_: WebSocket, _: UserContext) {}
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::start().await?;
    /// let auth = JwtAuth::builder()
    ///     .issuer(Issuer::discover(issuer.url()))
    ///     .audience("api")
    ///     .build()?;
    /// let token = issuer.token("ann").audience("api");
    /// assert_eq!(auth.verify(&token.clone().sign()).await?.id(), "ann");
    ///
    /// let denial = auth.verify(&token.expired().sign()).await.unwrap_err();
    /// assert_eq!(denial.code(), "token_expired");
    /// # let _ = axum::routing::any::<_, _, JwtAuth>(open);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the [`Denial`] of the response that a request with this token would get. It is never
    /// [`CredentialsMissing`](crate::gate::DenialKind::CredentialsMissing) or
    /// [`CrossSite`](crate::gate::DenialKind::CrossSite). An empty text, or one with whitespace or a comma, is
    /// [`InvalidRequest`](crate::gate::DenialKind::InvalidRequest).
    pub async fn verify(&self, token: &str) -> Result<UserContext, Denial> {
        let policy = &*self.policy;
        let verified = match policy.verify(&RequestToken::Whole(token.as_bytes())) {
            Verification::Accepted(user) => Ok(user),
            Verification::Missing(missing) => match policy.start(missing) {
                Ok(pending) => policy.wait(token, pending).await,
                Err(kind) => Err(kind),
            },
            Verification::Rejected(kind) => Err(kind),
        };
        let user = verified.map_err(|kind| {
            let denial = Denial::new(kind, self.realm());
            denial.log(None);
            denial
        })?;
        let credential = user.credential();
        let loaded = policy.admission.load(user).await;
        loaded.map_err(|error| error.logged_denial(None, credential, self.realm()))
    }
}
