//! `RecordCall`: a call of a store of records to the server.

use redis::aio::ConnectionLike;
use redis::{Cmd, FromRedisValue, Pipeline, RedisError, Value, from_redis_value};

use crate::store::connection::Call;
use crate::store::script::LoadedScript;

/// One round trip.
pub(crate) enum RecordCall {
    /// These commands, which may be executed twice.
    Commands(Vec<Cmd>),
    Script(ScriptCall),
}

/// The call of a script with these keys and arguments.
#[derive(Clone)]
pub(crate) struct ScriptCall {
    pub(crate) script: &'static LoadedScript,
    pub(crate) keys: Vec<String>,
    pub(crate) arguments: Vec<String>,
    /// Whether the server may execute it twice.
    pub(crate) is_repeatable: bool,
}

/// The reply to each command, or to the script; `None` if a key has another type.
pub(crate) type Replies = Vec<Option<Value>>;

impl Call for RecordCall {
    type Response = Replies;

    async fn run<C: ConnectionLike + Send>(self, mut connection: C) -> Result<Replies, RedisError> {
        match self {
            Self::Script(ScriptCall { script, keys, arguments, .. }) => {
                let reply = script.call(&mut connection, &keys, arguments.as_slice()).await;
                Ok(vec![reply_of_type(reply)?])
            }
            // A connection to a cluster follows redirections only for single commands.
            Self::Commands(commands) if commands.len() == 1 => {
                let [command] = commands.as_slice() else { return Ok(Vec::new()) };
                let reply = connection.req_packed_command(command).await.and_then(Value::extract_error);
                Ok(vec![reply_of_type(reply)?])
            }
            Self::Commands(commands) => {
                let count = commands.len();
                let mut pipeline = Pipeline::with_capacity(count);
                commands.into_iter().for_each(|command| _ = pipeline.add_command(command));
                let replies = connection.req_packed_commands(&pipeline, 0, count).await?;
                replies.into_iter().map(|reply| reply_of_type(reply.extract_error())).collect()
            }
        }
    }

    fn repeat(&self) -> Option<Self> {
        match self {
            Self::Commands(commands) => Some(Self::Commands(commands.clone())),
            Self::Script(call) => call.is_repeatable.then(|| Self::Script(call.clone())),
        }
    }
}

/// The circuit breaker counts any other error as one of the server.
fn reply_of_type(reply: Result<Value, RedisError>) -> Result<Option<Value>, RedisError> {
    match reply {
        Err(error) if is_wrong_type(&error) => Ok(None),
        reply => reply.map(Some),
    }
}

/// Before Redis 7, the error of a script has the code `ERR`, and that of the command in its text.
fn is_wrong_type(error: &RedisError) -> bool {
    error.code() == Some(WRONG_TYPE) || error.detail().is_some_and(|detail| detail.contains(WRONG_TYPE))
}

/// Reads a reply.
///
/// # Errors
///
/// Returns a text for the log if the reply has another form.
pub(crate) fn value<T: FromRedisValue>(reply: Option<Value>) -> Result<T, &'static str> {
    reply.and_then(|reply| from_redis_value(reply).ok()).ok_or(UNEXPECTED_REPLY)
}

pub(crate) const UNEXPECTED_REPLY: &str = "the reply of the Redis server has an unexpected form";
const WRONG_TYPE: &str = "WRONGTYPE";
