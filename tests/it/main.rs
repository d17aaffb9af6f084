//! Behaviour through real stacks, a module a layer.

mod readme;
mod smoke;
