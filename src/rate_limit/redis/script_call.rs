//! `ScriptCall`: one call of the script.

use std::sync::LazyLock;

use redis::RedisError;
use redis::aio::ConnectionLike;

use crate::rate_limit::redis::script;
use crate::store::connection::Call;
use crate::store::script::LoadedScript;

/// A call of the script with these keys and this argument.
pub(super) struct ScriptCall {
    pub(super) keys: Vec<String>,
    pub(super) request: Vec<u8>,
}

impl Call for ScriptCall {
    type Response = Vec<u8>;

    async fn run<C: ConnectionLike + Send>(self, mut connection: C) -> Result<Vec<u8>, RedisError> {
        // The binary request is the only argument that is not a key.
        SCRIPT.call(&mut connection, &self.keys, self.request.as_slice()).await
    }
}

static SCRIPT: LazyLock<LoadedScript> = LazyLock::new(|| LoadedScript::new(script::code()));
