//! The gates' checks as methods of a user, for handlers.

use crate::context::{Scopes, Tier, UserContext};
use crate::gate::{Denial, DenialKind};

/// The checks of the [`Require*` layers](crate::require), for what only a handler can decide. Each refusal is answered 403.
impl UserContext {
    /// Requires this scope.
    ///
    /// # Errors
    ///
    /// Where the token does not carry it.
    pub fn require_scope(&self, scope: &str) -> Result<(), Denial> {
        self.refuse_unless(self.has_scope(scope), || {
            DenialKind::InsufficientScope(Scopes::new([scope]).unwrap_or_default())
        })
    }

    /// Requires this role, had or inherited.
    ///
    /// # Errors
    ///
    /// Where the user does not have it.
    pub fn require_role(&self, role: &str) -> Result<(), Denial> {
        self.refuse_unless(self.has_role(role), || DenialKind::InsufficientRole([role.into()].into()))
    }

    /// Requires this permission, spelt `action:resource`.
    ///
    /// # Errors
    ///
    /// Where the user does not have it. Roles grant nothing but permissions of that form; a token's own are compared as
    /// they stand.
    pub fn require_permission(&self, permission: &str) -> Result<(), Denial> {
        self.refuse_unless(self.has_permission(permission), || {
            DenialKind::InsufficientPermission([permission.into()].into())
        })
    }

    /// Requires this tier or one above it.
    ///
    /// # Errors
    ///
    /// Where the user's tier is below it.
    pub fn require_tier(&self, tier: &Tier) -> Result<(), Denial> {
        self.refuse_unless(self.is_at_least(tier), || DenialKind::InsufficientTier(tier.clone()))
    }

    fn refuse_unless(&self, is_met: bool, kind: impl FnOnce() -> DenialKind) -> Result<(), Denial> {
        if is_met { Ok(()) } else { Err(Denial::new(kind(), self.realm().clone())) }
    }
}
