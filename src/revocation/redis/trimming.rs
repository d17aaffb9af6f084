//! Removes what has expired from the stream.

use redis::{Cmd, RedisError, Value};

use crate::revocation::redis::stream_id::StreamId;

/// Returns the command that removes entries before this one. It may leave some of them.
pub(super) fn trim_command(key: &str, before: StreamId) -> Cmd {
    let mut command = redis::cmd("XTRIM");
    command.arg(key).arg("MINID").arg("~").arg(before.to_string());
    command
}

/// Returns the error of `XTRIM`, unless it is about the server's disk, memory or replicas: those make writes fail, but
/// do not keep entries from being read.
pub(super) fn trim_error(reply: Value) -> Option<RedisError> {
    let error = reply.extract_error().err()?;
    let is_about_writes = matches!(error.code(), Some("MISCONF" | "NOREPLICAS" | "OOM"));
    (!is_about_writes).then_some(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_errors_about_writes_do_not_stop_the_reads() {
        let error = |text: &str| trim_error(redis::parse_redis_value(text.as_bytes()).unwrap());
        for text in ["-MISCONF disk\r\n", "-NOREPLICAS few\r\n", "-OOM memory\r\n", ":3\r\n"] {
            assert!(error(text).is_none(), "{text}");
        }
        for text in ["-READONLY replica\r\n", "-MOVED 1 10.0.0.2:1\r\n", "-NOPERM xtrim\r\n", "-ERR other\r\n"] {
            assert!(error(text).is_some(), "{text}");
        }
    }
}
