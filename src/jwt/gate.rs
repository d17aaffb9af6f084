//! `JwtAuth`: the gate that authenticates requests by bearer tokens.

mod issuers;
mod verify;

use std::sync::Arc;

use http::header::CACHE_CONTROL;
use http::{HeaderName, Response, request};
use tower_layer::Layer;
use zeroize::Zeroizing;

use crate::context::Realm;
use crate::field::websocket_token::WebSocketToken;
use crate::gate::{
    AuthGate, AuthPass, CredentialSources, Denial, DenialKind, Entry, Gate, Gated, Reply, ResponseHeaders,
};
use crate::jwt::policy::{Policy, Verification};
use crate::jwt::request_token::RequestToken;
use crate::jwt::waiting::Pending;

/// Authenticates requests by bearer tokens; see the [module](crate::jwt).
///
/// Clones share keys and the verified-token cache. Two layers that are built separately share neither.
///
/// ```
/// # use axum::{Router, body::Body, http::Request, routing::get};
/// # use portcullis::testing::TokenBuilder;
/// # use tower::ServiceExt;
/// use portcullis::{Issuer, JwtAuth, UserContext};
///
/// async fn me(user: UserContext) -> String {
///     user.id().to_owned()
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let secret = *b"a secret of at least 32 random bytes";
/// # let iss = "https://app.example.com";
/// let auth = JwtAuth::builder()
///     .issuer(Issuer::hs256(iss, secret).first_party())
///     .audience("api")
///     .build()?;
/// let app = Router::new().route("/me", get(me)).layer(auth);
///
/// let request = Request::get("/me").body(Body::empty())?;
/// let response = app.clone().oneshot(request).await?;
/// assert_eq!(response.status(), 401);
/// assert_eq!(response.headers()["www-authenticate"], r#"Bearer realm="api""#);
///
/// # let token = TokenBuilder::first_party(iss, secret, "ann");
/// # let token = token.audience("api").sign();
/// let request = Request::get("/me")
///     .header("authorization", format!("Bearer {token}"))
///     .body(Body::empty())?;
/// assert_eq!(app.oneshot(request).await?.status(), 200);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct JwtAuth {
    pub(super) policy: Arc<Policy>,
    is_optional: bool,
}

impl JwtAuth {
    pub(crate) fn new(policy: Policy, is_optional: bool) -> Self {
        Self { policy: Arc::new(policy), is_optional }
    }

    /// Returns the same layer, with shared keys, that admits requests without a token as anonymous.
    ///
    /// Use it for the routes that are open to anonymous users, next to the strict layer for the others. See
    /// [`optional`](crate::jwt::JwtAuthBuilder::optional).
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::{Issuer, JwtAuth};
    /// # use tower::ServiceExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let secret = *b"a secret of at least 32 random bytes";
    /// # let issuer = Issuer::hs256("https://app.example.com", secret);
    /// # let auth = JwtAuth::builder().issuer(issuer).audience("api").build()?;
    /// let open = Router::new()
    ///     .route("/articles", get(|| async {}))
    ///     .layer(auth.to_optional());
    /// let app = Router::new()
    ///     .route("/account", get(|| async {}))
    ///     .layer(auth)
    ///     .merge(open);
    ///
    /// for (path, status) in [("/articles", 200), ("/account", 401)] {
    ///     let request = Request::get(path).body(Body::empty())?;
    ///     assert_eq!(app.clone().oneshot(request).await?.status(), status);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn to_optional(&self) -> Self {
        Self { is_optional: true, ..self.clone() }
    }

    fn refuse(&self, head: &request::Parts, kind: DenialKind) -> Reply {
        Reply::denial(head, Denial::new(kind, self.realm()))
    }
}

/// The pass of a [`JwtAuth`].
#[derive(Debug)]
pub struct JwtPass {
    auth: AuthPass,
    /// The token among the protocols of a WebSocket.
    websocket_token: Option<Box<WebSocketToken>>,
}

impl Gate for JwtAuth {
    type Pass = JwtPass;

    fn enter(&self, head: &mut request::Parts) -> Entry<JwtPass> {
        let token = match self.policy.sources.read(head) {
            Ok(Some(token)) => token,
            // Optional authentication admits requests without a token, not requests with an invalid one. A client that
            // sent a token expects to act as its user, and would not notice that it is anonymous.
            Ok(None) if self.is_optional => {
                let auth = AuthPass::anonymous(head, &self.policy.app.realm);
                return Entry::Admit(JwtPass { auth, websocket_token: None });
            }
            Ok(None) => return Entry::Refuse(self.refuse(head, DenialKind::CredentialsMissing)),
            Err(kind) => return Entry::Refuse(self.refuse(head, kind)),
        };
        match self.policy.verify(&token) {
            Verification::Accepted(user) => {
                let websocket_token = token.into_websocket_token();
                let wrap = move |auth| JwtPass { auth, websocket_token };
                self.policy.admission.enter_as(head, user, |_| self.realm(), wrap)
            }
            Verification::Missing(missing) => match self.policy.start(missing) {
                Ok(pending) => self.wait(token, pending),
                Err(kind) => Entry::Refuse(self.refuse(head, kind)),
            },
            Verification::Rejected(kind) => Entry::Refuse(self.refuse(head, kind)),
        }
    }

    fn leave<B>(&self, pass: JwtPass, response: &mut Response<B>) {
        pass.auth.write(response.headers_mut());
        if let Some(token) = pass.websocket_token {
            token.remove_from(response.headers_mut());
        }
    }

    fn response_headers(&self) -> ResponseHeaders {
        ResponseHeaders::only([CACHE_CONTROL].into_iter().chain(self.policy.sources.response_header()))
    }

    fn credential_headers(&self) -> Vec<HeaderName> {
        self.credentials().headers()
    }
}

impl JwtAuth {
    /// Waits for the issuer or the key of a token, and decides about the request.
    fn wait(&self, token: RequestToken<'_>, pending: Pending) -> Entry<JwtPass> {
        let gate = self.clone();
        // It has been parsed, so this is not an error. If it were one, the token would be rejected.
        let text = Zeroizing::new(token.text().unwrap_or_default().to_owned());
        let websocket_token = token.into_websocket_token();
        Entry::wait(|head| async move {
            let user = match gate.policy.wait(&text, pending).await {
                Ok(user) => user,
                Err(kind) => return Err(gate.refuse(&head, kind)),
            };
            let (head, auth) = gate.policy.admission.admit(head, user, gate.realm()).await?;
            Ok((head, JwtPass { auth, websocket_token }))
        })
    }
}

impl AuthGate for JwtAuth {
    fn credentials(&self) -> CredentialSources {
        CredentialSources::of_valid(self.policy.sources.declared())
    }

    fn realm(&self) -> Realm {
        self.policy.app.realm.clone()
    }
}

impl<S> Layer<S> for JwtAuth {
    type Service = Gated<Self, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(self.clone(), inner)
    }
}
