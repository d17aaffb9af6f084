//! `RedisStore`: a rate-limit store that processes share.

mod job;
pub(super) mod limiter;
pub(super) mod protocol;
mod script;
mod script_call;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use redis::Client;
use redis::aio::ConnectionLike;

use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};
use crate::rate_limit::memory::{DEFAULT_MAX_BYTES, MemoryStore};
use crate::rate_limit::redis::job::NAMES;
use crate::rate_limit::redis::limiter::{RedisLimiter, RedisRule};
use crate::rate_limit::redis::protocol::Job;
use crate::rate_limit::redis::script_call::ScriptCall;
use crate::store::batch::Batcher;
use crate::store::client;
use crate::store::connection::{AppConnection, Connection};
use crate::store::own_connection::OwnConnection;

/// A store in Redis, shared by all processes that use the same server and prefix.
///
/// One round trip decides about all limits of a request, and one call about all requests that arrive at the same time.
///
/// ```
/// use portcullis::{Quota, RateLimit, rate_limit::{Key, RedisStore}};
///
/// # fn main() -> Result<(), portcullis::ConfigError> {
/// let store = RedisStore::connect("redis://127.0.0.1:6379")?;
/// let limit = RateLimit::builder()
///     .quota(Quota::per_hour(100)?)
///     .key(Key::user())
///     .store(store)
///     .build();
/// // The store connects when the first request arrives.
/// assert!(limit.is_ok());
/// # Ok(())
/// # }
/// ```
///
/// # Outages
///
/// No request waits longer than the [deadline](Self::deadline). If the server does not respond, each limit follows its
/// [`OutagePolicy`](crate::rate_limit::OutagePolicy). After three failures in a row, a circuit breaker opens for 250
/// milliseconds, doubling up to 5 seconds while the failures continue. While it is open, one request at a time tries
/// the server, and all others follow the policy at once. The transitions are logged at `warn`, with what to check, and
/// at `info`.
///
/// A store that opens its own connection ([`connect`](Self::connect), [`from_client`](Self::from_client)) opens a new
/// one after each call that fails, even if the server responds: it may have become a replica (`READONLY`), have lost
/// its primary (`MASTERDOWN`) or still be loading its data (`LOADING`). If the address of the URL moves to another
/// server, the store uses that server within 5 seconds.
///
/// Requests must run on a Tokio runtime with timers and I/O, as `#[tokio::main]` builds it. Others follow the policy,
/// and the first one is logged.
///
/// For the policy `Local`, this process also counts what the server charged, in up to
/// [`local_max_bytes`](Self::local_max_bytes) of memory. It also caches denials for up to 10 seconds, so that a caller
/// who keeps sending requests above its limit costs the server little.
///
/// # Keys in Redis
///
/// There is one key for each subject, `portcullis:{digest}`, which expires with the units it counts. The digest is half
/// of a SHA-256. So keys show no names and no secrets, but anyone who can guess an id or address can compute its key.
///
/// # Permissions
///
/// A Redis user needs these commands and keys, and `+select` if the URL names a database other than 0:
///
/// ```text
/// ACL SETUSER portcullis reset on >password ~portcullis:*
/// ACL SETUSER portcullis +eval +evalsha +time +mget +set +setrange +del
/// ```
///
/// The pattern of the keys is `~{prefix}:*`. A connection that the app passes may need more, such as `+client|setinfo`.
/// If a permission is missing, calls fail as in an outage, and the log names the cause.
///
/// # Requirements
///
/// Redis 6 or later, or a compatible server that runs its Lua scripts, with `EVAL` and `EVALSHA` permitted. The server
/// must not evict keys under memory pressure, because an evicted key resets its subject: use the `noeviction` policy or
/// a dedicated server.
#[derive(Clone)]
#[must_use]
pub struct RedisStore {
    /// Erases the type of the connection, so that the store has no type parameter.
    connection: Arc<dyn Connection<ScriptCall>>,
    prefix: Arc<str>,
    deadline: Duration,
    local_max_bytes: usize,
    /// Created once, so that the layers of one store count together in this process too.
    local: Arc<OnceLock<MemoryStore>>,
    /// Created once the settings are final, so that clones share their calls.
    batcher: Arc<OnceLock<Arc<Batcher<Job>>>>,
}

impl RedisStore {
    /// Connects to the server at this URL when it is first needed, and again after a call that failed.
    ///
    /// The URL has the form `redis://user:password@host:port/db`, or `unix:///path?db=0` for a Unix socket. A server
    /// that is down does not stop the app from starting.
    ///
    /// With the feature `redis_tls`, `rediss://` selects TLS. The server's certificate is verified against the
    /// certificate authorities of the system, or those in the file that the environment variable `SSL_CERT_FILE` names.
    /// For a client certificate or an authority of your own, use [`from_client`](Self::from_client).
    ///
    /// ```
    /// use portcullis::rate_limit::RedisStore;
    ///
    /// assert!(RedisStore::connect("redis://127.0.0.1:6379/1").is_ok());
    /// assert!(RedisStore::connect("redis.example.com").is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if the URL is invalid, or if it asks for TLS without the feature `redis_tls` or without
    /// verification (`#insecure`). The error does not show the URL, which may contain a password.
    pub fn connect(url: &str) -> Result<Self, ConfigError> {
        Ok(Self::from_client(client::open(url, &NAMES)?))
    }

    /// Connects as [`connect`](Self::connect), with the settings of this client of the crate `redis` 1.
    ///
    /// Only the [`deadline`](Self::deadline) limits how long a request waits. A handshake that takes longer than the
    /// deadline continues, and a later request uses the connection.
    ///
    /// Each store opens a connection of its own. Stores for other purposes, such as the stream of revocations, take a
    /// clone of the same client.
    ///
    /// This client trusts a private certificate authority, which requires the feature `redis_tls`:
    ///
    /// ```no_run
    /// # #[cfg(feature = "redis_tls")]
    /// # fn store() -> Result<(), Box<dyn std::error::Error>> {
    /// use portcullis::rate_limit::RedisStore;
    /// use redis::{Client, TlsCertificates};
    ///
    /// let certificates = TlsCertificates {
    ///     // Or a `ClientTlsConfig` with a certificate and a key.
    ///     client_tls: None,
    ///     root_cert: Some(std::fs::read("/etc/redis/ca.pem")?),
    /// };
    /// let url = "rediss://redis.example.com:6380";
    /// let client = Client::build_with_tls(url, certificates)?;
    /// let store = RedisStore::from_client(client);
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_client(client: Client) -> Self {
        Self::with_connection(OwnConnection::new(client))
    }

    /// Uses a connection of the app, of the crate `redis` 1. For a cluster, use [`cluster`](Self::cluster).
    ///
    /// Pass a `ConnectionManager` (feature `connection-manager` of `redis`), which reconnects when the connection is
    /// lost. A plain `MultiplexedConnection` never does: after a restart of the server, every call fails until the app
    /// restarts. Neither opens a new connection if the server responds but is useless, such as a replica.
    /// [`connect`](Self::connect) and [`from_client`](Self::from_client) do, so prefer them.
    ///
    /// The timeouts of the connection apply too. Those of a `ConnectionManager` are 500 ms for a response and a second
    /// for a connection by default, so a longer [`deadline`](Self::deadline) has no effect unless they are changed.
    ///
    /// ```no_run
    /// use portcullis::rate_limit::RedisStore;
    /// use redis::{Client, aio::{ConnectionManager, ConnectionManagerConfig}};
    ///
    /// # fn store() -> redis::RedisResult<RedisStore> {
    /// let client = Client::open("redis://redis.example.com:6379")?;
    /// let config = ConnectionManagerConfig::new().set_number_of_retries(0);
    /// let manager = ConnectionManager::new_lazy_with_config(client, config)?;
    /// let store = RedisStore::new(manager);
    /// # Ok(store)
    /// # }
    /// ```
    pub fn new(connection: impl ConnectionLike + Clone + Send + Sync + 'static) -> Self {
        Self::with_connection(AppConnection::new(connection, false))
    }

    /// Uses a connection to a cluster, a `ClusterConnection`.
    ///
    /// If the limits of a request have subjects on different nodes, these are asked at the same time. If one node
    /// rejects the request, what the others charged is refunded. The circuit breaker opens only for the part of the
    /// cluster that fails.
    ///
    /// ```no_run
    /// use portcullis::rate_limit::RedisStore;
    /// use redis::cluster::ClusterClient;
    ///
    /// # async fn store() -> redis::RedisResult<RedisStore> {
    /// let nodes = ["redis://10.0.0.1:6379", "redis://10.0.0.2:6379"];
    /// let client = ClusterClient::new(nodes)?;
    /// let store = RedisStore::cluster(client.get_async_connection().await?);
    /// # Ok(store)
    /// # }
    /// ```
    pub fn cluster(connection: impl ConnectionLike + Clone + Send + Sync + 'static) -> Self {
        Self::with_connection(AppConnection::new(connection, true))
    }

    /// Sets the prefix of the keys (default `portcullis`).
    ///
    /// Give apps that share a server different prefixes. Otherwise their limits with the same name, window and
    /// algorithm count together. Braces are not allowed, because the subject is the hash tag of a key.
    ///
    /// ```
    /// use portcullis::{Quota, RateLimit, rate_limit::{Key, RedisStore}};
    ///
    /// # fn main() -> Result<(), portcullis::ConfigError> {
    /// let url = "redis://127.0.0.1:6379";
    /// // Keys are `shop:limits:{digest}`.
    /// let store = RedisStore::connect(url)?.prefix("shop:limits");
    /// let builder = RateLimit::builder()
    ///     .quota(Quota::per_hour(100)?)
    ///     .key(Key::user());
    /// assert!(builder.store(store).build().is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into().into();
        // Under another prefix, limits with the same name are different limits.
        self.local = Arc::default();
        self
    }

    /// Sets how long a request waits for the server (default 50 ms; more than zero, at most a minute).
    ///
    /// After that, the [`OutagePolicy`](crate::rate_limit::OutagePolicy) of each limit decides. If the response arrives
    /// later, the units that it charged are refunded. Set the deadline to a few times the usual round trip.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use portcullis::{Quota, RateLimit, rate_limit::{Key, RedisStore}};
    /// # fn main() -> Result<(), portcullis::ConfigError> {
    /// // The server is in another data center.
    /// let store = RedisStore::connect("redis://10.8.0.2:6379")?
    ///     .deadline(Duration::from_millis(200));
    /// # let builder = RateLimit::builder().quota(Quota::per_hour(100)?);
    /// # assert!(builder.key(Key::user()).store(store).build().is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        // Clones with the previous deadline keep their batcher.
        self.batcher = Arc::default();
        self
    }

    /// Sets the size of cached denials and mirrored counters, in bytes per limit (default 32 MiB).
    ///
    /// This process uses the mirrored counters during an outage. The size is from 16 KiB to 64 GiB, and memory is
    /// allocated as subjects arrive, as in a [`MemoryStore`](crate::rate_limit::MemoryStore). The cached denials take
    /// 51 bytes more per subject, within the same bound.
    pub fn local_max_bytes(mut self, max_bytes: usize) -> Self {
        self.local_max_bytes = max_bytes;
        self.local = Arc::default();
        self
    }

    fn with_connection(connection: impl Connection<ScriptCall> + 'static) -> Self {
        Self {
            connection: Arc::new(connection),
            prefix: DEFAULT_PREFIX.into(),
            deadline: DEFAULT_DEADLINE,
            local_max_bytes: DEFAULT_MAX_BYTES,
            local: Arc::default(),
            batcher: Arc::default(),
        }
    }

    /// Returns the counters of this process.
    pub(super) fn local_memory(&self) -> MemoryStore {
        self.local.get_or_init(|| MemoryStore::beside_redis(self.local_max_bytes)).clone()
    }

    pub(super) fn validate(&self, issues: &mut ConfigIssues) {
        if self.deadline.is_zero() {
            let reason = "the deadline is zero, so every call would miss it";
            issues.add(ConfigIssue::new("deadline", IssueKind::Invalid, reason, "set at least a few milliseconds"));
        }
        if self.deadline > MAX_DEADLINE {
            let reason = "a request would wait for longer than a minute";
            issues.add(ConfigIssue::new("deadline", IssueKind::Invalid, reason, "set at most a minute"));
        }
        if self.prefix.contains(['{', '}']) {
            let reason = "a brace in the prefix would start the key's hash tag, which must be the subject";
            let issue = ConfigIssue::new("prefix", IssueKind::Invalid, reason, "remove the braces");
            issues.add(issue.with_value(&*self.prefix));
        }
    }

    /// Returns the limiter of a layer with these rules.
    pub(super) fn limiter(&self, rules: Vec<RedisRule>) -> RedisLimiter {
        let create = || Arc::new(Batcher::new(Arc::clone(&self.connection), self.deadline));
        RedisLimiter::new(Arc::clone(self.batcher.get_or_init(create)), Arc::clone(&self.prefix), rules)
    }
}

/// Does not show the server's address, which may contain a password.
impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

const DEFAULT_PREFIX: &str = "portcullis";
const DEFAULT_DEADLINE: Duration = Duration::from_millis(50);
/// A longer deadline is a mistake: callers disconnect sooner.
const MAX_DEADLINE: Duration = Duration::from_secs(60);
