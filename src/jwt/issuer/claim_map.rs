//! `ClaimMap`: the claims from which a `UserContext` is read.

use std::borrow::Cow;
use std::sync::Arc;

use crate::context::{Identity, Scopes, SharedStr};
use crate::gate::TokenError;
use crate::jwt::strict_json::{Object, array, is_null, string};

/// The claims from which a [`UserContext`](crate::UserContext) is read.
///
/// A claim is given by its name (`cognito:groups`, `https://example.com/roles`) or, if it is nested in another claim,
/// by a JSON Pointer (RFC 6901): `/realm_access/roles`. A name with a leading slash is always a pointer. A dot has no
/// special meaning.
///
/// | property | default claims | how the value is read |
/// |---|---|---|
/// | id | `sub` | the claim is required |
/// | client id | `client_id`, `azp` | the first claim that is present |
/// | email, name | `email`, `name` | the first claim that is present, if it is a string |
/// | scopes | `scope`, `scp` | the first claim that is present: a space-delimited string or an array of strings |
/// | roles | `roles` | all claims that are present: a string, or an array of strings or of objects with a `value` (RFC 9068 §2.2.3.1) |
/// | permissions | `permissions` | like roles |
/// | tier | `tier`, `subscription_tier` | the first claim that is present |
///
/// If the id, client id, scopes, roles, permissions or tier have another type, the token is rejected: a privilege that
/// cannot be read must not look like one that is absent. `null` means no roles, permissions or tier.
///
/// ```
/// # use axum::{Router, body::Body, http::Request, routing::get};
/// # use portcullis::{Issuer, JwtAuth, testing::TokenBuilder};
/// # use serde_json::json;
/// # use tower::ServiceExt;
/// use portcullis::{ClaimMap, UserContext};
///
/// async fn handler(user: UserContext) {
///     let roles: Vec<_> = user.roles().collect();
///     assert_eq!(roles, ["editor", "reviewers"]);
///     assert_eq!(user.tier_name(), Some("gold"));
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let secret = *b"a secret of at least 32 random bytes";
/// # let iss = "https://app.example.com";
/// let claims = ClaimMap::new()
///     .roles(["/realm_access/roles", "groups"])
///     .tier(["https://example.com/plan"]);
/// let issuer = Issuer::hs256(iss, secret).claims(claims);
/// # let auth = JwtAuth::builder().issuer(issuer).audience("api").build()?;
/// let app = Router::new().route("/", get(handler)).layer(auth);
///
/// let token = TokenBuilder::first_party(iss, secret, "ann")
///     .audience("api")
///     .claim("realm_access", json!({ "roles": ["editor"] }))
///     .claim("groups", json!(["reviewers"]))
///     .claim("https://example.com/plan", "gold")
///     .sign();
/// # let request = Request::get("/");
/// # let request = request.header("authorization", format!("Bearer {token}"));
/// # let response = app.oneshot(request.body(Body::empty())?).await?;
/// # assert_eq!(response.status(), 200);
/// # Ok(())
/// # }
/// ```
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
    /// Creates a map with the default claims.
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

    /// Sets the claim with the user's id (default `sub`).
    ///
    /// The value must be unique at the issuer and must never be given to another user. An email address is neither.
    pub fn id(mut self, claim: &str) -> Self {
        self.id = Path::new(claim);
        self
    }

    /// Sets the claims with the client's id, in order of preference (default `client_id`, `azp`).
    pub fn client_id(mut self, claims: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.client_id = paths(claims);
        self
    }

    /// Sets the claims with the email address, in order of preference (default `email`).
    pub fn email(mut self, claims: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.email = paths(claims);
        self
    }

    /// Sets the claims with the display name, in order of preference (default `name`).
    pub fn name(mut self, claims: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.name = paths(claims);
        self
    }

    /// Sets the claims with the scopes, in order of preference (default `scope`, `scp`).
    pub fn scopes(mut self, claims: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.scopes = paths(claims);
        self
    }

    /// Sets the claims with roles, all of which are read (default `roles`).
    ///
    /// ```
    /// use portcullis::{ClaimMap, Issuer};
    ///
    /// let claims = ClaimMap::new().roles([
    ///     "groups",
    ///     "/realm_access/roles",
    ///     // A name that is a URL is not a pointer.
    ///     "https://example.com/roles",
    /// ]);
    /// # let issuer = Issuer::hs256("app", [7; 32]).claims(claims);
    /// # let builder = portcullis::JwtAuth::builder().issuer(issuer);
    /// # assert!(builder.audience("api").build().is_ok());
    /// ```
    pub fn roles(mut self, claims: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.roles = paths(claims);
        self
    }

    /// Adds a claim with roles, in addition to those already read.
    ///
    /// ```
    /// use portcullis::Issuer;
    ///
    /// let issuer = Issuer::keycloak("https://sso.example.com", "shop")
    ///     .map_claims(|claims| claims.add_roles("groups"));
    /// # let builder = portcullis::JwtAuth::builder().issuer(issuer);
    /// # assert!(builder.audience("api").build().is_ok());
    /// ```
    pub fn add_roles(mut self, claim: &str) -> Self {
        self.roles.push(Path::new(claim));
        self
    }

    /// Sets the claims with permissions, all of which are read (default `permissions`).
    pub fn permissions(mut self, claims: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.permissions = paths(claims);
        self
    }

    /// Sets the claims with the tier, in order of preference (default `tier`, `subscription_tier`).
    pub fn tier(mut self, claims: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.tier = paths(claims);
        self
    }

    /// Whether a claim's name is empty. `build()` rejects such a map, since the claim is never present.
    pub(crate) fn has_empty_name(&self) -> bool {
        let lists =
            [&self.client_id, &self.email, &self.name, &self.scopes, &self.roles, &self.permissions, &self.tier];
        lists.into_iter().flatten().chain([&self.id]).any(|path| path.first.is_empty())
    }

    /// Reads a user from the claims. `text` is the text from which they were parsed.
    ///
    /// The user keeps the text for [`UserContext::claims`](crate::UserContext::claims) anyway, so most of its strings
    /// are ranges of it instead of copies.
    pub(crate) fn read(&self, claims: &Object<'_>, text: &Arc<str>) -> Result<Identity, TokenError> {
        let share = |value: Cow<'_, str>| match value {
            Cow::Borrowed(value) => SharedStr::part_of(text, value),
            // A value with escapes is not a range of the text.
            Cow::Owned(value) => value.into(),
        };
        let id = match self.id.find(claims)? {
            Some(value) => string(value).filter(|id| !id.is_empty()).ok_or_else(|| self.id.invalid())?,
            None => return Err(TokenError::claim_missing(self.id.text.clone())),
        };
        let text_of = |(path, value): (&Path, _)| string(value).ok_or_else(|| path.invalid());
        // As strict as the user's id: apps also decide by the client's id.
        let client_id = first(&self.client_id, claims)?.map(text_of).transpose()?;
        // No access depends on a name or an email address, so a value of another type is ignored.
        let display = |paths| Ok(first(paths, claims)?.and_then(|(_, value)| string(value)).map(share));
        let tier = first(&self.tier, claims)?.filter(|(_, value)| !is_null(value));
        let acr = self.acr.find(claims)?.map(|value| (&self.acr, value));
        Ok(Identity {
            id: Some(share(id)),
            client_id: client_id.map(share),
            email: display(&self.email)?,
            name: display(&self.name)?,
            scopes: match first(&self.scopes, claims)? {
                Some((path, value)) => scopes(value, share).ok_or_else(|| path.invalid())?,
                None => Scopes::default(),
            },
            roles: names(&self.roles, claims, share)?,
            permissions: names(&self.permissions, claims, share)?,
            tier_name: tier.map(text_of).transpose()?.map(share),
            acr: acr.map(text_of).transpose()?.map(share),
            amr: names(&self.amr, claims, share)?,
            ..Identity::default()
        })
    }
}

impl Default for ClaimMap {
    fn default() -> Self {
        Self::new()
    }
}

/// The location of a claim: the name of a member, and the names of nested members.
///
/// Unlike a full JSON Pointer (RFC 6901), it never selects an element of an array.
#[derive(Clone, Debug)]
struct Path {
    /// As it was configured, for errors.
    text: String,
    first: String,
    nested: Vec<String>,
}

impl Path {
    fn new(claim: &str) -> Self {
        let text = claim.to_owned();
        let Some(pointer) = claim.strip_prefix('/') else {
            return Self { first: text.clone(), text, nested: Vec::new() };
        };
        // RFC 6901 §4: `~1` is replaced first, so that `~01` becomes `~1`. The other order would make it a slash.
        let mut names = pointer.split('/').map(|name| name.replace("~1", "/").replace("~0", "~"));
        Self { text, first: names.next().unwrap_or_default(), nested: names.collect() }
    }

    /// Returns the claim's JSON text. It is invalid if a claim around it is not an object.
    fn find<'a>(&self, claims: &Object<'a>) -> Result<Option<&'a str>, TokenError> {
        let mut found = claims.get(&self.first);
        for name in &self.nested {
            let Some(value) = found else { return Ok(None) };
            let object = Object::parse(value).ok_or_else(|| self.invalid())?;
            found = object.get(name);
        }
        Ok(found)
    }

    /// Returns the error of a value that has the wrong type. It names the claim as the map does, so that it is found in
    /// the token.
    fn invalid(&self) -> TokenError {
        TokenError::claim_invalid(self.text.clone())
    }
}

fn paths(claims: impl IntoIterator<Item: AsRef<str>>) -> Vec<Path> {
    claims.into_iter().map(|claim| Path::new(claim.as_ref())).collect()
}

/// Returns the first claim that is present, with its path.
fn first<'m, 'a>(paths: &'m [Path], claims: &Object<'a>) -> Result<Option<(&'m Path, &'a str)>, TokenError> {
    for path in paths {
        if let Some(value) = path.find(claims)? {
            return Ok(Some((path, value)));
        }
    }
    Ok(None)
}

/// Reads scopes from a space-delimited string (RFC 8693 §4.2), or from an array of strings as some issuers send it.
fn scopes(value: &str, share: impl Fn(Cow<'_, str>) -> SharedStr) -> Option<Scopes> {
    if let Some(text) = string(value) {
        return Scopes::from_text(share(text));
    }
    // Join the elements as in `scope`. A space in an element would become two scopes, so such a claim is rejected.
    let mut text = String::with_capacity(value.len());
    for item in array(value)? {
        let scope = string(item.get()).filter(|scope| !scope.is_empty() && !scope.contains(' '))?;
        text.push_str(&scope);
        text.push(' ');
    }
    Scopes::from_text(text.into())
}

/// Reads the strings of all claims that are present, in the order of the paths.
///
/// One malformed element rejects the token. Skipping it could hide a role on which a rule of the app depends.
fn names(
    paths: &[Path],
    claims: &Object<'_>,
    share: impl Fn(Cow<'_, str>) -> SharedStr,
) -> Result<Box<[SharedStr]>, TokenError> {
    let mut names = Vec::new();
    for path in paths {
        let Some(value) = path.find(claims)?.filter(|value| !is_null(value)) else { continue };
        if let Some(name) = string(value) {
            names.push(share(name));
            continue;
        }
        let items = array(value).ok_or_else(|| path.invalid())?;
        names.reserve_exact(items.len());
        for item in items {
            let name = string(item.get()).or_else(|| complex_value(item.get())).ok_or_else(|| path.invalid())?;
            names.push(share(name));
        }
    }
    Ok(names.into_boxed_slice())
}

/// Returns the `value` of a complex attribute (RFC 7643 §2.4).
fn complex_value(item: &str) -> Option<Cow<'_, str>> {
    Object::parse(item)?.get("value").and_then(string)
}

#[cfg(test)]
mod tests;
