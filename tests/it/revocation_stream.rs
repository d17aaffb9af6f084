//! `Revocations` over a stream in Redis. A node is a handle with a thread of its own, as in a process of its own.

mod attacks;
mod failover;
mod lifetime;
mod loss;
mod outage;
mod permissions;
mod requirements;
mod sharing;
mod start;
mod support;
mod table;
mod trimming;
