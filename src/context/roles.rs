//! `Roles`, `Role` and `RolesBuilder`: an app's roles, with their permissions and inheritance.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::context::permission::Permission;
use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};

/// An app's table of roles: what each role grants and which roles it inherits.
///
/// ```
/// use portcullis::Roles;
///
/// let roles = Roles::builder()
///     .role("basic_user", ["create:valuation", "read:valuation"])
///     .role("professional_user", ["export:valuation", "*:webhook"])
///     .inherits("professional_user", ["basic_user"])
///     .build()?;
/// let create = roles.permission("create:valuation")?;
/// assert!(roles.get("professional_user")?.grants(&create));
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
///
/// A token usually names roles, and this table defines what they grant. So a new permission needs no new tokens. The
/// layers [`RequireRole`](crate::RequireRole) and [`RequirePermission`](crate::RequirePermission) take roles and
/// permissions of the table, which makes a misspelled name an error at startup:
///
/// ```
/// # use portcullis::Roles;
/// # let roles = Roles::builder().role("admin", ["create:valuation"]).build()?;
/// assert!(roles.get("admn").is_err());
/// assert!(roles.permission("creat:valuation").is_err());
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Roles(Arc<BTreeMap<Box<str>, Rights>>);

/// The rights of a role, with inheritance resolved.
#[derive(PartialEq, Eq)]
struct Rights {
    /// Every role that the role inherits, directly or through others.
    ancestors: BTreeSet<Box<str>>,
    /// The permissions that the role and its ancestors grant.
    grants: BTreeSet<Permission>,
}

impl Roles {
    /// Returns a builder without roles.
    pub fn builder() -> RolesBuilder {
        RolesBuilder::default()
    }

    /// Creates a table of roles that grant no permissions, for apps that check only roles.
    ///
    /// ```
    /// use portcullis::Roles;
    ///
    /// let roles = Roles::from_names(["reader", "editor"])?;
    /// assert_eq!(roles.get("editor")?.name(), "editor");
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if there is no name, or if a name is empty or repeated.
    pub fn from_names<I>(names: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: Into<String>>,
    {
        let table = names.into_iter().fold(Self::builder(), |table, name| table.role(name, [""; 0]));
        table.build().map_err(|error| error.with_setting("Roles::from_names"))
    }

    /// Returns the role of this name. The comparison is case-sensitive.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if no role has this name. The error lists the names that exist.
    pub fn get(&self, name: &str) -> Result<Role, ConfigError> {
        if self.0.contains_key(name) {
            return Ok(Role { table: self.clone(), name: name.into() });
        }
        Err(unknown_role("Roles::get", name, self.0.keys()).into())
    }

    /// Returns this permission if a role of the table grants it.
    ///
    /// Use it to find misspelled permissions at startup. A grant with a `*` covers every word in that place, so a
    /// misspelled word is not found there.
    ///
    /// ```
    /// use portcullis::Roles;
    ///
    /// let roles = Roles::builder().role("auditor", ["read:*"]).build()?;
    /// assert!(roles.permission("read:report").is_ok());
    /// assert!(roles.permission("write:report").is_err());
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if the text is not of the form `action:resource`, or if no role grants the permission.
    pub fn permission(&self, text: &str) -> Result<Permission, ConfigError> {
        let permission = Permission::new(text).map_err(|error| error.with_setting("Roles::permission"))?;
        if self.0.values().flat_map(|rights| &rights.grants).any(|grant| grant.covers(text)) {
            return Ok(permission);
        }
        let remedy = "correct the spelling, or grant it to a role";
        let issue = ConfigIssue::new("Roles::permission", IssueKind::Unknown, "no role grants it", remedy);
        Err(issue.with_value(text).into())
    }

    /// Returns the permissions that a role grants, directly and by inheritance; none if the table does not have the
    /// role.
    pub(crate) fn grants_of(&self, role: &str) -> impl Iterator<Item = &Permission> {
        self.0.get(role).into_iter().flat_map(|rights| &rights.grants)
    }

    /// Whether a user with the role `held` also has the role `wanted`: the two are the same, or `held` inherits it.
    pub(crate) fn implies(&self, held: &str, wanted: &str) -> bool {
        held == wanted || self.0.get(held).is_some_and(|rights| rights.ancestors.contains(wanted))
    }
}

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// One role of an app's [`Roles`].
///
/// It is displayed as its name. To get a role from text, call [`Roles::get`], which knows the app's roles.
#[derive(Clone, PartialEq, Eq)]
pub struct Role {
    table: Roles,
    name: Box<str>,
}

impl Role {
    /// Returns the role's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns whether a user with the role `name` also has this role.
    ///
    /// That is the case if the two are the same role, or if `name` inherits this one.
    ///
    /// ```
    /// use portcullis::Roles;
    ///
    /// let roles = Roles::builder()
    ///     .role("reader", ["read:page"])
    ///     .role("editor", ["write:page"])
    ///     .inherits("editor", ["reader"])
    ///     .build()?;
    /// let reader = roles.get("reader")?;
    /// assert!(reader.is_implied_by("editor") && !reader.is_implied_by("guest"));
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    #[must_use]
    pub fn is_implied_by(&self, name: &str) -> bool {
        self.table.implies(name, &self.name)
    }

    /// Returns whether this role, or a role that it inherits, grants the permission.
    #[must_use]
    pub fn grants(&self, permission: &Permission) -> bool {
        self.table.grants_of(&self.name).any(|grant| grant.covers(permission.as_str()))
    }
}

/// Writes the role's name.
impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Role").field(&self.name).finish()
    }
}

/// Builds a table of [`Roles`].
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct RolesBuilder {
    /// Each role with its direct grants.
    roles: Vec<(String, Vec<String>)>,
    /// Each role with the roles it directly inherits.
    inheritance: Vec<(String, Vec<String>)>,
}

impl RolesBuilder {
    /// Adds a role with the permissions that it grants, each as `action:resource`.
    ///
    /// A `*` grants any action or any resource, as in `read:*`. A `*` inside a word has no meaning and is an error.
    ///
    /// ```
    /// use portcullis::Roles;
    ///
    /// let admin = Roles::builder().role("admin", ["*:user", "read:*"]);
    /// assert!(admin.build().is_ok());
    /// assert!(Roles::builder().role("admin", ["*"]).build().is_err());
    /// assert!(Roles::builder().role("admin", ["re*:user"]).build().is_err());
    /// ```
    pub fn role<I>(mut self, name: impl Into<String>, grants: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.roles.push((name.into(), grants.into_iter().map(Into::into).collect()));
        self
    }

    /// Makes a role inherit other roles.
    ///
    /// A user with the role also has the inherited roles, and the permissions that they grant (the role hierarchy of
    /// NIST RBAC). The calls of `role` and `inherits` may come in any order. Inheritance is transitive, and a cycle is
    /// an error.
    ///
    /// ```
    /// use portcullis::Roles;
    ///
    /// let roles = Roles::builder()
    ///     .role("reader", ["read:page"])
    ///     .role("editor", ["write:page"])
    ///     .role("admin", ["*:user"])
    ///     .inherits("editor", ["reader"])
    ///     .inherits("admin", ["editor"]);
    /// let table = roles.clone().build()?;
    /// let read = table.permission("read:page")?;
    /// assert!(table.get("admin")?.grants(&read));
    ///
    /// let cycle = roles.inherits("reader", ["admin"]).build();
    /// assert_eq!(cycle.unwrap_err().issues().len(), 3);
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    pub fn inherits<I>(mut self, role: impl Into<String>, parents: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.inheritance.push((role.into(), parents.into_iter().map(Into::into).collect()));
        self
    }

    /// Builds the table.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] with every role whose name is empty or repeated, every malformed grant, every unknown
    /// role in an inheritance, and every role that inherits itself; or if the table has no role.
    pub fn build(self) -> Result<Roles, ConfigError> {
        let mut issues = ConfigIssues::default();
        let grants = direct_grants(self.roles, &mut issues);
        let parents = parents(&self.inheritance, &grants, &mut issues);
        let table = resolve_inheritance(&grants, &parents, &mut issues);
        issues.into_result(|| Roles(Arc::new(table)))
    }
}

type Grants = BTreeMap<Box<str>, BTreeSet<Permission>>;
type Parents<'a> = BTreeMap<&'a str, Vec<&'a str>>;

/// Validates the roles and parses their grants.
fn direct_grants(roles: Vec<(String, Vec<String>)>, issues: &mut ConfigIssues) -> Grants {
    let mut found = Grants::new();
    for (name, grants) in roles {
        let grants = grants.iter().filter_map(|grant| issues.ok_or_add(Permission::grant(grant))).collect();
        if name.is_empty() {
            issues.add(ConfigIssue::new("role", IssueKind::Invalid, "the name is empty", "name every role"));
        } else if found.contains_key(name.as_str()) {
            let (reason, remedy) = ("the role is repeated", "add each role once, with all its grants");
            issues.add(ConfigIssue::new("role", IssueKind::Duplicate, reason, remedy).with_value(name));
        } else {
            found.insert(name.into(), grants);
        }
    }
    if found.is_empty() {
        issues.add(ConfigIssue::new("role", IssueKind::Missing, "the table is empty", "add at least one role"));
    }
    found
}

/// Validates the inheritance and returns the direct parents of each role.
fn parents<'a>(inheritance: &'a [(String, Vec<String>)], known: &Grants, issues: &mut ConfigIssues) -> Parents<'a> {
    let mut found = Parents::new();
    for (role, parents) in inheritance {
        for name in std::iter::once(role).chain(parents) {
            if !known.contains_key(name.as_str()) {
                issues.add(unknown_role("inherits", name, known.keys()));
            }
        }
        found.entry(role).or_default().extend(parents.iter().map(String::as_str));
    }
    found
}

/// Resolves each role to its ancestors, and to the grants of the role and its ancestors.
fn resolve_inheritance(
    grants: &Grants,
    parents: &Parents<'_>,
    issues: &mut ConfigIssues,
) -> BTreeMap<Box<str>, Rights> {
    let mut table = BTreeMap::new();
    for (name, direct) in grants {
        let ancestors = ancestors(name, parents);
        if ancestors.contains(&**name) {
            let (reason, remedy) = ("the role inherits itself", "break the cycle of inheritance");
            issues.add(ConfigIssue::new("inherits", IssueKind::Prohibited, reason, remedy).with_value(&**name));
        }
        let inherited = ancestors.iter().filter_map(|role| grants.get(*role)).flatten();
        let all = direct.iter().chain(inherited).cloned().collect();
        let ancestors = ancestors.into_iter().map(Into::into).collect();
        table.insert(name.clone(), Rights { ancestors, grants: all });
    }
    table
}

/// Returns all roles that a role inherits. They include the role itself only if the inheritance has a cycle.
fn ancestors<'a>(role: &str, parents: &Parents<'a>) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    // Each role enters the queue at most once, when it is found. So a cycle ends, too.
    let mut queue = vec![role];
    while let Some(name) = queue.pop() {
        for parent in parents.get(name).into_iter().flatten() {
            if found.insert(*parent) {
                queue.push(parent);
            }
        }
    }
    found
}

fn unknown_role<'a>(setting: &'static str, name: &str, known: impl Iterator<Item = &'a Box<str>>) -> ConfigIssue {
    let known: Vec<&str> = known.map(|name| &**name).collect();
    let remedy = format!("use one of: {}", known.join(", "));
    ConfigIssue::new(setting, IssueKind::Unknown, "no such role", remedy).with_value(name)
}

#[cfg(test)]
mod tests;
