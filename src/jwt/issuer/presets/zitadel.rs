//! The preset for Zitadel.

use crate::claims::claim_map::ClaimMap;
use crate::claims::claim_map::reader::held_names;
use crate::context::Identity;
use crate::gate::TokenError;
use crate::jwt::issuer::Issuer;
use crate::jwt::issuer::presets::settings::is_domain;
use crate::strict_json::{Object, is_null};

/// # Zitadel
impl Issuer {
    /// Zitadel, by the domain of the instance and the id of the project of the API.
    ///
    /// The audience is the id of the project, unless [set](Self::audience) otherwise. A client must request it with
    /// the scope `urn:zitadel:iam:org:project:id:<project>:aud`. Set the application's access token type to JWT, since
    /// its tokens are otherwise opaque.
    ///
    /// The roles are the member names of the object `urn:zitadel:iam:org:project:<project>:roles`. The organizations in
    /// it are not roles. A token without such an object for any project has its roles in
    /// `urn:zitadel:iam:org:project:roles`, as in old versions of Zitadel.
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
            let roles = format!("{PROJECT}{project}{ROLES}");
            conventions.claims = ClaimMap::new().role_keys([roles]).roles(NONE);
            conventions.provider_claims = Some(read_roles_without_project);
        });
        let is_project = !project.is_empty() && project.bytes().all(|byte| byte.is_ascii_digit());
        preset.audience(project).check_argument(is_project, "the id of a project, a number", project).check_argument(
            is_domain(domain),
            "a domain",
            domain,
        )
    }
}

/// Reads the roles of a token that names no project with its roles.
///
/// They are those in the project of the client. Any client of the instance can request the audience of this project, so
/// in a token that names another project, they are roles in that one, which its owner may have defined.
fn read_roles_without_project(claims: &Object<'_>, identity: &mut Identity) -> Result<(), TokenError> {
    let is_of_project = |name: &str| name != PROJECT_ROLES && name.starts_with(PROJECT) && name.ends_with(ROLES);
    if claims.iter().any(|(name, value)| is_of_project(name) && !is_null(value)) {
        return Ok(());
    }
    let Some(value) = claims.get(PROJECT_ROLES).filter(|value| !is_null(value)) else { return Ok(()) };
    let roles = Object::parse(value).ok_or(TokenError::claim_invalid(PROJECT_ROLES))?;
    identity.add_roles(held_names(&roles));
    Ok(())
}

const PROJECT: &str = "urn:zitadel:iam:org:project:";
const ROLES: &str = ":roles";
const PROJECT_ROLES: &str = "urn:zitadel:iam:org:project:roles";

const NONE: [&str; 0] = [];
