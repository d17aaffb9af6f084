//! Revoked credentials, through real layers and servers.

mod attacks;
mod checks;
mod custom_gates;
mod flood;
mod service;
mod signatures;
mod storage;
mod watch;
