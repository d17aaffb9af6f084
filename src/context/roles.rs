//! `Roles`: a table of roles, what each grants, and which it inherits.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::context::Permission;
use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};

/// A table of roles: what each grants, its inherited grants included.
///
/// ```
/// use portcullis::Roles;
///
/// let roles = Roles::builder()
///     .role("basic_user", ["create:valuation", "read:valuation"])
///     .role("professional_user", ["export:valuation", "*:webhook"])
///     .inherits("professional_user", ["basic_user"])
///     .build()?;
/// assert!(roles.get("professional_user")?.grants(&roles.permission("create:valuation")?));
/// assert!(roles.get("admn").is_err());
/// assert!(roles.permission("creat:valuation").is_err());
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Roles(Arc<BTreeMap<Box<str>, Rights>>);

/// What a role has: its ancestors, and all that it and they grant.
#[derive(PartialEq, Eq)]
struct Rights {
    ancestors: BTreeSet<Box<str>>,
    grants: BTreeSet<Permission>,
}

impl Roles {
    /// A table to fill.
    pub fn builder() -> RolesBuilder {
        RolesBuilder::default()
    }

    /// A table of names that grant nothing, where roles alone decide.
    ///
    /// # Errors
    ///
    /// Where there is no name, or one is empty or stands twice.
    pub fn from_names<I>(names: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: Into<String>>,
    {
        names.into_iter().fold(Self::builder(), |table, name| table.role(name, [""; 0])).build()
    }

    /// The role of this name, compared case-sensitively.
    ///
    /// # Errors
    ///
    /// Where no role has this name; the error lists those there are.
    pub fn get(&self, name: &str) -> Result<Role, ConfigError> {
        if self.0.contains_key(name) {
            return Ok(Role { table: self.clone(), name: name.into() });
        }
        Err(unknown_role(name, self.0.keys()))
    }

    /// The permission of this spelling, which some role must grant.
    ///
    /// # Errors
    ///
    /// Where the text is not `action:resource`, or no role of the table grants it: a misspelling found at start-up.
    pub fn permission(&self, text: &str) -> Result<Permission, ConfigError> {
        let wanted = Permission::new(text)?;
        if self.0.values().flat_map(|rights| &rights.grants).any(|grant| grant.covers(text)) {
            return Ok(wanted);
        }
        Err(ConfigIssue::new(
            "permission",
            IssueKind::Unknown,
            "no role grants it",
            "mend the spelling, or grant it to a role",
        )
        .with_value(text)
        .into())
    }

    /// What the role of this name grants, inherited grants included; nothing for a name the table does not know.
    pub(crate) fn grants_of(&self, role: &str) -> impl Iterator<Item = &Permission> {
        self.0.get(role).into_iter().flat_map(|rights| &rights.grants)
    }

    /// Whether who has the role `own` also has the role `wanted`: it is the same, or inherited.
    pub(crate) fn holds(&self, own: &str, wanted: &str) -> bool {
        own == wanted || self.0.get(own).is_some_and(|rights| rights.ancestors.contains(wanted))
    }
}

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// One of the [`Roles`].
#[derive(Clone, PartialEq, Eq)]
pub struct Role {
    table: Roles,
    name: Box<str>,
}

impl Role {
    /// The role's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether who has the role of this name also has this one: it is the same, or inherits this one.
    #[must_use]
    pub fn is_implied_by(&self, name: &str) -> bool {
        self.table.holds(name, &self.name)
    }

    /// Whether the role, or one it inherits, grants the permission.
    #[must_use]
    pub fn grants(&self, permission: &Permission) -> bool {
        self.table.grants_of(&self.name).any(|grant| grant.covers(permission.as_str()))
    }
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Role").field(&self.name).finish()
    }
}

/// Fills a table of [`Roles`].
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct RolesBuilder {
    roles: Vec<(String, Vec<String>)>,
    edges: Vec<(String, Vec<String>)>,
}

impl RolesBuilder {
    /// Adds a role with its own grants, each `action:resource`, where `*` stands for any action or resource.
    pub fn role<I>(mut self, name: impl Into<String>, grants: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.roles.push((name.into(), grants.into_iter().map(Into::into).collect()));
        self
    }

    /// Lets a role inherit from the named parents, whatever the order of the calls: who has the role also has theirs,
    /// and all that they grant (NIST RBAC's hierarchy of roles).
    pub fn inherits<I>(mut self, role: impl Into<String>, parents: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.edges.push((role.into(), parents.into_iter().map(Into::into).collect()));
        self
    }

    /// The table.
    ///
    /// # Errors
    ///
    /// Names every role that is empty or stands twice, every malformed grant, every inheritance from or by an
    /// unknown role, every circle of inheritance, and a table without a role.
    pub fn build(self) -> Result<Roles, ConfigError> {
        let mut problems = ConfigIssues::default();
        let mut own: BTreeMap<Box<str>, BTreeSet<Permission>> = BTreeMap::new();
        for (name, grants) in self.roles {
            let grants = grants.iter().filter_map(|grant| problems.ok_or_add(Permission::grant(grant))).collect();
            if name.is_empty() {
                problems.add(ConfigIssue::new("roles", IssueKind::Invalid, "a name is empty", "name every role"));
            } else if own.contains_key(name.as_str()) {
                problems.add(
                    ConfigIssue::new(
                        "roles",
                        IssueKind::Duplicate,
                        "stands twice",
                        "give each role once, with all its grants",
                    )
                    .with_value(name),
                );
            } else {
                own.insert(name.into(), grants);
            }
        }
        if own.is_empty() {
            problems.add(ConfigIssue::new("roles", IssueKind::Missing, "there is no role", "add at least one role"));
        }
        let mut parents: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (role, inherited) in &self.edges {
            for name in std::iter::once(role).chain(inherited) {
                if !own.contains_key(name.as_str()) {
                    problems.ok_or_add::<()>(Err(unknown_role(name, own.keys())));
                }
            }
            parents.entry(role).or_default().extend(inherited.iter().map(String::as_str));
        }
        let mut granted = BTreeMap::new();
        for name in own.keys() {
            let ancestors = ancestors(name, &parents);
            if ancestors.contains(&**name) {
                problems.add(
                    ConfigIssue::new(
                        "roles",
                        IssueKind::Prohibited,
                        "inherits from itself",
                        "break the circle of inheritance",
                    )
                    .with_value(&**name),
                );
            }
            let all = ancestors.iter().copied().chain([&**name]);
            let grants = all.filter_map(|role| own.get(role)).flatten().cloned().collect();
            let ancestors = ancestors.into_iter().map(Into::into).collect();
            granted.insert(name.clone(), Rights { ancestors, grants });
        }
        problems.into_result(|| Roles(Arc::new(granted)))
    }
}

/// All that a role inherits from, itself among them only where it stands in a circle.
fn ancestors<'a>(role: &'a str, parents: &BTreeMap<&'a str, Vec<&'a str>>) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut ahead = vec![role];
    while let Some(name) = ahead.pop() {
        for parent in parents.get(name).into_iter().flatten() {
            if found.insert(*parent) {
                ahead.push(parent);
            }
        }
    }
    found
}

fn unknown_role<'a>(name: &str, known: impl Iterator<Item = &'a Box<str>>) -> ConfigError {
    let known: Vec<&str> = known.map(|name| &**name).collect();
    ConfigIssue::new("role", IssueKind::Unknown, "no such role", format!("use one of: {}", known.join(", ")))
        .with_value(name)
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Roles {
        Roles::builder()
            .inherits("admin", ["editor", "auditor"])
            .inherits("editor", ["reader"])
            .role("reader", ["read:page"])
            .role("editor", ["write:page"])
            .role("auditor", ["read:*"])
            .role("admin", ["*:user"])
            .build()
            .unwrap()
    }

    fn grants(role: &str, permission: &str) -> bool {
        table().get(role).unwrap().grants(&Permission::new(permission).unwrap())
    }

    #[test]
    fn a_role_grants_its_own_and_all_it_inherits() {
        assert!(grants("admin", "delete:user"));
        assert!(grants("admin", "write:page"));
        assert!(grants("admin", "read:page"));
        assert!(grants("admin", "read:log"));
        assert!(grants("editor", "read:page"));
    }

    #[test]
    fn a_role_does_not_grant_what_its_heirs_grant() {
        assert!(!grants("reader", "write:page"));
        assert!(!grants("editor", "read:log"));
        assert!(!grants("auditor", "write:page"));
    }

    #[test]
    fn who_has_a_role_also_has_those_it_inherits_and_not_the_reverse() {
        let reader = table().get("reader").unwrap();
        for holder in ["reader", "editor", "admin"] {
            assert!(reader.is_implied_by(holder), "{holder}");
        }
        for other in ["auditor", "nobody", ""] {
            assert!(!reader.is_implied_by(other), "{other}");
        }
        assert!(!table().get("admin").unwrap().is_implied_by("editor"));
        assert_eq!(reader.name(), "reader");
    }

    #[test]
    fn a_circle_of_inheritance_is_refused_and_named() {
        let error = Roles::builder()
            .role("a", ["x:y"])
            .role("b", ["x:y"])
            .role("c", ["x:y"])
            .inherits("a", ["b"])
            .inherits("b", ["a"])
            .inherits("c", ["a"])
            .build()
            .unwrap_err();
        let named: Vec<_> = error.issues().iter().filter_map(ConfigIssue::value).collect();
        assert_eq!(named, ["a", "b"]);
    }

    #[test]
    fn every_fault_of_a_table_is_reported_at_once() {
        let error = Roles::builder()
            .role("a", ["nonsense"])
            .role("a", ["x:y"])
            .role("", ["x:y"])
            .inherits("a", ["ghost"])
            .build()
            .unwrap_err();
        let faults: Vec<_> = error.issues().iter().map(ConfigIssue::kind).collect();
        assert_eq!(faults, [IssueKind::Invalid, IssueKind::Duplicate, IssueKind::Invalid, IssueKind::Unknown]);
        assert!(Roles::builder().build().is_err());
    }

    #[test]
    fn a_misspelt_role_or_permission_is_an_error() {
        let text = table().get("admn").unwrap_err().to_string();
        assert_eq!(text, "role \"admn\": no such role; use one of: admin, auditor, editor, reader");
        assert!(table().permission("write:pages").is_err());
        assert_eq!(table().permission("write:page").unwrap().as_str(), "write:page");
    }

    #[test]
    fn named_roles_grant_nothing() {
        let roles = Roles::from_names(["a", "b"]).unwrap();
        assert!(!roles.get("a").unwrap().grants(&Permission::new("x:y").unwrap()));
        assert!(Roles::from_names(["a", "a"]).is_err());
    }
}
