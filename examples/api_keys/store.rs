//! `SqlKeys`: a store of API keys in a SQL database, with sqlx and SQLite.
//!
//! In PostgreSQL, the placeholders are `$1` to `$6`, `IS` is `IS NOT DISTINCT FROM`, and the `MAX`
//! of two values is `GREATEST`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portcullis::StoreError;
use portcullis::api_key::{ApiKeyId, ApiKeyRecord, ApiKeyStore, ApiKeyUsage};
use sqlx::SqlitePool;

/// The keys in the table of `schema.sql`. Clones share the pool.
#[derive(Clone)]
pub(crate) struct SqlKeys(pub(crate) SqlitePool);

/// Each request with a key that is not cached runs it: one lookup by the primary key.
pub(crate) const FIND: &str = "SELECT record, revoked_at, usage_count, last_used_at FROM api_keys \
     WHERE id = ?";

pub(crate) const FIND_BY_OWNER: &str = "SELECT record, revoked_at, usage_count, last_used_at \
     FROM api_keys WHERE owner_id = ? AND owner_issuer IS ?";

const INSERT: &str = "INSERT INTO api_keys \
     (id, owner_id, owner_issuer, record, version, revoked_at) VALUES (?, ?, ?, ?, ?, ?) \
     ON CONFLICT (id) DO NOTHING";

/// Changes no row if another change came first.
const UPDATE: &str = "UPDATE api_keys SET record = ?, version = ?, revoked_at = ? \
     WHERE id = ? AND version = ?";

const RECORD_USAGE: &str = "UPDATE api_keys SET usage_count = usage_count + ?, \
     last_used_at = MAX(COALESCE(last_used_at, 0), ?) WHERE id = ?";

/// The JSON of the records is not changed: `into_record` revokes them when it reads them.
pub(crate) const REVOKE_ALL: &str = "UPDATE api_keys SET revoked_at = ?, version = version + 1 \
     WHERE owner_id = ? AND owner_issuer IS ? AND revoked_at IS NULL RETURNING id";

/// The columns that `FIND` and `FIND_BY_OWNER` select.
type Row = (String, Option<i64>, i64, Option<i64>);

impl ApiKeyStore for SqlKeys {
    async fn find(&self, id: &ApiKeyId) -> Result<Option<ApiKeyRecord>, StoreError> {
        let row = sqlx::query_as(FIND).bind(id.as_str()).fetch_optional(&self.0).await;
        row.map_err(StoreError::unavailable)?.map(into_record).transpose()
    }

    async fn find_by_owner(
        &self,
        issuer: Option<&str>,
        id: &str,
    ) -> Result<Vec<ApiKeyRecord>, StoreError> {
        let rows = sqlx::query_as(FIND_BY_OWNER).bind(id).bind(issuer).fetch_all(&self.0).await;
        let rows = rows.map_err(StoreError::unavailable)?.into_iter();
        let mut records = rows.map(into_record).collect::<Result<Vec<_>, _>>()?;
        records.sort_by_key(ApiKeyRecord::created_at);
        Ok(records)
    }

    async fn save(&self, record: &ApiKeyRecord) -> Result<(), StoreError> {
        let id = record.id().as_str();
        let revoked_at = record.revoked_at().map(seconds);
        let version = integer(record.version());
        let statement = if version == 1 {
            let insert = sqlx::query(INSERT).bind(id).bind(record.owner_id());
            insert.bind(record.owner_issuer()).bind(record.to_json()).bind(version).bind(revoked_at)
        } else {
            let update = sqlx::query(UPDATE).bind(record.to_json()).bind(version).bind(revoked_at);
            update.bind(id).bind(version - 1)
        };
        let saved = statement.execute(&self.0).await.map_err(StoreError::unavailable)?;
        if saved.rows_affected() == 0 { Err(StoreError::Conflict) } else { Ok(()) }
    }

    async fn record_usage(&self, usage: &[ApiKeyUsage]) -> Result<(), StoreError> {
        // All or nothing: after an error, the same usage is part of the next call.
        let mut transaction = self.0.begin().await.map_err(StoreError::unavailable)?;
        for usage in usage {
            let (count, last_used_at) = (integer(usage.count()), seconds(usage.last_used_at()));
            let update = sqlx::query(RECORD_USAGE).bind(count).bind(last_used_at);
            let update = update.bind(usage.id().as_str()).execute(&mut *transaction);
            update.await.map_err(StoreError::unavailable)?;
        }
        transaction.commit().await.map_err(StoreError::unavailable)
    }

    async fn revoke_all(
        &self,
        issuer: Option<&str>,
        id: &str,
        at: SystemTime,
    ) -> Result<Vec<ApiKeyId>, StoreError> {
        let revoked = sqlx::query_scalar(REVOKE_ALL).bind(seconds(at)).bind(id).bind(issuer);
        let ids: Vec<String> = revoked.fetch_all(&self.0).await.map_err(StoreError::unavailable)?;
        ids.iter().map(|id| id.parse().map_err(StoreError::unavailable)).collect()
    }
}

fn into_record(
    (json, revoked_at, usage_count, last_used_at): Row,
) -> Result<ApiKeyRecord, StoreError> {
    let record = ApiKeyRecord::from_json(&json)?;
    let record = record.with_usage(u64::try_from(usage_count).unwrap_or(0), last_used_at.map(time));
    Ok(match revoked_at {
        Some(at) => record.into_revoked(time(at)),
        None => record,
    })
}

fn time(seconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

fn seconds(time: SystemTime) -> i64 {
    integer(time.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs()))
}

/// SQL has no unsigned integers.
fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
