//! Whether the server may evict the stream when its memory is full.

use std::time::Duration;

use redis::{Cmd, Pipeline, Value};

use crate::revocation::redis::health::Problem;
use crate::revocation::redis::server::{Server, ServerConnection};
use crate::store::failure::Failure;

/// Rejects a server that evicts keys which do not expire, since one of them is the stream.
///
/// A user of the server that may not read the setting is not a problem.
pub(super) async fn check(server: &Server, connection: &mut ServerConnection) -> Result<(), Problem> {
    // From Redis 6.2 on, and only with the permission `config|get`.
    let mut config = redis::cmd("CONFIG");
    config.arg("GET").arg("maxmemory-policy");
    let mut info = redis::cmd("INFO");
    info.arg("memory");
    for command in [config, info] {
        let reply = send(server, connection, command).await?;
        if let Some(policy) = reply.and_then(policy) {
            return if policy.starts_with("allkeys-") { Err(evicts(&policy)) } else { Ok(()) };
        }
    }
    Ok(())
}

/// Returns the reply; `None` if it is an error.
async fn send(server: &Server, connection: &mut ServerConnection, command: Cmd) -> Result<Option<Value>, Failure> {
    let mut commands = Pipeline::new();
    commands.add_command(command);
    let reply = server.send(connection, &commands, DEADLINE).await?.pop();
    Ok(reply.and_then(|reply| reply.extract_error().ok()))
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

fn evicts(policy: &str) -> Problem {
    Problem {
        message: format!("the setting maxmemory-policy is {policy}, so the server may evict the stream").into(),
        remedy: "set maxmemory-policy to noeviction or volatile-ttl, or use another server for revocations".into(),
    }
}

const DEADLINE: Duration = Duration::from_secs(2);

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
