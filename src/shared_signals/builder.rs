//! `SharedSignalsBuilder`: the settings of a `SharedSignals`, and every issue with them.

use std::future::Future;
use std::sync::Arc;

use crate::claims::LogThrottle;
use crate::clock::Clock;
use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};
use crate::http_client::HttpClient;
use crate::http_client::client::SharedHttpClient;
use crate::http_client::default_client::default_client;
use crate::http_client::url::validate_url;
use crate::revocation::Revocation;
use crate::revocation::handle::Revocations;
use crate::shared_signals::authorization::Authorization;
use crate::shared_signals::event::SecurityEvent;
use crate::shared_signals::handlers::{AppError, EventHandler, PollAuthorization, SubjectMap};
use crate::shared_signals::policy::Policy;
use crate::shared_signals::poller::EventPoller;
use crate::shared_signals::received::ReceivedTokens;
use crate::shared_signals::service::SharedSignals;
use crate::shared_signals::subject::EventSubject;
use crate::verify_jwt::Transmitter;
use crate::verify_jwt::transmitter::{FetchSettings, SharedTransmitter};

impl SharedSignals {
    /// Returns a builder with the default settings.
    ///
    /// The transmitter, the audience, the `Authorization` header and the revocations are required.
    pub fn builder() -> SharedSignalsBuilder {
        SharedSignalsBuilder::default()
    }
}

/// Configures a [`SharedSignals`].
///
/// Setters never fail. [`build`](Self::build) validates all settings together and returns every issue.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct SharedSignalsBuilder {
    transmitter: Option<SharedTransmitter>,
    audience: Option<String>,
    /// The value is not kept.
    authorization: Option<AuthorizationSetting>,
    revocations: Option<Revocations>,
    subject_map: Option<SubjectMap>,
    event_handler: Option<EventHandler>,
    verification_state: Option<String>,
    client: Option<SharedHttpClient>,
    clock: Clock,
}

/// # Transmitter
impl SharedSignalsBuilder {
    /// Sets the identity provider that sends the events (required).
    ///
    /// A string is the exact `iss` of its tokens. Its configuration is fetched from `/.well-known/ssf-configuration`,
    /// before the path of the name. It must name the same `issuer`, and has the URL of the keys (`jwks_uri`).
    ///
    /// For a transmitter whose keys are elsewhere, or that signs with an algorithm that is not allowed by default, pass
    /// an [`Issuer`](crate::Issuer):
    ///
    /// ```
    /// use portcullis::{Issuer, Revocations, SharedSignals};
    ///
    /// # fn main() -> Result<(), portcullis::ConfigError> {
    /// # let revocations = Revocations::builder().build()?;
    /// # let secret = "Bearer 7Fjfp0ZBr1KtDRbnfVdmIw";
    /// let events = SharedSignals::builder()
    ///     .transmitter(Issuer::jwks(
    ///         "https://events.example.com",
    ///         "https://events.example.com/keys.json",
    ///     ))
    ///     .audience("https://api.example.com")
    ///     .authorization(secret)
    ///     .revocations(&revocations)
    ///     .build()?;
    /// # let _ = events;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The transmitter may revoke credentials of any issuer that a subject names, so choose one that you trust with
    /// that. An app with several transmitters has an endpoint for each.
    pub fn transmitter(mut self, transmitter: impl Transmitter) -> Self {
        self.transmitter = Some(SharedTransmitter::new(transmitter));
        self
    }

    /// Sets the name of this receiver (required).
    ///
    /// It must be a value of `aud` in the token, which the transmitter assigns when the stream is created.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// Sets the value of the header `Authorization` that the transmitter sends (required by [`build`](Self::build)).
    ///
    /// It is the whole value, which the app passes as `authorization_header` when it creates the stream (Shared Signals
    /// Framework 1.0 §6.1.1). Generate it at random, with at least 16 characters. Only a digest of it is kept. A request
    /// without the header, or with another value, gets 400 `authentication_failed` before its body is read.
    pub fn authorization(mut self, value: impl AsRef<str>) -> Self {
        let value = value.as_ref();
        self.authorization = Some((Authorization::new(value), Authorization::fault(value)));
        self
    }

    /// Sets the `state` with which the app requests verification events (default: any `state` is accepted).
    ///
    /// A verification event with another one gets 400 `invalid_state` (Shared Signals Framework 1.0 §8.1.4). One
    /// without a `state` is accepted, because a transmitter may also verify a stream without a request.
    pub fn verification_state(mut self, state: impl Into<String>) -> Self {
        self.verification_state = Some(state.into());
        self
    }

    /// Sets the HTTP client for the configuration and the keys of the transmitter, and for polling.
    ///
    /// The default is the built-in client of the feature `fetch`. The [module](crate::http_client) has an example. For
    /// [`build_poller`](Self::build_poller), a client with a timeout of its own must wait for 90 seconds or more:
    /// transmitters hold a request until there is an event.
    pub fn http_client(mut self, client: impl HttpClient) -> Self {
        self.client = Some(SharedHttpClient::new(client));
        self
    }
}

/// # Events
impl SharedSignalsBuilder {
    /// Sets where credentials are revoked (required).
    ///
    /// Pass the same handle as to the layers that authenticate.
    pub fn revocations(mut self, revocations: &Revocations) -> Self {
        self.revocations = Some(revocations.clone());
        self
    }

    /// Sets a function that returns what to revoke for a subject that only the app knows.
    ///
    /// By default, such events are ignored, which is logged at most once a minute. The function is called for subjects
    /// that name no user, token or session of an issuer, such as an email address or an opaque id. What it returns is
    /// revoked as of the time of the event. With `Ok(None)`, the event is ignored. After an
    /// error, the response is 503, so that the transmitter sends the token again.
    ///
    /// ```
    /// use portcullis::revocation::Revocation;
    /// use portcullis::shared_signals::EventSubject;
    /// # use portcullis::{Revocations, SharedSignals};
    ///
    /// # #[derive(Clone)]
    /// # struct Users;
    /// # impl Users {
    /// #     async fn id_of(&self, _: &str) -> Result<Option<String>, std::io::Error> {
    /// #         Ok(None)
    /// #     }
    /// # }
    /// # fn main() -> Result<(), portcullis::ConfigError> {
    /// # let revocations = Revocations::builder().build()?;
    /// # let users = Users;
    /// const ISSUER: &str = "https://auth.example.com";
    ///
    /// let events = SharedSignals::builder()
    ///     .transmitter(ISSUER)
    ///     .map_subject(move |subject: EventSubject| {
    ///         let users = users.clone();
    ///         async move {
    ///             let Some(email) = subject.get("/email") else {
    ///                 return Ok(None);
    ///             };
    ///             let id = users.id_of(email).await?;
    ///             Ok(id.map(|id| Revocation::subject(ISSUER, &id)))
    ///         }
    ///     })
    /// #   .audience("https://api.example.com")
    /// #   .authorization("Bearer 7Fjfp0ZBr1KtDRbnfVdmIw")
    ///     .revocations(&revocations)
    ///     .build()?;
    /// # let _ = events;
    /// # Ok(())
    /// # }
    /// ```
    pub fn map_subject<F, Fut>(mut self, map: F) -> Self
    where
        F: Fn(EventSubject) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Option<Revocation>, AppError>> + Send + 'static,
    {
        self.subject_map = Some(SubjectMap::new(map));
        self
    }

    /// Sets a function that receives all other events (default: they are ignored).
    ///
    /// They are the events on which this crate does not act, such as CAEP's `assurance-level-change` and
    /// `device-compliance-change`, and your own. The [module](crate::shared_signals#events) lists those on which it
    /// acts. The function is called after the revocations of the same token. After an error, the response is 503, so that
    /// the transmitter sends the token again; the function may then be called again for events that it has handled.
    ///
    /// ```
    /// use portcullis::shared_signals::SecurityEvent;
    /// # use portcullis::{Revocations, SharedSignals};
    ///
    /// # fn main() -> Result<(), portcullis::ConfigError> {
    /// # let revocations = Revocations::builder().build()?;
    /// let events = SharedSignals::builder()
    ///     .transmitter("https://auth.example.com")
    ///     .on_event(async |event: SecurityEvent| {
    ///         println!("{} at {:?}", event.event_type(), event.time());
    ///         Ok(())
    ///     })
    /// #   .audience("https://api.example.com")
    /// #   .authorization("Bearer 7Fjfp0ZBr1KtDRbnfVdmIw")
    ///     .revocations(&revocations)
    ///     .build()?;
    /// # let _ = events;
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_event<F, Fut>(mut self, handle: F) -> Self
    where
        F: Fn(SecurityEvent) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), AppError>> + Send + 'static,
    {
        self.event_handler = Some(EventHandler::new(handle));
        self
    }
}

/// # Clock and build
impl SharedSignalsBuilder {
    /// Sets the clock, by which the times of events are checked (default: the system's).
    ///
    /// In tests, set a [`FakeClock`](crate::testing::FakeClock) instead of sleeping.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Validates the settings and builds the endpoint.
    ///
    /// This fetches nothing: the first token waits for the configuration and the keys of the transmitter.
    ///
    /// ```
    /// use portcullis::SharedSignals;
    ///
    /// let error = SharedSignals::builder().build().unwrap_err();
    /// let settings: Vec<_> =
    ///     error.issues().iter().map(|issue| issue.setting()).collect();
    /// let required = ["authorization", "transmitter", "audience", "revocations"];
    /// assert_eq!(settings, required);
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] with every missing or invalid setting.
    pub fn build(mut self) -> Result<SharedSignals, ConfigError> {
        let mut issues = ConfigIssues::default();
        let authorization = self.authorization.take();
        validate_authorization(authorization.as_ref(), &mut issues);
        let policy = self.policy(&mut issues);
        let (Some(policy), Some((authorization, _))) = (policy, authorization) else {
            // A value is missing, which is an issue.
            return Err(issues.into_error());
        };
        issues.into_result(|| SharedSignals::new(authorization, policy))
    }

    /// Validates the settings and builds a poller, for an app that the transmitter cannot reach (RFC 8936).
    ///
    /// `url` is the `endpoint_url` that the transmitter assigned to the stream. The function `authorization` returns the
    /// value of the header `Authorization`. It is called for each request, so that it can renew an access token before
    /// it expires. After an error, it is called again a second later at the earliest.
    ///
    /// [`authorization`](Self::authorization) must not be set: it is for what a transmitter sends. Spawn
    /// [`run`](EventPoller::run):
    ///
    /// ```
    /// # use portcullis::{Revocations, SharedSignals};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), portcullis::ConfigError> {
    /// # let revocations = Revocations::builder().build()?;
    /// # let token = "7Fjfp0ZBr1KtDRbnfVdmIw".to_owned();
    /// let poller = SharedSignals::builder()
    ///     .transmitter("https://auth.example.com")
    ///     .audience("https://api.example.com")
    ///     .revocations(&revocations)
    ///     .build_poller("https://auth.example.com/ssf/poll", move || {
    ///         let token = token.clone();
    ///         async move { Ok(format!("Bearer {token}")) }
    ///     })?;
    /// tokio::spawn(poller.run());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] with every missing or invalid setting, `build_poller` for an invalid `url`.
    pub fn build_poller<F, Fut>(mut self, url: impl Into<String>, authorization: F) -> Result<EventPoller, ConfigError>
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<String, AppError>> + Send + 'static,
    {
        let url = url.into();
        let mut issues = ConfigIssues::default();
        validate_url("build_poller", &url, &['#'], &mut issues);
        if self.authorization.is_some() {
            let reason = "nothing is sent to a poller, so this setting has no effect";
            let remedy = "remove it; the function of build_poller(..) returns the header of the requests";
            issues.add(ConfigIssue::new("authorization", IssueKind::Prohibited, reason, remedy));
        }
        // Also for the keys.
        self.client = self.client.or_else(|| default_client("for polling", &mut issues));
        let Some(client) = self.client.clone() else {
            self.validate(&mut issues);
            return Err(issues.into_error());
        };
        let Some(policy) = self.policy(&mut issues) else { return Err(issues.into_error()) };
        issues.into_result(|| EventPoller::new(policy, url, PollAuthorization::new(authorization), client))
    }

    /// Returns the settings of both. If it returns `None`, there is an issue.
    fn policy(self, issues: &mut ConfigIssues) -> Option<Policy> {
        self.validate(issues);
        let settings = FetchSettings { client: self.client, clock: self.clock.clone() };
        let verifier = self.transmitter.and_then(|transmitter| issues.ok_or_add(transmitter.verifier(settings)));
        Some(Policy {
            verifier: verifier?,
            audiences: Arc::new([self.audience?]),
            revocations: self.revocations?,
            subject_map: self.subject_map,
            event_handler: self.event_handler,
            verification_state: self.verification_state,
            received: ReceivedTokens::new(),
            hints: LogThrottle::new(self.clock.clone()),
            clock: self.clock,
        })
    }

    fn validate(&self, issues: &mut ConfigIssues) {
        if self.transmitter.is_none() {
            issues.add(missing("transmitter", "call .transmitter(..) with the issuer of the events"));
        }
        if self.audience.is_none() {
            issues.add(missing("audience", "call .audience(..) with the `aud` value of the tokens for this app"));
        }
        if self.revocations.is_none() {
            let remedy = "call .revocations(..) with the handle of the layers that authenticate";
            issues.add(missing("revocations", remedy));
        }
        if let Some(audience) = self.audience.as_ref().filter(|name| name.is_empty() || name.trim() != *name) {
            let reason = "is empty, or begins or ends with whitespace";
            let remedy = "set the `aud` value of the tokens for this app";
            issues.add(ConfigIssue::new("audience", IssueKind::Invalid, reason, remedy).with_value(audience));
        }
        if self.verification_state.as_ref().is_some_and(String::is_empty) {
            let remedy = "set the state of the verification requests, or remove .verification_state(..)";
            issues.add(ConfigIssue::new("verification_state", IssueKind::Invalid, "is empty", remedy));
        }
    }
}

fn validate_authorization(setting: Option<&AuthorizationSetting>, issues: &mut ConfigIssues) {
    match setting {
        None => {
            let remedy = "call .authorization(..) with the authorization_header of the stream";
            issues.add(missing("authorization", remedy));
        }
        Some((_, Some((kind, reason)))) => {
            let remedy = "set the whole value of the header, with a secret from a secure random source";
            issues.add(ConfigIssue::new("authorization", *kind, *reason, remedy));
        }
        Some((_, None)) => {}
    }
}

fn missing(setting: &'static str, remedy: &'static str) -> ConfigIssue {
    ConfigIssue::new(setting, IssueKind::Missing, "not set", remedy)
}

/// A header, and why it is not accepted.
type AuthorizationSetting = (Authorization, Option<(IssueKind, &'static str)>);
