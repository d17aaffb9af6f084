//! The issuers of a `JwtAuth`, and how the issuer of a token is found.

pub(crate) mod table;
