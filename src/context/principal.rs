//! `Principal`: whether a request is made by a user or by a client on its own behalf.

/// Whether a request is made by a user or by a client on its own behalf (RFC 9068 §2.2).
///
/// An issuer may let clients choose their own client id. Such a client can obtain a token whose `sub` equals the id of
/// some user (RFC 9700 §4.15). If a route is for people only, add
/// [`RequireUser::person`](crate::RequireUser::person) to it.
///
/// ```
/// use portcullis::{Principal, UserContext};
///
/// let service = UserContext::new("reporting-service")
///     .with_principal(Principal::Client);
/// assert_ne!(service.principal(), Principal::User);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Principal {
    /// A client (a service account) on its own behalf: the client is the subject of its token, and no claim of the
    /// token describes a user.
    Client,
    /// A user, possibly through a client.
    User,
}
