//! `RedisSessions`: a store of sessions in Redis.

mod scripts;
mod store;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::Client;
use redis::aio::ConnectionLike;

use crate::error::ConfigError;
use crate::store::record_server::{RecordServer, StoreTexts};
use crate::store::setting_names::SettingNames;

/// A store of sessions in Redis, shared by all processes with the same server and prefix.
///
/// Combine it with a stream of [revocations](crate::session::SessionAuthBuilder::revocations), which may be on the same
/// server: a session that ends is then rejected by all processes within a second.
///
/// ```
/// use portcullis::session::RedisSessions;
/// use portcullis::{Revocations, SessionAuth};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), portcullis::ConfigError> {
/// let url = "redis://127.0.0.1:6379";
/// let revocations = Revocations::builder().redis_stream(url).build()?;
/// let sessions = SessionAuth::builder()
///     .store(RedisSessions::connect(url)?)
///     .revocations(&revocations)
///     .build();
/// // The store connects when it is first needed.
/// assert!(sessions.is_ok());
/// # Ok(())
/// # }
/// ```
///
/// # Data
///
/// Each record is a hash, and each owner has a sorted set of digests:
///
/// | key | value |
/// |---|---|
/// | `{portcullis:sessions}:<digest>` | `id`, `owner` (the digest in the name of the other key), `record` (JSON), `last_used_at` (seconds since 1970), and `replaced` once the cookie was renewed |
/// | `{portcullis:sessions}:owner:<digest>` | the digests of the records by when they end; the digest in the name is half of a SHA-256 of the owner |
///
/// A session takes about 1,350 bytes of the server's memory.
///
/// Redis removes a record when the session reaches its absolute timeout, or ten seconds after it was renewed, and the
/// set with the last record. A value that is not a record, for example because an older version of the crate wrote it,
/// is logged and counts as no session.
///
/// Each method takes one round trip, and one more if the server does not know its script yet. A list takes one for each
/// 256 sessions, and a batch of uses one for each 128. Each script is one atomic step.
///
/// If the server loses its data, all users must log in again. Persist it (`appendonly yes`) if that matters. A failover
/// may restore a session that was logged out. The stream of revocations still rejects it, because the processes write
/// lost revocations back.
///
/// # Outages
///
/// No call waits longer than the [deadline](Self::deadline), after which it fails with
/// [`StoreError::Unavailable`](crate::StoreError::Unavailable). After three failures in a row, a circuit breaker opens
/// for 250 milliseconds, doubling up to 5 seconds while the failures continue, and calls fail at once. The log has a
/// line at `warn` with what to check, and one at `info` when the server responds again.
/// [`SessionAuth`](crate::SessionAuth) still accepts cached sessions during an outage, for the time of
/// [`stale_for`](crate::session::SessionAuthBuilder::stale_for).
///
/// A failed call also replaces the connection, as for [`RedisStore`](crate::rate_limit::RedisStore#outages).
///
/// # Permissions
///
/// A Redis user needs these commands and keys, and `+select` if the URL names a database other than 0:
///
/// ```text
/// ACL SETUSER portcullis reset on >password ~{portcullis:sessions}:*
/// ACL SETUSER portcullis +eval +evalsha +hmget +hset +exists +expire +ttl
/// ACL SETUSER portcullis +del +zadd +zrem +zscore +zrangebyscore
/// ```
///
/// The pattern of the keys is `~{<prefix>}:*`, with the braces.
///
/// With `+config|get` (or `+info`) as well, the server is rejected if its `maxmemory-policy` lets it evict any key
/// (`allkeys-lru` and the like): it then counts as unavailable, and the log says why. Without that permission, and over
/// a [`cluster`](Self::cluster) connection, the policy is not checked. With `volatile-ttl` and the like, the server may
/// log users out when its memory is full.
///
/// # Requirements
///
/// Redis 6.2 or later, or Valkey, with `EVAL` and `EVALSHA` permitted. The scripts also use keys that are not among
/// their `KEYS`, which these servers permit. In a [`cluster`](Self::cluster), the braces in the names put all keys into
/// one slot: a request knows only the digest of its session, and not its user, so the sessions of different users
/// cannot be in different slots.
#[derive(Clone)]
#[must_use]
pub struct RedisSessions {
    server: RecordServer,
    prefix: Arc<str>,
}

impl RedisSessions {
    /// Creates a store for the server at this URL. It connects when it is first needed.
    ///
    /// The URL has the form `redis://user:password@host:port/db`, or `unix:///path?db=0` for a Unix socket. A server
    /// that is down does not stop the app from starting. With the feature `redis_tls`, `rediss://` selects TLS, with
    /// the certificate authorities of the system.
    ///
    /// ```
    /// use portcullis::session::RedisSessions;
    ///
    /// assert!(RedisSessions::connect("redis://127.0.0.1:6379/1").is_ok());
    /// assert!(RedisSessions::connect("redis.example.com").is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if the URL is invalid, or if it asks for TLS without the feature `redis_tls` or without
    /// verification (`#insecure`). The error does not show the URL, which may contain a password.
    pub fn connect(url: &str) -> Result<Self, ConfigError> {
        Ok(Self::on(RecordServer::of_url(url, &TEXTS)?))
    }

    /// Creates a store with the settings of a client of the crate `redis` 1.
    ///
    /// Use it for a private certificate authority or a client certificate. The store opens a connection of its own.
    ///
    /// ```
    /// use portcullis::session::RedisSessions;
    /// use redis::Client;
    ///
    /// # fn main() -> redis::RedisResult<()> {
    /// let client = Client::open("redis://127.0.0.1:6379")?;
    /// let store = RedisSessions::from_client(client);
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_client(client: Client) -> Self {
        Self::on(RecordServer::of_client(client, &TEXTS))
    }

    /// Uses a connection to a cluster, a `ClusterConnection` of the crate `redis` 1.
    ///
    /// All sessions of an app are on one node, which is enough for some millions. Another prefix may be on another
    /// node.
    ///
    /// ```no_run
    /// use portcullis::session::RedisSessions;
    /// use redis::cluster::ClusterClient;
    ///
    /// # async fn store() -> redis::RedisResult<RedisSessions> {
    /// let nodes = ["redis://10.0.0.1:6379", "redis://10.0.0.2:6379"];
    /// let client = ClusterClient::new(nodes)?;
    /// let store = RedisSessions::cluster(client.get_async_connection().await?);
    /// # Ok(store)
    /// # }
    /// ```
    pub fn cluster(connection: impl ConnectionLike + Clone + Send + Sync + 'static) -> Self {
        Self::on(RecordServer::of_cluster(connection, &TEXTS))
    }

    /// Sets the prefix of the keys in Redis (default `portcullis:sessions`).
    ///
    /// Give apps that share a server different prefixes.
    ///
    /// ```
    /// use portcullis::session::RedisSessions;
    ///
    /// # fn main() -> Result<(), portcullis::ConfigError> {
    /// // Keys are `{shop:sessions}:<digest>`.
    /// let store = RedisSessions::connect("redis://127.0.0.1:6379")?
    ///     .prefix("shop:sessions");
    /// # Ok(())
    /// # }
    /// ```
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into().into();
        self
    }

    /// Sets how long a call waits for the server (default 500 ms; from 1 ms to a minute).
    ///
    /// Other values are clamped. The [`store_timeout`](crate::session::SessionAuthBuilder::store_timeout) applies too.
    ///
    /// ```
    /// use std::time::Duration;
    /// use portcullis::session::RedisSessions;
    ///
    /// # fn main() -> Result<(), portcullis::ConfigError> {
    /// let store = RedisSessions::connect("redis://127.0.0.1:6379")?
    ///     .deadline(Duration::from_millis(100));
    /// # Ok(())
    /// # }
    /// ```
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.server.set_deadline(deadline);
        self
    }

    /// Not `new`, so that a call of `new` outside is an error that suggests `connect`.
    fn on(server: RecordServer) -> Self {
        Self { server, prefix: DEFAULT_PREFIX.into() }
    }
}

/// Does not show the URL, which may contain a password.
impl fmt::Debug for RedisSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSessions").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

static TEXTS: StoreTexts = StoreTexts {
    names: SettingNames {
        documentation: "RedisSessions",
        url: "RedisSessions::connect",
        client: "RedisSessions::from_client",
        deadline: Some("RedisSessions::deadline"),
        cluster_remedy: "use RedisSessions::cluster",
    },
    during_outage: "sessions are accepted only from the cache",
};
const DEFAULT_PREFIX: &str = "portcullis:sessions";
