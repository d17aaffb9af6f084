//! Security events of real stacks: which are emitted, what they have, and what they never have.

mod app;
mod counters;
mod credentials;
mod names;
mod rejections;
mod secrets;
mod values;
