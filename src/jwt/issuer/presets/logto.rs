//! The preset for Logto.

use serde_json::value::RawValue;

use crate::claims::claim_map::ClaimMap;
use crate::claims::claim_map::reader::MAX_TENANT_LEN;
use crate::context::Identity;
use crate::gate::TokenError;
use crate::jwt::algorithm::Algorithm;
use crate::jwt::issuer::Issuer;
use crate::jwt::issuer::presets::settings::is_domain;
use crate::jwt::issuer::profile::Profile;
use crate::strict_json::{Object, array, string};

/// # Logto
impl Issuer {
    /// Logto, by its domain: `tenant.logto.app` or a custom one.
    ///
    /// The audience is the indicator of the API resource. Tokens are signed with ES384 and have the profile
    /// [`Rfc9068`](Profile::Rfc9068). Organization tokens are rejected, unless
    /// [`allow_organizations`](Self::allow_organizations) is set.
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth};
    ///
    /// let issuer = Issuer::logto("acme.logto.app")
    ///     .audience("https://api.example.com");
    /// assert!(JwtAuth::builder().issuer(issuer).build().is_ok());
    /// ```
    ///
    /// Source: [Validate access tokens](https://docs.logto.io/authorization/validate-access-tokens).
    pub fn logto(domain: &str) -> Self {
        let issuer = format!("https://{domain}/oidc");
        let jwks_url = format!("{issuer}/jwks");
        let preset = Self::preset("Issuer::logto", issuer, jwks_url, |conventions| {
            conventions.profile = Profile::Rfc9068;
            conventions.claims = ClaimMap::new().tenant("organization_id");
        });
        preset.algorithms([Algorithm::Es384]).check_argument(is_domain(domain), "a domain", domain)
    }

    /// Accepts Logto's organization tokens, whose audience is `urn:logto:organization:<id>` (default: rejected).
    ///
    /// The id is [`UserContext::tenant`](crate::UserContext::tenant), and the scopes are those in the organization.
    /// Such a token is not restricted to one API, and is accepted for every organization. So a handler must compare the
    /// tenant with that of the data.
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth};
    ///
    /// let issuer = Issuer::logto("acme.logto.app")
    ///     .audience("https://api.example.com")
    ///     .allow_organizations();
    /// assert!(JwtAuth::builder().issuer(issuer).build().is_ok());
    /// ```
    pub fn allow_organizations(self) -> Self {
        self.preset_setting("allow_organizations", &["Issuer::logto"], |issuer| {
            issuer.conventions.audience_prefix = Some(ORGANIZATION);
            issuer.conventions.provider_claims = Some(read_organization);
        })
    }
}

/// Reads the tenant from the audience of an organization token, which must name one organization.
fn read_organization(claims: &Object<'_>, identity: &mut Identity) -> Result<(), TokenError> {
    let Some(audience) = claims.get("aud") else { return Ok(()) };
    let audiences =
        array(audience).map_or_else(|| vec![audience], |audiences| audiences.into_iter().map(RawValue::get).collect());
    for audience in audiences.into_iter().filter_map(string) {
        let Some(organization) = audience.strip_prefix(ORGANIZATION) else { continue };
        let is_other = identity.tenant.as_deref().is_some_and(|tenant| tenant != organization);
        if is_other || organization.is_empty() || organization.len() > MAX_TENANT_LEN {
            return Err(TokenError::claim_invalid("aud"));
        }
        identity.tenant = Some(organization.into());
    }
    Ok(())
}

const ORGANIZATION: &str = "urn:logto:organization:";
