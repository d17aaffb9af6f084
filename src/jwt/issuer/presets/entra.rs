//! The presets for Microsoft Entra ID, and its national clouds.

use crate::claims::claim_map::ClaimMap;
use crate::jwt::issuer::Issuer;
use crate::jwt::issuer::KeySource;
use crate::jwt::issuer::conventions::{ClientMarker, TENANT};
use crate::jwt::issuer::tenants::{Tenants, is_guid};
use crate::jwt::issuer::token_use::TokenUse;
use crate::jwt::remote::discovery::JwksLocation;

/// A cloud of Microsoft Entra ID, for [`Issuer::entra_cloud`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntraCloud {
    /// Azure China, operated by 21Vianet: `login.partner.microsoftonline.cn`.
    China,
    /// The worldwide cloud: `login.microsoftonline.com`.
    Global,
    /// Azure for the government of the USA: `login.microsoftonline.us`.
    UsGovernment,
}

impl EntraCloud {
    /// The host of the keys, and of the issuers of version 2.0.
    fn login_host(self) -> &'static str {
        match self {
            Self::China => "login.partner.microsoftonline.cn",
            Self::Global => "login.microsoftonline.com",
            Self::UsGovernment => "login.microsoftonline.us",
        }
    }

    /// The host of the issuers of version 1.0. The government's cloud has that of the worldwide one.
    fn v1_host(self) -> &'static str {
        match self {
            Self::China => "sts.chinacloudapi.cn",
            Self::Global | Self::UsGovernment => "sts.windows.net",
        }
    }
}

/// # Microsoft Entra ID
impl Issuer {
    /// Microsoft Entra ID with tokens of version 1.0, by the id of the tenant.
    ///
    /// The `iss` of such a token is at `sts.windows.net`. The version depends on `requestedAccessTokenVersion` in the
    /// manifest of the API, not on the endpoint that the client uses. The audience is the App ID URI of the API, such
    /// as `api://<client id>`. Scopes are read from `scp`, roles from `roles`.
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth};
    ///
    /// let issuer = Issuer::entra_v1("72f988bf-86f1-41af-91ab-2d7cd011db47")
    ///     .audience("api://11111111-2222-3333-4444-555555555555");
    /// assert!(JwtAuth::builder().issuer(issuer).build().is_ok());
    /// ```
    #[doc(alias("azure", "microsoft"))]
    pub fn entra_v1(tenant_id: &str) -> Self {
        let issuer = format!("https://sts.windows.net/{tenant_id}/");
        let jwks_url = format!("https://login.microsoftonline.com/{tenant_id}/discovery/keys");
        let claims = ClaimMap::new().email(["email", "upn"]);
        let preset = Self::entra("Issuer::entra_v1", issuer, jwks_url, "appid", claims);
        preset.check_argument(is_guid(tenant_id), "a tenant id", tenant_id)
    }

    /// Microsoft Entra ID with tokens of version 2.0, by the id of the tenant.
    ///
    /// The audience is the client id of the API. Scopes are read from `scp`, roles from `roles`. Each tenant is a
    /// separate issuer; `common` and `organizations` are not issuers. For several tenants, use
    /// [`entra_v2_tenants`](Self::entra_v2_tenants).
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth};
    ///
    /// let build = |tenant| {
    ///     let issuer = Issuer::entra_v2(tenant)
    ///         .audience("11111111-2222-3333-4444-555555555555");
    ///     JwtAuth::builder().issuer(issuer).build()
    /// };
    /// assert!(build("72f988bf-86f1-41af-91ab-2d7cd011db47").is_ok());
    /// let error = build("common").unwrap_err();
    /// assert_eq!(error.issues()[0].reason(), "is not a tenant id");
    /// ```
    #[doc(alias("azure", "microsoft"))]
    pub fn entra_v2(tenant_id: &str) -> Self {
        let preset = Self::entra_v2_at("Issuer::entra_v2", tenant_id, tenant_id);
        preset.check_argument(is_guid(tenant_id), "a tenant id", tenant_id)
    }

    /// Microsoft Entra ID with tokens of version 2.0, for an app with users of several tenants.
    ///
    /// A token is accepted if the tenant in its `iss`, `https://login.microsoftonline.com/<tenant>/v2.0`, equals its claim
    /// `tid` and is one of these tenants. [`UserContext::issuer`](crate::UserContext::issuer) returns the `iss` of the
    /// token, and [`UserContext::tenant`](crate::UserContext::tenant) the tenant. The tenants share keys, which are
    /// those of `organizations`, or of `common` with personal accounts. A key that names a tenant in its member
    /// `issuer` verifies tokens of that tenant only.
    ///
    /// Audience, scopes and roles are as with [`entra_v2`](Self::entra_v2). Tokens of version 1.0 have another `iss`
    /// and are rejected.
    ///
    /// Anyone can create a tenant and get a token for the app. So with [`Tenants::any`](crate::Tenants::any), the app
    /// must check the tenant:
    ///
    /// ```
    /// use portcullis::gate::LoadError;
    /// use portcullis::{Issuer, JwtAuth, Tenants, UserContext};
    ///
    /// # async fn is_customer(tenant: &str) -> Result<bool, LoadError> {
    /// #     Ok(true)
    /// # }
    /// # fn main() -> Result<(), portcullis::ConfigError> {
    /// let issuer = Issuer::entra_v2_tenants(Tenants::any())
    ///     .audience("11111111-2222-3333-4444-555555555555");
    /// let auth = JwtAuth::builder()
    ///     .issuer(issuer)
    ///     .load_user(async |user: UserContext| {
    ///         match is_customer(user.tenant().unwrap_or_default()).await? {
    ///             true => Ok(user),
    ///             false => Err(LoadError::Unknown),
    ///         }
    ///     })
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Source: [Secure applications and APIs by validating claims](https://learn.microsoft.com/entra/identity-platform/claims-validation).
    #[doc(alias("azure", "common", "microsoft", "multi-tenant", "organizations"))]
    pub fn entra_v2_tenants(tenants: Tenants) -> Self {
        let key_tenant = if tenants.has_personal_accounts() { "common" } else { "organizations" };
        let invalid_id = tenants.invalid_id().map(str::to_owned);
        let mut preset = Self::entra_v2_at("Issuer::entra_v2_tenants", TENANT, key_tenant);
        preset.conventions.tenants = Some(tenants);
        preset.check_argument(invalid_id.is_none(), "a tenant id", &invalid_id.unwrap_or_default())
    }

    fn entra_v2_at(constructor: &'static str, tenant: &str, key_tenant: &str) -> Self {
        let name_of = |tenant: &str| format!("https://login.microsoftonline.com/{tenant}/v2.0");
        let jwks_url = format!("https://login.microsoftonline.com/{key_tenant}/discovery/v2.0/keys");
        let claims = ClaimMap::new().email(["email", "preferred_username"]);
        let mut preset = Self::entra(constructor, name_of(tenant), jwks_url, "azp", claims);
        preset.conventions.key_issuer = Some(name_of(TENANT));
        preset
    }

    fn entra(
        constructor: &'static str,
        issuer: String,
        jwks_url: String,
        client_claim: &'static str,
        claims: ClaimMap,
    ) -> Self {
        Self::preset(constructor, issuer, jwks_url, |conventions| {
            conventions.claims = claims.client_id([client_claim]).scopes(["scp"]).tenant("tid");
            // An ID token for the same app has the same audience, and after a refresh no `nonce` (OpenID Connect Core
            // §12.2). Only access tokens name the client that they were issued to.
            conventions.token_use = Some(TokenUse { is_conclusive: false, ..TokenUse::presence(client_claim) });
            // A client has no user object, so its own object id is both `oid` and `sub`. A user's `sub` is pairwise, an
            // id for this app only, and differs from `oid`.
            conventions.client_marker = Some(ClientMarker::EqualsSubject("oid"));
        })
    }

    /// Sets the cloud of the tenants of Entra ID (default [`Global`](EntraCloud::Global)).
    ///
    /// ```
    /// use portcullis::{EntraCloud, Issuer, JwtAuth};
    ///
    /// let issuer = Issuer::entra_v2("72f988bf-86f1-41af-91ab-2d7cd011db47")
    ///     .entra_cloud(EntraCloud::UsGovernment)
    ///     .audience("11111111-2222-3333-4444-555555555555");
    /// assert!(JwtAuth::builder().issuer(issuer).build().is_ok());
    /// ```
    ///
    /// Source: [National clouds](https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud).
    #[doc(alias("azure", "government", "national", "sovereign"))]
    pub fn entra_cloud(self, cloud: EntraCloud) -> Self {
        let presets = &["Issuer::entra_v1", "Issuer::entra_v2", "Issuer::entra_v2_tenants"];
        self.preset_setting("entra_cloud", presets, |issuer| {
            let move_to_cloud = |url: &mut String| {
                for other in [EntraCloud::China, EntraCloud::Global, EntraCloud::UsGovernment] {
                    *url = url.replace(other.login_host(), cloud.login_host());
                    *url = url.replace(other.v1_host(), cloud.v1_host());
                }
            };
            move_to_cloud(&mut issuer.name);
            issuer.conventions.key_issuer.iter_mut().for_each(move_to_cloud);
            if let KeySource::Remote(JwksLocation::Url(url)) = &mut issuer.source {
                move_to_cloud(url);
            }
        })
    }
}
