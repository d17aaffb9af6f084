//! The text of a key: its format, its id and its digest.

mod base62;
pub(super) mod digest;
pub(super) mod format;
pub(super) mod id;
pub(super) mod random;
pub(super) mod text;
