//! `Csp`: the `Content-Security-Policy` header, its directives and sources, and lints for it (CSP 3).

mod directive;
mod lint;
mod parse;
mod policy;
mod rendered;
mod source;
#[cfg(test)]
mod tests;
mod validate;

pub use directive::Directive;
pub use lint::Lint;
pub use policy::Csp;
pub(super) use rendered::Rendered;
pub use source::Source;
