//! The hash of a record: the command that reads it, and its reply.

use redis::{Cmd, Value, from_redis_value};

use crate::api_key::key::id::ApiKeyId;
use crate::api_key::record::ApiKeyRecord;
use crate::record_store::time::to_system_time;

/// A value that is stored in place of a record, and that the log has named.
pub(super) struct Unreadable;

/// Returns the command that reads the hash under a key.
pub(super) fn read_command(key: &str) -> Cmd {
    let mut command = redis::cmd("HMGET");
    command.arg(key).arg(&["version", "record", "usage_count", "last_used_at"]);
    command
}

/// Returns the record in the reply to the command for the key of this id. The reply is `None` if the key has another
/// type, and the record is `None` if there is no such key.
///
/// # Errors
///
/// Returns [`Unreadable`] if something else is stored.
pub(super) fn record_of(id: &ApiKeyId, reply: Option<Value>) -> Result<Option<ApiKeyRecord>, Unreadable> {
    let fields = reply.and_then(|reply| from_redis_value::<[Option<Vec<u8>>; 4]>(reply).ok());
    let record = match &fields {
        Some([None, None, ..]) => return Ok(None),
        Some([Some(version), Some(record), count, last_used_at]) => {
            let usage = (number(count.as_deref()).unwrap_or(0), number(last_used_at.as_deref()));
            read(id, version, record).map(|record| record.with_usage(usage.0, usage.1.map(to_system_time)))
        }
        _ => None,
    };
    if record.is_none() {
        tracing::warn!(%id, "the record of an API key in Redis cannot be read, so the key does not exist");
    }
    record.map(Some).ok_or(Unreadable)
}

/// Returns the record if its text agrees with the key and with the version, by which it is replaced.
fn read(id: &ApiKeyId, version: &[u8], text: &[u8]) -> Option<ApiKeyRecord> {
    let record = ApiKeyRecord::from_json(str::from_utf8(text).ok()?).ok()?;
    (record.id() == id && number(Some(version)) == Some(record.version())).then_some(record)
}

fn number(text: Option<&[u8]>) -> Option<u64> {
    str::from_utf8(text?).ok()?.parse().ok()
}
