//! The preset for Zitadel.

use crate::jwt::issuer::Issuer;
use crate::jwt::issuer::claim_map::ClaimMap;
use crate::jwt::issuer::presets::settings::is_domain;

/// # Zitadel
impl Issuer {
    /// Zitadel, by the domain of the instance and the id of the project of the API.
    ///
    /// The audience is the id of the project, unless [set](Self::audience) otherwise. A client must request it with
    /// the scope `urn:zitadel:iam:org:project:id:<project>:aud`. Set the application's access token type to JWT, since
    /// its tokens are otherwise opaque.
    ///
    /// The roles are the member names of the object `urn:zitadel:iam:org:project:<project>:roles`, or else of
    /// `urn:zitadel:iam:org:project:roles`. The organizations in these objects are not roles.
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth};
    ///
    /// let issuer = Issuer::zitadel("acme.zitadel.cloud", "284512349071");
    /// assert!(JwtAuth::builder().issuer(issuer).build().is_ok());
    /// ```
    ///
    /// Source: [Claims](https://zitadel.com/docs/apis/openidoauth/claims).
    pub fn zitadel(domain: &str, project: &str) -> Self {
        let issuer = format!("https://{domain}");
        let jwks_url = format!("{issuer}/oauth/v2/keys");
        let preset = Self::preset("Issuer::zitadel", issuer, jwks_url, |conventions| {
            let roles = format!("urn:zitadel:iam:org:project:{project}:roles");
            conventions.claims =
                ClaimMap::new().role_keys([roles.as_str(), "urn:zitadel:iam:org:project:roles"]).roles(NONE);
        });
        let is_project = !project.is_empty() && project.bytes().all(|byte| byte.is_ascii_digit());
        preset.audience(project).check_argument(is_project, "the id of a project, a number", project).check_argument(
            is_domain(domain),
            "a domain",
            domain,
        )
    }
}

const NONE: [&str; 0] = [];
