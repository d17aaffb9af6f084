//! What a token and its challenge must obey, line by line.

mod bearer;
mod fetching;
mod hostile;
mod jws;
mod keys;
mod profile;
mod registered;
mod rsa;
mod signatures;
mod users;
mod warm;
