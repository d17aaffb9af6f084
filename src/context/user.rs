//! `UserContext`: who acts, with which privileges, whatever the credential was.

use std::any::Any;
use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::Extensions;
use serde::de::DeserializeOwned;

use crate::context::{Permission, Principal, Realm, Roles, Scopes, Text, Tier, Visitor};

/// Who acts, with which privileges: the same whatever the credential was, and cheap to clone.
///
/// `JwtAuth` makes one of a token. A gate or a test of one's own starts from [`UserContext::new`] and adds what it knows.
///
/// ```
/// use portcullis::{Scopes, UserContext};
///
/// let user = UserContext::new("ann").with_scopes(Scopes::new(["read:valuations"])?).with_roles(["editor"]);
/// assert_eq!(user.id(), "ann");
/// assert!(user.has_role("editor") && user.has_scope("read:valuations"));
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct UserContext(Arc<Identity>);

/// What a credential says of its bearer; the rooms of a [`UserContext`].
#[derive(Clone, Default)]
pub(crate) struct Identity {
    pub(crate) id: Option<Text>,
    pub(crate) issuer: Option<Arc<str>>,
    pub(crate) client_id: Option<Text>,
    pub(crate) email: Option<Text>,
    pub(crate) name: Option<Text>,
    pub(crate) scopes: Scopes,
    pub(crate) roles: Box<[Text]>,
    pub(crate) permissions: Box<[Text]>,
    pub(crate) role_table: Option<Roles>,
    pub(crate) tier: Option<Tier>,
    pub(crate) tier_name: Option<Text>,
    pub(crate) acts_for_itself: bool,
    pub(crate) acr: Option<Text>,
    pub(crate) amr: Box<[Text]>,
    pub(crate) auth_time: Option<Duration>,
    pub(crate) token_id: Option<Text>,
    pub(crate) expires_at: Option<Duration>,
    pub(crate) claims: Option<Arc<str>>,
    pub(crate) realm: Realm,
    pub(crate) record: Option<Arc<dyn Any + Send + Sync>>,
}

impl UserContext {
    /// A user of this id, who may do nothing yet.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self::from_identity(Identity { id: Some(id.into().into()), ..Identity::default() })
    }

    pub(crate) fn from_identity(identity: Identity) -> Self {
        Self(Arc::new(identity))
    }

    /// The user that an authenticating layer found, from the extensions of a request: for services that are not axum's.
    ///
    /// `None` for an anonymous request, and where no such layer ran.
    ///
    /// ```
    /// use http::Request;
    /// use portcullis::{UserContext, context::Visitor};
    ///
    /// let mut request = Request::new(());
    /// request.extensions_mut().insert(Visitor::authenticated(UserContext::new("ann")));
    /// assert_eq!(UserContext::of(request.extensions()).map(UserContext::id), Some("ann"));
    /// ```
    #[must_use]
    pub fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get::<Visitor>()?.user()
    }

    /// The user's id at its issuer: the `sub` claim (RFC 7519 §4.1.2), unless the issuer's claims are mapped otherwise.
    ///
    /// Ids of two issuers may be equal: together with [`issuer`](Self::issuer) it is unique.
    #[must_use]
    pub fn id(&self) -> &str {
        self.0.id.as_deref().unwrap_or_default()
    }

    /// The issuer that vouches for the user: the `iss` claim (RFC 7519 §4.1.1).
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.0.issuer.as_deref()
    }

    /// The client the token was issued to: the `client_id` claim (RFC 9068 §2.2), or what the issuer calls it.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.0.client_id.as_deref()
    }

    /// The e-mail address. Not an identity: issuers differ in whether they verified it.
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        self.0.email.as_deref()
    }

    /// The name to show.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// The scopes that the token carries (RFC 8693 §4.2).
    #[must_use]
    pub fn scopes(&self) -> &Scopes {
        &self.0.scopes
    }

    /// The roles, as the issuer names them.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.0.roles.iter().map(|role| &**role)
    }

    /// The permissions: the user's own and those of the roles, sorted, each once.
    ///
    /// A role's grant may hold a `*`; to decide, ask [`has_permission`](Self::has_permission).
    pub fn permissions(&self) -> impl Iterator<Item = &str> {
        let own = self.0.permissions.iter().map(|permission| &**permission);
        own.chain(self.granted().map(Permission::as_str)).collect::<BTreeSet<_>>().into_iter()
    }

    /// The tier, where it is one of the app's; `None` for a tier unknown to it, which ranks below all.
    #[must_use]
    pub fn tier(&self) -> Option<&Tier> {
        self.0.tier.as_ref()
    }

    /// The tier's name, also of one unknown to the app.
    #[must_use]
    pub fn tier_name(&self) -> Option<&str> {
        self.0.tier.as_ref().map(Tier::name).or(self.0.tier_name.as_deref())
    }

    /// Whether a user acts, or a client for itself.
    #[must_use]
    pub fn principal(&self) -> Principal {
        if self.0.acts_for_itself { Principal::Client } else { Principal::User }
    }

    /// The authentication context class (`acr`, OpenID Connect Core §2).
    #[must_use]
    pub fn acr(&self) -> Option<&str> {
        self.0.acr.as_deref()
    }

    /// The authentication methods (`amr`, RFC 8176).
    pub fn amr(&self) -> impl Iterator<Item = &str> {
        self.0.amr.iter().map(|method| &**method)
    }

    /// When the user was authenticated (`auth_time`, OpenID Connect Core §2).
    #[must_use]
    pub fn auth_time(&self) -> Option<SystemTime> {
        self.0.auth_time.and_then(|time| UNIX_EPOCH.checked_add(time))
    }

    /// The token's id (`jti`, RFC 7519 §4.1.7), unique at its issuer.
    #[must_use]
    pub fn token_id(&self) -> Option<&str> {
        self.0.token_id.as_deref()
    }

    /// When the token expires (`exp`, RFC 7519 §4.1.4), leeway not counted.
    #[must_use]
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.0.expires_at.and_then(|time| UNIX_EPOCH.checked_add(time))
    }

    /// The token's claims, the JSON object as it was signed; `{}` where there was no token.
    #[must_use]
    pub fn raw_claims(&self) -> &str {
        self.0.claims.as_deref().unwrap_or("{}")
    }

    /// The token's claims as a type of one's own.
    ///
    /// # Errors
    ///
    /// Where the claims are not of that type.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, ClaimsError> {
        serde_json::from_str(self.raw_claims())
            .map_err(|error| ClaimsError { line: error.line(), column: error.column() })
    }

    /// What a user loader attached with [`with_record`](Self::with_record).
    #[must_use]
    pub fn record<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.0.record.as_deref()?.downcast_ref()
    }

    /// The realm that a challenge to this user names.
    #[must_use]
    pub fn realm(&self) -> &Realm {
        &self.0.realm
    }

    /// Whether the token carries this very scope.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.0.scopes.contains(scope)
    }

    /// Whether the user has this role, or one that inherits it in the app's role table.
    #[must_use]
    pub fn has_role(&self, role: &str) -> bool {
        match &self.0.role_table {
            Some(table) => self.roles().any(|own| table.holds(own, role)),
            None => self.roles().any(|own| own == role),
        }
    }

    /// Whether the user has this permission (`action:resource`), of their own or by a role.
    #[must_use]
    pub fn has_permission(&self, permission: &str) -> bool {
        self.0.permissions.iter().any(|own| **own == *permission)
            || self.granted().any(|grant| grant.covers(permission))
    }

    /// Whether the user's tier is this one or above it.
    #[must_use]
    pub fn is_at_least(&self, tier: &Tier) -> bool {
        match &self.0.tier {
            Some(own) => own.is_at_least(tier),
            None => self.0.tier_name.as_ref().is_some_and(|own| tier.admits(own)),
        }
    }

    fn granted(&self) -> impl Iterator<Item = &Permission> {
        let table = self.0.role_table.iter();
        table.flat_map(|table| self.roles().flat_map(|role| table.grants_of(role)))
    }
}

/// What a loader, a test or a gate of one's own adds; each call replaces what stood there.
impl UserContext {
    /// Sets the issuer that vouches for the user.
    #[must_use]
    pub fn with_issuer(self, issuer: impl Into<String>) -> Self {
        self.with(|identity| identity.issuer = Some(issuer.into().into()))
    }

    /// Sets the client's id.
    #[must_use]
    pub fn with_client_id(self, client_id: impl Into<String>) -> Self {
        self.with(|identity| identity.client_id = Some(client_id.into().into()))
    }

    /// Sets the e-mail address.
    #[must_use]
    pub fn with_email(self, email: impl Into<String>) -> Self {
        self.with(|identity| identity.email = Some(email.into().into()))
    }

    /// Sets the name to show.
    #[must_use]
    pub fn with_name(self, name: impl Into<String>) -> Self {
        self.with(|identity| identity.name = Some(name.into().into()))
    }

    /// Sets the scopes.
    #[must_use]
    pub fn with_scopes(self, scopes: Scopes) -> Self {
        self.with(|identity| identity.scopes = scopes)
    }

    /// Sets the roles.
    #[must_use]
    pub fn with_roles<I>(self, roles: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.with(|identity| identity.roles = texts(roles))
    }

    /// Sets the table that says what the roles grant.
    #[must_use]
    pub fn with_role_table(self, table: Roles) -> Self {
        self.with(|identity| identity.role_table = Some(table))
    }

    /// Sets the user's own permissions, beside those of the roles.
    #[must_use]
    pub fn with_permissions<I>(self, permissions: I) -> Self
    where
        I: IntoIterator<Item = Permission>,
    {
        let permissions = permissions.into_iter().map(|permission| permission.as_str().to_owned());
        self.with(|identity| identity.permissions = texts(permissions))
    }

    /// Sets the tier.
    #[must_use]
    pub fn with_tier(self, tier: Tier) -> Self {
        self.with(|identity| identity.tier = Some(tier))
    }

    /// Sets the token's id.
    #[must_use]
    pub fn with_token_id(self, token_id: impl Into<String>) -> Self {
        self.with(|identity| identity.token_id = Some(token_id.into().into()))
    }

    /// Sets when the token expires; a time before 1970 counts as then.
    #[must_use]
    pub fn with_expiry(self, time: SystemTime) -> Self {
        self.with(|identity| identity.expires_at = Some(since_epoch(time)))
    }

    /// Sets when and how the user was authenticated, `acr` and `amr`; a time before 1970 counts as then.
    #[must_use]
    pub fn with_authentication<I>(self, time: SystemTime, acr: impl Into<String>, amr: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.with(|identity| {
            identity.auth_time = Some(since_epoch(time));
            identity.acr = Some(acr.into().into());
            identity.amr = texts(amr);
        })
    }

    /// Sets whether a user acts, or a client for itself.
    #[must_use]
    pub fn with_principal(self, principal: Principal) -> Self {
        self.with(|identity| identity.acts_for_itself = principal == Principal::Client)
    }

    /// Sets the claims, a JSON object.
    #[must_use]
    pub fn with_raw_claims(self, claims: impl Into<String>) -> Self {
        self.with(|identity| identity.claims = Some(claims.into().into()))
    }

    /// Attaches a record of one's own, a row of a users table for example, for [`record`](Self::record).
    #[must_use]
    pub fn with_record<T: Send + Sync + 'static>(self, record: T) -> Self {
        self.with(|identity| identity.record = Some(Arc::new(record)))
    }

    fn with(mut self, change: impl FnOnce(&mut Identity)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }
}

/// Shows who it is and what they may do, not the claims.
impl fmt::Debug for UserContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserContext")
            .field("id", &self.id())
            .field("issuer", &self.issuer())
            .field("principal", &self.principal())
            .field("scopes", &self.0.scopes)
            .field("roles", &self.0.roles)
            .field("tier", &self.tier_name())
            .finish_non_exhaustive()
    }
}

/// A token's claims are not of the type asked for. The claims' values are not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimsError {
    line: usize,
    column: usize,
}

impl fmt::Display for ClaimsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the claims are not of the type asked for, at line {} column {}", self.line, self.column)
    }
}

impl Error for ClaimsError {}

fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn texts<I>(items: I) -> Box<[Text]>
where
    I: IntoIterator<Item: Into<String>>,
{
    items.into_iter().map(|item| Text::from(item.into())).collect()
}

#[cfg(test)]
mod tests;
