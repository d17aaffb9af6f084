//! `OwnConnection`: a connection that a store opens itself, and replaces when it does not work.

// A connection can be open and still be useless: if it leads to a primary that has become a replica, to a replica that
// has lost its primary, to a server that loads its data for minutes, or to a host that has vanished. A new connection
// to the same address may reach another server. So every call that fails replaces the connection. A call that times out
// does so only once the circuit breaker is open, which also limits how often a connection is opened.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::Client;
use redis::aio::MultiplexedConnection;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::store::client;
use crate::store::connection::{Call, CallFuture, Connection};
use crate::store::failure::{ConnectedBy, Failure};

/// A connection to the server of a client, opened by the first call that needs it.
pub(crate) struct OwnConnection {
    slot: Arc<Slot>,
}

/// Returns an error if a connection that was just opened must not be used.
pub(crate) type ConnectionCheck =
    fn(MultiplexedConnection) -> Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

struct Slot {
    client: Client,
    check: Option<ConnectionCheck>,
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
    #[cfg(feature = "rate_limit")]
    pub(crate) fn new(client: Client) -> Self {
        Self::with(client, None)
    }

    #[cfg(any(feature = "api_key", feature = "replay_cache", feature = "session"))]
    pub(crate) fn checked(client: Client, check: ConnectionCheck) -> Self {
        Self::with(client, Some(check))
    }

    fn with(client: Client, check: Option<ConnectionCheck>) -> Self {
        let slot = Slot { client, check, current: Mutex::new(Arc::new(LazyConnection::new())) };
        Self { slot: Arc::new(slot) }
    }
}

impl<C: Call> Connection<C> for OwnConnection {
    fn call(&self, call: C) -> CallFuture<C::Response> {
        let slot = Arc::clone(&self.slot);
        Box::pin(async move {
            let current = slot.current();
            let open = || slot.open();
            let result = match current.connection.get_or_try_init(open).await {
                Ok(connection) => call.run(connection.clone()).await.map_err(Failure::from),
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

    fn abandon(&self) {
        let current = self.slot.current();
        // An attempt to connect may take longer than a deadline, but not forever: its runtime may have stopped.
        if current.connection.initialized() || current.created_at.elapsed() > LONGEST_ATTEMPT {
            self.slot.replace(&current);
        }
    }
}

impl Slot {
    async fn open(&self) -> Result<MultiplexedConnection, Failure> {
        let connection = client::connect(self.client.clone()).await?;
        if let Some(check) = self.check {
            check(connection.clone()).await?;
        }
        Ok(connection)
    }

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

/// The longest that calls wait for one attempt to connect.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(5);
