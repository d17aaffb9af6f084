//! `BackChannelLogoutBuilder`: the settings of a `BackChannelLogout`, and every issue with them.

use std::sync::Arc;

use crate::back_channel_logout::policy::Policy;
use crate::back_channel_logout::service::BackChannelLogout;
use crate::claims::LogThrottle;
use crate::clock::Clock;
use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};
use crate::revocation::handle::Revocations;
use crate::verify_jwt::VerifyJwt;
use crate::verify_jwt::verifier::Verifier;

impl BackChannelLogout {
    /// Starts the configuration. The keys, the client id and the revocations are required.
    pub fn builder() -> BackChannelLogoutBuilder {
        BackChannelLogoutBuilder::default()
    }
}

/// Configures a [`BackChannelLogout`].
///
/// Setters never fail. [`build`](Self::build) validates all settings together and returns every issue.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct BackChannelLogoutBuilder {
    keys: Option<Verifier>,
    client_id: Option<String>,
    revocations: Option<Revocations>,
    allows_missing_typ: bool,
    clock: Clock,
}

impl BackChannelLogoutBuilder {
    /// Verifies logout tokens with the issuers and keys of this layer (required).
    ///
    /// Each issuer of the [`JwtAuth`](crate::JwtAuth) can log out its own users. The issuer's algorithms apply; the
    /// audience and the profile of the layer do not.
    ///
    /// An app whose users have only sessions builds a `JwtAuth` for the keys, and adds it to no route:
    ///
    /// ```
    /// use portcullis::{BackChannelLogout, Issuer, JwtAuth, Revocations};
    ///
    /// # fn main() -> Result<(), portcullis::ConfigError> {
    /// # let revocations = Revocations::builder().build()?;
    /// let keys = JwtAuth::builder()
    ///     .issuer(Issuer::discover("https://auth.example.com"))
    ///     .audience("web") // required, and not used here
    ///     .build()?;
    /// let logout = BackChannelLogout::builder()
    ///     .keys_from(&keys)
    ///     .client_id("web")
    ///     .revocations(&revocations)
    ///     .build()?;
    /// # let _ = logout;
    /// # Ok(())
    /// # }
    /// ```
    pub fn keys_from(mut self, keys: &impl VerifyJwt) -> Self {
        self.keys = Some(Verifier::new(keys));
        self
    }

    /// Sets the id with which the app is registered at the OpenID provider (required).
    ///
    /// `aud` of the logout token must contain it. An app with several ids needs an endpoint for each.
    pub fn client_id(mut self, id: impl Into<String>) -> Self {
        self.client_id = Some(id.into());
        self
    }

    /// Sets the handle that revokes sessions and tokens (required).
    ///
    /// Pass the same handle as to [`SessionAuth`](crate::SessionAuth) or [`JwtAuth`](crate::JwtAuth).
    pub fn revocations(mut self, revocations: &Revocations) -> Self {
        self.revocations = Some(revocations.clone());
        self
    }

    /// Also accepts logout tokens without `typ` (default: `typ` must be `logout+jwt`).
    ///
    /// `typ` is optional in the specification, and some providers do not send it. Without it, the claim `events`
    /// distinguishes a logout token from the issuer's other tokens. Any other `typ` is still rejected.
    ///
    /// ```
    /// # use portcullis::{BackChannelLogout, Issuer, JwtAuth, Revocations};
    /// # fn main() -> Result<(), portcullis::ConfigError> {
    /// # let revocations = Revocations::builder().build()?;
    /// # let issuer = Issuer::discover("https://auth.example.com");
    /// # let keys = JwtAuth::builder().issuer(issuer).audience("web").build()?;
    /// let logout = BackChannelLogout::builder()
    ///     .keys_from(&keys)
    ///     .client_id("web")
    ///     .revocations(&revocations)
    ///     .allow_missing_typ()
    ///     .build()?;
    /// # let _ = logout;
    /// # Ok(())
    /// # }
    /// ```
    pub fn allow_missing_typ(mut self) -> Self {
        self.allows_missing_typ = true;
        self
    }

    /// Sets the clock, by which `iat` and `exp` are checked (default: the system's).
    ///
    /// In tests, set a [`FakeClock`](crate::testing::FakeClock) instead of sleeping.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Validates the settings and builds the endpoint.
    ///
    /// ```
    /// use portcullis::BackChannelLogout;
    ///
    /// let error = BackChannelLogout::builder().build().unwrap_err();
    /// let settings: Vec<_> =
    ///     error.issues().iter().map(|issue| issue.setting()).collect();
    /// assert_eq!(settings, ["keys_from", "client_id", "revocations"]);
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] with every missing or invalid setting.
    pub fn build(self) -> Result<BackChannelLogout, ConfigError> {
        let mut issues = ConfigIssues::default();
        self.validate(&mut issues);
        let (Some(verifier), Some(client_id), Some(revocations)) = (self.keys, self.client_id, self.revocations) else {
            // A value is missing, which is an issue.
            return Err(issues.into_error());
        };
        issues.into_result(|| {
            BackChannelLogout::new(Policy {
                verifier,
                client_ids: Arc::new([client_id]),
                revocations,
                allows_missing_typ: self.allows_missing_typ,
                hints: LogThrottle::new(self.clock.clone()),
                clock: self.clock,
            })
        })
    }

    fn validate(&self, issues: &mut ConfigIssues) {
        let mut missing = |setting, remedy: &'static str| {
            issues.add(ConfigIssue::new(setting, IssueKind::Missing, "not set", remedy));
        };
        if self.keys.is_none() {
            missing("keys_from", "call .keys_from(..) with a JwtAuth that has the issuer");
        }
        if self.client_id.is_none() {
            missing("client_id", "call .client_id(..) with the id of the app at the OpenID provider");
        }
        if self.revocations.is_none() {
            missing("revocations", "call .revocations(..) with the handle of the layers that authenticate");
        }
        if let Some(id) = self.client_id.as_ref().filter(|id| id.is_empty() || id.trim() != *id) {
            let reason = "is empty, or begins or ends with whitespace";
            let remedy = "set the exact id of the app at the OpenID provider";
            issues.add(ConfigIssue::new("client_id", IssueKind::Invalid, reason, remedy).with_value(id));
        }
    }
}
