//! The setters of `ApiKeyAuthBuilder` for keys, requests and the store.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use zeroize::Zeroizing;

use crate::api_key::builder::ApiKeyAuthBuilder;
use crate::api_key::store::ApiKeyStore;
use crate::revocation::handle::Revocations;

/// # Keys and requests
impl ApiKeyAuthBuilder {
    /// Sets the prefix of all keys, such as `acme_live` (required).
    ///
    /// It has 2 to 32 lowercase letters, digits and `_`, begins with a letter and does not end in `_`. A key is the
    /// prefix, a `_`, and 50 letters and digits. Use another prefix for tests, for example `acme_test`: keys of one
    /// environment are then rejected in the other without a lookup.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Also reads the key from this header, for example `x-api-key` (default: only from `Authorization`).
    ///
    /// A request with a key in both places is rejected with 400. Proxies often hide `Authorization` in their logs, but
    /// may not hide this header.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::{ApiKeyAuth, UserContext, api_key::{MemoryKeys, NewApiKey}};
    /// # use tower::ServiceExt;
    /// use axum::http::HeaderName;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let keys = ApiKeyAuth::builder()
    ///     .prefix("acme_live")
    ///     .store(MemoryKeys::new())
    ///     .header(HeaderName::from_static("x-api-key"))
    ///     .build()?;
    /// # let key = keys.create(NewApiKey::for_user(&UserContext::new("ann"))).await?;
    /// let app = Router::new().route("/", get(|| async {})).layer(keys);
    ///
    /// let request = Request::get("/")
    ///     .header("x-api-key", key.secret())
    ///     .body(Body::empty())?;
    /// assert_eq!(app.oneshot(request).await?.status(), 200);
    /// # Ok(())
    /// # }
    /// ```
    pub fn header(mut self, name: HeaderName) -> Self {
        self.header = Some(name);
        self
    }

    /// Sets the realm of challenges in `WWW-Authenticate` (RFC 9110 §11.5, default `api`).
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = Some(realm.into());
        self
    }

    /// Admits requests without a key as anonymous (default: they are rejected with 401).
    ///
    /// An invalid key is still rejected. To open only some routes, use
    /// [`ApiKeyAuth::to_optional`](crate::ApiKeyAuth::to_optional).
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Hashes secrets with this pepper by HMAC-SHA-256 (at least 32 bytes; default: SHA-256 without a pepper).
    ///
    /// If the pepper is not in the database, someone who can write to the database cannot create a key. Keys that were
    /// created with another pepper, or without one, become invalid.
    pub fn pepper(mut self, pepper: impl Into<Vec<u8>>) -> Self {
        self.pepper = Some(Zeroizing::new(pepper.into()));
        self
    }

    /// Rejects keys that were [revoked](crate::revocation), and shares revocations with other processes (default:
    /// none).
    ///
    /// With a handle that has a stream, all processes reject a revoked key within a second. When
    /// [`Revocations::revoke_all`] revokes a user, its keys are rejected too, and are revoked in the store.
    pub fn revocations(mut self, revocations: &Revocations) -> Self {
        self.revocations = Some(revocations.clone());
        self
    }
}

/// # Store and cache
impl ApiKeyAuthBuilder {
    /// Sets where the records of keys are kept (required).
    pub fn store(mut self, store: impl ApiKeyStore) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Sets the timeout of each call of the store (default two seconds).
    ///
    /// It is more than zero and at most 60 seconds.
    pub fn store_timeout(mut self, timeout: Duration) -> Self {
        self.store_timeout = timeout;
        self
    }

    /// Sets how long the record of a key is used before it is read again.
    ///
    /// The default is 60 seconds if [revocations](Self::revocations) are shared by a stream, else 10 seconds: without a
    /// stream, another process accepts a revoked key for that long. At most an hour; with zero, every request reads the
    /// record.
    pub fn cache_ttl(mut self, ttl: Duration) -> Self {
        self.cache_ttl = Some(ttl);
        self
    }

    /// Sets the number of keys whose records are cached (default 10,000, at most 1,048,576).
    ///
    /// If there are more, those that were not used for the longest time are read again.
    pub fn cache_capacity(mut self, keys: usize) -> Self {
        self.cache_capacity = keys;
        self
    }

    /// Sets how long a cached key is accepted while the store is unavailable (default five minutes, at most an hour).
    ///
    /// It begins when the [`cache_ttl`](Self::cache_ttl) has passed. After it, and for keys that are not cached, the
    /// response is 503.
    pub fn stale_for(mut self, time: Duration) -> Self {
        self.stale_for = time;
        self
    }
}
