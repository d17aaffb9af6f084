//! `impl SessionStore for RedisSessions`.

use redis::{FromRedisValue, Value};

use crate::record_store::StoreError;
use crate::record_store::time::to_system_time;
use crate::session::id::SessionId;
use crate::session::record::SessionRecord;
use crate::session::redis::RedisSessions;
use crate::session::redis::scripts::{CREATE, FIND, LIST, REMOVE, REMOVE_ALL, RENEW, TOUCH};
use crate::session::secret::SessionDigest;
use crate::session::store::{Created, SessionLimit, SessionStore, SessionUse};
use crate::store::owner_digest::owner_digest;
use crate::store::record_call::{RecordCall, ScriptCall, value};
use crate::store::script::LoadedScript;

impl SessionStore for RedisSessions {
    async fn find(&self, digest: &SessionDigest) -> Result<Option<SessionRecord>, StoreError> {
        let key = self.record_key(digest);
        let arguments = vec![self.owner_prefix(), digest.to_hex()];
        match self.call(&FIND, vec![key], arguments, true).await? {
            None => Err(StoreError::Unreadable),
            Some(Value::Nil) => Ok(None),
            reply => {
                let (record, last_used_at) = read::<(Vec<u8>, Vec<u8>)>(reply)?;
                let record = record_of(&record, &last_used_at).filter(|record| record.digest == *digest);
                record.map(Some).ok_or(StoreError::Unreadable)
            }
        }
    }

    async fn create(&self, record: &SessionRecord, limit: Option<SessionLimit>) -> Result<Created, StoreError> {
        let owner = owner_digest(record.owner_issuer(), record.owner_id());
        let mut arguments = vec![
            record.created_at.to_string(),
            record.digest.to_hex(),
            record.kept_until_seconds().to_string(),
            limit.map_or_else(String::new, |limit| limit.max.to_string()),
            u8::from(limit.is_some_and(|limit| limit.rejects_new)).to_string(),
        ];
        arguments.extend(fields(record, &owner));
        // Not repeatable: a second execution would remove another session.
        let removed: Option<Vec<String>> = read(self.call_owner(&CREATE, &owner, arguments, false).await?)?;
        Ok(match removed {
            Some(removed) => Created::Stored { removed: ids(&removed) },
            None => Created::OverLimit,
        })
    }

    async fn renew(&self, old: &SessionRecord, renewed: &SessionRecord) -> Result<(), StoreError> {
        let owner = owner_digest(renewed.owner_issuer(), renewed.owner_id());
        let mut arguments = vec![
            // The time of the renewal.
            renewed.last_used_at.to_string(),
            old.id.to_string(),
            old.digest.to_hex(),
            old.kept_until_seconds().to_string(),
            old.to_json(),
            renewed.digest.to_hex(),
            renewed.kept_until_seconds().to_string(),
        ];
        arguments.extend(fields(renewed, &owner));
        // Repeatable: after a second execution, which is a conflict, the caller reads what the first one stored.
        match read(self.call_owner(&RENEW, &owner, arguments, true).await?)? {
            1_u8 => Ok(()),
            _ => Err(StoreError::Conflict),
        }
    }

    async fn touch(&self, uses: &[SessionUse]) -> Result<(), StoreError> {
        for uses in uses.chunks(USES_PER_CALL) {
            let keys = uses.iter().map(|session_use| self.record_key(&session_use.digest)).collect();
            let times = uses.iter().map(|session_use| session_use.at.to_string()).collect();
            self.call(&TOUCH, keys, times, true).await?;
        }
        Ok(())
    }

    async fn remove(&self, issuer: Option<&str>, owner: &str, id: &SessionId) -> Result<bool, StoreError> {
        let owner = owner_digest(issuer, owner);
        // Not repeatable: a second execution would find nothing.
        Ok(read::<u8>(self.call_owner(&REMOVE, &owner, vec![id.to_string()], false).await?)? == 1)
    }

    async fn find_by_owner(&self, issuer: Option<&str>, id: &str) -> Result<Vec<SessionRecord>, StoreError> {
        let owner = owner_digest(issuer, id);
        let mut found = Vec::new();
        let mut offset = 0;
        loop {
            let arguments = vec![offset.to_string(), RECORDS_PER_CALL.to_string()];
            let reply = self.call_owner(&LIST, &owner, arguments, true).await?;
            let (count, records) = read::<(usize, Vec<Vec<u8>>)>(reply)?;
            for pair in records.chunks_exact(2) {
                let [record, last_used_at] = pair else { continue };
                found.extend(record_of(record, last_used_at));
            }
            offset += count;
            if count < RECORDS_PER_CALL {
                break;
            }
        }
        found.retain(|record| record.owner_issuer() == issuer && record.owner_id() == id);
        found.sort_by_key(|record| (record.created_at, record.id));
        Ok(found)
    }

    async fn remove_all(
        &self,
        issuer: Option<&str>,
        owner: &str,
        except: Option<&SessionId>,
    ) -> Result<Vec<SessionId>, StoreError> {
        let owner = owner_digest(issuer, owner);
        let except = except.map(SessionId::to_string).unwrap_or_default();
        let mut all_removed = Vec::new();
        let mut offset = 0;
        loop {
            let arguments = vec![except.clone(), offset.to_string(), RECORDS_PER_CALL.to_string()];
            // Not repeatable: a second execution would not return the ids.
            let reply = self.call_owner(&REMOVE_ALL, &owner, arguments, false).await?;
            let (count, kept, removed) = read::<(usize, usize, Vec<String>)>(reply)?;
            all_removed.extend(ids(&removed));
            offset += kept;
            if count < RECORDS_PER_CALL {
                break;
            }
        }
        // A session and its replaced records may be in different calls.
        all_removed.sort_unstable();
        all_removed.dedup();
        Ok(all_removed)
    }
}

impl RedisSessions {
    /// Calls a script about the sessions of an owner.
    async fn call_owner(
        &self,
        script: &'static LoadedScript,
        owner: &str,
        arguments: Vec<String>,
        is_repeatable: bool,
    ) -> Result<Option<Value>, StoreError> {
        let key = format!("{}{owner}", self.owner_prefix());
        let arguments = std::iter::once(self.record_prefix()).chain(arguments).collect();
        self.call(script, vec![key], arguments, is_repeatable).await
    }

    /// Calls a script. Returns `None` if a key has another type.
    async fn call(
        &self,
        script: &'static LoadedScript,
        keys: Vec<String>,
        arguments: Vec<String>,
        is_repeatable: bool,
    ) -> Result<Option<Value>, StoreError> {
        let call = RecordCall::Script(ScriptCall { script, keys, arguments, is_repeatable });
        let mut replies = self.server.call(&self.record_prefix(), call).await.map_err(StoreError::unavailable)?;
        Ok(replies.pop().flatten())
    }

    fn record_key(&self, digest: &SessionDigest) -> String {
        format!("{}{}", self.record_prefix(), digest.to_hex())
    }

    /// Returns the prefix of the keys of records. The braces put all keys into one slot of a cluster.
    fn record_prefix(&self) -> String {
        format!("{{{}}}:", self.prefix)
    }

    /// Returns the prefix of the keys of owners.
    fn owner_prefix(&self) -> String {
        format!("{{{}}}:owner:", self.prefix)
    }
}

/// The names and values of the fields of a record.
fn fields(record: &SessionRecord, owner: &str) -> [String; 8] {
    [
        "id".to_owned(),
        record.id.to_string(),
        "owner".to_owned(),
        owner.to_owned(),
        "record".to_owned(),
        record.to_json(),
        "last_used_at".to_owned(),
        record.last_used_at.to_string(),
    ]
}

/// Returns a record from its fields; `None` if it cannot be read.
fn record_of(record: &[u8], last_used_at: &[u8]) -> Option<SessionRecord> {
    let record = SessionRecord::from_json(str::from_utf8(record).ok()?).ok()?;
    let last_used_at = str::from_utf8(last_used_at).ok().and_then(|text| text.parse().ok());
    Some(match last_used_at {
        Some(time) => record.with_last_used_at(to_system_time(time)),
        None => record,
    })
}

fn ids(texts: &[String]) -> Vec<SessionId> {
    texts.iter().filter_map(|text| SessionId::parse(text)).collect()
}

/// Reads a reply, which is `None` if a key has another type.
fn read<T: FromRedisValue>(reply: Option<Value>) -> Result<T, StoreError> {
    match reply {
        Some(_) => value(reply).map_err(StoreError::unavailable),
        None => Err(StoreError::unavailable("a key of a session in Redis has another type")),
    }
}

/// The most records that one call changes, which blocks other clients for less than a millisecond.
const USES_PER_CALL: usize = 128;

/// The most records that one call reads or removes, of some 500 bytes each.
const RECORDS_PER_CALL: usize = 256;
