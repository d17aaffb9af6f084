//! `ScriptCall`: one call of the script.

use std::sync::LazyLock;

use redis::aio::ConnectionLike;
use redis::{Cmd, RedisError, Script};

use crate::rate_limit::redis::script;
use crate::store::connection::Call;

/// A call of the script with these keys and this argument.
pub(super) struct ScriptCall {
    pub(super) keys: Vec<String>,
    pub(super) request: Vec<u8>,
}

impl Call for ScriptCall {
    type Response = Vec<u8>;

    /// Calls the script by its hash.
    async fn run<C: ConnectionLike + Send>(self, mut connection: C) -> Result<Vec<u8>, RedisError> {
        match self.command("EVALSHA", &SCRIPT.hash).query_async(&mut connection).await {
            // The server does not know the script, as after a restart: send the code, which costs one more round trip.
            Err(error) if error.code() == Some("NOSCRIPT") => {
                self.command("EVAL", &SCRIPT.code).query_async(&mut connection).await
            }
            result => result,
        }
    }
}

impl ScriptCall {
    /// Returns `EVALSHA` or `EVAL`. The binary request is the only argument that is not a key.
    fn command(&self, name: &str, script: &str) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(script).arg(self.keys.len()).arg(self.keys.as_slice()).arg(self.request.as_slice());
        command
    }
}

/// The script, and the SHA-1 by which the server knows it.
struct LoadedScript {
    code: String,
    hash: String,
}

static SCRIPT: LazyLock<LoadedScript> = LazyLock::new(|| {
    let code = script::code();
    let hash = Script::new(&code).get_hash().to_owned();
    LoadedScript { code, hash }
});
