//! The engine behind every layer: with each kind of decision, inner service, server and body.

mod backpressure;
mod bodies;
mod engine;
#[cfg(feature = "tonic")]
mod grpc;
mod porter;
mod refusal;
mod servers;
mod strict;
