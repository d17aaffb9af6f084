//! `ScriptCaller`: one call of the script over whatever connection the user has.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use redis::aio::ConnectionLike;
use redis::{Cmd, RedisError, Script};

/// A connection of any kind, as far as it is needed here.
pub(super) trait ScriptCaller: Send + Sync {
    /// Calls the script.
    fn call(
        &self,
        keys: Vec<String>,
        request: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, RedisError>> + Send>>;
}

/// A connection and the script's name on the server.
pub(super) struct ScriptConnection<C> {
    connection: C,
    script: Arc<Script>,
}

impl<C> ScriptConnection<C> {
    pub(super) fn new(connection: C) -> Self {
        Self { connection, script: Arc::new(Script::new(CODE)) }
    }
}

impl<C: ConnectionLike + Clone + Send + Sync + 'static> ScriptCaller for ScriptConnection<C> {
    fn call(
        &self,
        keys: Vec<String>,
        request: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, RedisError>> + Send>> {
        let (mut connection, script) = (self.connection.clone(), Arc::clone(&self.script));
        Box::pin(async move {
            let known = command("EVALSHA", script.get_hash(), &keys, &request);
            match known.query_async(&mut connection).await {
                // The server was restarted, or SCRIPT FLUSH was said: one trip more, with the code.
                Err(error) if error.code() == Some("NOSCRIPT") => {
                    command("EVAL", CODE, &keys, &request).query_async(&mut connection).await
                }
                answered => answered,
            }
        })
    }
}

fn command(name: &str, script: &str, keys: &[String], request: &[u8]) -> Cmd {
    let mut command = redis::cmd(name);
    command.arg(script).arg(keys.len()).arg(keys).arg(request);
    command
}

/// One script; it is kept in parts.
const CODE: &str =
    concat!(include_str!("script/state.lua"), include_str!("script/slow_path.lua"), include_str!("script/decide.lua"));
