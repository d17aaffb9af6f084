//! `Privileges`: what a key may do, and the rule that a caller gives a key only what it has itself.

use crate::context::{Permission, Scopes, Tier, UserContext};
use crate::gate::{Denial, DenialKind};

/// What a key may do. A new one may do nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Privileges {
    pub(super) scopes: Scopes,
    pub(super) roles: Vec<String>,
    pub(super) permissions: Vec<Permission>,
    pub(super) tier: Option<String>,
}

impl Privileges {
    /// Checks that a user has all of these privileges.
    ///
    /// # Errors
    ///
    /// Returns a 403 that names the scopes, the roles, the permissions or the tier that the user lacks.
    pub(super) fn check_held_by(&self, user: &UserContext) -> Result<(), Denial> {
        let refuse = |kind| Err(Denial::new(kind, user.realm().clone()));
        let scopes: Vec<&str> = self.scopes.iter().filter(|scope| !user.has_scope(scope)).collect();
        if !scopes.is_empty() {
            // They are scope tokens, because they were read as `Scopes`.
            return refuse(DenialKind::insufficient_scope(Scopes::new(scopes).unwrap_or_default()));
        }
        let roles: Vec<&String> = self.roles.iter().filter(|role| !user.has_role(role)).collect();
        if !roles.is_empty() {
            return refuse(DenialKind::insufficient_role(roles));
        }
        let permissions = self.permissions.iter().filter(|permission| !user.has_permission(permission.as_str()));
        let permissions: Vec<&Permission> = permissions.collect();
        if !permissions.is_empty() {
            return refuse(DenialKind::insufficient_permission(permissions));
        }
        match &self.tier {
            Some(tier) if !user.has_tier(tier) => refuse(DenialKind::insufficient_tier(Tier::unranked(tier))),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::roles::Roles;
    use crate::context::tiers::Tiers;

    fn permissions(texts: &[&str]) -> Vec<Permission> {
        texts.iter().map(|text| Permission::new(text).unwrap()).collect()
    }

    fn user() -> UserContext {
        let tiers = Tiers::ascending(["basic", "pro", "max"]).unwrap();
        let roles = Roles::builder().role("editor", ["write:*"]).role("reader", ["read:page"]);
        UserContext::new("ann")
            .with_scopes(Scopes::new(["read", "write"]).unwrap())
            .with_roles(["editor"])
            .with_role_table(roles.inherits("editor", ["reader"]).build().unwrap())
            .with_permissions([Permission::new("delete:page").unwrap()])
            .with_tier(tiers.get("pro").unwrap())
    }

    #[test]
    fn a_user_can_give_every_privilege_that_it_has() {
        let all = Privileges {
            scopes: Scopes::new(["write", "read"]).unwrap(),
            roles: vec!["editor".to_owned(), "reader".to_owned()],
            permissions: permissions(&["delete:page", "write:site", "read:page"]),
            tier: Some("basic".to_owned()),
        };
        assert_eq!(all.check_held_by(&user()), Ok(()));
        assert_eq!(Privileges::default().check_held_by(&UserContext::new("bob")), Ok(()));
    }

    #[test]
    fn a_user_can_give_no_privilege_that_it_lacks() {
        let none = Privileges::default;
        for (privileges, missing) in [
            (Privileges { scopes: Scopes::new(["read", "admin"]).unwrap(), ..none() }, "required scope: admin"),
            (Privileges { roles: vec!["admin".to_owned()], ..none() }, "required role: admin"),
            (Privileges { permissions: permissions(&["read:site"]), ..none() }, "required permission: read:site"),
            (Privileges { tier: Some("max".to_owned()), ..none() }, "required tier: max or higher"),
        ] {
            let denial = privileges.check_held_by(&user()).unwrap_err();
            assert_eq!((denial.status().as_u16(), &*denial.detail()), (403, missing));
        }
    }

    #[test]
    fn an_unknown_tier_is_held_by_its_name_only() {
        let user = UserContext::new("ann").with_tier(Tier::unranked("gold"));
        let privileges = |tier: &str| Privileges { tier: Some(tier.to_owned()), ..Privileges::default() };
        assert!(privileges("gold").check_held_by(&user).is_ok());
        assert!(privileges("silver").check_held_by(&user).is_err());
    }
}
