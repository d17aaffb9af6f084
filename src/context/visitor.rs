//! `Visitor`: what an authenticating gate leaves in a request's extensions.

use crate::context::{Realm, UserContext};

/// Who stands at the gate: a user or client that was authenticated, or nobody known.
///
/// An authenticating gate puts one into the request's extensions; a gate of one's own may do the same. Absent is not
/// anonymous: where no `Visitor` is found, `Require*` and `Extractor` answer 500.
#[derive(Clone, Debug)]
pub struct Visitor(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Anonymous(Realm),
    Authenticated(UserContext),
}

impl Visitor {
    /// Nobody known; a challenge for the realm is sent where somebody must be.
    #[must_use]
    pub fn anonymous(realm: Realm) -> Self {
        Self(Kind::Anonymous(realm))
    }

    /// A user or client that was authenticated.
    #[must_use]
    pub fn authenticated(user: UserContext) -> Self {
        Self(Kind::Authenticated(user))
    }

    /// The user, unless the visitor is anonymous.
    #[must_use]
    pub fn user(&self) -> Option<&UserContext> {
        match &self.0 {
            Kind::Anonymous(_) => None,
            Kind::Authenticated(user) => Some(user),
        }
    }

    /// The realm that a challenge to this visitor names.
    #[must_use]
    pub fn realm(&self) -> &Realm {
        match &self.0 {
            Kind::Anonymous(realm) => realm,
            Kind::Authenticated(user) => user.realm(),
        }
    }
}
