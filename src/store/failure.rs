//! `Failure`: why a call failed, and what the operator can do about it.

use std::borrow::Cow;
use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use redis::{ErrorKind, RedisError};

use crate::store::setting_names::SettingNames;

/// Why a call failed, with the message of the server or of the system.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    pub(crate) message: String,
}

/// The kinds of failures that have different remedies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
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
    /// The server may evict keys that must not be lost.
    #[cfg_attr(not(feature = "revocation"), allow(dead_code, reason = "rate limits do not check it"))]
    Evicting,
    TooManyClients,
    /// The server does not have a command that the store needs.
    UnknownCommand,
    #[cfg_attr(
        not(any(feature = "rate_limit", feature = "revocation")),
        allow(dead_code, reason = "stores of records read their replies themselves")
    )]
    UnexpectedResponse,
    /// The attempt to connect panicked. The runtime reports where.
    Panicked,
    Other,
}

/// Who opens connections. The remedy for a connection that does not work depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectedBy {
    /// The store, which opens a new connection after a failure.
    Store,
    /// The app. The store has only one connection, and cannot replace it.
    #[cfg_attr(not(feature = "rate_limit"), allow(dead_code, reason = "only `RedisStore` takes connections"))]
    App,
    /// The app, by a connection to a cluster, which reconnects by itself.
    #[cfg_attr(not(feature = "rate_limit"), allow(dead_code, reason = "only `RedisStore` takes connections"))]
    AppToCluster,
}

impl Failure {
    pub(crate) fn no_response(deadline: Duration) -> Self {
        Self { kind: FailureKind::Timeout, message: format!("no response within {deadline:?}") }
    }

    /// A server without TLS does not respond to the first message of a handshake.
    pub(crate) fn no_connection(deadline: Duration, is_tls: bool) -> Self {
        let kind = if is_tls { FailureKind::Tls } else { FailureKind::Timeout };
        Self { kind, message: format!("no connection within {deadline:?}") }
    }

    #[cfg(any(feature = "rate_limit", feature = "revocation"))]
    pub(crate) fn unexpected_response() -> Self {
        Self {
            kind: FailureKind::UnexpectedResponse,
            message: "the response has another form than expected".to_owned(),
        }
    }

    pub(crate) fn panicked() -> Self {
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
            Some("ERR") if detail.contains("unknown command") => return Self::UnknownCommand,
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

    /// Returns what the operator of a store with these settings can do.
    pub(crate) fn remedy(self, connected_by: ConnectedBy, names: &SettingNames) -> Cow<'static, str> {
        let SettingNames { documentation, url, client, .. } = names;
        let text = match (self, connected_by) {
            (Self::Timeout, _) => {
                let check = "check that the host and port are reachable, and that the server is not overloaded";
                let Some(deadline) = names.deadline else { return check.into() };
                return format!("{check}, and that the time set by {deadline} is longer than a few round trips").into();
            }
            (Self::Refused, _) => "check that the server is running, and the host and port",
            (Self::HostName, _) => "check the host name, and the name servers of this machine",
            (Self::Tls, _) => {
                return format!(
                    "check that the port is the server's TLS port, that a certificate authority which this machine \
                     trusts issued the server's certificate for this host name, and whether the server requires a \
                     client certificate ({client} takes a client with its own certificates)"
                )
                .into();
            }
            (Self::Closed, ConnectedBy::App) => {
                return format!(
                    "if the app passed a MultiplexedConnection, it never reconnects: use {url}, or pass a \
                     ConnectionManager"
                )
                .into();
            }
            (Self::Closed, _) => "check whether the server restarts, and whether it requires TLS (a rediss:// URL)",
            (Self::Authentication, _) => "check the user name and the password (redis://user:password@host:port)",
            (Self::Permission, _) => {
                return format!("give the user the permissions that the documentation of {documentation} lists").into();
            }
            (Self::ReadOnly | Self::PrimaryDown | Self::Loading, ConnectedBy::App) => {
                return format!(
                    "connect to a primary that is up; {url} and {client} open a new connection in this state, but a \
                     connection that the app passed stays with its server"
                )
                .into();
            }
            (Self::ReadOnly, _) => {
                "connect to a primary that accepts writes: this server is a replica, has too few replicas, or cannot \
                 write to its disk"
            }
            (Self::PrimaryDown, _) => "connect to the primary: this server is a replica that has lost it",
            (Self::Loading, _) => "wait until the server has loaded its data",
            (Self::Cluster, ConnectedBy::AppToCluster) => "check the state of the cluster (CLUSTER INFO)",
            (Self::Cluster, _) => {
                return format!("the server is a node of a cluster: {}", names.cluster_remedy).into();
            }
            (Self::Memory, _) => "raise the server's maxmemory, or remove other data from it",
            (Self::Evicting, _) => {
                "set the server's maxmemory-policy to noeviction or volatile-ttl, or use another server"
            }
            (Self::TooManyClients, _) => "raise the server's maxclients, or close other connections",
            (Self::UnknownCommand | Self::UnexpectedResponse, _) => {
                return format!(
                    "check that the server, and a proxy before it, meet the requirements in the documentation of \
                     {documentation}"
                )
                .into();
            }
            (Self::Panicked, _) => {
                "build the Tokio runtime with enable_all(); for TLS, enable the feature redis_tls of portcullis"
            }
            (Self::Other, _) => "check the server's log, and its host, port, user, password and database",
        };
        text.into()
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
