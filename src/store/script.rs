//! `LoadedScript`: a Lua script that the server keeps, and knows by its hash.

use redis::aio::ConnectionLike;
use redis::{Cmd, FromRedisValue, RedisError, Script, ToRedisArgs};

/// The code of a script, and the SHA-1 by which the server knows it.
pub(crate) struct LoadedScript {
    code: String,
    hash: String,
}

impl LoadedScript {
    pub(crate) fn new(code: String) -> Self {
        let hash = Script::new(&code).get_hash().to_owned();
        Self { code, hash }
    }

    /// Calls the script by its hash.
    pub(crate) async fn call<R: FromRedisValue>(
        &self,
        connection: &mut (impl ConnectionLike + Send),
        keys: &[String],
        arguments: impl ToRedisArgs + Copy,
    ) -> Result<R, RedisError> {
        match command("EVALSHA", &self.hash, keys, arguments).query_async(connection).await {
            // The server does not know the script, as after a restart: send the code, which costs one more round trip.
            Err(error) if error.code() == Some("NOSCRIPT") => {
                command("EVAL", &self.code, keys, arguments).query_async(connection).await
            }
            result => result,
        }
    }
}

/// Returns `EVALSHA` or `EVAL`.
fn command(name: &str, script: &str, keys: &[String], arguments: impl ToRedisArgs) -> Cmd {
    let mut command = redis::cmd(name);
    command.arg(script).arg(keys.len()).arg(keys).arg(arguments);
    command
}
