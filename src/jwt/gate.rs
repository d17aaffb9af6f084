//! `JwtAuth`: the gate that authenticates requests by bearer tokens.

mod issuers;

use std::sync::Arc;

use http::header::CACHE_CONTROL;
use http::{Response, request};
use tower_layer::Layer;

use crate::context::{Realm, UserContext};
use crate::gate::{
    AuthGate, AuthPass, CredentialSource, CredentialSources, Denial, DenialKind, Entry, Gate, Gated, Reply,
    ResponseHeaders, TokenError,
};
use crate::jwt::issuers::lookups::Outcome;
use crate::jwt::issuers::source::PendingLookup;
use crate::jwt::policy::{MissingIssuer, Policy, Verification};
use crate::jwt::remote::search::PendingFetch;

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
        Reply::denial(head, Denial::new(kind, self.policy.app.realm.clone()))
    }

    /// Loads the user, if there is a user loader, and admits the request.
    async fn admit(&self, head: request::Parts, user: UserContext) -> Result<(request::Parts, AuthPass), Reply> {
        self.policy.admission.admit(head, user, self.policy.app.realm.clone()).await
    }

    /// Waits for the lookup of the issuer, and verifies the token again, since time has passed.
    async fn wait_for_issuer(
        &self,
        mut head: request::Parts,
        missing: MissingIssuer,
        pending: PendingLookup,
    ) -> Result<(request::Parts, AuthPass), Reply> {
        let outcome = pending.wait().await;
        if outcome != Outcome::Found {
            return Err(self.refuse(&head, missing.denial_kind(outcome)));
        }
        match self.policy.verify(&mut head) {
            Ok(Some(Verification::Accepted(user))) => self.admit(head, user).await,
            Ok(Some(Verification::KeyMissing(missing))) => match self.policy.search(&missing) {
                Ok(pending) => self.wait_for_key(head, pending).await,
                Err(kind) => Err(self.refuse(&head, kind)),
            },
            verification => Err(self.refuse_unverified(&head, verification)),
        }
    }

    /// Rejects a request that had to wait, and whose token is not accepted now.
    fn refuse_unverified(
        &self,
        head: &request::Parts,
        verification: Result<Option<Verification>, DenialKind>,
    ) -> Reply {
        let kind = match verification {
            Ok(Some(Verification::Rejected(kind))) | Err(kind) => kind,
            // The issuer was evicted while the request waited.
            Ok(Some(Verification::IssuerMissing(missing))) => missing.denial_kind(Outcome::Absent),
            // Does not happen: the head has not changed, so it has a token, and the other results are not rejections.
            Ok(_) => DenialKind::InvalidToken(TokenError::Key),
        };
        self.refuse(head, kind)
    }

    /// Waits for the fetch that may bring the key, and verifies the token again.
    ///
    /// If the fetch started before the request, the issuer may have responded before it published the key. Then this
    /// waits for one more fetch. The loop ends after the second: that fetch started after the request, so it finds the
    /// key if the issuer published it before it used it.
    ///
    /// The whole token is verified again, because time has passed: it may have expired, or its old key may be gone.
    async fn wait_for_key(
        &self,
        mut head: request::Parts,
        mut pending: PendingFetch,
    ) -> Result<(request::Parts, AuthPass), Reply> {
        loop {
            pending.wait().await;
            let missing = match self.policy.verify(&mut head) {
                Ok(Some(Verification::Accepted(user))) => return self.admit(head, user).await,
                Ok(Some(Verification::KeyMissing(missing))) => missing,
                verification => return Err(self.refuse_unverified(&head, verification)),
            };
            if !pending.started_earlier {
                return Err(self.refuse(&head, self.policy.record_not_found(&missing)));
            }
            pending = self.policy.search(&missing).map_err(|kind| self.refuse(&head, kind))?;
            // Even if `search` joined a fetch in progress: it started after the first one ended, and so after the
            // request.
            pending.started_earlier = false;
        }
    }
}

impl Gate for JwtAuth {
    type Pass = AuthPass;

    fn enter(&self, head: &mut request::Parts) -> Entry<AuthPass> {
        // Optional authentication admits requests without a token, not requests with an invalid one. A client that sent
        // a token expects to act as its user, and would not notice that it is anonymous.
        let verification = match self.policy.verify(head) {
            Ok(Some(verification)) => verification,
            Ok(None) if self.is_optional => return Entry::Admit(AuthPass::anonymous(head, &self.policy.app.realm)),
            Ok(None) => return Entry::Refuse(self.refuse(head, DenialKind::CredentialsMissing)),
            Err(kind) => return Entry::Refuse(self.refuse(head, kind)),
        };
        match verification {
            Verification::Accepted(user) => self.policy.admission.enter(head, user, |_| self.policy.app.realm.clone()),
            Verification::KeyMissing(missing) => match self.policy.search(&missing) {
                Ok(pending) => {
                    let gate = self.clone();
                    Entry::wait(|head| async move { gate.wait_for_key(head, pending).await })
                }
                Err(kind) => Entry::Refuse(self.refuse(head, kind)),
            },
            Verification::IssuerMissing(missing) => match missing.look_up() {
                Ok(pending) => {
                    let gate = self.clone();
                    Entry::wait(|head| async move { gate.wait_for_issuer(head, missing, pending).await })
                }
                Err(kind) => Entry::Refuse(self.refuse(head, kind)),
            },
            Verification::Rejected(kind) => Entry::Refuse(self.refuse(head, kind)),
        }
    }

    fn leave<B>(&self, pass: AuthPass, response: &mut Response<B>) {
        pass.write(response.headers_mut());
    }

    fn response_headers(&self) -> ResponseHeaders {
        ResponseHeaders::only([CACHE_CONTROL])
    }
}

impl AuthGate for JwtAuth {
    fn credentials(&self) -> CredentialSources {
        let cookie = self.policy.cookie.as_ref().map(|(name, _)| CredentialSource::cookie(name));
        CredentialSources::of_valid([CredentialSource::bearer_jwt()].into_iter().chain(cookie).collect())
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
