//! The gates that judge a user: one shape, four things to require.

use std::sync::Arc;

use http::request;
use tower_layer::Layer;

use crate::context::{Realm, Role, Tier, Visitor};
use crate::error::ConfigError;
use crate::gate::{Denial, DenialKind, Entry, Gate, Gated, Reply};
use crate::require::requirement::{Count, Requirement};

/// Requires scopes; see the [module](crate::require).
#[derive(Clone, Debug)]
#[must_use]
pub struct RequireScope(Arc<Requirement>);

impl RequireScope {
    /// Requires each of these scopes.
    ///
    /// # Errors
    ///
    /// Names every word that is no scope token (RFC 6749 §3.3), and an empty list.
    pub fn all<I>(scopes: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        Requirement::scopes(Count::All, scopes).map(|scopes| Self(Arc::new(scopes)))
    }

    /// Requires one of these scopes. The challenge names them all: a token with all of them will do.
    ///
    /// # Errors
    ///
    /// As [`all`](Self::all).
    pub fn any<I>(scopes: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        Requirement::scopes(Count::Any, scopes).map(|scopes| Self(Arc::new(scopes)))
    }
}

/// Requires roles of the app's table; see the [module](crate::require).
#[derive(Clone, Debug)]
#[must_use]
pub struct RequireRole(Arc<Requirement>);

impl RequireRole {
    /// Requires each of these roles, had or inherited.
    ///
    /// # Errors
    ///
    /// Where the list is empty.
    pub fn all(roles: impl IntoIterator<Item = Role>) -> Result<Self, ConfigError> {
        Requirement::roles(Count::All, roles).map(|roles| Self(Arc::new(roles)))
    }

    /// Requires one of these roles, had or inherited.
    ///
    /// # Errors
    ///
    /// Where the list is empty.
    pub fn any(roles: impl IntoIterator<Item = Role>) -> Result<Self, ConfigError> {
        Requirement::roles(Count::Any, roles).map(|roles| Self(Arc::new(roles)))
    }
}

/// Requires permissions, of the user's own or by a role; see the [module](crate::require).
///
/// Permissions may be given as text; taken from [`Roles::permission`](crate::Roles::permission), one that no role grants
/// is found at start-up.
#[derive(Clone, Debug)]
#[must_use]
pub struct RequirePermission(Arc<Requirement>);

impl RequirePermission {
    /// Requires each of these permissions.
    ///
    /// # Errors
    ///
    /// Names every text that is not `action:resource`, and an empty list.
    pub fn all<I>(permissions: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        Requirement::permissions(Count::All, permissions).map(|permissions| Self(Arc::new(permissions)))
    }

    /// Requires one of these permissions.
    ///
    /// # Errors
    ///
    /// As [`all`](Self::all).
    pub fn any<I>(permissions: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        Requirement::permissions(Count::Any, permissions).map(|permissions| Self(Arc::new(permissions)))
    }
}

/// Requires a tier or one above it; see the [module](crate::require).
#[derive(Clone, Debug)]
#[must_use]
pub struct RequireTier(Arc<Requirement>);

impl RequireTier {
    /// Requires this tier or one above it.
    pub fn at_least(tier: Tier) -> Self {
        Self(Arc::new(Requirement::Tier(tier)))
    }
}

/// Requires any user, or a client that acts for itself; see the [module](crate::require).
///
/// For routes behind an [optional](crate::jwt::JwtAuthBuilder::optional) layer whose handlers take no extractor.
#[derive(Clone, Debug)]
#[must_use]
pub struct RequireUser(Arc<Requirement>);

impl RequireUser {
    /// Requires that somebody was authenticated.
    pub fn new() -> Self {
        Self(Arc::new(Requirement::User))
    }
}

impl Default for RequireUser {
    fn default() -> Self {
        Self::new()
    }
}

fn enter(requirement: &Requirement, gate: &'static str, head: &request::Parts) -> Entry<()> {
    let denial = match head.extensions.get::<Visitor>() {
        None => Denial::new(DenialKind::GateMissing(gate), Realm::default()),
        Some(visitor) => match visitor.user().map(|user| requirement.judge(user)) {
            Some(Ok(())) => return Entry::Admit(()),
            Some(Err(kind)) => Denial::new(kind, visitor.realm().clone()),
            None => Denial::new(DenialKind::CredentialsMissing, visitor.realm().clone()),
        },
    };
    Entry::Refuse(Reply::denial(head, denial))
}

macro_rules! gate {
    ($($name:ident),*) => {$(
        impl Gate for $name {
            type Pass = ();

            fn enter(&self, head: &mut request::Parts) -> Entry<()> {
                enter(&self.0, stringify!($name), head)
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

gate!(RequirePermission, RequireRole, RequireScope, RequireTier, RequireUser);
