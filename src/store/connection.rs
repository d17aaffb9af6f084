//! `Connection`: makes the calls of a store, here over a connection that the app provides.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use redis::RedisError;
use redis::aio::ConnectionLike;

use crate::store::failure::{ConnectedBy, Failure};

/// What a store asks the server: a command, a pipeline, or commands that depend on each other.
pub(crate) trait Call: Send + 'static {
    type Response: Send + 'static;

    /// Sends the commands over this connection, a handle of its own.
    fn run<C: ConnectionLike + Send>(
        self,
        connection: C,
    ) -> impl Future<Output = Result<Self::Response, RedisError>> + Send;

    /// Returns the call once more, if it does no harm that the server executes it twice.
    #[cfg(any(feature = "api_key", feature = "replay_cache", feature = "session"))]
    fn repeat(&self) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }
}

/// Makes calls of one type. The trait hides the type of the connection.
pub(crate) trait Connection<C: Call>: Send + Sync {
    fn call(&self, call: C) -> CallFuture<C::Response>;

    fn connected_by(&self) -> ConnectedBy;

    /// Describes a call without a response within this deadline.
    fn timeout(&self, deadline: Duration) -> Failure {
        Failure::no_response(deadline)
    }

    /// Opens a new connection for the next call, if possible, because this one does not respond.
    fn abandon(&self);
}

/// A call in progress. It needs no other future inside, so a call costs one allocation here.
pub(crate) type CallFuture<R> = Pin<Box<dyn Future<Output = Result<R, Failure>> + Send>>;

/// A connection of the app. Only the app, or the connection itself, can replace it.
pub(crate) struct AppConnection<T> {
    connection: T,
    connected_by: ConnectedBy,
}

impl<T> AppConnection<T> {
    pub(crate) fn new(connection: T, is_cluster: bool) -> Self {
        let connected_by = if is_cluster { ConnectedBy::AppToCluster } else { ConnectedBy::App };
        Self { connection, connected_by }
    }
}

impl<C: Call, T: ConnectionLike + Clone + Send + Sync + 'static> Connection<C> for AppConnection<T> {
    fn call(&self, call: C) -> CallFuture<C::Response> {
        // A connection of the crate `redis` is a handle. Clones share one socket, on which commands are pipelined.
        let connection = self.connection.clone();
        Box::pin(async move { Ok(call.run(connection).await?) })
    }

    fn connected_by(&self) -> ConnectedBy {
        self.connected_by
    }

    fn abandon(&self) {}
}
