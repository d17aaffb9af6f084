//! `Audit`: the grade that Mozilla's HTTP Observatory gives a set of response headers, for unit tests.
//!
//! The Observatory is a website that scans another site. Its rules are repeated here so that a test needs neither a
//! network nor a deployed app. Where its code and its documentation differ, these files do what the code does: a grade
//! that the website would not give is worthless. Each file has the tests for one kind of header, as pure functions from
//! header values to the name of a result and its points.

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
