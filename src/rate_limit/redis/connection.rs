//! `ScriptCaller`: calls the script over whatever connection the user provides.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use redis::aio::ConnectionLike;
use redis::{Cmd, RedisError, Script};

use crate::rate_limit::redis::script;

/// Calls the script. The trait hides the type of the connection, and what the crate `redis` calls a command.
pub(super) trait ScriptCaller: Send + Sync {
    /// Calls the script with these keys and this argument.
    fn call(
        &self,
        keys: Vec<String>,
        request: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, RedisError>> + Send>>;
}

/// A connection and the script.
pub(super) struct ScriptConnection<C> {
    connection: C,
    script: Arc<LoadedScript>,
}

struct LoadedScript {
    code: String,
    /// The SHA-1 by which the server knows the script.
    hash: String,
}

impl<C> ScriptConnection<C> {
    pub(super) fn new(connection: C) -> Self {
        let code = script::code();
        let hash = Script::new(&code).get_hash().to_owned();
        Self { connection, script: Arc::new(LoadedScript { code, hash }) }
    }
}

impl<C: ConnectionLike + Clone + Send + Sync + 'static> ScriptCaller for ScriptConnection<C> {
    fn call(
        &self,
        keys: Vec<String>,
        request: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, RedisError>> + Send>> {
        // A connection of the crate `redis` is a handle. Clones share one socket, on which commands are pipelined.
        let mut connection = self.connection.clone();
        let script = Arc::clone(&self.script);
        Box::pin(async move {
            let by_hash = command("EVALSHA", &script.hash, &keys, &request);
            match by_hash.query_async(&mut connection).await {
                // The server does not know the script, as after a restart: send the code, which costs one more round
                // trip.
                Err(error) if error.code() == Some("NOSCRIPT") => {
                    command("EVAL", &script.code, &keys, &request).query_async(&mut connection).await
                }
                result => result,
            }
        })
    }
}

/// Returns `EVALSHA` or `EVAL` with these arguments. The binary request is the only argument that is not a key.
fn command(name: &str, script: &str, keys: &[String], request: &[u8]) -> Cmd {
    let mut command = redis::cmd(name);
    command.arg(script).arg(keys.len()).arg(keys).arg(request);
    command
}
