//! The preset for Supabase.

use crate::claims::claim_map::ClaimMap;
use crate::jwt::algorithm::Algorithm;
use crate::jwt::issuer::Issuer;
use crate::jwt::issuer::claim_rule::ClaimRule;

/// # Supabase
impl Issuer {
    /// Supabase, by the reference of the project: the first label of `<reference>.supabase.co`.
    ///
    /// The audience is `authenticated`, that of signed-in users, unless [set](Self::audience) otherwise. The only role
    /// is the database role, from `role`; [`acr`](crate::UserContext::acr) is read from `aal`, and the names of the
    /// methods from `amr`. Tokens of [anonymous users](Self::allow_anonymous_users) are rejected.
    ///
    /// The project must sign with an asymmetric key, ES256 or RS256. For its legacy secret, which also signs the `anon`
    /// and `service_role` keys, use [`hs256`](Self::hs256).
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth};
    ///
    /// let issuer = Issuer::supabase("abcdefghijklmnopqrst");
    /// assert!(JwtAuth::builder().issuer(issuer).build().is_ok());
    /// ```
    ///
    /// Source: [JWT claims reference](https://supabase.com/docs/guides/auth/jwt-fields).
    pub fn supabase(project_ref: &str) -> Self {
        let preset = Self::supabase_issuer("Issuer::supabase", &format!("https://{project_ref}.supabase.co"));
        let is_label = !project_ref.is_empty() && project_ref.bytes().all(|byte| byte.is_ascii_alphanumeric());
        preset.check_argument(is_label, "the reference of a project, such as abcdefghijklmnopqrst", project_ref)
    }

    /// Supabase on a custom domain or a self-hosted server, by its base URL.
    ///
    /// Otherwise, it is like [`supabase`](Self::supabase). The base URL has no slash at the end.
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth};
    ///
    /// let issuer = Issuer::supabase_at("https://supabase.example.com");
    /// assert!(JwtAuth::builder().issuer(issuer).build().is_ok());
    /// ```
    pub fn supabase_at(base_url: &str) -> Self {
        Self::supabase_issuer("Issuer::supabase_at", base_url).check_base_url(base_url)
    }

    fn supabase_issuer(constructor: &'static str, base_url: &str) -> Self {
        let issuer = format!("{base_url}/auth/v1");
        let jwks_url = format!("{issuer}/.well-known/jwks.json");
        let preset = Self::preset(constructor, issuer, jwks_url, |conventions| {
            conventions.claims = ClaimMap::new().roles(["role"]).acr("aal").session_id("session_id");
            conventions.rules.push(NOT_ANONYMOUS);
        });
        preset.audience("authenticated").algorithms([Algorithm::Es256, Algorithm::Rs256])
    }

    /// Accepts the tokens of Supabase's anonymous users, whose claim `is_anonymous` is true (default: rejected).
    ///
    /// An anonymous user has an id and the role `authenticated`, like any other user, but has never signed up.
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth};
    ///
    /// let issuer = Issuer::supabase("abcdefgh").allow_anonymous_users();
    /// assert!(JwtAuth::builder().issuer(issuer).build().is_ok());
    /// ```
    pub fn allow_anonymous_users(self) -> Self {
        let presets = &["Issuer::supabase", "Issuer::supabase_at"];
        self.preset_setting("allow_anonymous_users", presets, |issuer| issuer.remove_rule(NOT_ANONYMOUS))
    }
}

const NOT_ANONYMOUS: ClaimRule = ClaimRule::AbsentOrFalse("is_anonymous");
