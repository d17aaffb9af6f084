//! `RedisKeys`: a store of API keys in Redis.

mod key_names;
mod store;
mod stored_record;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::Client;
use redis::aio::ConnectionLike;

use crate::error::ConfigError;
use crate::store::record_server::{RecordServer, StoreTexts};
use crate::store::setting_names::SettingNames;

/// A store of API keys in Redis, shared by all processes that use the same server and prefix.
///
/// Prefer a table of the app's database (an [`ApiKeyStore`](crate::api_key::ApiKeyStore) of your own): it has backups,
/// and transactions with the app's other data. Use Redis if the app has no database, or if the lookups
/// would overload it, and if the server persists its data.
///
/// ```
/// use portcullis::ApiKeyAuth;
/// use portcullis::api_key::RedisKeys;
///
/// # fn main() -> Result<(), portcullis::ConfigError> {
/// let keys = ApiKeyAuth::builder()
///     .prefix("acme_live")
///     .store(RedisKeys::connect("redis://127.0.0.1:6379")?)
///     .build();
/// // The store connects when it is first needed.
/// assert!(keys.is_ok());
/// # Ok(())
/// # }
/// ```
///
/// # Data
///
/// There is a hash for each record, and a set of ids for each owner:
///
/// | key | fields |
/// |---|---|
/// | `portcullis:api_keys:{id}` | `version`, `record` (JSON), `usage_count`, `last_used_at` (seconds since 1970) |
/// | `portcullis:api_keys:owner:{digest}` | the ids; the digest is half of a SHA-256 of the owner |
///
/// A record takes some 700 bytes of the server's memory, with its part of the index. It is kept after the key has
/// expired or was revoked, as a trail for audits, unless a [`retention`](Self::retention) is set. A value
/// that is no record, for example because it has another type, is reported in the log and counts as no API key.
///
/// A record is stored before the id is added to the index of its owner. If the process ends in between, a new key is
/// missing in the index, but then no one has received its text. Each change of a record restores its id in the index.
///
/// Let the server persist its data (`appendonly yes`), and back it up: a key whose record is lost is rejected with 401
/// from then on, and its owner needs a new one. A revocation that a failover loses is valid again in Redis: combine the
/// store with a [stream of revocations](crate::api_key::ApiKeyAuthBuilder::revocations), which is written back.
///
/// # Outages
///
/// No call waits longer than the [deadline](Self::deadline), after which it fails with
/// [`StoreError::Unavailable`](crate::StoreError::Unavailable). After three failures in a row, a circuit
/// breaker opens for 250 milliseconds, doubling up to 5 seconds while the failures continue; calls fail at once
/// meanwhile. The log has a line at `warn` with what to check, and one at `info` when the server responds again.
/// [`ApiKeyAuth`](crate::ApiKeyAuth) still accepts cached keys during an outage, for the time of
/// [`stale_for`](crate::api_key::ApiKeyAuthBuilder::stale_for).
///
/// A call that fails also replaces the connection, as for
/// [`RedisStore`](crate::rate_limit::RedisStore#outages). If a batch of usage fails midway, it is sent again as a
/// whole, so a part of it may count twice.
///
/// # Permissions
///
/// A Redis user needs these commands and keys, and `+select` if the URL names a database other than 0:
///
/// ```text
/// ACL SETUSER portcullis reset on >password ~portcullis:api_keys:*
/// ACL SETUSER portcullis +hmget +hget +hset +sadd +smembers +srem
/// ACL SETUSER portcullis +eval +evalsha +expireat
/// ```
///
/// The pattern of the keys is `~{prefix}:*`, and `+expireat` is for a [`retention`](Self::retention). A process that
/// only checks keys needs `+hmget` and, to count their usage, `+eval +evalsha +hset`.
///
/// With `+config|get` (or `+info`) as well, the server is rejected if its `maxmemory-policy` lets it evict records
/// (`allkeys-lru` and the like): it then counts as unavailable, and the log says why. Without that permission, and over
/// a [`cluster`](Self::cluster) connection, the policy is not checked.
///
/// # Requirements
///
/// Redis 6.2 or later, or Valkey, with `EVAL` and `EVALSHA` permitted. Each command has keys of one slot, so a
/// [`cluster`](Self::cluster) works.
#[derive(Clone)]
#[must_use]
pub struct RedisKeys {
    server: RecordServer,
    prefix: Arc<str>,
    retention: Option<Duration>,
}

impl RedisKeys {
    /// Connects to the server at this URL when it is first needed, and again after a call that failed.
    ///
    /// The URL has the form `redis://user:password@host:port/db`, or `unix:///path?db=0` for a Unix socket. A server
    /// that is down does not stop the app from starting. With the feature `redis_tls`, `rediss://` selects TLS, with
    /// the certificate authorities of the system.
    ///
    /// ```
    /// use portcullis::api_key::RedisKeys;
    ///
    /// assert!(RedisKeys::connect("redis://127.0.0.1:6379/1").is_ok());
    /// assert!(RedisKeys::connect("redis.example.com").is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if the URL is invalid, or if it asks for TLS without the feature `redis_tls` or without
    /// verification (`#insecure`). The error does not show the URL, which may contain a password.
    pub fn connect(url: &str) -> Result<Self, ConfigError> {
        Ok(Self::on(RecordServer::of_url(url, &TEXTS)?))
    }

    /// Connects as [`connect`](Self::connect), with the settings of this client of the crate `redis` 1.
    ///
    /// Use it for a private certificate authority or a client certificate. The store opens a connection of its own.
    ///
    /// ```
    /// use portcullis::api_key::RedisKeys;
    /// use redis::Client;
    ///
    /// # fn main() -> redis::RedisResult<()> {
    /// let client = Client::open("redis://127.0.0.1:6379")?;
    /// let store = RedisKeys::from_client(client);
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_client(client: Client) -> Self {
        Self::on(RecordServer::of_client(client, &TEXTS))
    }

    /// Uses a connection to a cluster, a `ClusterConnection` of the crate `redis` 1.
    ///
    /// The records of an owner are on different nodes. The circuit breaker opens only for the part of the cluster that
    /// fails.
    ///
    /// ```no_run
    /// use portcullis::api_key::RedisKeys;
    /// use redis::cluster::ClusterClient;
    ///
    /// # async fn store() -> redis::RedisResult<RedisKeys> {
    /// let nodes = ["redis://10.0.0.1:6379", "redis://10.0.0.2:6379"];
    /// let client = ClusterClient::new(nodes)?;
    /// let store = RedisKeys::cluster(client.get_async_connection().await?);
    /// # Ok(store)
    /// # }
    /// ```
    pub fn cluster(connection: impl ConnectionLike + Clone + Send + Sync + 'static) -> Self {
        Self::on(RecordServer::of_cluster(connection, &TEXTS))
    }

    /// Sets the prefix of the keys in Redis (default `portcullis:api_keys`).
    ///
    /// Give apps that share a server different prefixes.
    ///
    /// ```
    /// use portcullis::api_key::RedisKeys;
    ///
    /// # fn main() -> Result<(), portcullis::ConfigError> {
    /// // Keys are `shop:api_keys:{id}`.
    /// let store = RedisKeys::connect("redis://127.0.0.1:6379")?
    ///     .prefix("shop:api_keys");
    /// # Ok(())
    /// # }
    /// ```
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into().into();
        self
    }

    /// Sets how long a call waits for the server (default 500 ms; at least 1 ms and at most a minute, to which other
    /// values are set).
    ///
    /// Listing an owner's keys, or writing the usage of many, takes several calls. The
    /// [`store_timeout`](crate::api_key::ApiKeyAuthBuilder::store_timeout) applies to all of them together.
    ///
    /// ```
    /// use std::time::Duration;
    /// use portcullis::api_key::RedisKeys;
    ///
    /// # fn main() -> Result<(), portcullis::ConfigError> {
    /// let store = RedisKeys::connect("redis://127.0.0.1:6379")?
    ///     .deadline(Duration::from_millis(100));
    /// # Ok(())
    /// # }
    /// ```
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.server.set_deadline(deadline);
        self
    }

    /// Removes records this long after their keys have expired or were revoked (default: never; less than a day is set
    /// to a day).
    ///
    /// Redis removes a record by itself, at a time that is set when the record is saved. So the setting applies to
    /// records that are saved from then on.
    ///
    /// ```
    /// use std::time::Duration;
    /// use portcullis::api_key::RedisKeys;
    ///
    /// # fn main() -> Result<(), portcullis::ConfigError> {
    /// let year = Duration::from_secs(366 * 24 * 3600);
    /// let store = RedisKeys::connect("redis://127.0.0.1:6379")?
    ///     .retention(year);
    /// # Ok(())
    /// # }
    /// ```
    pub fn retention(mut self, retention: Duration) -> Self {
        self.retention = Some(retention.max(MIN_RETENTION));
        self
    }

    /// Not `new`, so that a call of `new` outside is an error that suggests `connect`.
    fn on(server: RecordServer) -> Self {
        Self { server, prefix: DEFAULT_PREFIX.into(), retention: None }
    }
}

/// Does not show the server's address, which may contain a password.
impl fmt::Debug for RedisKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisKeys").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

static TEXTS: StoreTexts = StoreTexts {
    names: SettingNames {
        documentation: "RedisKeys",
        url: "RedisKeys::connect",
        client: "RedisKeys::from_client",
        deadline: Some("RedisKeys::deadline"),
        cluster_remedy: "use RedisKeys::cluster",
    },
    during_outage: "API keys are accepted only from the cache",
};
const DEFAULT_PREFIX: &str = "portcullis:api_keys";
/// Longer than any writer that might still save an old version of a record, and than clocks differ.
const MIN_RETENTION: Duration = Duration::from_secs(24 * 3600);
