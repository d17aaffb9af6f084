//! The accessors of `UserContext` for the login, the token and its claims, and the app's own record.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::de::DeserializeOwned;

use crate::context::credential::Credential;
#[cfg(any(feature = "api_key", feature = "rate_limit"))]
use crate::context::quota::Quota;
use crate::context::realm::Realm;
use crate::context::user::{ClaimsError, UserContext};

/// The login and the token.
impl UserContext {
    /// Returns the authentication context class: the `acr` claim (OpenID Connect Core §2).
    ///
    /// Issuers use it for the level of assurance of a login, such as one with a second factor. The values are defined
    /// by the issuer, so compare them exactly.
    #[must_use]
    pub fn acr(&self) -> Option<&str> {
        self.0.acr.as_deref()
    }

    /// Returns the authentication methods, such as `pwd` and `otp`: the `amr` claim (RFC 8176).
    ///
    /// Together with [`auth_time`](Self::auth_time), it shows whether a login is strong and recent enough for an
    /// operation:
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use portcullis::UserContext;
    ///
    /// fn may_transfer(user: &UserContext, now: SystemTime) -> bool {
    ///     let age = user.auth_time().and_then(|at| now.duration_since(at).ok());
    ///     let is_recent = age.is_some_and(|age| age.as_secs() < 300);
    ///     is_recent && user.amr().any(|method| method == "otp")
    /// }
    ///
    /// let now = SystemTime::now();
    /// let user = UserContext::new("ann");
    /// assert!(!may_transfer(&user, now));
    ///
    /// let login = now - Duration::from_secs(60);
    /// let user = user.with_authentication(login, "2", ["pwd", "otp"]);
    /// assert!(may_transfer(&user, now));
    /// ```
    pub fn amr(&self) -> impl Iterator<Item = &str> {
        self.0.amr.iter().map(|method| &**method)
    }

    /// Returns when the user logged in: the `auth_time` claim (OpenID Connect Core §2).
    #[must_use]
    pub fn auth_time(&self) -> Option<SystemTime> {
        self.0.auth_time.and_then(|time| UNIX_EPOCH.checked_add(time))
    }

    /// Returns the kind of credential that the request was authenticated by.
    ///
    /// It is [`Credential::Token`] for a user of [`JwtAuth`](crate::JwtAuth). A custom gate sets it with
    /// [`with_credential`](Self::with_credential). All other values have the same meaning whatever the kind is, so most
    /// apps do not need it. To accept only some kinds on a route, add [`RequireCredential`](crate::RequireCredential).
    ///
    /// ```
    /// use portcullis::{UserContext, context::Credential};
    ///
    /// async fn audit_line(user: UserContext) -> String {
    ///     format!("{} by {}", user.id(), user.credential())
    /// }
    /// # let _ = audit_line;
    ///
    /// let user = UserContext::new("ann");
    /// assert_eq!(user.credential(), Credential::Other);
    /// ```
    #[must_use]
    #[doc(alias = "authentication method")]
    pub fn credential(&self) -> Credential {
        self.0.credential
    }

    /// Returns the id of the login session that the credential belongs to: the `sid` claim, or that of the
    /// [claim map](crate::ClaimMap::session_id).
    ///
    /// All tokens of a login have the same id, also after a refresh (OpenID Connect Front-Channel Logout 1.0 §3). It is
    /// unique at the [issuer](Self::issuer). `None` if the token does not have it.
    #[must_use]
    #[doc(alias = "sid")]
    pub fn session_id(&self) -> Option<&str> {
        self.0.session_id.as_deref()
    }

    /// Returns the token's id, which is unique at its issuer: the `jti` claim (RFC 7519 §4.1.7).
    ///
    /// Many issuers omit it.
    #[must_use]
    pub fn token_id(&self) -> Option<&str> {
        self.0.token_id.as_deref()
    }

    /// Returns when the credential was issued: the `iat` claim (RFC 7519 §4.1.6).
    ///
    /// A refreshed token has a new one, and [`auth_time`](Self::auth_time) is when the user logged in. `None` if the
    /// token does not have it.
    #[must_use]
    #[doc(alias = "iat")]
    pub fn issued_at(&self) -> Option<SystemTime> {
        self.0.issued_at.and_then(|time| UNIX_EPOCH.checked_add(time))
    }

    /// Returns when the token expires, without leeway: the `exp` claim (RFC 7519 §4.1.4).
    ///
    /// The layer checks a token only when the request arrives. To end a stream that outlives it, add
    /// [`EndStreams`](crate::EndStreams). For a WebSocket, use [`ended`](Self::ended), which resolves when the token
    /// expires or is revoked.
    #[must_use]
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.0.expires_at.and_then(|time| UNIX_EPOCH.checked_add(time))
    }

    /// Returns the quota of the credential, if it has one of its own; see [`with_quota`](Self::with_quota).
    #[cfg(any(feature = "api_key", feature = "rate_limit"))]
    #[must_use]
    pub fn quota(&self) -> Option<Quota> {
        self.0.quota
    }

    /// Returns all claims of the token: the JSON object as it was signed.
    ///
    /// `{}` if the user does not come from a token. The text contains personal data, so do not log it.
    #[must_use]
    pub fn raw_claims(&self) -> &str {
        self.0.claims.as_deref().unwrap_or("{}")
    }

    /// Returns the claims of the token as your own type.
    ///
    /// ```
    /// use portcullis::UserContext;
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Claims {
    ///     tenant: String,
    /// }
    ///
    /// let user = UserContext::new("ann").with_raw_claims(r#"{"tenant":"acme"}"#);
    /// assert_eq!(user.claims::<Claims>()?.tenant, "acme");
    /// assert!(UserContext::new("bob").claims::<Claims>().is_err());
    /// # Ok::<(), portcullis::context::ClaimsError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ClaimsError`] if the claims do not deserialize to `T`: a field is missing or has another type. Make a
    /// field an `Option` if not every token has it.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, ClaimsError> {
        serde_json::from_str(self.raw_claims()).map_err(|error| ClaimsError::new(&error))
    }

    /// Returns the record of type `T` that was attached with [`with_record`](Self::with_record).
    ///
    /// A user loader attaches one, such as a row of a users table. `None` if there is no record, or one of another
    /// type.
    #[must_use]
    pub fn record<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.0.record.as_deref()?.downcast_ref()
    }

    /// Returns the realm for a challenge to this user, for example if a scope is missing.
    #[must_use]
    pub fn realm(&self) -> &Realm {
        &self.0.realm
    }
}
