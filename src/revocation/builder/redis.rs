//! The settings of the stream in Redis.

use std::time::Duration;

use redis::Client;

use crate::revocation::builder::RevocationsBuilder;
use crate::revocation::redis::health::NAMES;
use crate::store::client;

impl RevocationsBuilder {
    /// Shares revocations with all processes that use the stream in Redis at this URL.
    ///
    /// Without a stream, a revocation applies only to the process that made it, and is lost when that process ends.
    /// With it, [`revoke`](crate::Revocations::revoke) returns `Ok` once Redis has stored the revocation, and the other
    /// processes usually enforce it a few milliseconds later. A request never waits for Redis: layers read the memory
    /// of their process.
    ///
    /// The URL has the form `redis://user:password@host:port/db`, or `unix:///path?db=0` for a Unix socket. With the
    /// feature `redis_tls`, `rediss://` selects TLS, with the certificate authorities of the system. The server may be
    /// a node of a cluster: the node that has the key is found from there.
    ///
    /// ```
    /// use portcullis::Revocations;
    ///
    /// # fn main() -> Result<(), portcullis::ConfigError> {
    /// let revocations = Revocations::builder()
    ///     .redis_stream("redis://127.0.0.1:6379")
    ///     .build()?;
    /// // The stream is read in the background. Until then, layers respond with 503.
    /// assert!(!revocations.is_ready());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Start
    ///
    /// [`build`](Self::build) starts a thread, `portcullis-revocations`, which ends when the last clone of the handle
    /// is dropped. It needs no Tokio runtime of the app. Until it has read the stream to its end, requests with a
    /// credential get 503. [`is_ready`](crate::Revocations::is_ready) returns whether it has, and
    /// [`wait_until_ready`](crate::Revocations::wait_until_ready) waits for it.
    ///
    /// # Outages
    ///
    /// While the stream cannot be read, layers use what the process knows. After [`stale_for`](Self::stale_for) they
    /// respond with 503. If a revocation cannot be stored within a second or so, `revoke` returns
    /// [`NotStored`](crate::revocation::RevokeError::NotStored). This process rejects the credential all the same, and
    /// stores the revocation as soon as it can, until the revocation expires.
    ///
    /// A stream that is lost, by `FLUSHALL`, a restart without persistence, or a failover to a replica that lacked its
    /// last entries, is noticed within seconds. The processes then write back what they hold. What is lost while no
    /// process runs cannot be restored: let Redis persist its data.
    ///
    /// # Permissions
    ///
    /// A Redis user needs these commands for the key of the stream, and `+select` if the URL names a database other
    /// than 0:
    ///
    /// ```text
    /// ACL SETUSER portcullis reset on >password ~portcullis:revocations
    /// ACL SETUSER portcullis +xadd +xread +xrevrange +xtrim
    /// ```
    ///
    /// With `+config|get` (or `+info`) as well, the server is rejected if its `maxmemory-policy` lets it evict the
    /// stream (`allkeys-lru` and the like): it then counts as unavailable, and the log says why. Without that
    /// permission the policy is not checked.
    ///
    /// # Requirements
    ///
    /// Redis 6.2 or later, or Valkey. An entry takes some 50 bytes there, and is removed after it has expired. Nothing
    /// else may write to the stream or trim it: a process that starts later would lack what was removed.
    ///
    /// All processes need the same [`max_token_lifetime`](Self::max_token_lifetime). The process that revokes decides
    /// how long an entry is kept, so one with a longer lifetime would accept a revoked token again after that. To
    /// raise it, raise it in all processes, and accept longer tokens only then.
    pub fn redis_stream(mut self, url: &str) -> Self {
        self.stream.client = Some(client::open(url, &NAMES));
        self
    }

    /// Shares revocations as [`redis_stream`](Self::redis_stream), with the settings of this client of the crate
    /// `redis` 1.
    ///
    /// Use it for a private certificate authority or a client certificate.
    ///
    /// ```
    /// use portcullis::Revocations;
    /// use redis::Client;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = Client::open("redis://127.0.0.1:6379")?;
    /// let revocations = Revocations::builder()
    ///     .redis_stream_from(client)
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn redis_stream_from(mut self, client: Client) -> Self {
        self.stream.client = Some(Ok(client));
        self
    }

    /// Sets the key of the stream in Redis (default `portcullis:revocations`).
    ///
    /// Apps that accept the same credentials share a stream; give others a key of their own.
    ///
    /// ```
    /// # use portcullis::Revocations;
    /// let builder = Revocations::builder()
    ///     .redis_stream("redis://127.0.0.1:6379")
    ///     .stream_key("shop:revocations");
    /// assert!(builder.build().is_ok());
    /// ```
    pub fn stream_key(mut self, key: impl Into<String>) -> Self {
        self.stream.key = Some(key.into());
        self
    }

    /// Sets for how long requests are admitted while the stream cannot be read (default 5 minutes, at least 5 seconds).
    ///
    /// A longer time survives longer outages of Redis. A shorter one limits for how long a credential that another
    /// process has revoked during the outage is still accepted here.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use portcullis::Revocations;
    /// let builder = Revocations::builder()
    ///     .redis_stream("redis://127.0.0.1:6379")
    ///     .stale_for(Duration::from_secs(60));
    /// assert!(builder.build().is_ok());
    /// ```
    pub fn stale_for(mut self, time: Duration) -> Self {
        self.stream.stale_for = Some(time);
        self
    }

    /// Admits requests for as long as the stream cannot be read, instead of responding with 503 after
    /// [`stale_for`](Self::stale_for).
    ///
    /// Credentials that other processes revoke during an outage of Redis are then accepted here until it ends. It does
    /// not apply before the stream has been read for the first time, nor if the table is full.
    ///
    /// ```
    /// # use portcullis::Revocations;
    /// let builder = Revocations::builder()
    ///     .redis_stream("redis://127.0.0.1:6379")
    ///     .fail_open();
    /// assert!(builder.build().is_ok());
    /// ```
    pub fn fail_open(mut self) -> Self {
        self.stream.fails_open = true;
        self
    }
}
