//! `ScriptCaller`: calls the script over a connection that the app provides.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::ConnectionLike;
use redis::{Cmd, RedisError, Script};

use crate::rate_limit::redis::failure::{ConnectedBy, Failure};
use crate::rate_limit::redis::script;

/// Calls the script. The trait hides the type of the connection, and what the crate `redis` calls a command.
pub(super) trait ScriptCaller: Send + Sync {
    /// Calls the script with these keys and this argument.
    fn call(&self, keys: Vec<String>, request: Vec<u8>) -> CallFuture;

    fn connected_by(&self) -> ConnectedBy;

    /// Describes a call without a response within this deadline.
    fn timeout(&self, deadline: Duration) -> Failure {
        Failure::no_response(deadline)
    }

    /// Opens a new connection for the next call, if possible, because this one does not respond.
    fn abandon_connection(&self);
}

pub(super) type CallFuture = Pin<Box<dyn Future<Output = Result<Vec<u8>, Failure>> + Send>>;

/// The script, and the SHA-1 by which the server knows it.
pub(super) struct LoadedScript {
    code: String,
    hash: String,
}

impl LoadedScript {
    pub(super) fn new() -> Self {
        let code = script::code();
        let hash = Script::new(&code).get_hash().to_owned();
        Self { code, hash }
    }

    /// Calls the script by its hash.
    pub(super) async fn call(
        &self,
        connection: &mut impl ConnectionLike,
        keys: &[String],
        request: &[u8],
    ) -> Result<Vec<u8>, RedisError> {
        match command("EVALSHA", &self.hash, keys, request).query_async(connection).await {
            // The server does not know the script, as after a restart: send the code, which costs one more round trip.
            Err(error) if error.code() == Some("NOSCRIPT") => {
                command("EVAL", &self.code, keys, request).query_async(connection).await
            }
            result => result,
        }
    }
}

/// Returns `EVALSHA` or `EVAL` with these arguments. The binary request is the only argument that is not a key.
fn command(name: &str, script: &str, keys: &[String], request: &[u8]) -> Cmd {
    let mut command = redis::cmd(name);
    command.arg(script).arg(keys.len()).arg(keys).arg(request);
    command
}

/// A connection of the app. Only the app, or the connection itself, can replace it.
pub(super) struct AppConnection<C> {
    connection: C,
    connected_by: ConnectedBy,
    script: Arc<LoadedScript>,
}

impl<C> AppConnection<C> {
    pub(super) fn new(connection: C, is_cluster: bool) -> Self {
        let connected_by = if is_cluster { ConnectedBy::AppToCluster } else { ConnectedBy::App };
        Self { connection, connected_by, script: Arc::new(LoadedScript::new()) }
    }
}

impl<C: ConnectionLike + Clone + Send + Sync + 'static> ScriptCaller for AppConnection<C> {
    fn call(&self, keys: Vec<String>, request: Vec<u8>) -> CallFuture {
        // A connection of the crate `redis` is a handle. Clones share one socket, on which commands are pipelined.
        let mut connection = self.connection.clone();
        let script = Arc::clone(&self.script);
        Box::pin(async move { Ok(script.call(&mut connection, &keys, &request).await?) })
    }

    fn connected_by(&self) -> ConnectedBy {
        self.connected_by
    }

    fn abandon_connection(&self) {}
}
