//! Hashes that other frameworks have written, which are only verified.

mod argon2;
mod aspnet;
mod bcrypt;
mod better_auth;
mod django;
pub(crate) mod format;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
pub(crate) mod parse;
mod pbkdf2;
mod phc;
mod scrypt;
pub(crate) mod settings;
mod spring;
mod text;
pub(crate) mod verifier;
mod werkzeug;

#[cfg(test)]
mod tests;
