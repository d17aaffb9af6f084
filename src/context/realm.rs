//! `Realm`: the protection space that a challenge names, and its authentication schemes.

use std::fmt;
use std::slice;
use std::sync::Arc;

use crate::context::auth_scheme::AuthScheme;
#[cfg(any(
    feature = "api_key",
    feature = "basic",
    feature = "introspection",
    feature = "jwt",
    feature = "session"
))]
use crate::error::{ConfigIssue, ConfigIssues, IssueKind};
#[cfg(any(
    feature = "api_key",
    feature = "basic",
    feature = "introspection",
    feature = "jwt",
    feature = "session"
))]
use crate::field::challenge::is_quotable;
use crate::field::challenge::{BEARER_API, Challenge};

/// The protection space that a `WWW-Authenticate` challenge names (RFC 9110 §11.5), with the schemes that authenticate
/// in it.
///
/// The default is `api`, with the scheme `Bearer`.
///
/// ```
/// use portcullis::context::{AuthScheme, Realm};
/// use portcullis::gate::{Denial, DenialKind};
///
/// assert_eq!(Realm::new("valuations").name(), "valuations");
/// assert_eq!(Realm::default().name(), "api");
///
/// // The realm of a custom gate that authenticates by API key:
/// let realm = Realm::default().with_schemes([AuthScheme::new("ApiKey")?]);
/// let denial = Denial::new(DenialKind::CredentialsMissing, realm);
/// assert!(denial.challenges().eq(["ApiKey realm=\"api\""]));
/// assert_eq!(denial.detail(), "a credential is required: ApiKey");
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
///
/// A custom gate passes it on with [`Visitor::anonymous`](crate::context::Visitor::anonymous) and
/// [`UserContext::with_realm`](crate::UserContext::with_realm), so that the rejections by `Require*` layers and
/// handlers have its challenges too.
#[derive(Clone, PartialEq, Eq)]
pub struct Realm(Option<Arc<ProtectionSpace>>);

#[derive(PartialEq, Eq)]
struct ProtectionSpace {
    name: Box<str>,
    schemes: Box<[AuthScheme]>,
    /// The challenge of each scheme, built once.
    challenges: Box<[Challenge]>,
}

impl Realm {
    /// Creates a realm of this name, with the scheme `Bearer`.
    ///
    /// Characters that RFC 6750 §3 does not allow in a challenge are replaced when the challenge is sent.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self::of(name, Box::new([AuthScheme::bearer()]))
    }

    /// Replaces the schemes. A rejection has one challenge for each, in this order. An empty list changes nothing,
    /// because a 401 must have a challenge (RFC 9110 §15.5.2).
    #[must_use]
    pub fn with_schemes(self, schemes: impl IntoIterator<Item = AuthScheme>) -> Self {
        let schemes: Box<[AuthScheme]> = schemes.into_iter().collect();
        if schemes.is_empty() { self } else { Self::of(self.name(), schemes) }
    }

    /// Creates a realm without a scheme, for client certificates: HTTP has no challenge for them.
    #[cfg(feature = "client_cert")]
    pub(crate) fn without_schemes(name: &str) -> Self {
        Self::of(name, Box::default())
    }

    /// Adds an issue if the name cannot be sent as a quoted string in every challenge, without escapes.
    #[cfg(any(
        feature = "api_key",
        feature = "basic",
        feature = "introspection",
        feature = "jwt",
        feature = "session"
    ))]
    pub(crate) fn validate(name: Option<&str>, issues: &mut ConfigIssues) {
        if let Some(name) = name.filter(|name| name.is_empty() || !is_quotable(name)) {
            let reason = "is empty, or has a character that a challenge must not have (RFC 6750 §3)";
            let remedy = "use printable ASCII without quotes and backslashes";
            issues.add(ConfigIssue::new("realm", IssueKind::Invalid, reason, remedy).with_value(name));
        }
    }

    fn of(name: &str, schemes: Box<[AuthScheme]>) -> Self {
        let challenge = |scheme: &AuthScheme| {
            let challenge = Challenge::new(scheme.name(), name, scheme.parameters());
            if scheme.has_error_parameters() { challenge.with_error_parameters() } else { challenge }
        };
        let challenges = schemes.iter().map(challenge).collect();
        Self(Some(Arc::new(ProtectionSpace { name: name.into(), schemes, challenges })))
    }

    /// Joins the realms of several gates. Each scheme is in it once, with the challenge of the first gate that has it.
    pub(crate) fn joined(realms: impl IntoIterator<Item = Self>) -> Self {
        let mut name = None;
        let mut schemes: Vec<AuthScheme> = Vec::new();
        let mut challenges = Vec::new();
        for realm in realms {
            let own = realm.0.as_ref().map_or(&[AuthScheme::bearer()][..], |space| &space.schemes).to_vec();
            for (scheme, challenge) in own.into_iter().zip(realm.challenges()) {
                if !schemes.iter().any(|known| known.name().eq_ignore_ascii_case(scheme.name())) {
                    schemes.push(scheme);
                    challenges.push(challenge.clone());
                }
            }
            name.get_or_insert_with(|| realm.name().into());
        }
        let name = name.unwrap_or(DEFAULT.into());
        Self(Some(Arc::new(ProtectionSpace { name, schemes: schemes.into(), challenges: challenges.into() })))
    }

    /// The realm `api`, with the scheme `Bearer`.
    pub(crate) const DEFAULT: &'static Self = &Self(None);

    /// Returns the realm's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.as_ref().map_or(DEFAULT, |space| &space.name)
    }

    /// Returns the challenge of each scheme.
    pub(crate) fn challenges(&self) -> &[Challenge] {
        self.0.as_ref().map_or(slice::from_ref(&BEARER_API), |space| &space.challenges)
    }

    /// Whether one of the schemes is `Basic`, for which a browser opens a dialog.
    pub(crate) fn has_basic(&self) -> bool {
        let space = self.0.as_ref();
        space.is_some_and(|space| space.schemes.iter().any(|scheme| scheme.name().eq_ignore_ascii_case("Basic")))
    }

    /// Returns the schemes; `None` if a bearer token is the only credential.
    pub(crate) fn schemes_besides_bearer(&self) -> Option<&[AuthScheme]> {
        let schemes = &self.0.as_ref()?.schemes;
        schemes.iter().any(|scheme| !scheme.is_bearer()).then_some(schemes)
    }
}

impl Default for Realm {
    /// Returns the realm `api`, with the scheme `Bearer`.
    fn default() -> Self {
        Self(None)
    }
}

impl fmt::Debug for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Realm").field(&self.challenges()).finish()
    }
}

// A challenge needs at least one parameter (RFC 6750 §3), so every layer has a realm.
const DEFAULT: &str = "api";

#[cfg(test)]
mod tests {
    use super::*;

    fn realm(name: &str, schemes: &[&str]) -> Realm {
        Realm::new(name).with_schemes(schemes.iter().map(|scheme| AuthScheme::new(scheme).unwrap()))
    }

    #[test]
    fn a_joined_realm_has_each_scheme_once_with_the_challenge_of_the_first_realm() {
        let keys = realm("keys", &["ApiKey", "bearer"]);
        let joined = Realm::joined([Realm::default(), keys.clone(), realm("web", &["Session", "apikey"])]);
        let challenges: Vec<_> = joined.challenges().iter().map(Challenge::without_error).collect();
        assert_eq!(challenges, ["Bearer realm=\"api\"", "ApiKey realm=\"keys\"", "Session realm=\"web\""]);
        assert_eq!(joined.name(), "api");
        assert_eq!(Realm::joined([keys.clone()]), keys);
        assert!(Realm::joined([Realm::default()]).schemes_besides_bearer().is_none());
    }
}
