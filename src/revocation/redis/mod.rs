//! The stream in Redis by which processes share revocations.

// A stream is a log with ids that increase. It is snapshot and news in one: a process that starts reads it from the
// start, and then waits for new entries. One key has everything, so it works in a
// cluster, and no state can be stored in part.
//
// All of it runs on one thread of the handle, which has its own runtime. It neither needs nor delays a runtime of the
// app. A request never waits for it: gates read the table.

mod backoff;
pub(crate) mod entry;
mod follower;
pub(super) mod health;
mod history;
mod queue;
mod recovery;
mod reply;
mod server;
pub(super) mod settings;
mod skipped;
mod stream_id;
pub(super) mod stream_writer;
pub(super) mod thread;
mod trimming;
mod writer;
