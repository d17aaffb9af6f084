//! `ClientCertAuthBuilder`: the settings of a `ClientCertAuth`, and every issue with them.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http::{Extensions, HeaderName, HeaderValue};

use crate::client_cert::client_cert_header::ClientCertHeader;
use crate::client_cert::gate::ClientCertAuth;
use crate::client_cert::parsed_certificates::ParsedCertificates;
use crate::client_cert::policy::{Forwarded, FromTls, MapUser, Policy};
use crate::clock::Clock;
use crate::context::{PeerCertificate, Realm, TrustedProxies, UserContext};
use crate::csrf::gate::Csrf;
use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};
use crate::gate::{Admission, LoadError, UserLoader};
use crate::lookup::CredentialHasher;
#[cfg(feature = "revocation")]
use crate::revocation::handle::Revocations;

impl ClientCertAuth {
    /// Returns a builder with the default settings. A source of certificates and a function that maps them are required.
    pub fn builder() -> ClientCertAuthBuilder {
        ClientCertAuthBuilder::default()
    }
}

/// Configures a [`ClientCertAuth`].
///
/// Setters never fail. [`build`](Self::build) validates all settings together and returns every issue. A setter
/// replaces the previous value.
#[derive(Clone, Default)]
#[must_use]
pub struct ClientCertAuthBuilder {
    from_tls: Option<FromTls>,
    forwarded: Option<(ClientCertHeader, TrustedProxies)>,
    verified_by: Option<(String, String)>,
    map_user: Option<MapUser>,
    csrf: Csrf,
    loader: Option<UserLoader>,
    load_user_timeout: Option<Duration>,
    optional: bool,
    realm: Option<String>,
    #[cfg(feature = "revocation")]
    revocations: Option<Revocations>,
    clock: Clock,
}

impl ClientCertAuthBuilder {
    /// Reads the certificate of the TLS connection from the request's extensions (default: not read).
    ///
    /// The server puts it there for each request of the connection: as a [`PeerCertificate`], or in a type of its own
    /// that the function converts. With tonic, read its `TlsConnectInfo`. The TLS server must verify certificates: with
    /// rustls, by a `WebPkiClientVerifier`.
    ///
    /// ```
    /// use portcullis::{ClientCertAuth, UserContext, context::PeerCertificate};
    ///
    /// let auth = ClientCertAuth::builder()
    ///     .from_tls(|extensions| extensions.get::<PeerCertificate>().cloned())
    ///     .user(|certificate| certificate.uri().map(UserContext::new))
    ///     .build()?;
    /// # let _ = auth;
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    pub fn from_tls(mut self, find: impl Fn(&Extensions) -> Option<PeerCertificate> + Send + Sync + 'static) -> Self {
        self.from_tls = Some(Arc::new(find));
        self
    }

    /// Reads the certificate from a header that these proxies send (default: not read).
    ///
    /// It is read only if the connection is from one of them. List their networks: [`TrustedProxies::hops`] would trust
    /// every connection. The proxies must remove the header from requests of their clients.
    ///
    /// ```
    /// use portcullis::client_cert::ClientCertHeader;
    /// use portcullis::{ClientCertAuth, TrustedProxies, UserContext};
    ///
    /// let by = |proxies| {
    ///     ClientCertAuth::builder()
    ///         .forwarded(ClientCertHeader::Rfc9440, proxies)
    ///         .user(|certificate| certificate.dns_name().map(UserContext::new))
    ///         .build()
    /// };
    /// assert!(by(TrustedProxies::new(["10.0.0.0/8"])?).is_ok());
    /// assert!(by(TrustedProxies::hops(1)?).is_err());
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    pub fn forwarded(mut self, header: ClientCertHeader, proxies: TrustedProxies) -> Self {
        self.forwarded = Some((header, proxies));
        self
    }

    /// Requires that the proxy reports by this header and value that it has verified the certificate (default: every
    /// certificate that it forwards counts as verified).
    ///
    /// Some proxies forward certificates whatever the result of the verification was, and report it in another header.
    /// If that is absent, repeated or different, the request gets 401. Without this setting, a client of such a proxy can
    /// create a certificate with any name.
    ///
    /// ```
    /// # use portcullis::{TrustedProxies, UserContext, client_cert::ClientCertHeader};
    /// use portcullis::ClientCertAuth;
    ///
    /// # let proxies = TrustedProxies::new(["10.0.0.0/8"])?;
    /// let auth = ClientCertAuth::builder()
    ///     .forwarded(ClientCertHeader::Rfc9440, proxies)
    ///     .verified_by("x-client-verify", "SUCCESS")
    ///     .user(|certificate| certificate.dns_name().map(UserContext::new));
    /// assert!(auth.build().is_ok());
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    pub fn verified_by(mut self, header: impl Into<String>, value: impl Into<String>) -> Self {
        self.verified_by = Some((header.into(), value.into()));
        self
    }

    /// Sets the function that maps a certificate to a user. It is required.
    ///
    /// For `None`, the request gets 403. Check the whole name, for example its trust domain: the authority may issue
    /// certificates for other purposes too. The layer sets the kind of the credential and, unless the function has, its
    /// id (the SHA-256 of the certificate) and its validity.
    ///
    /// ```
    /// use portcullis::{ClientCertAuth, Scopes, UserContext, context::PeerCertificate};
    ///
    /// fn user(certificate: &PeerCertificate) -> Option<UserContext> {
    ///     let user = match certificate.uri()? {
    ///         "spiffe://acme.example/backup" => UserContext::new("backup"),
    ///         _ => return None,
    ///     };
    ///     Some(user.with_scopes(Scopes::new(["read:reports"]).ok()?))
    /// }
    ///
    /// let auth = ClientCertAuth::builder()
    ///     .from_tls(|extensions| extensions.get::<PeerCertificate>().cloned())
    ///     .user(user);
    /// assert!(auth.build().is_ok());
    /// ```
    pub fn user(mut self, map: impl Fn(&PeerCertificate) -> Option<UserContext> + Send + Sync + 'static) -> Self {
        self.map_user = Some(Arc::new(map));
        self
    }

    /// Sets the check of requests that browsers send (default: only pages of the app's own origin are trusted).
    ///
    /// A browser adds the certificate to requests that other sites cause too. So a request with `Sec-Fetch-Site` or
    /// `Origin` gets 403 if it may change something and is not from a trusted page. A request with neither is from a
    /// program, and is admitted.
    ///
    /// ```
    /// use portcullis::{ClientCertAuth, Csrf, UserContext, context::PeerCertificate};
    /// # #[cfg(feature = "cors")] {
    /// use portcullis::OriginSet;
    ///
    /// let origins = OriginSet::new(["https://admin.example.com"])?;
    /// let auth = ClientCertAuth::builder()
    ///     .from_tls(|extensions| extensions.get::<PeerCertificate>().cloned())
    ///     .user(|certificate| certificate.uri().map(UserContext::new))
    ///     .csrf(Csrf::builder().origins(origins).build()?);
    /// assert!(auth.build().is_ok());
    /// # }
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    pub fn csrf(mut self, csrf: Csrf) -> Self {
        self.csrf = csrf;
        self
    }

    /// Sets a function that loads the user of a certificate (default: none).
    ///
    /// Use it to find the user of a name in a database, to which the [function](Self::user) has no access.
    /// It runs on every request with a valid certificate, with a [timeout](Self::load_user_timeout). Inner layers and
    /// handlers see the user that it returns.
    ///
    /// ```
    /// use portcullis::gate::LoadError;
    /// use portcullis::{ClientCertAuth, Scopes, UserContext, context::PeerCertificate};
    ///
    /// # async fn find(_: &str) -> Result<Option<Scopes>, std::io::Error> { Ok(None) }
    /// async fn load(user: UserContext) -> Result<UserContext, LoadError> {
    ///     match find(user.id()).await {
    ///         Ok(Some(scopes)) => Ok(user.with_scopes(scopes)),
    ///         Ok(None) => Err(LoadError::Unknown),
    ///         Err(error) => Err(LoadError::unavailable(error)),
    ///     }
    /// }
    ///
    /// let auth = ClientCertAuth::builder()
    ///     .from_tls(|extensions| extensions.get::<PeerCertificate>().cloned())
    ///     .user(|certificate| certificate.uri().map(UserContext::new))
    ///     .load_user(load);
    /// assert!(auth.build().is_ok());
    /// ```
    pub fn load_user<F, Fut>(mut self, load: F) -> Self
    where
        F: Fn(UserContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<UserContext, LoadError>> + Send + 'static,
    {
        self.loader = Some(UserLoader::new(load));
        self
    }

    /// Sets the timeout of the [user loader](Self::load_user) (default five seconds).
    ///
    /// It is more than zero and at most 60 seconds. If the loader takes longer, the request is rejected with 503.
    pub fn load_user_timeout(mut self, timeout: Duration) -> Self {
        self.load_user_timeout = Some(timeout);
        self
    }

    /// Admits requests without a certificate as anonymous (default: they get 401, or 403 if there is no other gate).
    ///
    /// An invalid certificate is still rejected. [`ClientCertAuth::to_optional`] returns such a layer beside the strict
    /// one.
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Sets the realm of the users (default `api`). The layer sends no challenge with it.
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = Some(realm.into());
        self
    }

    /// Rejects users that were [revoked](crate::revocation) (default: none).
    ///
    /// A revocation ends after the longest lifetime of a token, and most certificates are valid for longer. So also let
    /// the [function](Self::user) return `None`, or revoke the certificate at its authority.
    #[cfg(feature = "revocation")]
    pub fn revocations(mut self, revocations: &Revocations) -> Self {
        self.revocations = Some(revocations.clone());
        self
    }

    /// Sets the clock (default: the system's). Tests set a fake one. It decides whether a certificate is valid.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Validates the settings and builds the layer.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] with every issue: there is no source of certificates or no function that maps them, the
    /// proxies are none or counted by [`hops`](TrustedProxies::hops), or the header of
    /// [`verified_by`](Self::verified_by) is invalid or has no effect.
    pub fn build(self) -> Result<ClientCertAuth, ConfigError> {
        let mut issues = ConfigIssues::default();
        let verified_by = self.validate(&mut issues);
        Admission::validate(self.loader.as_ref(), self.load_user_timeout, &mut issues);
        let map_user = self.map_user.unwrap_or_else(|| {
            let remedy = "call user(..) with a function that maps the names in a certificate to a user";
            issues.add(ConfigIssue::new("user", IssueKind::Missing, "not set", remedy));
            // Never used, because there is an issue.
            Arc::new(|_| None)
        });
        let Some(hasher) = CredentialHasher::random(&mut issues) else { return Err(issues.into_error()) };
        issues.into_result(|| {
            let parsed = ParsedCertificates::new(hasher);
            let policy = Policy {
                from_tls: self.from_tls,
                forwarded: self.forwarded.map(|(header, proxies)| Forwarded { header, proxies, verified_by, parsed }),
                map_user,
                csrf: self.csrf,
                admission: Admission::new(self.loader, self.load_user_timeout),
                realm: Realm::without_schemes(self.realm.as_deref().unwrap_or(Realm::DEFAULT.name())),
                #[cfg(feature = "revocation")]
                revocations: self.revocations,
                clock: self.clock,
            };
            ClientCertAuth::new(policy, self.optional)
        })
    }

    /// Validates the sources. Returns the header and the value of `verified_by`.
    fn validate(&self, issues: &mut ConfigIssues) -> Option<(HeaderName, HeaderValue)> {
        if self.from_tls.is_none() && self.forwarded.is_none() {
            let remedy = "call from_tls(..) or forwarded(..)";
            let reason = "there is no source of certificates";
            issues.add(ConfigIssue::new("ClientCertAuth::builder", IssueKind::Missing, reason, remedy));
        }
        if let Some((_, proxies)) = &self.forwarded {
            let remedy = "list the networks of your proxies with TrustedProxies::new(..)";
            if proxies.trusts_no_proxy() {
                let reason = "no proxy is trusted, so the header would never be read";
                issues.add(ConfigIssue::new("forwarded", IssueKind::Invalid, reason, remedy));
            } else if proxies.trusts_every_peer() {
                let reason =
                    "every connection would count as one of a proxy, so any client could choose its certificate";
                issues.add(ConfigIssue::new("forwarded", IssueKind::Prohibited, reason, remedy));
            }
        }
        let (name, value) = self.verified_by.as_ref()?;
        if self.forwarded.is_none() {
            let reason = "no header has a certificate, so this setting has no effect";
            let remedy = "call forwarded(..), or remove it";
            issues.add(ConfigIssue::new("verified_by", IssueKind::Prohibited, reason, remedy));
        }
        let parsed = HeaderName::try_from(name).ok().zip(HeaderValue::try_from(value).ok());
        if parsed.is_none() || value.is_empty() {
            let remedy = "use the header and the value that your proxy sends for a verified certificate";
            let issue = ConfigIssue::new("verified_by", IssueKind::Invalid, "not a header with a value", remedy);
            issues.add(issue.with_value(format!("{name}: {value}")));
        }
        parsed
    }
}

impl fmt::Debug for ClientCertAuthBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertAuthBuilder")
            .field("forwarded", &self.forwarded)
            .field("verified_by", &self.verified_by)
            .field("csrf", &self.csrf)
            .finish_non_exhaustive()
    }
}
