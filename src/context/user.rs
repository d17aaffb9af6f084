//! `UserContext`: the authenticated user or client, the same type for every credential.

mod authorization_details;
mod privileges;
#[cfg(feature = "revocation")]
mod revocation_ids;
mod setters;
mod token;
#[cfg(any(
    feature = "api_key",
    feature = "basic",
    feature = "client_cert",
    feature = "introspection",
    feature = "jwt",
    feature = "session"
))]
mod verified;

use std::error::Error;
use std::fmt;
use std::sync::Arc;

pub use authorization_details::AuthorizationDetail;

use crate::context::identity::Identity;
use crate::context::principal::Principal;

/// The authenticated user or client of a request: its identity, privileges and claims.
///
/// It is the same type for every credential, and cheap to clone. It is an axum [extractor](crate::extract), and a
/// service without axum calls [`from_extensions`](Self::from_extensions):
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
/// | [`tenant`] | the tenant of the user | none, or that of the preset |
/// | [`client_id`] | the client that the token was issued to | `client_id`, `azp` |
/// | [`email`], [`name`] | contact and display data | `email`; `name` |
/// | [`email_verified`] | whether the issuer has verified the address | `email_verified` |
/// | [`scopes`] | what the client may do for the user | `scope`, `scp` |
/// | [`roles`] | the user's roles | `roles` |
/// | [`permissions`] | direct permissions, and the permissions that the roles grant | `permissions` |
/// | [`tier`], [`tier_name`] | the subscription tier | `tier`, `subscription_tier` |
/// | [`principal`] | whether a user or a client acts | `sub`, `client_id`, claims of the issuer |
/// | [`acr`], [`amr`], [`auth_time`] | how and when the user logged in | `acr`; `amr`; `auth_time` |
/// | [`session_id`] | the login session that the token belongs to | `sid` |
/// | [`credential`] | the kind of credential | always [`Credential::Token`](crate::context::Credential::Token) |
/// | [`token_id`] | the token's id | `jti` |
/// | [`issued_at`], [`expires_at`] | when the token was issued, and when it expires | `iat`; `exp` |
/// | [`authorization_details`] | what the user has approved, in detail (RFC 9396) | `authorization_details` |
/// | [`raw_claims`], [`claims`] | all claims | the whole payload |
///
/// The app's settings add the rest: [`Roles`](crate::Roles) define what roles grant, [`Tiers`](crate::Tiers) define the
/// order of tiers, and a user loader may change any value or attach a [`record`].
///
/// [`acr`]: Self::acr
/// [`amr`]: Self::amr
/// [`auth_time`]: Self::auth_time
/// [`authorization_details`]: Self::authorization_details
/// [`claims`]: Self::claims
/// [`client_id`]: Self::client_id
/// [`credential`]: Self::credential
/// [`email`]: Self::email
/// [`email_verified`]: Self::email_verified
/// [`expires_at`]: Self::expires_at
/// [`id`]: Self::id
/// [`issued_at`]: Self::issued_at
/// [`issuer`]: Self::issuer
/// [`name`]: Self::name
/// [`permissions`]: Self::permissions
/// [`principal`]: Self::principal
/// [`raw_claims`]: Self::raw_claims
/// [`record`]: Self::record
/// [`roles`]: Self::roles
/// [`scopes`]: Self::scopes
/// [`session_id`]: Self::session_id
/// [`tenant`]: Self::tenant
/// [`tier`]: Self::tier
/// [`tier_name`]: Self::tier_name
/// [`token_id`]: Self::token_id
///
/// # Serialized form
///
/// With the feature `serde`, a handler can return a user as JSON. `tier` is the [`tier_name`], and times are in whole
/// seconds since 1970. A value that is absent is omitted. The ids of the session and the token, the claims and the
/// [`record`] are never included, but the email address and the name are: return a user only to those who may see them.
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
///         "credential": "other", // "token" for a user of `JwtAuth`
///         "scopes": ["read:valuations"],
///         "roles": ["editor"],
///         "permissions": [],
///         "name": "Ann",
///         // and, if present: "issuer", "tenant", "client_id", "email" and
///         // "email_verified", "tier", "acr", "amr", "auth_time", "expires_at"
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
/// let user = UserContext::new("ann")
///     .with_scopes(Scopes::new(["read:valuations"])?)
///     .with_roles(["editor"]);
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
    ///
    /// ```
    /// use portcullis::UserContext;
    ///
    /// fn account_key(user: &UserContext) -> (String, String) {
    ///     let issuer = user.issuer().unwrap_or_default();
    ///     (issuer.to_owned(), user.id().to_owned())
    /// }
    ///
    /// let ann = UserContext::new("ann");
    /// let [a, b] = ["https://a.example", "https://b.example"];
    /// let [one, other] =
    ///     [ann.clone().with_issuer(a), ann.with_issuer(b)];
    /// assert_eq!(one.id(), other.id());
    /// assert_ne!(account_key(&one), account_key(&other));
    /// ```
    #[must_use]
    #[doc(alias("owner", "user id"))]
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

    /// Returns the tenant of the user, such as the id of an organization.
    ///
    /// It is read from the claim that [`ClaimMap::tenant`](crate::ClaimMap::tenant) or the preset of the issuer names.
    /// `None` if no claim is named, or if the token does not have it. Two issuers may use equal names, so if the app
    /// accepts several, identify a tenant by [`issuer`](Self::issuer) and name together.
    #[must_use]
    #[doc(alias("organization", "org_id"))]
    pub fn tenant(&self) -> Option<&str> {
        self.0.tenant.as_deref()
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

    /// Returns whether the email address is verified: the `email_verified` claim (OpenID Connect Core §5.1).
    ///
    /// `false` if the token does not say so. Many issuers put the claim only into ID tokens, and some have it under
    /// another name, which [`ClaimMap::email_verified`](crate::ClaimMap::email_verified) sets. How an issuer verifies
    /// an address is its own decision, so trust the claim as far as you trust the issuer.
    ///
    /// To require it on a route, add [`RequireVerifiedEmail`](crate::RequireVerifiedEmail).
    #[must_use]
    pub fn email_verified(&self) -> bool {
        self.0.is_email_verified
    }

    /// Returns the name to display: the `name` claim.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// Returns whether the request is made by a user, or by a client on its own behalf (a service account).
    ///
    /// A token belongs to a client if the client is its subject and no claim describes a user (RFC 9068 §2.2), or if a
    /// claim of the issuer says so, such as Auth0's `gty`. To require a user on a route, add
    /// [`RequireUser::person`](crate::RequireUser::person).
    #[must_use]
    pub fn principal(&self) -> Principal {
        if self.0.is_client { Principal::Client } else { Principal::User }
    }
}

/// Shows the id and the privileges, but no claims and no personal data.
impl fmt::Debug for UserContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserContext")
            .field("id", &self.id())
            .field("issuer", &self.issuer())
            .field("tenant", &self.tenant())
            .field("principal", &self.principal())
            .field("scopes", &self.0.scopes)
            .field("roles", &self.0.roles)
            .field("tier", &self.tier_name())
            .finish_non_exhaustive()
    }
}

/// The claims of a token do not deserialize to the requested type. The error has no claim values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimsError {
    line: usize,
    column: usize,
    cause: Mismatch,
}

/// Why claims do not deserialize to a type.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Mismatch {
    /// The claims lack this field of the type.
    Missing(String),
    /// A claim has another type than the field.
    Value,
    /// No claims fit: the type is not a struct or a map, or it rejects claims that it does not know.
    Type,
}

impl ClaimsError {
    pub(crate) fn new(error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let text = error.to_string();
        // serde's errors have no structured data. This text begins with the field's name in the type, so it has no
        // claim value.
        let missing = text.strip_prefix("missing field `").and_then(|rest| rest.split_once('`'));
        let cause = match missing {
            Some((field, _)) => Mismatch::Missing(field.to_owned()),
            // The object itself, which begins at the first column, is not what the type expects.
            None if !error.is_data() || line <= 1 && column <= 1 || text.starts_with("unknown field") => Mismatch::Type,
            None => Mismatch::Value,
        };
        Self { line, column, cause }
    }

    /// Whether the claims of another token may fit the type. If not, the app is at fault, and not the token.
    #[cfg(feature = "axum")]
    pub(crate) fn is_of_token(&self) -> bool {
        self.cause != Mismatch::Type
    }
}

impl fmt::Display for ClaimsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Mismatch::Missing(field) => write!(f, "the claims lack the field `{field}`")?,
            Mismatch::Value => f.write_str("a claim does not have the type of its field")?,
            Mismatch::Type => f.write_str("no claims fit the requested type")?,
        }
        write!(f, ", at line {} column {}", self.line, self.column)
    }
}

impl Error for ClaimsError {}

#[cfg(test)]
mod tests;
