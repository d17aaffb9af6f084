//! `Server`: opens connections to the server, or to the node of a cluster that has the key of the stream.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Client, ConnectionAddr, Pipeline, RedisError, Value};
use tokio::time::timeout;

use crate::store::failure::Failure;
use crate::store::{client, eviction};

pub(super) struct Server {
    /// What the app configured: a server, or any node of a cluster.
    client: Client,
    /// The node that has the key. All keys of a stream are one, so there is one such node.
    node: Mutex<Option<Client>>,
    /// Counts what made connections useless, such as a failover.
    generation: AtomicU64,
}

/// A connection with the number that `Server::generation` had when it was opened.
pub(super) struct ServerConnection {
    connection: MultiplexedConnection,
    generation: u64,
}

impl Server {
    pub(super) fn new(client: Client) -> Self {
        Self { client, node: Mutex::new(None), generation: AtomicU64::new(0) }
    }

    /// Opens a connection.
    pub(super) async fn connect(&self) -> Result<ServerConnection, Failure> {
        let generation = self.generation.load(Ordering::Relaxed);
        let client = self.node().clone().unwrap_or_else(|| self.client.clone());
        let is_tls = client::is_tls(&client);
        let result = timeout(CONNECT_DEADLINE, client::connect(client)).await;
        let result = result.unwrap_or_else(|_| Err(Failure::no_connection(CONNECT_DEADLINE, is_tls)));
        if result.is_err() {
            *self.node() = None;
        }
        Ok(ServerConnection { connection: result?, generation })
    }

    /// Rejects a server that may evict the stream.
    pub(super) async fn check_eviction(&self, connection: &ServerConnection) -> Result<(), Failure> {
        let result = timeout(CONNECT_DEADLINE, eviction::check(connection.connection.clone())).await;
        if result.is_err() {
            *self.node() = None;
        }
        result.unwrap_or_else(|_| Err(Failure::no_response(CONNECT_DEADLINE)))
    }

    /// Whether nothing was noticed since that makes the connection useless.
    pub(super) fn is_current(&self, connection: &ServerConnection) -> bool {
        connection.generation == self.generation.load(Ordering::Relaxed)
    }

    /// Makes all connections be replaced at their next use.
    pub(super) fn abandon_connections(&self) {
        self.generation.fetch_add(1, Ordering::Relaxed);
    }

    /// Sends commands, and returns their replies. An error that is the reply to one of them is in its place.
    pub(super) async fn send(
        &self,
        connection: &mut ServerConnection,
        commands: &Pipeline,
        deadline: Duration,
    ) -> Result<Vec<Value>, Failure> {
        let count = commands.len();
        let result = timeout(deadline, connection.connection.send_packed_commands(commands, 0, count)).await;
        let replies = match result {
            Ok(Ok(replies)) => replies,
            Ok(Err(error)) => return Err(self.failure(error)),
            Err(_) => {
                *self.node() = None;
                return Err(Failure::no_response(deadline));
            }
        };
        if replies.len() == count { Ok(replies) } else { Err(Failure::unexpected_response()) }
    }

    /// Returns the failure that an error is. If the key is on another node of the cluster, the next connection leads to
    /// that node; after any other error, to the server that the app configured.
    pub(super) fn failure(&self, error: RedisError) -> Failure {
        let mut node = self.node();
        let is_moved = error.code() == Some("MOVED");
        let address = error.redirect_node().filter(|_| is_moved).map(|(address, _)| address);
        *node = address.and_then(|address| at_address(node.as_ref().unwrap_or(&self.client), address));
        error.into()
    }

    fn node(&self) -> std::sync::MutexGuard<'_, Option<Client>> {
        self.node.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns a client with the same settings for another address, `host:port`. An empty host is the same host.
fn at_address(client: &Client, address: &str) -> Option<Client> {
    let (new_host, new_port) = address.rsplit_once(':')?;
    let new_port = new_port.parse().ok()?;
    let info = client.get_connection_info().clone();
    let mut addr = info.addr().clone();
    match &mut addr {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
            if !new_host.is_empty() {
                new_host.clone_into(host);
            }
            *port = new_port;
        }
        _ => return None,
    }
    Client::open(info.set_addr(addr)).ok()
}

/// How long an attempt to connect may take, with the handshake of TLS; and then the check of the server.
const CONNECT_DEADLINE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirection_changes_the_address_and_keeps_the_credentials() {
        let client = Client::open("redis://ann:secret@10.0.0.1:6379/").unwrap();
        for (address, expected) in
            [("10.0.0.2:7000", "10.0.0.2:7000"), (":7001", "10.0.0.1:7001"), ("2001:db8::1:7002", "2001:db8::1:7002")]
        {
            let moved = at_address(&client, address).unwrap();
            let info = moved.get_connection_info();
            assert_eq!(info.addr().to_string(), expected);
            assert_eq!(info.redis_settings().username(), Some("ann"));
            assert_eq!(info.redis_settings().password(), Some("secret"));
        }
        for address in ["", "host", "host:", "host:99999", "host:x"] {
            assert!(at_address(&client, address).is_none(), "{address}");
        }
    }

    #[test]
    fn only_a_key_that_moved_selects_another_node() {
        let server = Server::new(Client::open("redis://10.0.0.1:6379/").unwrap());
        let error = |text: &[u8]| redis::parse_redis_value(text).unwrap().extract_error().unwrap_err();
        let node = || server.node().as_ref().map(|node| node.get_connection_info().addr().to_string());
        server.failure(error(b"-MOVED 12 10.0.0.2:6380\r\n"));
        assert_eq!(node().as_deref(), Some("10.0.0.2:6380"));
        server.failure(error(b"-CLUSTERDOWN down\r\n"));
        assert_eq!(node(), None);
        server.failure(error(b"-ASK 12 10.0.0.2:6380\r\n"));
        assert_eq!(node(), None);
    }

    #[tokio::test]
    async fn a_node_that_cannot_be_reached_is_not_tried_again() {
        // Nothing listens at this port.
        let server = Server::new(Client::open("redis://127.0.0.1:1/").unwrap());
        *server.node() = Some(server.client.clone());
        assert!(server.connect().await.is_err());
        assert!(server.node().is_none());
    }
}
