//! The `Require*` layers, which check the user of a request.

use std::sync::Arc;

use http::request;
use tower_layer::Layer;

use crate::context::{Realm, Role, Tier, Visitor};
use crate::error::ConfigError;
use crate::gate::{Denial, DenialKind, Entry, Gate, Gated, Reply, ResponseHeaders};
use crate::require::requirement::{Quantifier, Requirement};

/// Requires scopes of the token; see the [module](crate::require).
#[derive(Clone, Debug)]
#[must_use]
pub struct RequireScope(Arc<Requirement>);

impl RequireScope {
    /// Requires all of these scopes.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if a scope is not a scope-token (RFC 6749 §3.3) or the list is empty.
    pub fn all<I>(scopes: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        Requirement::scopes(Quantifier::All, scopes).map(|scopes| Self(Arc::new(scopes)))
    }

    /// Requires at least one of these scopes. The challenge of a 403 lists them all.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if a scope is not a scope-token (RFC 6749 §3.3) or the list is empty.
    pub fn any<I>(scopes: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        Requirement::scopes(Quantifier::Any, scopes).map(|scopes| Self(Arc::new(scopes)))
    }
}

/// Requires roles of the app's table of [`Roles`](crate::Roles); see the [module](crate::require).
#[derive(Clone, Debug)]
#[must_use]
pub struct RequireRole(Arc<Requirement>);

impl RequireRole {
    /// Requires all of these roles, each directly or by inheritance.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if the list is empty.
    pub fn all(roles: impl IntoIterator<Item = Role>) -> Result<Self, ConfigError> {
        Requirement::roles(Quantifier::All, roles).map(|roles| Self(Arc::new(roles)))
    }

    /// Requires at least one of these roles, directly or by inheritance.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if the list is empty.
    pub fn any(roles: impl IntoIterator<Item = Role>) -> Result<Self, ConfigError> {
        Requirement::roles(Quantifier::Any, roles).map(|roles| Self(Arc::new(roles)))
    }
}

/// Requires permissions, which a user has directly or through a role; see the [module](crate::require).
///
/// A permission may be a string such as `read:report`. To find misspelled names at startup, use
/// [`Roles::permission`](crate::Roles::permission), which also checks that a role grants the permission.
#[derive(Clone, Debug)]
#[must_use]
pub struct RequirePermission(Arc<Requirement>);

impl RequirePermission {
    /// Requires all of these permissions.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if a text is not of the form `action:resource` or the list is empty.
    pub fn all<I>(permissions: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        Requirement::permissions(Quantifier::All, permissions).map(|permissions| Self(Arc::new(permissions)))
    }

    /// Requires at least one of these permissions.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if a text is not of the form `action:resource` or the list is empty.
    pub fn any<I>(permissions: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        Requirement::permissions(Quantifier::Any, permissions).map(|permissions| Self(Arc::new(permissions)))
    }
}

/// Requires a minimum tier; see the [module](crate::require).
#[derive(Clone, Debug)]
#[must_use]
pub struct RequireTier(Arc<Requirement>);

impl RequireTier {
    /// Requires this tier or a higher one.
    pub fn at_least(tier: Tier) -> Self {
        Self(Arc::new(Requirement::Tier(tier)))
    }
}

/// Requires an authenticated user or service account; see the [module](crate::require).
///
/// Use it behind an [optional](crate::jwt::JwtAuthBuilder::optional) `JwtAuth`, on routes whose handlers do not extract
/// the user.
#[derive(Clone, Debug)]
#[must_use]
pub struct RequireUser(Arc<Requirement>);

impl RequireUser {
    /// Requires that the request is authenticated.
    pub fn new() -> Self {
        Self(Arc::new(Requirement::User))
    }
}

impl Default for RequireUser {
    fn default() -> Self {
        Self::new()
    }
}

fn enter(requirement: &Requirement, layer: &'static str, head: &request::Parts) -> Entry<()> {
    let denial = match head.extensions.get::<Visitor>() {
        None => Denial::new(DenialKind::auth_layer_missing(layer), Realm::default()),
        Some(visitor) => match visitor.user().map(|user| requirement.check(user)) {
            Some(Ok(())) => return Entry::Admit(()),
            Some(Err(kind)) => Denial::new(kind, visitor.realm().clone()),
            None => Denial::new(DenialKind::CredentialsMissing, visitor.realm().clone()),
        },
    };
    Entry::Refuse(Reply::denial(head, denial))
}

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

impl_gate!(RequirePermission, RequireRole, RequireScope, RequireTier, RequireUser);
