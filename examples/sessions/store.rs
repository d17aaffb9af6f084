//! `SqlSessions`: a store of sessions in a SQL database, with sqlx and SQLite.
//!
//! In PostgreSQL, the placeholders are `$1` to `$8`, `IS` is `IS NOT DISTINCT FROM`, the `MAX` of
//! two values is `GREATEST`, and there is no `LIMIT -1`. Concurrent transactions do not see each
//! other's rows: so that logins do not exceed the limit, and a logout does not miss the row of a
//! concurrent renewal, begin the transactions of `create`, `renew`, `remove` and `remove_all` with
//! `SELECT name FROM accounts WHERE name = $1 FOR UPDATE`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portcullis::StoreError;
use portcullis::session::{
    Created, SessionDigest, SessionId, SessionLimit, SessionRecord, SessionStore, SessionUse,
};
use sqlx::{Sqlite, SqlitePool, Transaction};

type Result<T> = std::result::Result<T, StoreError>;

/// The sessions in the table of `schema.sql`. Clones share the pool.
#[derive(Clone)]
pub(crate) struct SqlSessions(pub(crate) SqlitePool);

/// Runs for each request whose session is not cached: one lookup by the primary key.
pub(crate) const FIND: &str = "SELECT record, last_used_at FROM sessions WHERE digest = ?";

pub(crate) const FIND_BY_OWNER: &str = "SELECT record, last_used_at FROM sessions \
     WHERE owner_id = ? AND owner_issuer IS ? AND NOT is_replaced";

const INSERT: &str = "INSERT INTO sessions \
     (digest, id, owner_id, owner_issuer, record, is_replaced, kept_until, last_used_at) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)";

/// Runs at each login. The limit keeps it short, and is larger than the number of added rows.
pub(crate) const DELETE_EXPIRED: &str = "DELETE FROM sessions WHERE digest IN \
     (SELECT digest FROM sessions WHERE kept_until <= ? LIMIT 100)";

pub(crate) const COUNT: &str = "SELECT COUNT(*) FROM sessions \
     WHERE owner_id = ? AND owner_issuer IS ? AND NOT is_replaced AND kept_until > ?";

/// Keeps the new session, and the most recently used ones.
pub(crate) const DELETE_LEAST_USED: &str = "DELETE FROM sessions \
     WHERE owner_id = ?1 AND owner_issuer IS ?2 AND id IN \
     (SELECT id FROM sessions WHERE owner_id = ?1 AND owner_issuer IS ?2 \
      AND NOT is_replaced AND kept_until > ?3 \
      ORDER BY id = ?4 DESC, last_used_at DESC LIMIT -1 OFFSET ?5) RETURNING id, is_replaced";

/// Changes no row if another request has renewed the session, or if it has ended.
pub(crate) const REPLACE: &str = "UPDATE sessions \
     SET record = ?, is_replaced = TRUE, kept_until = ? WHERE digest = ? AND NOT is_replaced";

/// Creates no row: a session that has ended stays ended.
pub(crate) const TOUCH: &str =
    "UPDATE sessions SET last_used_at = MAX(last_used_at, ?) WHERE digest = ?";

pub(crate) const REMOVE: &str =
    "DELETE FROM sessions WHERE owner_id = ? AND owner_issuer IS ? AND id = ?";

pub(crate) const REMOVE_ALL: &str = "DELETE FROM sessions \
     WHERE owner_id = ? AND owner_issuer IS ? AND id IS NOT ? RETURNING id, is_replaced";

impl SessionStore for SqlSessions {
    async fn find(&self, digest: &SessionDigest) -> Result<Option<SessionRecord>> {
        let find = sqlx::query_as(FIND).bind(&digest.as_bytes()[..]);
        sql(find.fetch_optional(&self.0).await)?.map(into_record).transpose()
    }

    async fn create(&self, record: &SessionRecord, limit: Option<SessionLimit>) -> Result<Created> {
        // The first statement writes, so concurrent logins wait for each other.
        let mut transaction = sql(self.0.begin().await)?;
        insert(&mut transaction, record).await?;
        let removed = match limit {
            Some(limit) if limit.rejects_new() => {
                if is_over(&mut transaction, record, limit).await? {
                    // Without a commit, nothing is stored.
                    return Ok(Created::OverLimit);
                }
                Vec::new()
            }
            Some(limit) => remove_least_used(&mut transaction, record, limit).await?,
            None => Vec::new(),
        };
        let expired = sqlx::query(DELETE_EXPIRED).bind(seconds(record.created_at()));
        sql(expired.execute(&mut *transaction).await)?;
        sql(transaction.commit().await)?;
        Ok(Created::Stored { removed })
    }

    async fn renew(&self, old: &SessionRecord, renewed: &SessionRecord) -> Result<()> {
        let mut transaction = sql(self.0.begin().await)?;
        let replace = sqlx::query(REPLACE).bind(old.to_json()).bind(seconds(old.kept_until()));
        let replace = replace.bind(&old.digest().as_bytes()[..]);
        if sql(replace.execute(&mut *transaction).await)?.rows_affected() == 0 {
            return Err(StoreError::Conflict);
        }
        insert(&mut transaction, renewed).await?;
        sql(transaction.commit().await)
    }

    async fn touch(&self, uses: &[SessionUse]) -> Result<()> {
        let mut transaction = sql(self.0.begin().await)?;
        for session in uses {
            let touch = sqlx::query(TOUCH).bind(seconds(session.at()));
            let touch = touch.bind(&session.digest().as_bytes()[..]);
            sql(touch.execute(&mut *transaction).await)?;
        }
        sql(transaction.commit().await)
    }

    async fn remove(&self, issuer: Option<&str>, owner: &str, id: &SessionId) -> Result<bool> {
        let remove = sqlx::query(REMOVE).bind(owner).bind(issuer).bind(id.as_str());
        Ok(sql(remove.execute(&self.0).await)?.rows_affected() > 0)
    }

    async fn find_by_owner(&self, issuer: Option<&str>, owner: &str) -> Result<Vec<SessionRecord>> {
        let find = sqlx::query_as(FIND_BY_OWNER).bind(owner).bind(issuer);
        let rows = sql(find.fetch_all(&self.0).await)?.into_iter();
        // A record that cannot be read, for example after an update of the crate, is no session.
        Ok(rows.filter_map(|row| into_record(row).ok()).collect())
    }

    /// Uses one statement. The default removes the sessions one by one.
    async fn remove_all(
        &self,
        issuer: Option<&str>,
        owner: &str,
        except: Option<&SessionId>,
    ) -> Result<Vec<SessionId>> {
        let remove = sqlx::query_as(REMOVE_ALL).bind(owner).bind(issuer);
        let remove = remove.bind(except.map(SessionId::as_str));
        Ok(ids(sql(remove.fetch_all(&self.0).await)?))
    }
}

async fn insert(transaction: &mut Transaction<'_, Sqlite>, record: &SessionRecord) -> Result<()> {
    let insert = sqlx::query(INSERT)
        .bind(&record.digest().as_bytes()[..])
        .bind(record.id().as_str())
        .bind(record.owner_id())
        .bind(record.owner_issuer())
        .bind(record.to_json())
        .bind(record.replaced_until().is_some())
        .bind(seconds(record.kept_until()))
        .bind(seconds(record.last_used_at()));
    sql(insert.execute(&mut **transaction).await).map(drop)
}

/// Whether the owner of a new session has more than the limit.
async fn is_over(
    transaction: &mut Transaction<'_, Sqlite>,
    new: &SessionRecord,
    limit: SessionLimit,
) -> Result<bool> {
    let count = sqlx::query_scalar(COUNT).bind(new.owner_id()).bind(new.owner_issuer());
    let count = count.bind(seconds(new.created_at())).fetch_one(&mut **transaction);
    let count: i64 = sql(count.await)?;
    Ok(count > integer(limit.max()))
}

async fn remove_least_used(
    transaction: &mut Transaction<'_, Sqlite>,
    new: &SessionRecord,
    limit: SessionLimit,
) -> Result<Vec<SessionId>> {
    let remove = sqlx::query_as(DELETE_LEAST_USED).bind(new.owner_id()).bind(new.owner_issuer());
    let remove = remove.bind(seconds(new.created_at())).bind(new.id().as_str());
    let remove = remove.bind(integer(limit.max())).fetch_all(&mut **transaction);
    Ok(ids(sql(remove.await)?))
}

fn into_record((json, last_used_at): (String, i64)) -> Result<SessionRecord> {
    let last_used_at = Duration::from_secs(u64::try_from(last_used_at).unwrap_or(0));
    Ok(SessionRecord::from_json(&json)?.with_last_used_at(UNIX_EPOCH + last_used_at))
}

/// Returns the ids of deleted sessions. A replaced row has the same id as the current one.
fn ids(rows: Vec<(String, bool)>) -> Vec<SessionId> {
    let sessions = rows.into_iter().filter(|(_, is_replaced)| !is_replaced);
    sessions.filter_map(|(id, _)| SessionId::parse(&id)).collect()
}

fn seconds(time: SystemTime) -> i64 {
    integer(time.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs()))
}

/// SQL has no unsigned integers.
fn integer(value: impl TryInto<i64>) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}

fn sql<T>(result: sqlx::Result<T>) -> Result<T> {
    result.map_err(StoreError::unavailable)
}
