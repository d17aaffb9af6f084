//! `impl ApiKeyStore for RedisKeys`.

use std::sync::LazyLock;
use std::time::Duration;

use redis::Value;

use crate::api_key::key::id::ApiKeyId;
use crate::api_key::record::ApiKeyRecord;
use crate::api_key::redis::RedisKeys;
use crate::api_key::redis::key_names::{owner_key, record_key};
use crate::api_key::redis::stored_record::{Unreadable, read_command, record_of};
use crate::api_key::store::ApiKeyStore;
use crate::api_key::usage::ApiKeyUsage;
use crate::record_store::StoreError;
use crate::record_store::time::{after, of_system_time};
use crate::store::record_call::{RecordCall, Replies, ScriptCall, UNEXPECTED_REPLY, value};
use crate::store::script::LoadedScript;

impl ApiKeyStore for RedisKeys {
    async fn find(&self, id: &ApiKeyId) -> Result<Option<ApiKeyRecord>, StoreError> {
        let key = record_key(&self.prefix, id);
        let reply = self.server.command(&key, read_command(&key)).await.map_err(StoreError::unavailable)?;
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
        let key = record_key(&self.prefix, record.id());
        let Some(previous) = record.version().checked_sub(1) else { return Err(StoreError::Conflict) };
        let expires_at = self.retention.and_then(|retention| expiry(record, retention));
        let expires_at = expires_at.map(|time| time.to_string()).unwrap_or_default();
        let save = ScriptCall {
            script: &SAVE,
            keys: vec![key.clone()],
            arguments: vec![previous.to_string(), record.version().to_string(), record.to_json(), expires_at],
            // The second execution would be a conflict with the first.
            is_repeatable: false,
        };
        let mut replies = self.server.call(&key, RecordCall::Script(save)).await.map_err(StoreError::unavailable)?;
        match value(replies.pop().flatten()).map_err(StoreError::unavailable)? {
            0_u8 => return Err(StoreError::Conflict),
            1 => {}
            _ => return Err(StoreError::unavailable(UNEXPECTED_REPLY)),
        }
        // Each version again, which restores an index that was lost.
        let index = owner_key(&self.prefix, record.owner_issuer(), record.owner_id());
        let mut add = redis::cmd("SADD");
        add.arg(&index).arg(record.id().as_str());
        index_reply(self.server.command(&index, add).await).map(drop)
    }

    async fn record_usage(&self, usage: &[ApiKeyUsage]) -> Result<(), StoreError> {
        let mut calls = Vec::new();
        for usage in usage.chunks(if self.server.is_cluster() { 1 } else { USAGE_PER_CALL }) {
            let keys: Vec<_> = usage.iter().map(|usage| record_key(&self.prefix, usage.id())).collect();
            let arguments = usage.iter().flat_map(|usage| [usage.count(), of_system_time(usage.last_used_at())]);
            let arguments = arguments.map(|number| number.to_string()).collect();
            let Some(key) = keys.first().cloned() else { continue };
            // The second execution would count twice.
            let call = ScriptCall { script: &RECORD_USAGE, keys, arguments, is_repeatable: false };
            calls.push((key, RecordCall::Script(call)));
        }
        self.call_all(calls).await.map(drop)
    }
}

impl RedisKeys {
    /// Returns the ids in the index of an owner.
    async fn ids_of(&self, index: &str) -> Result<Vec<ApiKeyId>, StoreError> {
        let mut members = redis::cmd("SMEMBERS");
        members.arg(index);
        let reply = index_reply(self.server.command(index, members).await)?;
        let members: Vec<Vec<u8>> = value(Some(reply)).map_err(StoreError::unavailable)?;
        let ids = members.into_iter().filter_map(|member| str::from_utf8(&member).ok()?.parse().ok());
        Ok(ids.collect())
    }

    /// Reads the records of these ids.
    async fn read(
        &self,
        ids: Vec<ApiKeyId>,
    ) -> Result<Vec<(ApiKeyId, Result<Option<ApiKeyRecord>, Unreadable>)>, StoreError> {
        let mut calls = Vec::new();
        for ids in ids.chunks(if self.server.is_cluster() { 1 } else { READS_PER_CALL }) {
            let keys: Vec<_> = ids.iter().map(|id| record_key(&self.prefix, id)).collect();
            let commands = keys.iter().map(|key| read_command(key)).collect();
            let Some(key) = keys.into_iter().next() else { continue };
            calls.push((key, RecordCall::Commands(commands)));
        }
        let replies = self.call_all(calls).await?;
        if replies.len() != ids.len() {
            return Err(StoreError::unavailable(UNEXPECTED_REPLY));
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
        let _ = self.server.command(index, remove).await;
    }

    /// Makes calls, each to the node that has its key, and returns all replies in their order.
    async fn call_all(&self, calls: Vec<(String, RecordCall)>) -> Result<Replies, StoreError> {
        let mut replies = Vec::new();
        let mut calls = calls.into_iter();
        loop {
            let running: Vec<_> =
                calls.by_ref().take(CONCURRENT_CALLS).map(|(key, call)| self.server.call(&key, call)).collect();
            if running.is_empty() {
                return Ok(replies);
            }
            for call in running {
                replies.extend(call.await.map_err(StoreError::unavailable)?);
            }
        }
    }
}

/// Returns the reply to a command about an index. A key of another type is not one, and its owner's keys are unknown.
fn index_reply(reply: Result<Option<Value>, String>) -> Result<Value, StoreError> {
    let reply = reply.map_err(StoreError::unavailable)?;
    reply.ok_or_else(|| StoreError::unavailable("the key for the ids of an owner's API keys in Redis is not a set"))
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

static SAVE: LazyLock<LoadedScript> = LazyLock::new(|| LoadedScript::new(include_str!("save.lua").to_owned()));

static RECORD_USAGE: LazyLock<LoadedScript> =
    LazyLock::new(|| LoadedScript::new(include_str!("record_usage.lua").to_owned()));

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
