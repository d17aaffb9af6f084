//! `Writer`: adds queued records to the stream.

use std::sync::{Arc, Weak};
use std::time::Duration;

use redis::{Pipeline, Value};
use tokio::time::{Instant, sleep};

use crate::revocation::record::Record;
use crate::revocation::redis::backoff::Backoff;
use crate::revocation::redis::entry::{FIELD, encode};
use crate::revocation::redis::health::Problem;
use crate::revocation::redis::queue::{QueuedRecord, WriteQueue};
use crate::revocation::redis::server::{Server, ServerConnection};
use crate::revocation::redis::stream_id::StreamId;
use crate::revocation::shared::Shared;
use crate::store::failure::{Failure, FailureKind};

/// Writes all records that wait in one pipeline, and then the next ones.
pub(super) struct Writer {
    pub(super) server: Arc<Server>,
    pub(super) queue: Arc<WriteQueue>,
    pub(super) key: Arc<str>,
    pub(super) shared: Weak<Shared>,
}

impl Writer {
    pub(super) async fn run(self) {
        let mut connection = None;
        let mut backoff = Backoff::default();
        let mut is_failing = false;
        // Without a table, nothing is left to write.
        let expired_before = || self.shared.upgrade().map_or(u32::MAX, |shared| shared.expired_before());
        loop {
            let batch = self.queue.take(MAX_BATCH, expired_before).await;
            match self.write(&mut connection, batch).await {
                Ok(()) => {
                    if std::mem::take(&mut is_failing) {
                        tracing::info!("revocations are written to the stream again");
                    }
                    backoff.reset();
                }
                Err(failure) => {
                    let Problem { message: error, remedy } = Problem::from(failure);
                    if std::mem::replace(&mut is_failing, true) {
                        tracing::debug!(%error, "revocations could not be written to the stream");
                    } else {
                        tracing::warn!(
                            %error,
                            "revocations cannot be written to the stream: they apply to this process, and are written as \
                             soon as possible; {remedy}"
                        );
                    }
                    sleep(backoff.next()).await;
                }
            }
        }
    }

    /// Writes a batch. What could not be written is queued again.
    async fn write(&self, connection: &mut Option<ServerConnection>, batch: Vec<QueuedRecord>) -> Result<(), Failure> {
        let deadline = Instant::now() + DEADLINE;
        let kept = connection.take().filter(|connection| self.server.is_current(connection));
        let was_open = kept.is_some();
        let mut batch = batch;
        let mut result = self.attempt(kept, connection, &mut batch, deadline).await;
        // An idle connection may have been closed, or lead to a server that has become a replica.
        let mut retries = u8::from(was_open);
        // A key that moves to another node of the cluster: for a moment, a node may name the wrong one.
        let mut redirections = 2;
        while let Err(failure) = &result {
            let left = if failure.kind == FailureKind::Cluster { &mut redirections } else { &mut retries };
            let Some(fewer) = left.checked_sub(1) else { break };
            *left = fewer;
            result = self.attempt(None, connection, &mut batch, deadline).await;
        }
        if let Err(failure) = &result {
            self.queue.failed(batch, &failure.message);
        }
        self.queue.end_write();
        result
    }

    /// Writes a batch over this connection or a new one, and keeps that if it works. What is written is removed from
    /// the batch.
    async fn attempt(
        &self,
        open: Option<ServerConnection>,
        kept: &mut Option<ServerConnection>,
        batch: &mut Vec<QueuedRecord>,
        deadline: Instant,
    ) -> Result<(), Failure> {
        let mut connection = match open {
            Some(connection) => connection,
            None => self.server.connect().await?,
        };
        let commands = additions(&self.key, batch.iter().map(|queued| &queued.record));
        let time_left = deadline.saturating_duration_since(Instant::now());
        let replies = self.server.send(&mut connection, &commands, time_left).await?;
        let mut result = Ok(());
        let mut failed = Vec::new();
        for (queued, reply) in batch.drain(..).zip(replies) {
            match added(reply) {
                Ok(id) => self.queue.stored(id, queued),
                Err(error) => {
                    failed.push(queued);
                    result = Err(error.map_or_else(Failure::unexpected_response, |error| self.server.failure(error)));
                }
            }
        }
        *batch = failed;
        if result.is_ok() {
            *kept = Some(connection);
        }
        result
    }
}

/// Returns a command for each record that adds it to the stream.
pub(super) fn additions<'a>(key: &str, records: impl Iterator<Item = &'a Record>) -> Pipeline {
    let mut commands = Pipeline::new();
    for record in records {
        commands.cmd("XADD").arg(key).arg("*").arg(FIELD).arg(encode(record));
    }
    commands
}

/// Returns the id of an added entry.
///
/// # Errors
///
/// Returns the server's error, or `None` if the reply is not an id.
pub(super) fn added(reply: Value) -> Result<StreamId, Option<redis::RedisError>> {
    match reply.extract_error().map_err(Some)? {
        Value::BulkString(id) => StreamId::parse(&id).ok_or(None),
        _ => Err(None),
    }
}

/// The most records in one pipeline.
const MAX_BATCH: usize = 1_024;
/// How long a write may take, without the time to connect.
const DEADLINE: Duration = Duration::from_secs(1);
