//! `OwnConnection`: a connection that the store opens itself, and replaces when it does not work.

// A connection can be open and still be useless: if it leads to a primary that has become a replica, to a replica that
// has lost its primary, to a server that loads its data for minutes, or to a host that has vanished. A new connection
// to the same address may reach another server. So every call that fails replaces the connection. A call that times out
// does so only once the circuit breaker is open, which also limits how often a connection is opened.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client};
use tokio::sync::OnceCell;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::rate_limit::redis::client;
use crate::rate_limit::redis::connection::{CallFuture, LoadedScript, ScriptCaller};
use crate::rate_limit::redis::failure::{ConnectedBy, Failure};

/// A connection to the server of a client, opened by the first call that needs it.
pub(super) struct OwnConnection {
    script: Arc<LoadedScript>,
    slot: Arc<Slot>,
}

struct Slot {
    client: Client,
    current: Mutex<Arc<LazyConnection>>,
}

/// A connection that is not yet open, is being opened, or is open.
///
/// Calls that arrive meanwhile wait for the same attempt. It continues when their deadlines have passed, so that a
/// handshake may take longer than a deadline.
struct LazyConnection {
    connection: OnceCell<MultiplexedConnection>,
    created_at: Instant,
}

impl OwnConnection {
    pub(super) fn new(client: Client) -> Self {
        let slot = Slot { client, current: Mutex::new(Arc::new(LazyConnection::new())) };
        Self { script: Arc::new(LoadedScript::new()), slot: Arc::new(slot) }
    }
}

impl ScriptCaller for OwnConnection {
    fn call(&self, keys: Vec<String>, request: Vec<u8>) -> CallFuture {
        let script = Arc::clone(&self.script);
        let slot = Arc::clone(&self.slot);
        Box::pin(async move {
            let current = slot.current();
            let open = || connect(slot.client.clone());
            let result = match current.connection.get_or_try_init(open).await {
                Ok(connection) => script.call(&mut connection.clone(), &keys, &request).await.map_err(Failure::from),
                Err(failure) => Err(failure),
            };
            if result.is_err() {
                slot.replace(&current);
            }
            result
        })
    }

    fn connected_by(&self) -> ConnectedBy {
        ConnectedBy::Store
    }

    fn timeout(&self, deadline: Duration) -> Failure {
        if self.slot.current().connection.initialized() {
            Failure::no_response(deadline)
        } else {
            Failure::no_connection(deadline, client::is_tls(&self.slot.client))
        }
    }

    fn abandon_connection(&self) {
        let current = self.slot.current();
        // An attempt to connect may take longer than a deadline, but not forever: its runtime may have stopped.
        if current.connection.initialized() || current.created_at.elapsed() > LONGEST_ATTEMPT {
            self.slot.replace(&current);
        }
    }
}

impl Slot {
    fn current(&self) -> Arc<LazyConnection> {
        Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces this connection, unless another call has done so. Calls in progress keep it until they end.
    fn replace(&self, failed: &Arc<LazyConnection>) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&current, failed) {
            *current = Arc::new(LazyConnection::new());
        }
    }
}

impl LazyConnection {
    fn new() -> Self {
        Self { connection: OnceCell::new(), created_at: Instant::now() }
    }
}

/// Opens a connection, without a time limit: the store has its own deadline.
async fn connect(client: Client) -> Result<MultiplexedConnection, Failure> {
    // In a separate task: opening a socket panics if the runtime has no I/O driver, and a TLS handshake if there is no
    // cryptography provider. A `JoinSet` aborts its tasks when it is dropped.
    let mut attempt = JoinSet::new();
    attempt.spawn(async move {
        client::ensure_crypto_provider(&client);
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        client.get_multiplexed_async_connection_with_config(&config).await
    });
    match attempt.join_next().await {
        Some(Ok(result)) => Ok(result?),
        Some(Err(_)) | None => Err(Failure::panicked()),
    }
}

/// The longest that calls wait for one attempt to connect.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(5);
