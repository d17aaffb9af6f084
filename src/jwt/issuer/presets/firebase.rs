//! The preset for Firebase Authentication.

use crate::claims::claim_map::ClaimMap;
use crate::jwt::algorithm::Algorithm;
use crate::jwt::issuer::Issuer;
use crate::jwt::issuer::claim_rule::ClaimRule;

/// # Firebase
impl Issuer {
    /// Firebase Authentication and Google Cloud Identity Platform, by the id of the project.
    ///
    /// The audience is the project, unless [set](Self::audience) otherwise. The tenant of the Identity Platform is
    /// read from `firebase.tenant`; [`tenant`](Self::tenant) accepts only the tokens of one tenant. To read custom
    /// claims, use [`map_claims`](Self::map_claims).
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth};
    ///
    /// let issuer = Issuer::firebase("my-project")
    ///     .map_claims(|claims| claims.roles(["roles"]));
    /// assert!(JwtAuth::builder().issuer(issuer).build().is_ok());
    /// ```
    ///
    /// Source: [Verify ID tokens](https://firebase.google.com/docs/auth/admin/verify-id-tokens).
    #[doc(alias("google", "identity platform"))]
    pub fn firebase(project: &str) -> Self {
        let issuer = format!("https://securetoken.google.com/{project}");
        let preset = Self::preset("Issuer::firebase", issuer, KEYS_URL.to_owned(), |conventions| {
            conventions.claims = ClaimMap::new().client_id(NONE).tenant("/firebase/tenant");
            // The checks of Firebase's documentation for third-party libraries, beyond those of every token.
            conventions.rules.extend([ClaimRule::MaxLen("sub", 128), ClaimRule::NotInFuture("auth_time")]);
        });
        let is_id = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-:.".contains(&byte);
        preset.audience(project).algorithms([Algorithm::Rs256]).check_argument(
            !project.is_empty() && project.bytes().all(is_id),
            "the id of a project",
            project,
        )
    }
}

// The same keys as at robot/v1/metadata/x509, as a JWK Set.
const KEYS_URL: &str = "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com";

const NONE: [&str; 0] = [];
