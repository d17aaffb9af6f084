//! `JwtAuth`: the gate that authenticates requests by bearer tokens.

use std::error::Error;
use std::sync::Arc;

use http::header::CACHE_CONTROL;
use http::{Response, request};
use tower_layer::Layer;

use crate::context::route::{matched_path, method_name};
use crate::context::{NoStore, UserContext, Visitor};
use crate::gate::{Denial, DenialKind, Entry, Gate, Gated, Reply, ResponseHeaders, TokenError};
use crate::jwt::issuer::trusted::IssuerKeys;
use crate::jwt::policy::{Policy, Verification};
use crate::jwt::remote::RemoteKeys;
use crate::jwt::remote::fetch::error_chain;
use crate::jwt::remote::search::{KeySearch, PendingFetch};
use crate::jwt::user_loader::LoadError;

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
    policy: Arc<Policy>,
    is_optional: bool,
}

/// The state that [`JwtAuth`] keeps between a request and its response.
#[derive(Debug)]
pub struct JwtAuthPass(Option<NoStore>);

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

    /// Returns whether the keys of every issuer are available.
    ///
    /// This starts no fetch. A readiness probe should call [`prefetch_keys`](Self::prefetch_keys) instead: an app that
    /// receives no requests until it is ready would otherwise never fetch keys.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.remote_keys().all(|keys| keys.is_ready())
    }

    /// Fetches missing keys, and returns whether the keys of all issuers are available.
    ///
    /// It waits for each issuer, usually for at most the [timeout](crate::jwt::JwtAuthBuilder::fetch_timeout), and
    /// fetches from at most 32 issuers at once. After a failed fetch, it starts no other until the back-off has passed
    /// (a second at first, a minute at most), so a readiness probe may call it at any rate. The call is not required:
    /// without it, the first request waits for the keys.
    ///
    /// ```
    /// # use axum::{Router, http::StatusCode, routing::get};
    /// # use portcullis::{Issuer, JwtAuth, testing::TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = TestIssuer::start().await?;
    /// # let issuer = Issuer::discover(server.url());
    /// # let auth = JwtAuth::builder().issuer(issuer).audience("api").build()?;
    /// if !auth.prefetch_keys().await {
    ///     tracing::warn!("starting without the keys of an issuer");
    /// }
    /// assert!(auth.is_ready());
    ///
    /// let ready = move || {
    ///     let auth = auth.clone();
    ///     async move {
    ///         match auth.prefetch_keys().await {
    ///             true => StatusCode::OK,
    ///             false => StatusCode::SERVICE_UNAVAILABLE,
    ///         }
    ///     }
    /// };
    /// let probes: Router = Router::new().route("/ready", get(ready));
    /// # let _ = probes;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn prefetch_keys(&self) -> bool {
        let missing: Vec<_> = self.remote_keys().filter(|keys| !keys.is_ready()).collect();
        // Start several fetches before waiting for the first one, but not thousands.
        for some in missing.chunks(CONCURRENT_PREFETCHES) {
            let searches: Vec<KeySearch> = some.iter().map(|keys| keys.search(None, keys.fetched_sets())).collect();
            for search in searches {
                if let KeySearch::Fetching(mut pending) = search {
                    pending.wait().await;
                }
            }
        }
        self.is_ready()
    }

    fn remote_keys(&self) -> impl Iterator<Item = &Arc<RemoteKeys>> {
        self.policy.issuers.iter().filter_map(|issuer| match &issuer.keys {
            IssuerKeys::Fixed(_) => None,
            IssuerKeys::Remote(keys) => Some(keys),
        })
    }

    fn refuse(&self, head: &request::Parts, kind: DenialKind) -> Reply {
        Reply::denial(head, Denial::new(kind, self.policy.realm.clone()))
    }

    /// Admits the request of a verified user. With a user loader, that is a decision to wait for.
    fn admit(&self, head: &mut request::Parts, user: UserContext) -> Entry<JwtAuthPass> {
        if self.policy.loader.is_some() {
            let gate = self.clone();
            return Entry::wait(|head| async move { gate.load_user(head, user).await });
        }
        Entry::Admit(insert_visitor(head, user))
    }

    async fn load_user(
        &self,
        mut head: request::Parts,
        user: UserContext,
    ) -> Result<(request::Parts, JwtAuthPass), Reply> {
        let loaded = match &self.policy.loader {
            Some(loader) => loader.load(user, self.policy.load_user_timeout).await,
            None => Ok(user),
        };
        match loaded {
            Ok(user) => {
                let pass = insert_visitor(&mut head, user);
                Ok((head, pass))
            }
            Err(error) => Err(self.refuse_unloaded(&head, &error)),
        }
    }

    /// Rejects a request whose user cannot be loaded. The cause is in the same line of the log.
    fn refuse_unloaded(&self, head: &request::Parts, error: &LoadError) -> Reply {
        let Some(cause) = error.source() else { return self.refuse(head, error.kind()) };
        let denial = Denial::new(error.kind(), self.policy.realm.clone());
        tracing::warn!(
            kind = denial.code(),
            status = denial.status().as_u16(),
            method = method_name(head),
            route = matched_path(head),
            cause = %error_chain(cause),
            "cannot load the user"
        );
        Reply::logged_denial(head, denial)
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
    ) -> Result<(request::Parts, JwtAuthPass), Reply> {
        loop {
            pending.wait().await;
            let missing = match self.policy.verify(&mut head.headers) {
                Ok(Some(Verification::Accepted(user))) => return self.load_user(head, user).await,
                Ok(Some(Verification::KeyMissing(missing))) => missing,
                Ok(Some(Verification::Rejected(error))) => {
                    return Err(self.refuse(&head, DenialKind::InvalidToken(error)));
                }
                // Does not happen, since the head has not changed.
                Ok(None) => return Err(self.refuse(&head, DenialKind::InvalidToken(TokenError::Key))),
                Err(kind) => return Err(self.refuse(&head, kind)),
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
    type Pass = JwtAuthPass;

    fn enter(&self, head: &mut request::Parts) -> Entry<JwtAuthPass> {
        // Optional authentication admits requests without a token, not requests with an invalid one. A client that sent
        // a token expects to act as its user, and would not notice that it is anonymous.
        let verification = match self.policy.verify(&mut head.headers) {
            Ok(Some(verification)) => verification,
            Ok(None) if self.is_optional => {
                // An outer gate may have authenticated the request by another credential.
                if head.extensions.get::<Visitor>().is_none_or(Visitor::is_on_open_route) {
                    head.extensions.insert(Visitor::anonymous(self.policy.realm.clone()));
                }
                return Entry::Admit(JwtAuthPass(None));
            }
            Ok(None) => return Entry::Refuse(self.refuse(head, DenialKind::CredentialsMissing)),
            Err(kind) => return Entry::Refuse(self.refuse(head, kind)),
        };
        match verification {
            Verification::Accepted(user) => self.admit(head, user),
            Verification::KeyMissing(missing) => match self.policy.search(&missing) {
                Ok(pending) => {
                    let gate = self.clone();
                    Entry::wait(|head| async move { gate.wait_for_key(head, pending).await })
                }
                Err(kind) => Entry::Refuse(self.refuse(head, kind)),
            },
            Verification::Rejected(error) => Entry::Refuse(self.refuse(head, DenialKind::InvalidToken(error))),
        }
    }

    fn leave<B>(&self, JwtAuthPass(no_store): JwtAuthPass, response: &mut Response<B>) {
        if let Some(no_store) = no_store {
            no_store.write(response.headers_mut());
        }
    }

    fn response_headers(&self) -> ResponseHeaders {
        ResponseHeaders::only([CACHE_CONTROL])
    }
}

/// Provides the user to inner layers and handlers. The pass keeps the mark of an outer layer that responses to users
/// must not be stored (RFC 9111 §5.2.2.5).
fn insert_visitor(head: &mut request::Parts, user: UserContext) -> JwtAuthPass {
    let no_store = head.extensions.get().copied();
    head.extensions.insert(Visitor::authenticated(user));
    JwtAuthPass(no_store)
}

impl<S> Layer<S> for JwtAuth {
    type Service = Gated<Self, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(self.clone(), inner)
    }
}

// Each fetch has a connection, and tenants of one provider may share its server.
const CONCURRENT_PREFETCHES: usize = 32;
