//! `Follower`: reads the stream, applies its entries to the table, and notices if the stream was lost.

// Each read is one pipeline, so one round trip:
//
// - `XREAD` returns what is new. Once the end was reached, it waits for new entries for up to a second.
// - `XREVRANGE` returns the anchor, an entry that must still be there (see `history`). It runs after `XREAD`,
//   so if the anchor is there, all entries that were read belong to the same stream as it. `XREAD` alone does not show
//   that a stream was lost: it waits for ever for ids that are greater than those of the lost stream.
// - `XTRIM` removes nothing: as a write, it shows whether the server still is a primary. A replica returns an error.
//
// What has expired is removed by an `XTRIM` of its own, right after a read has shown that the stream is still the same.
// Another stream may have lower ids, and entries that nothing else has. Each process removes what it can.

use std::sync::{Arc, Weak};
use std::time::Duration;

use redis::{Pipeline, RedisError, Value};
use tokio::time::sleep;

use crate::clock::Clock;
use crate::revocation::record::Record;
use crate::revocation::redis::backoff::Backoff;
use crate::revocation::redis::entry::{EntryError, decode};
use crate::revocation::redis::health::{Health, Problem};
use crate::revocation::redis::history::{Anchor, History};
use crate::revocation::redis::queue::{ReadStart, WriteQueue};
use crate::revocation::redis::recovery::Recovery;
use crate::revocation::redis::reply::{RawEntry, range_entries, read_entries};
use crate::revocation::redis::server::{Server, ServerConnection};
use crate::revocation::redis::skipped::Skipped;
use crate::revocation::redis::stream_id::StreamId;
use crate::revocation::redis::trimming::{trim_command, trim_error};
use crate::revocation::redis::writer::{added, additions};
use crate::revocation::shared::Shared;
use crate::store::failure::Failure;

pub(super) struct Follower {
    server: Arc<Server>,
    queue: Arc<WriteQueue>,
    shared: Weak<Shared>,
    key: Arc<str>,
    clock: Clock,
    health: Health,
    backoff: Backoff,
    /// The id of the last entry that was read.
    position: StreamId,
    history: History,
    /// When the last of the entries expires that were left out because they had expired.
    left_out_until: u32,
    /// The last entry that was skipped, with a line in the log.
    last_skipped: StreamId,
    /// The id before which nothing is left to trim.
    trimmed: StreamId,
    /// Present from the loss of the stream until this process has written back what it holds.
    recovery: Option<Recovery>,
}

/// The replies to one read.
struct Reading {
    start: ReadStart,
    /// The id after which it began.
    after: StreamId,
    entries: Vec<RawEntry>,
    /// The last entry at the time of the previous read, if it has not expired.
    anchor: Option<Anchor>,
    /// The entry with the id of the anchor; without an anchor, the last entry of the stream.
    found: Option<RawEntry>,
    /// The error that shows that the server is not a primary that works.
    trim_error: Option<RedisError>,
    /// Whether there were no more entries.
    is_end: bool,
}

/// Why the follower stops with a connection.
enum Stop {
    /// The last handle was dropped.
    HandleDropped,
    Problem(Problem),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Problem(failure.into())
    }
}

impl Follower {
    pub(super) fn new(
        server: Arc<Server>,
        queue: Arc<WriteQueue>,
        shared: Weak<Shared>,
        key: Arc<str>,
        clock: Clock,
        health: Health,
    ) -> Self {
        Self {
            server,
            queue,
            shared,
            key,
            clock,
            health,
            backoff: Backoff::default(),
            position: StreamId::START,
            history: History::default(),
            left_out_until: 0,
            last_skipped: StreamId::START,
            trimmed: StreamId::START,
            recovery: None,
        }
    }

    /// Follows the stream over one connection after another, until the last handle is dropped.
    pub(super) async fn run(mut self) {
        loop {
            let problem = match self.follow().await {
                Stop::HandleDropped => return,
                Stop::Problem(problem) => problem,
            };
            // The connection for writes probably leads to the same server.
            self.server.abandon_connections();
            self.health.record_failure(&problem, self.clock.monotonic());
            self.publish_health();
            sleep(self.backoff.next()).await;
        }
    }

    async fn follow(&mut self) -> Stop {
        match self.follow_connection().await {
            Ok(never) => match never {},
            Err(stop) => stop,
        }
    }

    async fn follow_connection(&mut self) -> Result<std::convert::Infallible, Stop> {
        let mut connection = self.server.connect().await?;
        self.server.check_eviction(&connection).await?;
        let mut may_block = false;
        // Whether the read continues the previous one, or begins at the start because of it.
        let mut continues = false;
        loop {
            if self.shared()?.expired_before() < self.left_out_until {
                // The clock was ahead when entries were left out, and was set back.
                self.read_from_start();
            }
            let reading = self.read(&mut connection, may_block).await?;
            let is_end = reading.is_end;
            may_block = is_end;
            self.apply(&reading.entries).await?;
            self.confirm_writes(&reading);
            if self.is_lost(&reading, continues) {
                may_block = false;
                continues = true;
                continue;
            }
            continues = !is_end;
            if let Some(error) = reading.trim_error {
                return Err(self.server.failure(error).into());
            }
            if is_end {
                self.backoff.reset();
                self.health.record_read(self.clock.monotonic());
                self.trim(&mut connection).await?;
                may_block = self.recover(&mut connection).await?;
            } else {
                self.health.check_age(self.clock.monotonic());
            }
            self.publish_health();
        }
    }

    /// Reads the next entries. If there are none and it may block, it waits for them for a while.
    async fn read(&mut self, connection: &mut ServerConnection, may_block: bool) -> Result<Reading, Stop> {
        let now = self.shared()?.expired_before();
        let anchor = self.history.anchor(now.into()).cloned();
        let mut commands = Pipeline::new();
        let read = commands.cmd("XREAD").arg("COUNT").arg(MAX_ENTRIES);
        if may_block {
            read.arg("BLOCK").arg(BLOCK.as_millis() as u64);
        }
        read.arg("STREAMS").arg(&*self.key).arg(self.position.to_string());
        let found = commands.cmd("XREVRANGE").arg(&*self.key);
        match anchor.as_ref().map(|anchor| anchor.id.to_string()) {
            Some(id) => found.arg(&id).arg(&id),
            None => found.arg("+").arg("-").arg("COUNT").arg(1),
        };
        commands.add_command(trim_command(&self.key, StreamId::START));
        let start = self.queue.read_start();
        let deadline = if may_block { BLOCK + DEADLINE } else { DEADLINE };
        let replies = self.server.send(connection, &commands, deadline).await?;
        let [read, found, trim] = <[Value; 3]>::try_from(replies).map_err(|_| Failure::unexpected_response())?;
        let entries = self.reply(read)?;
        let entries = read_entries(entries).ok_or_else(Failure::unexpected_response)?;
        let found = self.reply(found)?;
        let found = range_entries(found).ok_or_else(Failure::unexpected_response)?.pop();
        let is_end = entries.len() < MAX_ENTRIES;
        Ok(Reading { start, after: self.position, entries, anchor, found, trim_error: trim_error(trim), is_end })
    }

    /// Removes what has expired from the stream, unless this process is about to write entries back.
    async fn trim(&mut self, connection: &mut ServerConnection) -> Result<(), Stop> {
        let now = self.shared()?.expired_before();
        let before = self.history.expired_before(now.into());
        if before == self.trimmed || self.recovery.is_some() {
            return Ok(());
        }
        let mut commands = Pipeline::new();
        commands.add_command(trim_command(&self.key, before));
        // An error is that of the next read too. One command removes only so many entries.
        if self.server.send(connection, &commands, DEADLINE).await? == [Value::Int(0)] {
            self.trimmed = before;
        }
        Ok(())
    }

    fn reply(&self, reply: Value) -> Result<Value, Failure> {
        reply.extract_error().map_err(|error| self.server.failure(error))
    }

    /// Applies entries to the table. If one does not fit, the table is unavailable until there is room for it.
    async fn apply(&mut self, entries: &[RawEntry]) -> Result<(), Stop> {
        let mut skipped = Skipped::default();
        for entry in entries {
            let record = decode(&entry.value);
            match record {
                Ok(record) => self.apply_record(entry, record).await?,
                Err(error) => {
                    // Not again if the stream is read from its start.
                    if entry.id > self.last_skipped {
                        skipped.add(entry.id);
                        self.last_skipped = entry.id;
                    }
                    if error == EntryError::Unknown {
                        self.history.add_unknown(entry.id);
                    }
                }
            }
            self.position = entry.id;
        }
        skipped.log();
        Ok(())
    }

    async fn apply_record(&mut self, entry: &RawEntry, record: Record) -> Result<(), Stop> {
        loop {
            let shared = self.shared()?;
            let now = shared.expired_before();
            if record.expires_at() <= now {
                // What has expired revokes nothing, and may be more than the table can hold.
                self.left_out_until = self.left_out_until.max(record.expires_at());
                break;
            }
            if shared.apply(&record).is_ok() {
                if let Some(recovery) = &mut self.recovery {
                    recovery.apply(&record, now);
                }
                break;
            }
            drop(shared);
            if self.health.record_full() {
                self.publish_health();
            }
            sleep(ROOM_INTERVAL).await;
        }
        if self.health.record_room() {
            self.publish_health();
        }
        self.history.add(entry.id, entry.value.clone(), record.expires_at());
        Ok(())
    }

    /// Writes again what Redis has acknowledged, but does not have.
    fn confirm_writes(&self, reading: &Reading) {
        let lost = self.queue.confirm(reading.start, &reading.entries, self.position, reading.is_end);
        if lost > 0 {
            self.server.abandon_connections();
            tracing::warn!(
                lost,
                "Redis lost revocations that it had stored, probably in a failover: writing them again"
            );
        }
    }

    /// Whether the stream may be another one than that which was read. Then it will be read from its start. `continues`
    /// is whether the read continues the previous one.
    fn is_lost(&mut self, reading: &Reading, continues: bool) -> bool {
        let found = reading.found.as_ref();
        let has_news = !continues && reading.after != StreamId::START && !reading.entries.is_empty();
        let is_lost = match &reading.anchor {
            Some(anchor) => found.is_none_or(|entry| (entry.id, &entry.value) != (anchor.id, &anchor.value)),
            // Nothing that was read is needed any more. But a new stream may start with lower ids.
            None => has_news || found.map_or(StreamId::START, |last| last.id) < self.position,
        };
        let is_compared = self.recovery.is_some();
        let is_incomplete = !is_compared && self.queue.take_overflow();
        if !is_lost && !is_incomplete {
            return false;
        }
        if reading.anchor.is_some() || is_incomplete {
            tracing::warn!(
                "the stream of revocations has lost entries: it is read from its start, and this process writes back \
                 what it holds"
            );
            self.recovery = self.shared.upgrade().map(|shared| Recovery::new(shared.max_entries()));
            self.queue.set_recovering(true);
        }
        self.read_from_start();
        true
    }

    fn read_from_start(&mut self) {
        self.position = StreamId::START;
        self.history = History::default();
        self.left_out_until = 0;
        self.trimmed = StreamId::START;
    }

    /// After a loss, writes back the next records that the stream lacks. Returns whether the next read may block.
    async fn recover(&mut self, connection: &mut ServerConnection) -> Result<bool, Stop> {
        let shared = self.shared()?;
        let Some(recovery) = &mut self.recovery else { return Ok(true) };
        if let Some(delay) = recovery.take_delay() {
            drop(shared);
            sleep(delay).await;
            return Ok(false);
        }
        let records = recovery.next(MAX_WRITES, shared.expired_before(), || shared.records());
        drop(shared);
        if records.is_empty() {
            tracing::info!(written = recovery.written(), "the stream of revocations is complete again");
            self.recovery = None;
            self.queue.set_recovering(false);
            return Ok(true);
        }
        let commands = additions(&self.key, records.iter());
        let replies = match self.server.send(connection, &commands, DEADLINE).await {
            Ok(replies) => replies,
            Err(failure) => {
                recovery.record_write(0, records);
                return Err(failure.into());
            }
        };
        let total = records.len();
        let (mut failed, mut failure) = (Vec::new(), None);
        for (record, reply) in records.into_iter().zip(replies) {
            if let Err(error) = added(reply) {
                failed.push(record);
                failure = failure.or(error);
            }
        }
        let stored = total - failed.len();
        let is_complete = failed.is_empty();
        recovery.record_write(stored, failed);
        if let Some(error) = failure {
            tracing::debug!(%error, "revocations could not be written back");
        }
        // After a failure, the next read waits for a while, and then the rest is tried again.
        Ok(!is_complete)
    }

    fn publish_health(&self) {
        let Some(shared) = self.shared.upgrade() else { return };
        for (reason, is_given) in self.health.reasons() {
            if is_given {
                shared.set_unavailable(reason);
            } else {
                shared.set_available(reason);
            }
        }
    }

    fn shared(&self) -> Result<Arc<Shared>, Stop> {
        self.shared.upgrade().ok_or(Stop::HandleDropped)
    }
}

/// How long a read waits for new entries. A server that vanished is noticed a little later.
const BLOCK: Duration = Duration::from_secs(1);
/// How long a reply may take, in addition.
const DEADLINE: Duration = Duration::from_secs(2);
/// The most entries of one reply: some 400 KB. The server returns as many in a few milliseconds.
const MAX_ENTRIES: usize = 4_096;
/// The most records that are written back at a time.
const MAX_WRITES: usize = 1_024;
/// How often an entry that does not fit is tried again.
const ROOM_INTERVAL: Duration = Duration::from_millis(500);
