//! `impl ApiKeyStore for RedisKeys`.

use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, FromRedisValue, Value, from_redis_value};

use crate::api_key::key::id::ApiKeyId;
use crate::api_key::record::ApiKeyRecord;
use crate::api_key::redis::RedisKeys;
use crate::api_key::redis::key_call::{KeyCall, Replies};
use crate::api_key::redis::key_names::{owner_key, record_key};
use crate::api_key::redis::stored_record::{Unreadable, read_command, record_of};
use crate::api_key::store::ApiKeyStore;
use crate::api_key::usage::ApiKeyUsage;
use crate::record_store::StoreError;
use crate::record_store::time::{after, of_system_time};
use crate::store::caller::Caller;

impl ApiKeyStore for RedisKeys {
    async fn find(&self, id: &ApiKeyId) -> Result<Option<ApiKeyRecord>, StoreError> {
        let key = record_key(&self.prefix, id);
        let reply = command(&self.caller(), &key, read_command(&key)).await?;
        Ok(record_of(id, reply).ok().flatten())
    }

    async fn find_by_owner(&self, issuer: Option<&str>, id: &str) -> Result<Vec<ApiKeyRecord>, StoreError> {
        let index = owner_key(&self.prefix, issuer, id);
        let ids = self.ids_of(&index).await?;
        let mut records = Vec::new();
        let mut absent = Vec::new();
        for (id, stored) in self.read(ids).await? {
            match stored {
                Ok(Some(record)) => records.push(record),
                Ok(None) => absent.push(id),
                Err(Unreadable) => {}
            }
        }
        self.remove(&index, &absent).await;
        records.retain(|record| record.owner_issuer() == issuer && record.owner_id() == id);
        records.sort_by_key(|record| (record.created_at(), *record.id()));
        Ok(records)
    }

    /// Writes the record first, and then the index of its owner.
    ///
    /// If this process ends in between, the record of a new key is not in the index. No one knows the secret of that
    /// key: `create` has not returned it. And an id in the index always had a record, so if there is none, it has
    /// expired and does not come back. In the other order, `find_by_owner` could not tell it from one to come.
    async fn save(&self, record: &ApiKeyRecord) -> Result<(), StoreError> {
        let caller = self.caller();
        let key = record_key(&self.prefix, record.id());
        let Some(previous) = record.version().checked_sub(1) else { return Err(StoreError::Conflict) };
        let expires_at = self.retention.and_then(|retention| expiry(record, retention));
        let expires_at = expires_at.map(|time| time.to_string()).unwrap_or_default();
        let arguments = [previous.to_string(), record.version().to_string(), record.to_json(), expires_at];
        let mut replies = call(&caller, &key, KeyCall::Save { key: key.clone(), arguments }).await?;
        match value(replies.pop().flatten())? {
            0_u8 => return Err(StoreError::Conflict),
            1 => {}
            _ => return Err(unexpected_reply()),
        }
        // Each version again, which restores an index that was lost.
        let index = owner_key(&self.prefix, record.owner_issuer(), record.owner_id());
        let mut add = redis::cmd("SADD");
        add.arg(&index).arg(record.id().as_str());
        index_reply(command(&caller, &index, add).await?).map(drop)
    }

    async fn record_usage(&self, usage: &[ApiKeyUsage]) -> Result<(), StoreError> {
        let caller = self.caller();
        let mut calls = Vec::new();
        for usage in usage.chunks(if caller.is_cluster() { 1 } else { USAGE_PER_CALL }) {
            let keys: Vec<_> = usage.iter().map(|usage| record_key(&self.prefix, usage.id())).collect();
            let arguments = usage.iter().flat_map(|usage| [usage.count(), of_system_time(usage.last_used_at())]);
            let Some(key) = keys.first().cloned() else { continue };
            calls.push((key, KeyCall::RecordUsage { keys, arguments: arguments.collect() }));
        }
        call_all(&caller, calls).await.map(drop)
    }
}

impl RedisKeys {
    /// Returns the ids in the index of an owner.
    async fn ids_of(&self, index: &str) -> Result<Vec<ApiKeyId>, StoreError> {
        let mut members = redis::cmd("SMEMBERS");
        members.arg(index);
        let reply = index_reply(command(&self.caller(), index, members).await?)?;
        let members: Vec<Vec<u8>> = value(Some(reply))?;
        let ids = members.into_iter().filter_map(|member| str::from_utf8(&member).ok()?.parse().ok());
        Ok(ids.collect())
    }

    /// Reads the records of these ids.
    async fn read(
        &self,
        ids: Vec<ApiKeyId>,
    ) -> Result<Vec<(ApiKeyId, Result<Option<ApiKeyRecord>, Unreadable>)>, StoreError> {
        let caller = self.caller();
        let mut calls = Vec::new();
        for ids in ids.chunks(if caller.is_cluster() { 1 } else { READS_PER_CALL }) {
            let keys: Vec<_> = ids.iter().map(|id| record_key(&self.prefix, id)).collect();
            let commands = keys.iter().map(|key| read_command(key)).collect();
            let Some(key) = keys.into_iter().next() else { continue };
            calls.push((key, KeyCall::Commands(commands)));
        }
        let replies = call_all(&caller, calls).await?;
        if replies.len() != ids.len() {
            return Err(unexpected_reply());
        }
        Ok(ids.into_iter().zip(replies).map(|(id, reply)| (id, record_of(&id, reply))).collect())
    }

    /// Removes ids without a record from an index.
    async fn remove(&self, index: &str, ids: &[ApiKeyId]) {
        if ids.is_empty() {
            return;
        }
        let mut remove = redis::cmd("SREM");
        remove.arg(index).arg(ids.iter().map(ApiKeyId::as_str).collect::<Vec<_>>());
        // If it fails, the next call tries again.
        let _ = command(&self.caller(), index, remove).await;
    }
}

/// Sends one command.
async fn command(caller: &Arc<Caller<KeyCall>>, key: &str, command: Cmd) -> Result<Option<Value>, StoreError> {
    let mut replies = call(caller, key, KeyCall::Commands(vec![command])).await?;
    Ok(replies.pop().flatten())
}

async fn call(caller: &Arc<Caller<KeyCall>>, key: &str, call: KeyCall) -> Result<Replies, StoreError> {
    caller.call(key, call).await.map_err(StoreError::unavailable)
}

/// Makes calls, each to the node that has its key, and returns all replies in their order.
async fn call_all(caller: &Arc<Caller<KeyCall>>, calls: Vec<(String, KeyCall)>) -> Result<Replies, StoreError> {
    let mut replies = Vec::new();
    let mut calls = calls.into_iter();
    loop {
        let running: Vec<_> =
            calls.by_ref().take(CONCURRENT_CALLS).map(|(key, call)| caller.call(&key, call)).collect();
        if running.is_empty() {
            return Ok(replies);
        }
        for call in running {
            replies.extend(call.await.map_err(StoreError::unavailable)?);
        }
    }
}

/// Returns the reply to a command about an index. A key of another type is not one, and its owner's keys are unknown.
fn index_reply(reply: Option<Value>) -> Result<Value, StoreError> {
    reply.ok_or_else(|| StoreError::unavailable("the key for the ids of an owner's API keys in Redis is not a set"))
}

fn value<T: FromRedisValue>(reply: Option<Value>) -> Result<T, StoreError> {
    reply.and_then(|reply| from_redis_value(reply).ok()).ok_or_else(unexpected_reply)
}

fn unexpected_reply() -> StoreError {
    StoreError::unavailable("the reply of the Redis server has another form than expected")
}

/// Returns when a record may be removed, in seconds since 1970; `None` if its key does not end.
fn expiry(record: &ApiKeyRecord, retention: Duration) -> Option<u64> {
    let ends = [record.revoked_at(), record.expires_at()];
    let end = ends.into_iter().flatten().map(of_system_time).min()?;
    Some(after(Duration::from_secs(end), retention))
}

/// The most records that one call of the script changes. It holds up other clients for less than a millisecond.
const USAGE_PER_CALL: usize = 128;

/// The most records that are read at once, of some 500 bytes each.
const READS_PER_CALL: usize = 256;

/// The most calls at the same time, so that those of an owner with many keys do not wait behind each other in a cluster,
/// and do not crowd out the lookups of requests.
const CONCURRENT_CALLS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record_store::time::to_system_time;

    #[test]
    fn record_expires_the_retention_after_the_first_end_of_its_key() {
        let of = |expires_at: &str, revoked_at: Option<u64>| {
            let digest = "5a".repeat(32);
            let json = format!(
                r#"{{"id":"Zx81kQ0aB2cD","version":1,"owner_id":"a","created_at":1,"digest":"{digest}"{expires_at}}}"#
            );
            let record = ApiKeyRecord::from_json(&json).unwrap();
            let record = match revoked_at {
                Some(time) => record.into_revoked(to_system_time(time)),
                None => record,
            };
            expiry(&record, Duration::from_secs(1_000))
        };
        let expires = r#","expires_at":50"#;
        assert_eq!(of("", None), None);
        assert_eq!(of(expires, None), Some(1_050));
        assert_eq!(of("", Some(40)), Some(1_040));
        assert_eq!(of(expires, Some(40)), Some(1_040));
        assert_eq!(of(expires, Some(60)), Some(1_050));
    }
}
