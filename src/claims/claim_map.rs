//! `ClaimMap`: the claims from which a `UserContext` is read.

pub(crate) mod reader;
mod setters;

use std::sync::Arc;

use crate::claims::claim_map::reader::Reader;
use crate::claims::claim_path::ClaimPath;
use crate::context::Identity;
use crate::gate::TokenError;
use crate::strict_json::Object;

/// The claims from which a [`UserContext`](crate::UserContext) is read.
///
/// A claim is given by its name (`cognito:groups`, `https://example.com/roles`) or, if it is nested in another claim,
/// by a JSON Pointer (RFC 6901): `/realm_access/roles`. A name with a leading slash is always a pointer. A dot has no
/// special meaning.
///
/// | property | default claims | how the value is read |
/// |---|---|---|
/// | id | `sub` | the claim is required |
/// | tenant | none | a string of 1 to 256 bytes |
/// | client id | `client_id`, `azp` | the first claim that is a string |
/// | email, name | `email`, `name` | the first claim that is a string |
/// | email verified | `email_verified` | `true`, or the text `true`, which Apple sends; otherwise false |
/// | scopes | `scope`, `scp` | the first claim that is present: a space-delimited string or an array of strings |
/// | roles | `roles` | all claims that are present: a string, or an array of strings or of objects with a `value` (RFC 9068 §2.2.3.1) |
/// | permissions | `permissions` | like roles |
/// | tier | `tier`, `subscription_tier` | the first claim that is present |
/// | login | `acr`, `amr` | a string; an array of strings or of objects with a `method` |
///
/// # Values of another type
///
/// If the id, tenant, scopes, roles, permissions or tier have another type, the token is rejected, and the log names
/// the claim: a privilege that cannot be read must not look like one that is absent. The default claim `roles` is an
/// exception while the app does not use roles: if neither this map nor
/// [`JwtAuthBuilder::roles`](crate::jwt::JwtAuthBuilder::roles) sets any, it is read as absent. `null` means no roles,
/// permissions or tier.
///
/// Every other claim grants nothing. It is read as absent if it is empty, `null` or of another type, and the log has a
/// line at `debug` that names it. A claim inside `null` is absent as well.
///
/// With [`Profile::Rfc9068`](crate::Profile::Rfc9068), `scope` must be a string (RFC 8693 §4.2). An array is accepted
/// with [`Profile::Compatible`](crate::Profile::Compatible).
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
    id: ClaimPath,
    tenant: Option<ClaimPath>,
    client_id: Vec<ClaimPath>,
    email: Vec<ClaimPath>,
    email_verified: ClaimPath,
    /// Whether the app named the claim above.
    maps_email_verified: bool,
    name: Vec<ClaimPath>,
    scopes: Vec<ClaimPath>,
    roles: Vec<ClaimPath>,
    role_keys: Vec<ClaimPath>,
    permissions: Vec<ClaimPath>,
    tier: Vec<ClaimPath>,
    acr: ClaimPath,
    session_id: ClaimPath,
    amr: ClaimPath,
    /// Whether the app maps roles or defines what they grant, so that a malformed claim must not look like an absent
    /// one.
    uses_roles: bool,
}

impl ClaimMap {
    /// Creates a map with the default claims.
    pub fn new() -> Self {
        let names = |names: &[&'static str]| names.iter().copied().map(ClaimPath::new).collect();
        Self {
            id: ClaimPath::new("sub"),
            tenant: None,
            client_id: names(&["client_id", "azp"]),
            email: names(&["email"]),
            email_verified: ClaimPath::new("email_verified"),
            maps_email_verified: false,
            name: names(&["name"]),
            scopes: names(&["scope", "scp"]),
            roles: names(&["roles"]),
            role_keys: Vec::new(),
            permissions: names(&["permissions"]),
            tier: names(&["tier", "subscription_tier"]),
            acr: ClaimPath::new("acr"),
            session_id: ClaimPath::new("sid"),
            amr: ClaimPath::new("amr"),
            uses_roles: false,
        }
    }

    /// Rejects tokens with malformed roles, since the app defines what roles grant.
    pub(crate) fn use_roles(&mut self) {
        self.uses_roles = true;
    }

    /// Whether the user's id is read from `sub`.
    #[cfg(feature = "introspection")]
    pub(crate) fn is_id_subject(&self) -> bool {
        self.id.text() == "sub"
    }

    /// Returns the error of a token that has another tenant than the required one, or none.
    #[cfg(feature = "jwt")]
    pub(crate) fn tenant_mismatch(&self) -> TokenError {
        self.tenant.as_ref().map_or_else(|| TokenError::claim_mismatch("tenant"), ClaimPath::mismatch)
    }

    /// Whether a claim with the tenant is set.
    #[cfg(feature = "jwt")]
    pub(crate) fn has_tenant(&self) -> bool {
        self.tenant.is_some()
    }

    /// Whether the claim about the email address is read. The default one is about the claim `email` only.
    fn has_email_verified(&self) -> bool {
        self.maps_email_verified || self.email.iter().all(|claim| claim.text() == "email")
    }

    /// Whether a claim's name is empty. `build()` rejects such a map, since the claim is never present.
    pub(crate) fn has_empty_name(&self) -> bool {
        let lists = [
            &self.client_id,
            &self.email,
            &self.name,
            &self.scopes,
            &self.roles,
            &self.role_keys,
            &self.permissions,
            &self.tier,
        ];
        let single = [&self.id, &self.email_verified, &self.acr, &self.session_id, &self.amr];
        let single = single.into_iter().chain(&self.tenant);
        lists.into_iter().flatten().chain(single).any(ClaimPath::is_empty)
    }

    /// Reads a user from the claims. `text` is the text from which they were parsed, `issuer` the name for the log.
    ///
    /// The user keeps the text for [`UserContext::claims`](crate::UserContext::claims) anyway, so most of its strings
    /// are ranges of it instead of copies.
    pub(crate) fn read(&self, claims: &Object<'_>, text: &Arc<str>, issuer: &str) -> Result<Identity, TokenError> {
        let reader = Reader { claims, text, issuer };
        Ok(Identity {
            id: Some(reader.id(&self.id)?),
            tenant: self.tenant.as_ref().map_or(Ok(None), |claim| reader.tenant(claim))?,
            client_id: reader.optional(&self.client_id),
            email: reader.optional(&self.email),
            is_email_verified: self.has_email_verified() && reader.is_true(&self.email_verified),
            name: reader.optional(&self.name),
            scopes: reader.scopes(&self.scopes)?,
            roles: reader.roles(&self.roles, &self.role_keys, self.uses_roles)?,
            permissions: reader.names(&self.permissions)?,
            tier_name: reader.tier(&self.tier)?,
            acr: reader.optional(std::slice::from_ref(&self.acr)),
            session_id: reader.optional(std::slice::from_ref(&self.session_id)),
            amr: reader.methods(&self.amr),
            ..Identity::default()
        })
    }
}

impl Default for ClaimMap {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
