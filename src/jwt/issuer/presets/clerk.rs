//! The preset for Clerk.

use crate::claims::claim_map::ClaimMap;
use crate::claims::claim_path::ClaimPath;
use crate::context::{Identity, SharedStr};
use crate::gate::TokenError;
use crate::jwt::algorithm::Algorithm;
use crate::jwt::issuer::Issuer;
use crate::jwt::issuer::claim_rule::ClaimRule;
use crate::strict_json::{Object, is_null, string};

/// # Clerk
impl Issuer {
    /// Clerk, by the URL of its Frontend API: `https://clerk.example.com` or `https://<slug>.clerk.accounts.dev`.
    ///
    /// Session tokens have no audience. Instead, `azp` is the origin of the page that requested the token, so
    /// [`authorized_parties`](Self::authorized_parties) is required. A token with an `aud` is rejected, because a JWT
    /// template made it for another service. If it is this one, add
    /// [`require_claim("aud", ..)`](Self::require_claim).
    ///
    /// The tenant is the active organization. The roles and permissions are those of the user in it, such as
    /// `org:admin` and `org:invoices:read`. They are read from tokens of version 2, or of
    /// [version 1](Self::version_1). Tokens of a session with pending tasks (`sts`) are rejected. Clerk's `__session`
    /// cookie is read only with [`cookie("__session")`](crate::jwt::JwtAuthBuilder::cookie).
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth};
    ///
    /// let issuer = Issuer::clerk("https://clerk.example.com")
    ///     .authorized_parties(["https://app.example.com"]);
    /// assert!(JwtAuth::builder().issuer(issuer).build().is_ok());
    /// ```
    ///
    /// Source: [Session tokens](https://clerk.com/docs/guides/sessions/session-tokens).
    pub fn clerk(frontend_api: &str) -> Self {
        let jwks_url = format!("{frontend_api}/.well-known/jwks.json");
        let preset = Self::preset("Issuer::clerk", frontend_api.to_owned(), jwks_url, |conventions| {
            conventions.audience_claim = ClaimPath::new("azp");
            conventions.audience_setter = Some("authorized_parties");
            conventions.claims = ClaimMap::new().client_id(NONE).roles(NONE).permissions(NONE).tenant("/o/id");
            conventions.rules.extend([ClaimRule::Not("sts", "pending"), ClaimRule::AbsentOrPinned("aud")]);
            conventions.provider_claims = Some(read_organization);
        });
        preset.algorithms([Algorithm::Rs256]).check_base_url(frontend_api)
    }

    /// Sets the origins whose tokens are accepted: the values of Clerk's `azp` (required for Clerk).
    ///
    /// They replace the audience of the layer. A token with another `azp` is rejected.
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth};
    ///
    /// let issuer = Issuer::clerk("https://clerk.example.com");
    /// let auth = JwtAuth::builder().issuer(issuer.clone()).audience("api");
    /// let error = auth.build().unwrap_err();
    /// assert_eq!(error.issues()[0].setting(), "authorized_parties");
    ///
    /// let issuer = issuer.authorized_parties(["https://app.example.com"]);
    /// assert!(JwtAuth::builder().issuer(issuer).build().is_ok());
    /// ```
    pub fn authorized_parties(self, origins: impl IntoIterator<Item: Into<String>>) -> Self {
        let origins: Vec<String> = origins.into_iter().map(Into::into).collect();
        self.preset_setting("authorized_parties", PRESET, |issuer| issuer.audiences = origins)
    }

    /// Accepts Clerk's tokens without `azp` (default: rejected).
    ///
    /// Clerk omits it if the request for the token had no `Origin`, such as one of a native app. A token with an `azp`
    /// must still name an [authorized party](Self::authorized_parties). A token without one must be that of a session,
    /// so it has a `sid`: Clerk also issues tokens without `azp` to machines and to other apps of a user.
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth};
    ///
    /// let issuer = Issuer::clerk("https://clerk.example.com")
    ///     .authorized_parties(["https://app.example.com"])
    ///     .allow_missing_azp();
    /// assert!(JwtAuth::builder().issuer(issuer).build().is_ok());
    /// ```
    pub fn allow_missing_azp(self) -> Self {
        self.preset_setting("allow_missing_azp", PRESET, |issuer| {
            issuer.conventions.allows_missing_audience = true;
            issuer.conventions.rules.push(ClaimRule::Either("azp", "sid"));
        })
    }

    /// Reads the claims of Clerk's session tokens of version 1 (default: of version 2).
    ///
    /// The tenant is read from `org_id`, the role from `org_role`, the permissions from `org_permissions`. Clerk has
    /// deprecated this version.
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth};
    ///
    /// let issuer = Issuer::clerk("https://clerk.example.com")
    ///     .authorized_parties(["https://app.example.com"])
    ///     .version_1();
    /// assert!(JwtAuth::builder().issuer(issuer).build().is_ok());
    /// ```
    pub fn version_1(self) -> Self {
        self.preset_setting("version_1", PRESET, |issuer| {
            let claims = ClaimMap::new().client_id(NONE).tenant("org_id");
            issuer.conventions.claims = claims.roles(["org_role"]).permissions(["org_permissions"]);
            issuer.conventions.provider_claims = None;
        })
    }
}

/// Reads the role and the permissions in the organization `o` of a version 2 token.
fn read_organization(claims: &Object<'_>, identity: &mut Identity) -> Result<(), TokenError> {
    let Some(organization) = claims.get("o").filter(|value| !is_null(value)) else { return Ok(()) };
    let organization = Object::parse(organization).ok_or_else(|| TokenError::claim_invalid("o"))?;
    let text = |object: &Object<'_>, name: &str, path: &'static str| match object.get(name) {
        Some(value) if !is_null(value) => {
            string(value).map(String::from).map(Some).ok_or(TokenError::claim_invalid(path))
        }
        _ => Ok(None),
    };
    let role = text(&organization, "rol", "/o/rol")?;
    identity.add_roles(role.iter().map(|role| SharedStr::from(format!("org:{role}"))));
    let features = text(claims, "fea", "fea")?.unwrap_or_default();
    let words = text(&organization, "per", "/o/per")?.unwrap_or_default();
    let bits = text(&organization, "fpm", "/o/fpm")?.unwrap_or_default();
    let permissions = permissions(&features, &words, &bits).ok_or_else(|| TokenError::claim_invalid("/o/fpm"))?;
    identity.add_permissions(permissions.into_iter().map(SharedStr::from));
    Ok(())
}

/// Decodes the permissions of a user in an organization. Returns `None` if the lists are inconsistent.
///
/// Bit i of the n-th number in `bits` grants the i-th word on the n-th feature of the organization. `features` lists
/// those of the organization (`o:`), of the user (`u:`), or of both (`ou:`).
fn permissions(features: &str, words: &str, bits: &str) -> Option<Vec<String>> {
    // An empty item is not skipped: the bits after it would grant the next word.
    let list = |text: &str| -> Option<Vec<String>> {
        let items = text.split(',').filter(|_| !text.is_empty()).map(|item| item.trim().to_owned());
        let items: Vec<_> = items.take(MAX_ITEMS + 1).collect();
        (items.len() <= MAX_ITEMS && items.iter().all(|item| !item.is_empty())).then_some(items)
    };
    let (words, numbers) = (list(words)?, list(bits)?);
    let features = list(features)?;
    if words.is_empty() && numbers.is_empty() {
        return Some(Vec::new());
    }
    let mut of_organization = Vec::new();
    for feature in &features {
        let (scope, name) = feature.split_once(':')?;
        match scope {
            "o" | "ou" | "uo" => of_organization.push(name),
            "u" => {}
            _ => return None,
        }
    }
    let features = of_organization;
    if features.len() != numbers.len() {
        return None;
    }
    let mut permissions = Vec::new();
    for (feature, number) in features.iter().zip(&numbers) {
        let number: u64 = number.parse().ok().filter(|_| number.bytes().all(|byte| byte.is_ascii_digit()))?;
        // A bit beyond the words would be a permission without a name.
        if words.len() < MAX_ITEMS && number >> words.len() != 0 {
            return None;
        }
        let granted = words.iter().enumerate().filter(|(index, _)| number >> index & 1 == 1);
        permissions.extend(granted.map(|(_, word)| format!("org:{feature}:{word}")));
    }
    Some(permissions)
}

const PRESET: &[&str] = &["Issuer::clerk"];
const NONE: [&str; 0] = [];

// As many as the bits of a number.
const MAX_ITEMS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bit_grants_its_word_on_its_feature() {
        let granted = permissions("o:dashboard,o:teams", "manage,read", "3,2").unwrap();
        assert_eq!(granted, ["org:dashboard:manage", "org:dashboard:read", "org:teams:read"]);
        let mixed = permissions("u:export,o:teams,ou:reports", "read", "1,0").unwrap();
        assert_eq!(mixed, ["org:teams:read"], "a feature of the user only has no number");
        assert_eq!(permissions("o:teams", "", "").unwrap(), [""; 0]);
        assert_eq!(permissions("", "", "").unwrap(), [""; 0]);
    }

    #[test]
    fn inconsistent_lists_are_rejected() {
        for (features, words, bits) in [
            ("o:dashboard,o:teams", "manage,read", "3"),
            ("o:dashboard", "manage,read", "3,2"),
            ("o:dashboard", "manage,read", "4"),
            ("o:dashboard", "manage", "3"),
            ("o:dashboard", "", "1"),
            ("u:dashboard", "manage", "1"),
            ("o:dashboard", "manage", "+1"),
            ("o:dashboard", "manage", "-1"),
            ("o:dashboard", "manage", "0x1"),
            ("o:dashboard", "manage", "18446744073709551616"),
            ("o:dashboard", "manage", ""),
            ("o:dashboard", "manage,,read", "2"),
            ("o:dashboard", ",manage", "1"),
            ("o:dashboard,,o:teams", "manage", "0,1"),
            ("o:dashboard,o:teams", "manage", "0,,1"),
            ("o:dashboard,teams", "manage", "1"),
            ("o:dashboard,role:teams", "manage", "1"),
        ] {
            assert_eq!(permissions(features, words, bits), None, "{features} {words} {bits}");
        }
    }

    #[test]
    fn more_than_64_entries_in_a_list_are_rejected() {
        let words = |count| vec!["w"; count].join(",");
        let features = |count| vec!["o:f"; count].join(",");
        assert_eq!(permissions("o:f", &words(64), &u64::MAX.to_string()).unwrap().len(), 64);
        assert_eq!(permissions("o:f", &words(65), "1"), None);
        assert_eq!(permissions(&features(64), "w", &vec!["1"; 64].join(",")).unwrap().len(), 64);
        assert_eq!(permissions(&features(65), "w", &vec!["1"; 65].join(",")), None);
    }
}
