//! `Requirement`: what a user must have, judged without a look at the request.

use crate::context::{Permission, Role, Scopes, Tier, UserContext};
use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};
use crate::gate::DenialKind;

#[derive(Clone, Debug)]
pub(super) enum Requirement {
    Permissions(Count, Box<[Permission]>),
    Roles(Count, Box<[Role]>),
    /// Word by word, and as a challenge names them.
    Scopes(Count, Box<[Box<str>]>, Scopes),
    Tier(Tier),
    User,
}

/// How many of those listed are needed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Count {
    All,
    Any,
}

impl Requirement {
    pub(super) fn permissions<I>(count: Count, permissions: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let mut problems = ConfigIssues::default();
        let permissions: Vec<_> = permissions
            .into_iter()
            .filter_map(|permission| problems.keep(Permission::new(permission.as_ref())))
            .collect();
        problems.none_or(|| ())?;
        some("required permissions", permissions).map(|list| Self::Permissions(count, list))
    }

    pub(super) fn roles(count: Count, roles: impl IntoIterator<Item = Role>) -> Result<Self, ConfigError> {
        some("required roles", roles.into_iter().collect()).map(|list| Self::Roles(count, list))
    }

    pub(super) fn scopes<I>(count: Count, scopes: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let scopes = Scopes::new(scopes)?;
        if scopes.is_empty() {
            return Err(none_required("required scopes"));
        }
        Ok(Self::Scopes(count, scopes.iter().map(Into::into).collect(), scopes))
    }

    /// What the user lacks.
    pub(super) fn judge(&self, user: &UserContext) -> Result<(), DenialKind> {
        match self {
            Self::Permissions(count, needed) => {
                let is_met = count.of(needed.iter(), |permission| user.has_permission(permission.as_str()));
                let names = || needed.iter().map(|permission| permission.as_str().into()).collect();
                met_or(is_met, || DenialKind::InsufficientPermission(names()))
            }
            Self::Roles(count, needed) => {
                let is_met = count.of(needed.iter(), |role| user.roles().any(|own| role.is_implied_by(own)));
                let names = || needed.iter().map(|role| role.name().into()).collect();
                met_or(is_met, || DenialKind::InsufficientRole(names()))
            }
            Self::Scopes(count, words, needed) => {
                let is_met = count.of(words.iter(), |scope| user.has_scope(scope));
                met_or(is_met, || DenialKind::InsufficientScope(needed.clone()))
            }
            Self::User => Ok(()),
            Self::Tier(needed) => met_or(user.is_at_least(needed), || DenialKind::InsufficientTier(needed.clone())),
        }
    }
}

impl Count {
    fn of<T>(self, mut needed: impl Iterator<Item = T>, has: impl Fn(T) -> bool) -> bool {
        match self {
            Self::All => needed.all(has),
            Self::Any => needed.any(has),
        }
    }
}

fn met_or(is_met: bool, kind: impl FnOnce() -> DenialKind) -> Result<(), DenialKind> {
    if is_met { Ok(()) } else { Err(kind()) }
}

/// A gate that requires nothing of "all" would let everybody in, and of "any" nobody.
fn some<T>(setting: &'static str, list: Vec<T>) -> Result<Box<[T]>, ConfigError> {
    if list.is_empty() { Err(none_required(setting)) } else { Ok(list.into_boxed_slice()) }
}

fn none_required(setting: &'static str) -> ConfigError {
    ConfigIssue::new(setting, IssueKind::Missing, "the list is empty", "name at least one, or leave the layer out")
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::{Roles, Tiers};

    fn user() -> UserContext {
        let table =
            Roles::builder().role("editor", ["write:page"]).role("chief", ["x:y"]).inherits("chief", ["editor"]);
        UserContext::new("ann")
            .with_role_table(table.build().unwrap())
            .with_roles(["chief"])
            .with_permissions([Permission::new("read:log").unwrap()])
            .with_scopes(Scopes::new(["a", "b"]).unwrap())
    }

    fn has(requirement: Result<Requirement, ConfigError>) -> bool {
        requirement.unwrap().judge(&user()).is_ok()
    }

    #[test]
    fn all_needs_each_and_any_needs_one() {
        for (list, all, any) in [
            (&["a"][..], true, true),
            (&["a", "b"], true, true),
            (&["a", "c"], false, true),
            (&["c", "d"], false, false),
        ] {
            assert_eq!(has(Requirement::scopes(Count::All, list)), all, "{list:?}");
            assert_eq!(has(Requirement::scopes(Count::Any, list)), any, "{list:?}");
        }
        assert!(has(Requirement::permissions(Count::All, ["read:log", "write:page"])));
        assert!(!has(Requirement::permissions(Count::All, ["read:log", "delete:page"])));
        assert!(has(Requirement::permissions(Count::Any, ["delete:page", "write:page"])));
        assert!(!has(Requirement::permissions(Count::Any, ["delete:page"])));
    }

    #[test]
    fn a_role_is_had_by_who_has_one_that_inherits_it() {
        let table = Roles::builder().role("editor", ["w:p"]).role("chief", ["x:y"]).role("owner", ["*:*"]);
        let table = table.inherits("chief", ["editor"]).build().unwrap();
        let roles = |names: &[&str]| names.iter().map(|name| table.get(name).unwrap()).collect::<Vec<_>>();
        assert!(has(Requirement::roles(Count::All, roles(&["editor", "chief"]))));
        assert!(!has(Requirement::roles(Count::All, roles(&["editor", "owner"]))));
        assert!(has(Requirement::roles(Count::Any, roles(&["editor", "owner"]))));
        assert!(!has(Requirement::roles(Count::Any, roles(&["owner"]))));
    }

    #[test]
    fn an_unknown_tier_and_no_tier_rank_below_all() {
        let tiers = Tiers::ascending(["basic", "gold"]).unwrap();
        let basic = Requirement::Tier(tiers.get("basic").unwrap());
        let strange = Tiers::ascending(["platinum"]).unwrap().get("platinum").unwrap();
        assert!(basic.judge(&user()).is_err());
        assert!(basic.judge(&user().with_tier(strange)).is_err());
        assert!(basic.judge(&user().with_tier(tiers.get("gold").unwrap())).is_ok());
        let gold = Requirement::Tier(tiers.get("gold").unwrap());
        assert!(gold.judge(&user().with_tier(tiers.get("basic").unwrap())).is_err());
    }

    #[test]
    fn an_empty_list_is_refused_at_build() {
        assert!(Requirement::scopes(Count::All, [""; 0]).is_err());
        assert!(Requirement::permissions(Count::Any, [""; 0]).is_err());
        assert!(Requirement::roles(Count::Any, []).is_err());
        assert!(Requirement::permissions(Count::Any, ["nonsense", "too"]).unwrap_err().issues().len() == 2);
    }
}
