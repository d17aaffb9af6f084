//! `Principal`: whether a person or a program acts.

/// Who acts with a token: a user, or a client on its own behalf (RFC 9068 §2.2, RFC 9700 §4.15).
///
/// An issuer that lets clients choose their id may hand out a token whose `sub` equals some user's id.
/// Where only people may act, check for [`Principal::User`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Principal {
    /// A client acting for itself: its id is the token's subject and nothing in the token speaks of a user.
    Client,
    /// A user, perhaps through a client.
    User,
}
