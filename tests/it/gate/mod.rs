//! The gate engine: every kind of decision, with different inner services, servers and bodies.

mod authenticate;
mod backpressure;
mod bodies;
mod codes;
mod engine;
#[cfg(feature = "tonic")]
mod grpc;
#[cfg(feature = "tonic")]
mod grpc_web;
mod logs;
mod rejections;
mod servers;
