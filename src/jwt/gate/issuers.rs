//! Methods of `JwtAuth` about its issuers: whether their keys are available, and eviction.

use std::sync::Arc;

use crate::jwt::gate::JwtAuth;
use crate::jwt::issuer::trusted::IssuerKeys;
use crate::jwt::remote::RemoteKeys;
use crate::jwt::remote::search::KeySearch;

/// # Issuers
impl JwtAuth {
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

    /// Removes an issuer that [`Issuers`](crate::Issuers) found, with its keys and its cached tokens.
    ///
    /// Call it when a tenant is removed, so that its tokens are rejected at once. Call it too when a tenant is added
    /// whose tokens may have been rejected before: it also forgets that there was no such issuer. The next token of the
    /// issuer causes a lookup. Each process caches its own issuers, so call it in each of them.
    ///
    /// Returns whether the issuer was cached. Issuers that were added with
    /// [`add_issuer`](crate::jwt::JwtAuthBuilder::add_issuer) are not affected.
    ///
    /// ```
    /// # use std::sync::{Arc, atomic::{AtomicBool, Ordering}};
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::testing::TokenBuilder;
    /// # use portcullis::{Issuer, Issuers, JwtAuth};
    /// # use tower::ServiceExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let is_customer = Arc::new(AtomicBool::new(true));
    /// # let database = Arc::clone(&is_customer);
    /// # let customers = Issuers::from_fn("https://", move |iss: String| {
    /// #     let is_customer = database.load(Ordering::Relaxed);
    /// #     async move { is_customer.then(|| Issuer::hs256(iss, [7; 32])) }
    /// # });
    /// # let auth = JwtAuth::builder().add_issuers(customers).audience("api");
    /// # let auth = auth.build()?;
    /// # let app = Router::new().route("/", get(|| async {})).layer(auth.clone());
    /// # let iss = "https://acme.example.com";
    /// # let token = TokenBuilder::first_party(iss, [7; 32], "ann");
    /// # let token = token.audience("api").sign();
    /// # let request = || {
    /// #     let request = Request::get("/");
    /// #     let request = request.header("authorization", format!("Bearer {token}"));
    /// #     request.body(Body::empty())
    /// # };
    /// assert_eq!(app.clone().oneshot(request()?).await?.status(), 200);
    ///
    /// // The app removes the tenant from its database, and then:
    /// # is_customer.store(false, Ordering::Relaxed);
    /// assert!(auth.evict_issuer("https://acme.example.com"));
    /// assert_eq!(app.oneshot(request()?).await?.status(), 401);
    /// # Ok(())
    /// # }
    /// ```
    #[expect(clippy::must_use_candidate, reason = "most callers do not need to know whether it was found")]
    pub fn evict_issuer(&self, iss: &str) -> bool {
        self.policy.issuers.evict(iss)
    }

    fn remote_keys(&self) -> impl Iterator<Item = &Arc<RemoteKeys>> {
        self.policy.issuers.configured().iter().filter_map(|issuer| match &issuer.keys {
            IssuerKeys::Fixed(_) => None,
            IssuerKeys::Remote(keys) => Some(keys),
        })
    }
}

// Each fetch has a connection, and tenants of one provider may share its server.
const CONCURRENT_PREFETCHES: usize = 32;
