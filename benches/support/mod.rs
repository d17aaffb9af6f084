//! What benchmarks over Redis share.

pub(crate) mod redis_server;
