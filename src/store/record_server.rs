//! `RecordServer`: the server of a store of records, and how long a call may take.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use redis::aio::ConnectionLike;
use redis::{Client, Cmd, Value};

use crate::error::ConfigIssue;
use crate::store::caller::Caller;
use crate::store::connection::{AppConnection, Connection};
use crate::store::own_connection::OwnConnection;
use crate::store::record_call::{RecordCall, Replies};
use crate::store::setting_names::SettingNames;
use crate::store::{client, eviction};

/// The server of a store whose records must not be lost. Clones share the connection and the circuit breaker.
#[derive(Clone)]
pub(crate) struct RecordServer {
    /// Erases the type of the connection, so that the store has no type parameter.
    connection: Arc<dyn Connection<RecordCall>>,
    deadline: Duration,
    texts: &'static StoreTexts,
    /// Created once the settings are final.
    caller: Arc<OnceLock<Arc<Caller<RecordCall>>>>,
}

/// The texts about a store in errors and the log.
pub(crate) struct StoreTexts {
    pub(crate) names: SettingNames,
    pub(crate) during_outage: &'static str,
}

impl RecordServer {
    /// Creates a server for this URL, which connects when it is first needed.
    ///
    /// # Errors
    ///
    /// Returns an issue of the setting `texts.names.url`.
    pub(crate) fn of_url(url: &str, texts: &'static StoreTexts) -> Result<Self, ConfigIssue> {
        Ok(Self::of_client(client::open(url, &texts.names)?, texts))
    }

    pub(crate) fn of_client(client: Client, texts: &'static StoreTexts) -> Self {
        let connection = OwnConnection::checked(client, |connection| Box::pin(eviction::check(connection)));
        Self::with_connection(connection, texts)
    }

    pub(crate) fn of_cluster(
        connection: impl ConnectionLike + Clone + Send + Sync + 'static,
        texts: &'static StoreTexts,
    ) -> Self {
        Self::with_connection(AppConnection::new(connection, true), texts)
    }

    fn with_connection(connection: impl Connection<RecordCall> + 'static, texts: &'static StoreTexts) -> Self {
        Self { connection: Arc::new(connection), deadline: DEFAULT_DEADLINE, texts, caller: Arc::default() }
    }

    /// Sets how long a call may take. Existing clones keep theirs.
    pub(crate) fn set_deadline(&mut self, deadline: Duration) {
        self.deadline = deadline.clamp(MIN_DEADLINE, MAX_DEADLINE);
        self.caller = Arc::default();
    }

    #[cfg_attr(not(feature = "api_key"), expect(dead_code, reason = "sessions have scripts for everything"))]
    pub(crate) fn is_cluster(&self) -> bool {
        self.caller().is_cluster()
    }

    /// Starts a call about this key, and returns a future of the replies.
    ///
    /// # Errors
    ///
    /// Returns why there is no reply, with what the operator can do.
    pub(crate) fn call(
        &self,
        key: &str,
        call: RecordCall,
    ) -> impl Future<Output = Result<Replies, String>> + Send + use<> {
        self.caller().call(key, call)
    }

    /// Sends one command about this key, which may be executed twice. Returns `None` if the key has another type.
    ///
    /// # Errors
    ///
    /// As for [`call`](Self::call).
    #[cfg_attr(not(feature = "api_key"), expect(dead_code, reason = "sessions have scripts for everything"))]
    pub(crate) async fn command(&self, key: &str, command: Cmd) -> Result<Option<Value>, String> {
        let mut replies = self.call(key, RecordCall::Commands(vec![command])).await?;
        Ok(replies.pop().flatten())
    }

    fn caller(&self) -> &Arc<Caller<RecordCall>> {
        self.caller.get_or_init(|| {
            let StoreTexts { names, during_outage } = self.texts;
            Arc::new(Caller::new(Arc::clone(&self.connection), self.deadline, names, during_outage))
        })
    }
}

/// Enough for a new connection with TLS. A request that needs the store cannot be decided without it.
const DEFAULT_DEADLINE: Duration = Duration::from_millis(500);
const MIN_DEADLINE: Duration = Duration::from_millis(1);
/// As for rate limits: callers disconnect sooner.
const MAX_DEADLINE: Duration = Duration::from_secs(60);
