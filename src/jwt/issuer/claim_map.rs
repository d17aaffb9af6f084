//! `ClaimMap`: which claims of an issuer's tokens say what of a user.

use std::borrow::Cow;
use std::sync::Arc;

use crate::context::{Identity, Scopes, SharedStr};
use crate::gate::TokenError;
use crate::jwt::strict_json::{Object, array, is_null, string};

/// Which claims of an issuer's tokens say what of a user.
///
/// A claim is named by its name (`cognito:groups`, `https://example.com/roles`), or, where it lies within another, by a
/// JSON Pointer (RFC 6901): `/realm_access/roles`. A name that begins with a slash is always a pointer; a dot is a part of
/// the name.
///
/// | what | by default | read from |
/// |---|---|---|
/// | id | `sub` | the claim, which every token must have |
/// | client id | `client_id`, `azp` | the first that is there |
/// | email, name | `email`, `name` | the first that is there and a string |
/// | scopes | `scope`, `scp` | the first that is there: words with spaces between, or an array of words |
/// | roles | `roles` | all that are there: arrays of strings or of objects with a `value` (RFC 9068 §2.2.3.1), or one string |
/// | permissions | `permissions` | as roles |
/// | tier | `tier`, `subscription_tier` | the first that is there |
///
/// A claim that gives privileges and is of another type makes the token malformed; `null` in place of roles, permissions
/// or tier gives none.
#[derive(Clone, Debug)]
#[must_use]
pub struct ClaimMap {
    id: Path,
    client_id: Vec<Path>,
    email: Vec<Path>,
    name: Vec<Path>,
    scopes: Vec<Path>,
    roles: Vec<Path>,
    permissions: Vec<Path>,
    tier: Vec<Path>,
    acr: Path,
    amr: Vec<Path>,
}

impl ClaimMap {
    /// The defaults of the table above.
    pub fn new() -> Self {
        Self {
            id: Path::new("sub"),
            client_id: paths(["client_id", "azp"]),
            email: paths(["email"]),
            name: paths(["name"]),
            scopes: paths(["scope", "scp"]),
            roles: paths(["roles"]),
            permissions: paths(["permissions"]),
            tier: paths(["tier", "subscription_tier"]),
            acr: Path::new("acr"),
            amr: paths(["amr"]),
        }
    }

    /// Sets the claim that is the user's id.
    pub fn id(mut self, claim: &str) -> Self {
        self.id = Path::new(claim);
        self
    }

    /// Sets the claims that may name the client.
    pub fn client_id<'a>(mut self, claims: impl IntoIterator<Item = &'a str>) -> Self {
        self.client_id = paths(claims);
        self
    }

    /// Sets the claims that may hold the e-mail address.
    pub fn email<'a>(mut self, claims: impl IntoIterator<Item = &'a str>) -> Self {
        self.email = paths(claims);
        self
    }

    /// Sets the claims that may hold the name.
    pub fn name<'a>(mut self, claims: impl IntoIterator<Item = &'a str>) -> Self {
        self.name = paths(claims);
        self
    }

    /// Sets the claims that may hold the scopes.
    pub fn scopes<'a>(mut self, claims: impl IntoIterator<Item = &'a str>) -> Self {
        self.scopes = paths(claims);
        self
    }

    /// Sets the claims that hold roles.
    pub fn roles<'a>(mut self, claims: impl IntoIterator<Item = &'a str>) -> Self {
        self.roles = paths(claims);
        self
    }

    /// Adds a claim that holds roles.
    pub fn add_roles(mut self, claim: &str) -> Self {
        self.roles.push(Path::new(claim));
        self
    }

    /// Sets the claims that hold permissions.
    pub fn permissions<'a>(mut self, claims: impl IntoIterator<Item = &'a str>) -> Self {
        self.permissions = paths(claims);
        self
    }

    /// Sets the claims that may hold the tier.
    pub fn tier<'a>(mut self, claims: impl IntoIterator<Item = &'a str>) -> Self {
        self.tier = paths(claims);
        self
    }

    /// Whether a claim is named by nothing, and so never there.
    pub(crate) fn has_empty_name(&self) -> bool {
        let lists =
            [&self.client_id, &self.email, &self.name, &self.scopes, &self.roles, &self.permissions, &self.tier];
        lists.into_iter().flatten().chain([&self.id]).any(|path| path.first.is_empty())
    }

    /// What the claims, whose text is `whole`, say of the user by this map.
    pub(crate) fn read(&self, claims: &Object<'_>, whole: &Arc<str>) -> Result<Identity, TokenError> {
        let part = |text: Cow<'_, str>| match text {
            Cow::Borrowed(text) => SharedStr::part_of(whole, text),
            Cow::Owned(text) => text.into(),
        };
        let id = match self.id.find(claims, "id")? {
            Some(value) => string(value).filter(|id| !id.is_empty()).ok_or(TokenError::ClaimInvalid("id"))?,
            None => return Err(TokenError::ClaimMissing("id")),
        };
        let client_id = match first(&self.client_id, claims, "client id")? {
            Some(value) => Some(string(value).ok_or(TokenError::ClaimInvalid("client id"))?),
            None => None,
        };
        let shown = |paths| Ok(first(paths, claims, "name")?.and_then(string).map(part));
        Ok(Identity {
            id: Some(part(id)),
            client_id: client_id.map(part),
            email: shown(&self.email)?,
            name: shown(&self.name)?,
            scopes: match first(&self.scopes, claims, "scope")? {
                Some(value) => scopes(value, part).ok_or(TokenError::ClaimInvalid("scope"))?,
                None => Scopes::default(),
            },
            roles: names(&self.roles, claims, "roles", part)?,
            permissions: names(&self.permissions, claims, "permissions", part)?,
            tier_name: match first(&self.tier, claims, "tier")?.filter(|value| !is_null(value)) {
                Some(value) => Some(part(string(value).ok_or(TokenError::ClaimInvalid("tier"))?)),
                None => None,
            },
            acr: match self.acr.find(claims, "acr")? {
                Some(value) => Some(part(string(value).ok_or(TokenError::ClaimInvalid("acr"))?)),
                None => None,
            },
            amr: names(&self.amr, claims, "amr", part)?,
            ..Identity::default()
        })
    }
}

impl Default for ClaimMap {
    fn default() -> Self {
        Self::new()
    }
}

/// Where a claim is found: a member's name, and the names below it.
#[derive(Clone, Debug)]
struct Path {
    first: String,
    below: Vec<String>,
}

impl Path {
    fn new(claim: &str) -> Self {
        let Some(pointer) = claim.strip_prefix('/') else {
            return Self { first: claim.to_owned(), below: Vec::new() };
        };
        // RFC 6901 §4: `~1` is read before `~0`.
        let mut names = pointer.split('/').map(|name| name.replace("~1", "/").replace("~0", "~"));
        Self { first: names.next().unwrap_or_default(), below: names.collect() }
    }

    /// The JSON text found there; `None` where there is none on the way. What is no object on the way is malformed.
    fn find<'a>(&self, claims: &Object<'a>, what: &'static str) -> Result<Option<&'a str>, TokenError> {
        let mut found = claims.get(&self.first);
        for name in &self.below {
            let Some(value) = found else { return Ok(None) };
            let object = Object::parse(value).ok_or(TokenError::ClaimInvalid(what))?;
            found = object.get(name);
        }
        Ok(found)
    }
}

fn paths<'a>(claims: impl IntoIterator<Item = &'a str>) -> Vec<Path> {
    claims.into_iter().map(Path::new).collect()
}

fn first<'a>(paths: &[Path], claims: &Object<'a>, what: &'static str) -> Result<Option<&'a str>, TokenError> {
    for path in paths {
        if let Some(value) = path.find(claims, what)? {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// A space-delimited string (RFC 8693 §4.2), or an array of scope tokens as some issuers send it.
fn scopes(value: &str, part: impl Fn(Cow<'_, str>) -> SharedStr) -> Option<Scopes> {
    if let Some(text) = string(value) {
        return Scopes::from_text(part(text));
    }
    let mut text = String::with_capacity(value.len());
    for item in array(value)? {
        let scope = string(item.get()).filter(|scope| !scope.is_empty() && !scope.contains(' '))?;
        text.push_str(&scope);
        text.push(' ');
    }
    Scopes::from_text(text.into())
}

/// The strings of all the claims that are there.
fn names(
    paths: &[Path],
    claims: &Object<'_>,
    what: &'static str,
    part: impl Fn(Cow<'_, str>) -> SharedStr,
) -> Result<Box<[SharedStr]>, TokenError> {
    let malformed = TokenError::ClaimInvalid(what);
    let mut names = Vec::new();
    for path in paths {
        let Some(value) = path.find(claims, what)?.filter(|value| !is_null(value)) else { continue };
        if let Some(name) = string(value) {
            names.push(part(name));
            continue;
        }
        let items = array(value).ok_or(malformed)?;
        names.reserve_exact(items.len());
        for item in items {
            let name = string(item.get()).or_else(|| complex_value(item.get())).ok_or(malformed)?;
            names.push(part(name));
        }
    }
    Ok(names.into_boxed_slice())
}

/// The `value` of a complex attribute (RFC 7643 §2.4).
fn complex_value(item: &str) -> Option<Cow<'_, str>> {
    Object::parse(item)?.get("value").and_then(string)
}

#[cfg(test)]
mod tests;
