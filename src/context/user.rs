//! `UserContext`: the authenticated user or client, the same type for every credential.

mod setters;

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::de::DeserializeOwned;

use crate::context::identity::Identity;
use crate::context::permission::Permission;
use crate::context::principal::Principal;
use crate::context::realm::Realm;
use crate::context::scopes::Scopes;
use crate::context::tiers::Tier;

/// The authenticated user or client of a request: its identity, privileges and claims.
///
/// It is the same type for every credential, and cheap to clone. It is an axum [extractor](crate::extract), and a service
/// without axum calls [`from_extensions`](Self::from_extensions):
///
/// ```
/// use axum::{Router, routing::get};
/// use portcullis::UserContext;
///
/// async fn profile(user: UserContext) -> String {
///     let name = user.name().unwrap_or(user.id());
///     let may_read = user.has_scope("read:valuations");
///     format!("{name} may read valuations: {may_read}")
/// }
///
/// let app: Router = Router::new().route("/profile", get(profile));
/// # let _ = app;
/// ```
///
/// # Where the values come from
///
/// [`JwtAuth`](crate::JwtAuth) creates it from the claims of a verified token. The table lists the default claims. A
/// [`ClaimMap`](crate::ClaimMap), or the preset of an issuer such as `Issuer::keycloak`, may name others. If several
/// claims are listed, the first one that the token has is used; roles and permissions are read from all claims that the
/// map names.
///
/// | accessor | value | claims |
/// |---|---|---|
/// | [`id`] | the user's id at the issuer; never empty for a token | `sub` |
/// | [`issuer`] | the token's issuer, as configured | `iss` |
/// | [`client_id`] | the client that the token was issued to | `client_id`, `azp` |
/// | [`email`], [`name`] | contact and display data | `email`; `name` |
/// | [`scopes`] | what the client may do for the user | `scope`, `scp` |
/// | [`roles`] | the user's roles | `roles` |
/// | [`permissions`] | direct permissions, and the permissions that the roles grant | `permissions` |
/// | [`tier`], [`tier_name`] | the subscription tier | `tier`, `subscription_tier` |
/// | [`principal`] | whether a user or a client acts | `sub`, `client_id`, claims of the issuer |
/// | [`acr`], [`amr`], [`auth_time`] | how and when the user logged in | `acr`; `amr`; `auth_time` |
/// | [`token_id`], [`expires_at`] | the token's id and expiry | `jti`; `exp` |
/// | [`raw_claims`], [`claims`] | all claims | the whole payload |
///
/// The app's settings add the rest: [`Roles`](crate::Roles) define what roles grant, [`Tiers`](crate::Tiers) define the
/// order of tiers, and a user loader may change any value or attach a [`record`].
///
/// [`acr`]: Self::acr
/// [`amr`]: Self::amr
/// [`auth_time`]: Self::auth_time
/// [`claims`]: Self::claims
/// [`client_id`]: Self::client_id
/// [`email`]: Self::email
/// [`expires_at`]: Self::expires_at
/// [`id`]: Self::id
/// [`issuer`]: Self::issuer
/// [`name`]: Self::name
/// [`permissions`]: Self::permissions
/// [`principal`]: Self::principal
/// [`raw_claims`]: Self::raw_claims
/// [`record`]: Self::record
/// [`roles`]: Self::roles
/// [`scopes`]: Self::scopes
/// [`tier`]: Self::tier
/// [`tier_name`]: Self::tier_name
/// [`token_id`]: Self::token_id
///
/// # Serialized form
///
/// With the feature `serde`, a handler can return a user as JSON. `tier` is the [`tier_name`], and times are in whole
/// seconds since 1970. A value that is absent is omitted. The token's id, the claims and the [`record`] are never
/// included, but the email address and the name are: return a user only to those who may see them.
///
/// ```
/// use axum::Json;
/// use portcullis::{Scopes, UserContext};
/// use serde_json::json;
///
/// async fn me(user: UserContext) -> Json<UserContext> {
///     Json(user)
/// }
///
/// let user = UserContext::new("ann")
///     .with_scopes(Scopes::new(["read:valuations"])?)
///     .with_roles(["editor"])
///     .with_name("Ann");
/// # let _ = me;
/// assert_eq!(
///     serde_json::to_value(&user).unwrap(),
///     json!({
///         "id": "ann",
///         "principal": "user", // or "client"
///         "scopes": ["read:valuations"],
///         "roles": ["editor"],
///         "permissions": [],
///         "name": "Ann",
///         // and, if present: "issuer", "client_id", "email", "tier",
///         // "acr", "amr", "auth_time", "expires_at"
///     })
/// );
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
///
/// # Create a user
///
/// A custom gate, a user loader or a test starts from [`UserContext::new`] or an existing value and sets what it knows
/// with the `with_..` methods. A value that was not set is absent, and a new user has no privileges.
///
/// ```
/// use portcullis::{Scopes, UserContext};
///
/// let user = UserContext::new("ann").with_scopes(Scopes::new(["read:valuations"])?).with_roles(["editor"]);
/// assert_eq!(user.id(), "ann");
/// assert!(user.has_role("editor") && user.has_scope("read:valuations"));
/// assert!(!user.has_scope("write:valuations"));
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct UserContext(Arc<Identity>);

/// Identity.
impl UserContext {
    /// Returns the user's id at the issuer: the `sub` claim (RFC 7519 §4.1.2).
    ///
    /// The issuer's `ClaimMap` may name another claim.
    ///
    /// Two issuers may use equal ids. If the app accepts several issuers, identify a user by [`issuer`](Self::issuer)
    /// and id together. For a client that acts on its own behalf, this is the id that the issuer gave the client.
    #[must_use]
    pub fn id(&self) -> &str {
        self.0.id.as_deref().unwrap_or_default()
    }

    /// Returns the issuer of the token: the `iss` claim (RFC 7519 §4.1.1), as configured.
    ///
    /// `None` if the user does not come from a token and no issuer was [set](Self::with_issuer).
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.0.issuer.as_deref()
    }

    /// Returns the id of the client that the token was issued to: the `client_id` or `azp` claim.
    ///
    /// `client_id` is the claim of RFC 9068 §2.2. `azp` is OpenID Connect's, and is used if `client_id` is absent.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.0.client_id.as_deref()
    }

    /// Returns the email address: the `email` claim.
    ///
    /// Do not identify users by it. Issuers differ in whether they verify addresses, and addresses change.
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        self.0.email.as_deref()
    }

    /// Returns the name to display: the `name` claim.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// Returns whether the request is made by a user, or by a client on its own behalf (a service account).
    ///
    /// A token belongs to a client if the client is its subject and no claim describes a user (RFC 9068 §2.2), or if a
    /// claim of the issuer says so, such as Auth0's `gty`.
    #[must_use]
    pub fn principal(&self) -> Principal {
        if self.0.is_client { Principal::Client } else { Principal::User }
    }
}

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

    /// Returns whether the user's tier is `tier` or a higher one.
    #[must_use]
    pub fn is_at_least(&self, tier: &Tier) -> bool {
        match &self.0.tier {
            Some(own) => own.is_at_least(tier),
            None => self.0.tier_name.as_ref().is_some_and(|name| tier.is_reached_by(name)),
        }
    }

    fn granted_permissions(&self) -> impl Iterator<Item = &Permission> {
        let table = self.0.role_table.iter();
        table.flat_map(|table| self.roles().flat_map(|role| table.grants_of(role)))
    }
}

/// The login and the token.
impl UserContext {
    /// Returns the authentication context class: the `acr` claim (OpenID Connect Core §2).
    ///
    /// Issuers use it for the level of assurance of a login, such as one with a second factor.
    #[must_use]
    pub fn acr(&self) -> Option<&str> {
        self.0.acr.as_deref()
    }

    /// Returns the authentication methods, such as `pwd` and `otp`: the `amr` claim (RFC 8176).
    pub fn amr(&self) -> impl Iterator<Item = &str> {
        self.0.amr.iter().map(|method| &**method)
    }

    /// Returns when the user logged in: the `auth_time` claim (OpenID Connect Core §2).
    #[must_use]
    pub fn auth_time(&self) -> Option<SystemTime> {
        self.0.auth_time.and_then(|time| UNIX_EPOCH.checked_add(time))
    }

    /// Returns the token's id, which is unique at its issuer: the `jti` claim (RFC 7519 §4.1.7).
    #[must_use]
    pub fn token_id(&self) -> Option<&str> {
        self.0.token_id.as_deref()
    }

    /// Returns when the token expires, without leeway: the `exp` claim (RFC 7519 §4.1.4).
    #[must_use]
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.0.expires_at.and_then(|time| UNIX_EPOCH.checked_add(time))
    }

    /// Returns all claims of the token: the JSON object as it was signed.
    ///
    /// `{}` if the user does not come from a token.
    #[must_use]
    pub fn raw_claims(&self) -> &str {
        self.0.claims.as_deref().unwrap_or("{}")
    }

    /// Returns the claims of the token as your own type.
    ///
    /// ```
    /// use portcullis::UserContext;
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Claims {
    ///     tenant: String,
    /// }
    ///
    /// let user = UserContext::new("ann").with_raw_claims(r#"{"tenant":"acme"}"#);
    /// assert_eq!(user.claims::<Claims>()?.tenant, "acme");
    /// # Ok::<(), portcullis::context::ClaimsError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ClaimsError`] if the claims do not deserialize to `T`.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, ClaimsError> {
        serde_json::from_str(self.raw_claims())
            .map_err(|error| ClaimsError { line: error.line(), column: error.column() })
    }

    /// Returns the record of type `T` that was attached with [`with_record`](Self::with_record).
    ///
    /// A user loader attaches one, such as a row of a users table. `None` if there is no record, or one of another
    /// type.
    #[must_use]
    pub fn record<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.0.record.as_deref()?.downcast_ref()
    }

    /// Returns the realm for a challenge to this user, for example if a scope is missing.
    #[must_use]
    pub fn realm(&self) -> &Realm {
        &self.0.realm
    }
}

/// Shows the id and the privileges, but no claims and no personal data.
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

/// The claims of a token do not deserialize to the requested type. The error has no claim values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimsError {
    line: usize,
    column: usize,
}

impl fmt::Display for ClaimsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the claims do not have the requested type, at line {} column {}", self.line, self.column)
    }
}

impl Error for ClaimsError {}

#[cfg(test)]
mod tests;
