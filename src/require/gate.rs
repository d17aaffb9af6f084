//! The decision of the `Require*` layers, and their `Gate` and `Layer`.

use http::request;
use tower_layer::Layer;

use crate::context::{Realm, Visitor};
use crate::gate::{Denial, DenialKind, Entry, Gate, Gated, Reply, ResponseHeaders};
use crate::require::credential::RequireCredential;
use crate::require::permission::RequirePermission;
use crate::require::requirement::Requirement;
use crate::require::role::RequireRole;
use crate::require::scope::RequireScope;
use crate::require::tier::RequireTier;
use crate::require::user::RequireUser;
use crate::require::verified_email::RequireVerifiedEmail;

/// Decides about a request.
///
/// The three refusals are of different parties: the app (no layer authenticated, or none may on this route: 500), a
/// caller who could authenticate (401), and a user whose credentials are accepted but insufficient (403). A missing
/// `Visitor` is never treated as an anonymous caller, so that a forgotten `JwtAuth` is found.
fn enter(requirement: &Requirement, layer: &'static str, head: &request::Parts) -> Entry<()> {
    let denial = match head.extensions.get::<Visitor>() {
        None => Denial::new(DenialKind::auth_layer_missing(layer), Realm::default()),
        Some(visitor) => match visitor.user().map(|user| requirement.check(user)) {
            Some(Ok(())) => return Entry::Admit(()),
            Some(Err(kind)) => Denial::new(kind, visitor.realm().clone()),
            None => Denial::of_anonymous(visitor, layer),
        },
    };
    Entry::Refuse(Reply::denial(head, denial))
}

// One type for each requirement, so that the log names the layer; all have the same `Gate` and `Layer`.
macro_rules! impl_gate {
    ($($name:ident),*) => {$(
        impl Gate for $name {
            type Pass = ();

            fn enter(&self, head: &mut request::Parts) -> Entry<()> {
                enter(&self.0, stringify!($name), head)
            }

            fn response_headers(&self) -> ResponseHeaders {
                ResponseHeaders::none()
            }
        }

        impl<S> Layer<S> for $name {
            type Service = Gated<Self, S>;

            fn layer(&self, inner: S) -> Self::Service {
                Gated::new(self.clone(), inner)
            }
        }
    )*};
}

impl_gate!(
    RequireCredential,
    RequirePermission,
    RequireRole,
    RequireScope,
    RequireTier,
    RequireUser,
    RequireVerifiedEmail
);
