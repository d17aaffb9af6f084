//! The accessors of `UserContext` for scopes, roles, permissions and the tier.

use std::collections::BTreeSet;

use crate::context::permission::Permission;
use crate::context::scopes::Scopes;
use crate::context::tiers::Tier;
use crate::context::user::UserContext;

/// Privileges.
impl UserContext {
    /// Returns the scopes: the `scope` or `scp` claim (RFC 8693 §4.2).
    ///
    /// A scope limits what the client may do for the user. It does not say what the user may do.
    #[must_use]
    pub fn scopes(&self) -> &Scopes {
        &self.0.scopes
    }

    /// Returns whether the token has this scope. The comparison is exact and case-sensitive.
    ///
    /// Use it for a check that depends on the request, and [`RequireScope`](crate::RequireScope) for a whole route.
    ///
    /// ```
    /// use portcullis::{Scopes, UserContext};
    ///
    /// let scopes = Scopes::new(["read:reports"])?;
    /// let user = UserContext::new("ann").with_scopes(scopes);
    /// assert!(user.has_scope("read:reports"));
    /// assert!(!user.has_scope("read") && !user.has_scope("READ:reports"));
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.0.scopes.contains(scope)
    }

    /// Returns the roles as the token names them: the `roles` claim.
    ///
    /// The presets of issuers use other claims, such as `/realm_access/roles` for Keycloak.
    ///
    /// Inherited roles are not listed; [`has_role`](Self::has_role) considers them.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.0.roles.iter().map(|role| &**role)
    }

    /// Returns whether the user has this role, directly or by inheritance.
    ///
    /// Inheritance is defined by the app's [`Roles`](crate::Roles). Without such a table, only direct roles count.
    ///
    /// ```
    /// use portcullis::{Roles, UserContext};
    ///
    /// let roles = Roles::builder()
    ///     .role("reader", ["read:page"])
    ///     .role("editor", ["write:page"])
    ///     .inherits("editor", ["reader"])
    ///     .build()?;
    /// let user = UserContext::new("ann").with_roles(["editor"]);
    /// assert!(user.has_role("editor") && !user.has_role("reader"));
    ///
    /// let user = user.with_role_table(roles);
    /// assert!(user.has_role("reader"));
    /// assert!(user.roles().eq(["editor"]), "as the token names them");
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    #[must_use]
    pub fn has_role(&self, role: &str) -> bool {
        match &self.0.role_table {
            Some(table) => self.roles().any(|held| table.implies(held, role)),
            None => self.roles().any(|held| held == role),
        }
    }

    /// Returns the permissions: the `permissions` claim, and the permissions that the roles grant.
    ///
    /// The app's [`Roles`](crate::Roles) define what roles grant. The permissions are sorted, without duplicates.
    ///
    /// A permission that a role grants may contain a `*`. To check a permission, call
    /// [`has_permission`](Self::has_permission), which expands it.
    pub fn permissions(&self) -> impl Iterator<Item = &str> {
        let direct = self.0.permissions.iter().map(|permission| &**permission);
        let granted = self.granted_permissions().map(Permission::as_str);
        direct.chain(granted).collect::<BTreeSet<_>>().into_iter()
    }

    /// Returns whether the user has this permission (`action:resource`), directly or through a role.
    ///
    /// A role's grant may cover it with a `*`. A `*` in the token's permissions has no special meaning.
    ///
    /// ```
    /// use portcullis::{Roles, UserContext};
    ///
    /// let roles = Roles::builder().role("auditor", ["read:*"]).build()?;
    /// let user = UserContext::new("ann")
    ///     .with_roles(["auditor"])
    ///     .with_role_table(roles);
    /// assert!(user.has_permission("read:page"));
    /// assert!(!user.has_permission("write:page"));
    /// assert!(user.permissions().eq(["read:*"]));
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    #[must_use]
    pub fn has_permission(&self, permission: &str) -> bool {
        self.0.permissions.iter().any(|direct| **direct == *permission)
            || self.granted_permissions().any(|grant| grant.covers(permission))
    }

    /// Returns the subscription tier: the `tier` or `subscription_tier` claim.
    ///
    /// If the token has neither claim, this is the app's default tier. `None` if there is no default or the app does
    /// not define the tier; the user then ranks below all tiers.
    #[must_use]
    pub fn tier(&self) -> Option<&Tier> {
        self.0.tier.as_ref()
    }

    /// Returns the name of the tier, even if the app does not know it.
    #[must_use]
    pub fn tier_name(&self) -> Option<&str> {
        self.0.tier.as_ref().map(Tier::name).or(self.0.tier_name.as_deref())
    }

    /// Returns whether the user has the tier of this name or a higher one.
    ///
    /// The order is that of the app's [`Tiers`](crate::Tiers), which
    /// [`JwtAuthBuilder::tiers`](crate::jwt::JwtAuthBuilder::tiers) sets. A user without a tier is below every tier. If
    /// the app does not define the user's tier, only the same name counts.
    ///
    /// ```
    /// use portcullis::{Tiers, UserContext};
    ///
    /// async fn trends(user: UserContext) -> &'static str {
    ///     if user.has_tier("professional") { "hourly" } else { "daily" }
    /// }
    /// # let _ = trends;
    ///
    /// let tiers = Tiers::ascending(["basic", "professional", "enterprise"])?;
    /// let user = UserContext::new("ann").with_tier(tiers.get("enterprise")?);
    /// assert!(user.has_tier("professional"));
    /// assert!(!UserContext::new("bob").has_tier("basic"));
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    #[must_use]
    #[doc(alias = "is_at_least")]
    pub fn has_tier(&self, name: &str) -> bool {
        match &self.0.tier {
            Some(own) => own.tiers().find(name).is_some_and(|tier| own.is_at_least(&tier)),
            None => self.0.tier_name.as_ref().is_some_and(|own| **own == *name),
        }
    }

    /// Whether the user's tier is `tier` or a higher one, in the order of `tier`'s tiers.
    pub(crate) fn reaches(&self, tier: &Tier) -> bool {
        match &self.0.tier {
            Some(own) => own.is_at_least(tier),
            None => self.0.tier_name.as_ref().is_some_and(|name| tier.is_reached_by(name)),
        }
    }

    /// Returns the grants of the user's roles, with those that the roles inherit.
    fn granted_permissions(&self) -> impl Iterator<Item = &Permission> {
        let table = self.0.role_table.iter();
        table.flat_map(|table| self.roles().flat_map(|role| table.grants_of(role)))
    }
}
