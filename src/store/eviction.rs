//! Whether a server may evict keys that do not expire when its memory is full.

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{Cmd, RedisError, Value};

use crate::store::failure::{Failure, FailureKind};

/// Rejects a server that evicts keys which do not expire: a store whose data must not be lost has such keys.
///
/// A user of the server that may not read the setting is not a problem.
pub(crate) async fn check(mut connection: MultiplexedConnection) -> Result<(), Failure> {
    // From Redis 6.2 on, and only with the permission `config|get`.
    let mut config = redis::cmd("CONFIG");
    config.arg("GET").arg("maxmemory-policy");
    let mut info = redis::cmd("INFO");
    info.arg("memory");
    for command in [config, info] {
        let reply = send(&mut connection, &command).await?;
        if let Some(policy) = reply.and_then(policy) {
            return if policy.starts_with("allkeys-") { Err(evicts(&policy)) } else { Ok(()) };
        }
    }
    Ok(())
}

/// Returns the reply; `None` if it is an error.
async fn send(connection: &mut MultiplexedConnection, command: &Cmd) -> Result<Option<Value>, RedisError> {
    let reply = connection.req_packed_command(command).await.and_then(Value::extract_error);
    match reply {
        Ok(reply) => Ok(Some(reply)),
        Err(error) if error.code().is_some() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the policy from a reply to `CONFIG GET` in either protocol, or to `INFO`.
fn policy(reply: Value) -> Option<String> {
    let value = match reply {
        Value::Array(pair) => pair.into_iter().nth(1)?,
        Value::Map(pairs) => pairs.into_iter().next()?.1,
        info => {
            let text = text(info)?;
            return text.lines().find_map(|line| line.strip_prefix("maxmemory_policy:")).map(str::to_owned);
        }
    };
    text(value)
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes).ok(),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Some(text),
        _ => None,
    }
}

fn evicts(policy: &str) -> Failure {
    let message = format!("the setting maxmemory-policy is {policy}, so the server may evict what must not be lost");
    Failure { kind: FailureKind::Evicting, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    #[test]
    fn the_policy_is_read_from_all_forms_of_the_reply() {
        let pair = || (bulk("maxmemory-policy"), bulk("allkeys-lru"));
        let info = "# Memory\r\nmaxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\nmem_aof_buffer:0\r\n";
        let replies = [
            Value::Array(vec![pair().0, pair().1]),
            Value::Map(vec![pair()]),
            bulk(info),
            Value::VerbatimString { format: redis::VerbatimFormat::Text, text: info.to_owned() },
        ];
        for reply in replies {
            assert_eq!(policy(reply.clone()).as_deref(), Some("allkeys-lru"), "{reply:?}");
        }
        for reply in [Value::Array(Vec::new()), Value::Map(Vec::new()), bulk("# Memory\r\n"), Value::Okay] {
            assert_eq!(policy(reply.clone()), None, "{reply:?}");
        }
    }
}
