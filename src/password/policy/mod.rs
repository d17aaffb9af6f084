//! What a new password must satisfy: its length, the block list, and the words of its user and of the app.

pub(super) mod block_list;
pub(crate) mod builder;
pub(super) mod context;
pub(crate) mod generate;
pub(super) mod pattern;
pub(crate) mod rules;
