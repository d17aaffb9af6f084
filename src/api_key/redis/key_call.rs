//! `KeyCall`: what the store asks the server.

use std::sync::LazyLock;

use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, RedisError, Value};

use crate::store::connection::Call;
use crate::store::script::LoadedScript;

/// One round trip.
pub(super) enum KeyCall {
    /// These commands, which may be executed twice.
    Commands(Vec<Cmd>),
    /// The script that saves a record.
    Save { key: String, arguments: [String; 4] },
    /// The script that adds to the usage of records.
    RecordUsage { keys: Vec<String>, arguments: Vec<u64> },
}

/// The reply to each command, or to the script; `None` if the key of the command has another type.
pub(super) type Replies = Vec<Option<Value>>;

impl Call for KeyCall {
    type Response = Replies;

    async fn run<C: ConnectionLike + Send>(self, mut connection: C) -> Result<Replies, RedisError> {
        match self {
            Self::Save { key, arguments } => {
                let reply = SAVE.call(&mut connection, &[key], arguments.as_slice()).await?;
                Ok(vec![Some(reply)])
            }
            Self::RecordUsage { keys, arguments } => {
                let reply = RECORD_USAGE.call(&mut connection, &keys, arguments.as_slice()).await?;
                Ok(vec![Some(reply)])
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
            // The second execution would be a conflict with the first, or count twice.
            Self::Save { .. } | Self::RecordUsage { .. } => None,
        }
    }
}

/// Any other error is one of the server, which the circuit breaker counts.
fn reply_of_type(reply: Result<Value, RedisError>) -> Result<Option<Value>, RedisError> {
    match reply {
        Err(error) if error.code() == Some("WRONGTYPE") => Ok(None),
        reply => reply.map(Some),
    }
}

static SAVE: LazyLock<LoadedScript> = LazyLock::new(|| LoadedScript::new(include_str!("save.lua").to_owned()));

static RECORD_USAGE: LazyLock<LoadedScript> =
    LazyLock::new(|| LoadedScript::new(include_str!("record_usage.lua").to_owned()));
