//! `Audit`: the grade that Mozilla's HTTP Observatory gives a set of response headers, for unit tests.

mod csp;
mod grade;
mod hsts;
mod merged_csp;
mod observatory;
mod report;
mod single_value;
#[cfg(test)]
mod tests;
mod text;

pub use grade::Grade;
pub use report::{Audit, Modifier};
