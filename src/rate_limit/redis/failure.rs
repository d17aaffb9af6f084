//! `Failure`: why a call failed, and what the operator can do about it.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use redis::{ErrorKind, RedisError};

/// Why a call failed, with the message of the server or of the system.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) kind: FailureKind,
    pub(super) message: String,
}

/// The kinds of failures that have different remedies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FailureKind {
    /// No response, or no connection, within the deadline.
    Timeout,
    Refused,
    HostName,
    Tls,
    /// The server, or something on the way to it, closed the connection.
    Closed,
    Authentication,
    Permission,
    /// The server responds but accepts no writes: it is a replica, has too few replicas, or cannot write to its disk.
    ReadOnly,
    /// The server is a replica that has lost its primary, and serves no data until it has one again.
    PrimaryDown,
    Loading,
    Cluster,
    Memory,
    TooManyClients,
    /// The server has no scripts.
    Scripts,
    UnexpectedResponse,
    /// The attempt to connect panicked. The runtime reports where.
    Panicked,
    Other,
}

/// Who opens connections. The remedy for a connection that does not work depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnectedBy {
    /// The store, which opens a new connection after a failure.
    Store,
    /// The app. The store has only one connection, and cannot replace it.
    App,
    /// The app, by a connection to a cluster, which reconnects by itself.
    AppToCluster,
}

impl Failure {
    pub(super) fn no_response(deadline: Duration) -> Self {
        Self { kind: FailureKind::Timeout, message: format!("no response within {deadline:?}") }
    }

    /// A server without TLS does not respond to the first message of a handshake.
    pub(super) fn no_connection(deadline: Duration, is_tls: bool) -> Self {
        let kind = if is_tls { FailureKind::Tls } else { FailureKind::Timeout };
        Self { kind, message: format!("no connection within {deadline:?}") }
    }

    pub(super) fn unexpected_response() -> Self {
        Self { kind: FailureKind::UnexpectedResponse, message: "the response is not the script's".to_owned() }
    }

    pub(super) fn panicked() -> Self {
        Self { kind: FailureKind::Panicked, message: "the attempt to connect panicked".to_owned() }
    }
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        Self { kind: FailureKind::of(&error), message: error.to_string() }
    }
}

impl FailureKind {
    fn of(error: &RedisError) -> Self {
        let detail = error.detail().unwrap_or_default();
        match error.code() {
            Some("READONLY" | "NOREPLICAS" | "MISCONF") => return Self::ReadOnly,
            Some("MASTERDOWN") => return Self::PrimaryDown,
            Some("LOADING") => return Self::Loading,
            Some("CLUSTERDOWN" | "MOVED" | "ASK" | "TRYAGAIN" | "CROSSSLOT") => return Self::Cluster,
            Some("NOPERM") => return Self::Permission,
            // A command in the script, or `SELECT`.
            Some("ERR") if PERMISSION_WORDS.iter().any(|words| detail.contains(words)) => return Self::Permission,
            Some("NOAUTH" | "WRONGPASS") => return Self::Authentication,
            Some("OOM") => return Self::Memory,
            Some("ERR") if detail.contains("max number of clients") => return Self::TooManyClients,
            Some("ERR") if detail.contains("unknown command") => return Self::Scripts,
            Some(_) => return Self::Other,
            None => {}
        }
        match error.kind() {
            ErrorKind::AuthenticationFailed => Self::Authentication,
            _ if error.is_connection_refusal() => Self::Refused,
            _ if error.to_string().starts_with(LOOKUP_FAILED) => Self::HostName,
            _ if is_tls_error(error) => Self::Tls,
            _ if error.is_timeout() => Self::Timeout,
            _ if error.is_connection_dropped() => Self::Closed,
            _ => Self::Other,
        }
    }

    /// Returns what the operator can do.
    pub(super) fn remedy(self, connected_by: ConnectedBy) -> &'static str {
        match (self, connected_by) {
            (Self::Timeout, _) => {
                "check that the host and port are reachable, that the server is not overloaded, and that the deadline \
                 is longer than a few round trips"
            }
            (Self::Refused, _) => "check that the server is running, and the host and port",
            (Self::HostName, _) => "check the host name, and the name servers of this machine",
            (Self::Tls, _) => {
                "check that the port is the server's TLS port, that a certificate authority which this machine trusts \
                 issued the server's certificate for this host name, and whether the server requires a client \
                 certificate (RedisStore::from_client takes a client with its own certificates)"
            }
            (Self::Closed, ConnectedBy::App) => {
                "if the store was created by RedisStore::new from a MultiplexedConnection, it never reconnects: use \
                 RedisStore::connect, or pass a ConnectionManager"
            }
            (Self::Closed, _) => "check whether the server restarts, and whether it requires TLS (a rediss:// URL)",
            (Self::Authentication, _) => "check the user name and the password (redis://user:password@host:port)",
            (Self::Permission, _) => "give the user the permissions that the documentation of RedisStore lists",
            (Self::ReadOnly | Self::PrimaryDown | Self::Loading, ConnectedBy::App) => {
                "connect to a primary that is up; RedisStore::connect and from_client open a new connection in this \
                 state, but a connection that was passed to RedisStore::new stays with its server"
            }
            (Self::ReadOnly, _) => {
                "connect to a primary that accepts writes: this server is a replica, has too few replicas, or cannot \
                 write to its disk"
            }
            (Self::PrimaryDown, _) => "connect to the primary: this server is a replica that has lost it",
            (Self::Loading, _) => "wait until the server has loaded its data",
            (Self::Cluster, ConnectedBy::AppToCluster) => "check the state of the cluster (CLUSTER INFO)",
            (Self::Cluster, _) => "the server is a node of a cluster: use RedisStore::cluster",
            (Self::Memory, _) => "raise the server's maxmemory, or remove other data from it",
            (Self::TooManyClients, _) => "raise the server's maxclients, or close other connections",
            (Self::Scripts, _) => "use a server that runs Lua scripts (EVAL and EVALSHA)",
            (Self::UnexpectedResponse, _) => "check that the server, or a proxy before it, runs Redis 6 or later",
            (Self::Panicked, _) => {
                "build the Tokio runtime with enable_all(); for TLS, enable the feature redis_tls of portcullis"
            }
            (Self::Other, _) => "check the server's log, and its host, port, user, password and database",
        }
    }
}

/// Whether the system, in place of the server, reports a failed handshake or a broken record of TLS.
fn is_tls_error(error: &RedisError) -> bool {
    // rustls reports its errors as invalid data, and `redis` reports nothing else as that. A missing or unreadable
    // certificate store and the errors of native-tls have no io::Error.
    let is_invalid_data = |cause: &io::Error| cause.kind() == io::ErrorKind::InvalidData;
    let text = error.to_string();
    io_error(error).is_some_and(is_invalid_data)
        || error.kind() == ErrorKind::Client && error.source().is_some()
        || ["tls handshake", "certificate"].iter().any(|word| text.contains(word))
}

/// Returns the `io::Error` inside. `redis` shares it in an `Arc`, which hides its type.
fn io_error(error: &RedisError) -> Option<&io::Error> {
    error.source()?.downcast_ref::<Arc<dyn Error + Send + Sync>>()?.downcast_ref()
}

/// How the standard library begins the message of a failed look-up of a host name.
const LOOKUP_FAILED: &str = "failed to lookup address information";

/// What the server's message contains if a command in the script, or `SELECT`, is not permitted.
const PERMISSION_WORDS: [&str; 3] = ["ACL failure", "can't run this command", "has no permissions"];

#[cfg(test)]
mod tests;
