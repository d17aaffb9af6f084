//! The stream in Redis by which processes share revocations.

// A stream is a log with ids that increase. It is snapshot and news in one: a node that starts reads it from the start,
// and then waits for new entries. One key has everything, so it works in a cluster, and nothing can be half there.
//
// All of it runs on one thread of the handle with its own runtime, so it needs no runtime of the app and holds up none.
// A request never waits for it: gates read the table.

mod backoff;
pub(crate) mod entry;
mod follower;
pub(super) mod health;
mod history;
mod policy;
mod queue;
mod recovery;
mod reply;
mod server;
pub(super) mod settings;
mod stream_id;
pub(super) mod stream_writer;
pub(super) mod thread;
mod writer;
