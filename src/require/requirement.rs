//! `Requirement`: what a `Require*` layer requires of a user, such as scopes, roles or a kind of credential.

use crate::context::principal::Principal;
use crate::context::roles::Roles;
use crate::context::{Credential, Permission, Role, Scopes, Tier, UserContext};
use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};
use crate::gate::DenialKind;

/// What a layer requires. Names were validated when it was created, so a check only compares.
#[derive(Clone, Debug)]
pub(super) enum Requirement {
    /// One of these kinds of credentials.
    Credentials(Box<[Credential]>),
    /// A credential of any other kind than these.
    CredentialsExcept(Box<[Credential]>),
    Permissions(Quantifier, Box<[Permission]>),
    /// A user, and not a client that acts on its own behalf.
    Person,
    Roles(Quantifier, Box<[Role]>),
    Scopes {
        quantifier: Quantifier,
        /// The single scopes. `Scopes` is one string, so it is split once, at startup.
        names: Box<[Box<str>]>,
        scopes: Scopes,
    },
    Tier(Tier),
    User,
    VerifiedEmail,
}

/// How many of the listed items the user must have.
#[derive(Clone, Copy, Debug)]
pub(super) enum Quantifier {
    All,
    Any,
}

/// `setting` is the constructor of the layer, for errors.
impl Requirement {
    pub(super) fn credentials(
        setting: &'static str,
        accepted: impl IntoIterator<Item = Credential>,
    ) -> Result<Self, ConfigError> {
        Ok(Self::Credentials(not_empty(setting, accepted.into_iter().collect())?))
    }

    pub(super) fn credentials_except(
        setting: &'static str,
        rejected: impl IntoIterator<Item = Credential>,
    ) -> Result<Self, ConfigError> {
        Ok(Self::CredentialsExcept(not_empty(setting, rejected.into_iter().collect())?))
    }

    pub(super) fn permissions<I>(
        setting: &'static str,
        quantifier: Quantifier,
        permissions: I,
    ) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        // All invalid permissions are reported at once.
        let mut issues = ConfigIssues::default();
        let permissions: Vec<_> = permissions
            .into_iter()
            .filter_map(|permission| issues.ok_or_add(Permission::new(permission.as_ref())))
            .collect();
        issues.into_result(|| ()).map_err(|error| error.with_setting(setting))?;
        Ok(Self::Permissions(quantifier, not_empty(setting, permissions)?))
    }

    pub(super) fn roles<I>(
        setting: &'static str,
        quantifier: Quantifier,
        table: &Roles,
        names: I,
    ) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let mut issues = ConfigIssues::default();
        let roles: Vec<_> = names.into_iter().filter_map(|name| issues.ok_or_add(table.get(name.as_ref()))).collect();
        issues.into_result(|| ()).map_err(|error| error.with_setting(setting))?;
        Ok(Self::Roles(quantifier, not_empty(setting, roles)?))
    }

    pub(super) fn scopes<I>(setting: &'static str, quantifier: Quantifier, scopes: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let scopes = Scopes::new(scopes).map_err(|error| error.with_setting(setting))?;
        let names = not_empty(setting, scopes.iter().map(Into::into).collect())?;
        Ok(Self::Scopes { quantifier, names, scopes })
    }

    /// Checks that the user meets the requirement.
    ///
    /// The denial lists the whole requirement and not only what is missing, so it is the same for every user.
    pub(super) fn check(&self, user: &UserContext) -> Result<(), DenialKind> {
        match self {
            Self::Credentials(accepted) => {
                let used = user.credential();
                ok_if(accepted.contains(&used), || DenialKind::credential_not_accepted(used, accepted.iter().copied()))
            }
            Self::CredentialsExcept(rejected) => {
                let used = user.credential();
                ok_if(!rejected.contains(&used), || DenialKind::credential_not_accepted(used, []))
            }
            Self::Permissions(quantifier, required) => {
                let is_met = quantifier.is_met(required, |permission| user.has_permission(permission.as_str()));
                ok_if(is_met, || DenialKind::insufficient_permission(required))
            }
            Self::Person => ok_if(user.principal() == Principal::User, || DenialKind::ClientNotAllowed),
            Self::Roles(quantifier, required) => {
                let has = |role: &Role| user.roles().any(|own| role.is_implied_by(own));
                ok_if(quantifier.is_met(required, has), || {
                    DenialKind::insufficient_role(required.iter().map(Role::name))
                })
            }
            Self::Scopes { quantifier, names, scopes } => {
                let is_met = quantifier.is_met(names, |name| user.has_scope(name));
                ok_if(is_met, || DenialKind::insufficient_scope(scopes.clone()))
            }
            Self::Tier(required) => ok_if(user.reaches(required), || DenialKind::insufficient_tier(required.clone())),
            Self::User => Ok(()),
            Self::VerifiedEmail => ok_if(user.email_verified(), || DenialKind::EmailNotVerified),
        }
    }
}

impl Quantifier {
    fn is_met<T>(self, required: &[T], has: impl Fn(&T) -> bool) -> bool {
        match self {
            Self::All => required.iter().all(has),
            Self::Any => required.iter().any(has),
        }
    }
}

fn ok_if(is_met: bool, kind: impl FnOnce() -> DenialKind) -> Result<(), DenialKind> {
    if is_met { Ok(()) } else { Err(kind()) }
}

/// Rejects an empty list: "all" of nothing would admit every user, and "any" of nothing none.
fn not_empty<T>(setting: &'static str, list: Vec<T>) -> Result<Box<[T]>, ConfigError> {
    if list.is_empty() {
        let remedy = "name at least one, or remove the layer";
        return Err(ConfigIssue::new(setting, IssueKind::Missing, "the list is empty", remedy).into());
    }
    Ok(list.into_boxed_slice())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::tiers::Tiers;

    fn user() -> UserContext {
        let table =
            Roles::builder().role("editor", ["write:page"]).role("chief", ["x:y"]).inherits("chief", ["editor"]);
        UserContext::new("ann")
            .with_role_table(table.build().unwrap())
            .with_roles(["chief"])
            .with_permissions([Permission::new("read:log").unwrap()])
            .with_scopes(Scopes::new(["a", "b"]).unwrap())
    }

    fn is_met(requirement: Result<Requirement, ConfigError>) -> bool {
        requirement.unwrap().check(&user()).is_ok()
    }

    #[test]
    fn all_requires_each_and_any_requires_one() {
        for (list, all, any) in [
            (&["a"][..], true, true),
            (&["a", "b"], true, true),
            (&["a", "c"], false, true),
            (&["c", "d"], false, false),
        ] {
            assert_eq!(is_met(Requirement::scopes("test", Quantifier::All, list)), all, "{list:?}");
            assert_eq!(is_met(Requirement::scopes("test", Quantifier::Any, list)), any, "{list:?}");
        }
        assert!(is_met(Requirement::permissions("test", Quantifier::All, ["read:log", "write:page"])));
        assert!(!is_met(Requirement::permissions("test", Quantifier::All, ["read:log", "delete:page"])));
        assert!(is_met(Requirement::permissions("test", Quantifier::Any, ["delete:page", "write:page"])));
        assert!(!is_met(Requirement::permissions("test", Quantifier::Any, ["delete:page"])));
    }

    #[test]
    fn a_user_has_the_roles_that_the_direct_roles_inherit() {
        let table = Roles::builder().role("editor", ["w:p"]).role("chief", ["x:y"]).role("owner", ["*:*"]);
        let table = table.inherits("chief", ["editor"]).build().unwrap();
        let roles = |quantifier, names: &[&str]| Requirement::roles("test", quantifier, &table, names);
        assert!(is_met(roles(Quantifier::All, &["editor", "chief"])));
        assert!(!is_met(roles(Quantifier::All, &["editor", "owner"])));
        assert!(is_met(roles(Quantifier::Any, &["editor", "owner"])));
        assert!(!is_met(roles(Quantifier::Any, &["owner"])));
    }

    #[test]
    fn an_unknown_tier_and_no_tier_rank_below_all_others() {
        let tiers = Tiers::ascending(["basic", "gold"]).unwrap();
        let basic = Requirement::Tier(tiers.get("basic").unwrap());
        let unknown = Tiers::ascending(["platinum"]).unwrap().get("platinum").unwrap();
        assert!(basic.check(&user()).is_err());
        assert!(basic.check(&user().with_tier(unknown)).is_err());
        assert!(basic.check(&user().with_tier(tiers.get("gold").unwrap())).is_ok());
        let gold = Requirement::Tier(tiers.get("gold").unwrap());
        assert!(gold.check(&user().with_tier(tiers.get("basic").unwrap())).is_err());
    }

    #[test]
    fn an_empty_list_is_a_config_error() {
        assert!(Requirement::scopes("test", Quantifier::All, [""; 0]).is_err());
        assert!(Requirement::permissions("test", Quantifier::Any, [""; 0]).is_err());
        assert!(Requirement::roles("test", Quantifier::Any, &Roles::from_names(["a"]).unwrap(), [""; 0]).is_err());
        assert!(
            Requirement::permissions("test", Quantifier::Any, ["nonsense", "too"]).unwrap_err().issues().len() == 2
        );
    }
}
