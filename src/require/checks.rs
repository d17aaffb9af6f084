//! The checks of the `Require*` layers as methods of `UserContext`, for handlers.

use crate::context::{Scopes, Tier, UserContext};
use crate::gate::{Denial, DenialKind};

/// The checks of the [`Require*` layers](crate::require), for handlers. Each [`Denial`] is a 403, and implements
/// `IntoResponse`, so that a handler can return it as its error.
impl UserContext {
    /// Checks that the token has this scope.
    ///
    /// ```
    /// use portcullis::{Scopes, UserContext};
    ///
    /// let ann = UserContext::new("ann").with_scopes(Scopes::new(["read"])?);
    /// assert!(ann.require_scope("read").is_ok());
    ///
    /// let denial = ann.require_scope("write").unwrap_err();
    /// assert_eq!(denial.status(), 403);
    /// assert_eq!(denial.error(), Some("insufficient_scope"));
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns a [`Denial`] if it does not. Its challenge names the scope.
    pub fn require_scope(&self, scope: &str) -> Result<(), Denial> {
        self.require(self.has_scope(scope), || DenialKind::insufficient_scope(Scopes::new([scope]).unwrap_or_default()))
    }

    /// Checks that the user has this role, directly or by inheritance.
    ///
    /// # Errors
    ///
    /// Returns a [`Denial`] if the user does not.
    pub fn require_role(&self, role: &str) -> Result<(), Denial> {
        self.require(self.has_role(role), || DenialKind::insufficient_role([role]))
    }

    /// Checks that the user has this permission (`action:resource`), directly or through a role.
    ///
    /// Roles grant only permissions of this form. A permission in a token may have any form and is compared as a whole.
    ///
    /// ```
    /// use portcullis::{Permission, UserContext};
    ///
    /// let write = Permission::new("write:page")?;
    /// let ann = UserContext::new("ann").with_permissions([write]);
    /// assert!(ann.require_permission("write:page").is_ok());
    /// assert!(ann.require_permission("delete:page").is_err());
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns a [`Denial`] if the user does not.
    pub fn require_permission(&self, permission: &str) -> Result<(), Denial> {
        self.require(self.has_permission(permission), || DenialKind::insufficient_permission([permission]))
    }

    /// Checks that the user has this tier or a higher one.
    ///
    /// ```
    /// use portcullis::{Tiers, UserContext};
    ///
    /// let tiers = Tiers::ascending(["free", "pro"])?;
    /// let ann = UserContext::new("ann").with_tier(tiers.get("free")?);
    /// assert!(ann.require_tier(&tiers.get("free")?).is_ok());
    /// assert!(ann.require_tier(&tiers.get("pro")?).is_err());
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns a [`Denial`] if the user does not.
    pub fn require_tier(&self, tier: &Tier) -> Result<(), Denial> {
        self.require(self.is_at_least(tier), || DenialKind::insufficient_tier(tier.clone()))
    }

    fn require(&self, is_met: bool, kind: impl FnOnce() -> DenialKind) -> Result<(), Denial> {
        if is_met { Ok(()) } else { Err(Denial::new(kind(), self.realm().clone())) }
    }
}
