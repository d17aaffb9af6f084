//! `RedisStore`: counts that all processes share.

mod batch;
mod breaker;
mod connection;
mod limiter;
mod protocol;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig};
use tokio::runtime::Handle;

use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};
use crate::rate_limit::memory::MemoryStore;
use crate::rate_limit::redis::batch::Batcher;
use crate::rate_limit::redis::connection::{ScriptCaller, ScriptConnection};
pub(super) use crate::rate_limit::redis::limiter::{RedisLimiter, RedisRule};
pub(super) use crate::rate_limit::redis::protocol::{WireRule, digest};

/// Counts in Redis, which all processes share. One trip decides about all limits of a request, and requests that come at
/// once are decided in one call.
///
/// ```no_run
/// use portcullis::rate_limit::{Key, Quota, RateLimit, RedisStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), portcullis::ConfigError> {
/// let store = RedisStore::connect("redis://127.0.0.1:6379")?;
/// let limit = RateLimit::builder().quota(Quota::per_hour(100)?).key(Key::user()).store(store).build()?;
/// # let _ = limit;
/// # Ok(())
/// # }
/// ```
///
/// No request waits longer for it than the [deadline](Self::deadline). While it cannot be asked, each limit goes by its
/// [`OutagePolicy`](crate::rate_limit::OutagePolicy).
///
/// Keys are `portcullis:{digest}`, one a subject, and expire with what they count. The digest is half of a SHA-256: no
/// key shows a name or a secret, though who knows an id or tries all addresses can tell theirs. Needs Redis 6 or newer, or a server that speaks its scripts.
#[derive(Clone)]
#[must_use]
pub struct RedisStore {
    link: Arc<dyn ScriptCaller>,
    is_cluster: bool,
    prefix: Arc<str>,
    deadline: Duration,
    local_subjects: usize,
    /// CompiledLimit once; the layers of one store count together here too.
    local: Arc<OnceLock<MemoryStore>>,
    /// CompiledLimit once the settings stand; clones share the calls.
    batcher: Arc<OnceLock<Arc<Batcher>>>,
}

impl RedisStore {
    /// Counts over this connection of the crate `redis` 1: a `MultiplexedConnection`, a `ConnectionManager` or one of
    /// another kind, with TLS too. To a cluster, see [`cluster`](Self::cluster).
    pub fn new(connection: impl ConnectionLike + Clone + Send + Sync + 'static) -> Self {
        Self::over(connection, false)
    }

    /// Counts over this connection to a cluster: a `ClusterConnection`. Subjects of one request that lie on different nodes
    /// are asked at once; where one refuses, what the others charged is given back.
    pub fn cluster(connection: impl ConnectionLike + Clone + Send + Sync + 'static) -> Self {
        Self::over(connection, true)
    }

    /// Counts on the server at this URL, `redis://user:password@host:port/db`; it is connected to when first asked, and
    /// again when it was lost. Without TLS; for that, see [`new`](Self::new).
    ///
    /// # Errors
    ///
    /// Where it is no such URL, and outside of a Tokio runtime.
    pub fn connect(url: &str) -> Result<Self, ConfigError> {
        // Not the URL itself, and not the parser's words about it: it may hold a password.
        let (reason, remedy) = match url.starts_with("rediss:") {
            true => {
                ("no TLS is spoken here", "make a connection by the redis crate, with its TLS, for RedisStore::new")
            }
            false => ("not the URL of a Redis server", "write redis://host:port"),
        };
        let problem = || ConfigIssue::new("RedisStore::connect", IssueKind::Invalid, reason, remedy);
        if Handle::try_current().is_err() {
            let reason = "no Tokio runtime runs here to hold the connection";
            return Err(ConfigIssue::new(
                "RedisStore::connect",
                IssueKind::Missing,
                reason,
                "call it inside of one, as of #[tokio::main]",
            )
            .into());
        }
        let client = redis::Client::open(url).map_err(|_| problem())?;
        // Each call tries once: what fails is told at once, not after the retries that the deadline would cut off.
        let config = ConnectionManagerConfig::new().set_number_of_retries(0);
        let manager = ConnectionManager::new_lazy_with_config(client, config).map_err(|_| problem())?;
        Ok(Self::new(manager))
    }

    /// Sets with what the keys begin: `portcullis` unless set. Apps that share a server take different ones.
    pub fn prefix(mut self, prefix: impl Into<Arc<str>>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets the longest that a request waits for the server: 50 milliseconds unless set.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self.batcher = Arc::default();
        self
    }

    /// Sets for how many subjects of each limit this process remembers denials, and counts along for the case of an
    /// outage: 65,536 unless set.
    pub fn local_subjects(mut self, subjects: usize) -> Self {
        self.local_subjects = subjects;
        self.local = Arc::default();
        self
    }

    fn over(connection: impl ConnectionLike + Clone + Send + Sync + 'static, is_cluster: bool) -> Self {
        Self {
            link: Arc::new(ScriptConnection::new(connection)),
            is_cluster,
            prefix: PREFIX.into(),
            deadline: DEADLINE,
            local_subjects: LOCAL_SUBJECTS,
            local: Arc::default(),
            batcher: Arc::default(),
        }
    }

    /// The counts of this process beside those of the server.
    pub(super) fn memory(&self) -> MemoryStore {
        self.local.get_or_init(|| MemoryStore::with_subjects(self.local_subjects)).clone()
    }

    pub(super) fn judge(&self, problems: &mut ConfigIssues) {
        if self.deadline.is_zero() {
            let reason = "no answer comes in no time";
            problems.add(ConfigIssue::new("deadline", IssueKind::Invalid, reason, "give a few milliseconds at least"));
        }
        if self.deadline > LONGEST_DEADLINE {
            let reason = "a request would wait for longer than a minute";
            problems.add(ConfigIssue::new("deadline", IssueKind::Invalid, reason, "give a minute at most"));
        }
        if self.prefix.contains(['{', '}']) {
            let reason = "a brace would begin a hash tag, which is the subject's";
            let problem = ConfigIssue::new("prefix", IssueKind::Invalid, reason, "leave braces out");
            problems.add(problem.with_value(&*self.prefix));
        }
    }

    /// What charges the server for these rules.
    pub(super) fn limiter(&self, rules: Vec<RedisRule>) -> RedisLimiter {
        let batcher = || Arc::new(Batcher::new(Arc::clone(&self.link), self.deadline, self.is_cluster));
        RedisLimiter::new(Arc::clone(self.batcher.get_or_init(batcher)), Arc::clone(&self.prefix), rules)
    }
}

/// Shows no address: it may hold a password.
impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

const PREFIX: &str = "portcullis";
const DEADLINE: Duration = Duration::from_millis(50);
const LONGEST_DEADLINE: Duration = Duration::from_secs(60);
const LOCAL_SUBJECTS: usize = 65_536;
