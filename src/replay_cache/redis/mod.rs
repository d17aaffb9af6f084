//! `RedisReplays`: a store of consumed values in Redis.

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use redis::Client;
use redis::aio::ConnectionLike;

use crate::error::ConfigError;
use crate::record_store::StoreError;
use crate::replay_cache::digest::ReplayDigest;
use crate::replay_cache::store::ReplayStore;
use crate::store::record_call::{RecordCall, ScriptCall, value};
use crate::store::record_server::{RecordServer, StoreTexts};
use crate::store::script::LoadedScript;
use crate::store::setting_names::SettingNames;

/// A store of consumed values in Redis, shared by all processes with the same server and prefix.
///
/// ```
/// use portcullis::replay_cache::{RedisReplays, ReplayCache};
///
/// # fn main() -> Result<(), portcullis::ConfigError> {
/// let store = RedisReplays::connect("redis://127.0.0.1:6379")?;
/// // The store connects when it is first needed.
/// let replays = ReplayCache::new(store);
/// # let _ = replays;
/// # Ok(())
/// # }
/// ```
///
/// # Data
///
/// Each value is a string under `portcullis:replays:<digest>`, with the time after which Redis removes it. Each call is
/// one script, which is one atomic step and one round trip, and one more if the server does not know the script yet. A
/// value takes about 150 bytes of the server's memory.
///
/// If the connection is lost before the response arrives, the call is repeated on a new one. The repetition recognizes
/// what the first attempt has stored, so it does not look like a second use.
///
/// If the server loses its data, values can be used again until they expire. Persist it (`appendonly yes`) if that
/// matters.
///
/// # Outages
///
/// No call waits longer than the [deadline](Self::deadline), after which it fails with
/// [`StoreError::Unavailable`](crate::StoreError::Unavailable). After three failures in a row, a circuit breaker opens
/// for 250 milliseconds, doubling up to 5 seconds while the failures continue, and calls fail at once. The log has a
/// line at `warn` with what to check, and one at `info` when the server responds again.
///
/// # Permissions
///
/// A Redis user needs these commands and keys, and `+select` if the URL names a database other than 0:
///
/// ```text
/// ACL SETUSER portcullis reset on >password ~portcullis:replays:*
/// ACL SETUSER portcullis +eval +evalsha +get +set
/// ```
///
/// With `+config|get` (or `+info`) as well, the server is rejected if its `maxmemory-policy` lets it evict any key
/// (`allkeys-lru` and the like): it then counts as unavailable, and the log says why.
///
/// # Requirements
///
/// Redis 6.2 or later, or Valkey, with `EVAL` and `EVALSHA` permitted.
#[derive(Clone)]
#[must_use]
pub struct RedisReplays {
    server: RecordServer,
    prefix: Arc<str>,
}

impl RedisReplays {
    /// Creates a store for the server at this URL. It connects when it is first needed.
    ///
    /// The URL has the form `redis://user:password@host:port/db`, or `unix:///path?db=0` for a Unix socket. With the
    /// feature `redis_tls`, `rediss://` selects TLS, with the certificate authorities of the system.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if the URL is invalid, or if it asks for TLS without the feature `redis_tls` or without
    /// verification (`#insecure`). The error does not show the URL, which may contain a password.
    pub fn connect(url: &str) -> Result<Self, ConfigError> {
        Ok(Self::on(RecordServer::of_url(url, &TEXTS)?))
    }

    /// Creates a store with the settings of a client of the crate `redis` 1, for example with a private certificate
    /// authority. The store opens a connection of its own.
    pub fn from_client(client: Client) -> Self {
        Self::on(RecordServer::of_client(client, &TEXTS))
    }

    /// Uses a connection to a cluster, a `ClusterConnection` of the crate `redis` 1. The values spread over all nodes.
    pub fn cluster(connection: impl ConnectionLike + Clone + Send + Sync + 'static) -> Self {
        Self::on(RecordServer::of_cluster(connection, &TEXTS))
    }

    /// Sets the prefix of the keys in Redis (default `portcullis:replays`).
    ///
    /// Give apps that share a server different prefixes.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into().into();
        self
    }

    /// Sets how long a call waits for the server (default 500 ms; from 1 ms to a minute). Other values are clamped.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.server.set_deadline(deadline);
        self
    }

    /// Not `new`, so that a call of `new` outside is an error that suggests `connect`.
    fn on(server: RecordServer) -> Self {
        Self { server, prefix: DEFAULT_PREFIX.into() }
    }

    /// Calls a script with a name for this call, the time, and these arguments.
    async fn call(
        &self,
        script: &'static LoadedScript,
        digest: &ReplayDigest,
        keep_for: Duration,
        arguments: Option<String>,
    ) -> Result<bool, StoreError> {
        let mut name = [0; 16];
        getrandom::fill(&mut name).map_err(|_| StoreError::unavailable("the operating system has no random bytes"))?;
        let key = format!("{}:{digest}", self.prefix);
        let millis = keep_for.as_millis().max(1);
        let arguments = [u128::from_be_bytes(name).to_string(), millis.to_string()].into_iter().chain(arguments);
        let call = ScriptCall { script, keys: vec![key.clone()], arguments: arguments.collect(), is_repeatable: true };
        let replies = self.server.call(&key, RecordCall::Script(call)).await.map_err(StoreError::unavailable)?;
        let reply: u8 = value(replies.into_iter().next().flatten()).map_err(StoreError::unavailable)?;
        Ok(reply == 1)
    }
}

impl ReplayStore for RedisReplays {
    async fn consume(&self, digest: &ReplayDigest, keep_for: Duration) -> Result<bool, StoreError> {
        self.call(&CONSUME, digest, keep_for, None).await
    }

    async fn advance(&self, digest: &ReplayDigest, step: u64, keep_for: Duration) -> Result<bool, StoreError> {
        self.call(&ADVANCE, digest, keep_for, Some(format!("{step:020}"))).await
    }
}

/// Does not show the URL, which may contain a password.
impl fmt::Debug for RedisReplays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisReplays").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

static CONSUME: LazyLock<LoadedScript> = LazyLock::new(|| LoadedScript::new(include_str!("consume.lua").to_owned()));
static ADVANCE: LazyLock<LoadedScript> = LazyLock::new(|| LoadedScript::new(include_str!("advance.lua").to_owned()));

static TEXTS: StoreTexts = StoreTexts {
    names: SettingNames {
        documentation: "RedisReplays",
        url: "RedisReplays::connect",
        client: "RedisReplays::from_client",
        deadline: Some("RedisReplays::deadline"),
        cluster_remedy: "use RedisReplays::cluster",
    },
    during_outage: "one-time values are rejected with 503",
};
const DEFAULT_PREFIX: &str = "portcullis:replays";
