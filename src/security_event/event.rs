//! `SecurityEvent`: an event as typed data, to emit or to read.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use http::request;

use crate::context::route::{matched_path, method_name};
use crate::context::{Credential, UserContext};
#[cfg(any(feature = "login_protection", feature = "passwords"))]
use crate::keys::ring::KeyRing;
use crate::security_event::account::Account;
use crate::security_event::kind::EventKind;
use crate::security_event::reason::Reason;
use crate::security_event::text::{Text, escaped};

/// A security event: a login, a rejection, the end of a session; see the [module](crate::security_event).
///
/// It borrows its values, and reads them only if a subscriber wants the event.
///
/// ```
/// use portcullis::security_event::{EventKind, Reason, SecurityEvent};
/// use portcullis::{ClientAddr, UserContext};
///
/// fn log_failure(user: Option<&str>, client: ClientAddr) {
///     let event = SecurityEvent::new(EventKind::LoginFailed)
///         .with_reason(Reason::PasswordWrong)
///         .with_address(client.ip());
///     match user {
///         Some(id) => event.with_user(id).emit(),
///         None => event.emit(),
///     }
/// }
/// # let _ = log_failure;
/// ```
#[derive(Clone)]
#[must_use = "an event is logged by `emit`"]
pub struct SecurityEvent<'a> {
    pub(super) kind: EventKind,
    pub(super) user: Text<'a>,
    pub(super) issuer: Text<'a>,
    pub(super) account: Account<'a>,
    pub(super) session: Text<'a>,
    pub(super) api_key: Text<'a>,
    pub(super) credential: Option<Credential>,
    pub(super) address: Option<IpAddr>,
    pub(super) method: Text<'a>,
    pub(super) route: Text<'a>,
    pub(super) status: Option<u16>,
    pub(super) reason: Option<Reason>,
    pub(super) detail: Text<'a>,
    pub(super) limit: Text<'a>,
    pub(super) amr: Amr<'a>,
    pub(super) generation: Option<u64>,
}

/// The authentication methods, which are joined when they are read.
#[derive(Clone)]
pub(super) enum Amr<'a> {
    Absent,
    Methods(&'a [&'a str]),
    OfUser(&'a UserContext),
    Escaped(Box<str>),
}

impl<'a> SecurityEvent<'a> {
    /// Creates an event without values.
    #[inline]
    pub fn new(kind: EventKind) -> Self {
        Self {
            kind,
            user: Text::Absent,
            issuer: Text::Absent,
            account: Account::Absent,
            session: Text::Absent,
            api_key: Text::Absent,
            credential: None,
            address: None,
            method: Text::Absent,
            route: Text::Absent,
            status: None,
            reason: None,
            detail: Text::Absent,
            limit: Text::Absent,
            amr: Amr::Absent,
            generation: None,
        }
    }

    /// Sets the id of the user. Pass an id of the app, and never a name that a caller typed.
    #[inline]
    pub fn with_user(mut self, id: &'a str) -> Self {
        self.user = Text::Raw(id);
        self
    }

    /// Sets the account that a user wants to log in to, by the name that the user typed, known or not.
    ///
    /// The event has a keyed hash of it: the same for all spellings that a user table could take for one name, as in
    /// `Subject::account`. It changes with the current secret of the ring.
    ///
    /// ```
    /// use portcullis::KeyRing;
    /// use portcullis::security_event::{EventKind, SecurityEvent};
    ///
    /// # let secret: Vec<u8> = (0..32).collect();
    /// let keys = KeyRing::new(secret)?;
    /// let hash = |name| {
    ///     let event = SecurityEvent::new(EventKind::LoginFailed);
    ///     event.with_account(&keys, name).account().unwrap().into_owned()
    /// };
    /// assert_eq!(hash("Ann@Example.com "), hash("ann@example.com"));
    /// assert_ne!(hash("ann@example.com"), hash("bob@example.com"));
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    #[cfg(any(feature = "login_protection", feature = "passwords"))]
    #[cfg_attr(docsrs, doc(cfg(any(feature = "login_protection", feature = "passwords"))))]
    #[inline]
    pub fn with_account(mut self, keys: &'a KeyRing, name: &'a str) -> Self {
        self.account = Account::Name(keys, name);
        self
    }

    /// Sets the id of the session, which gives no access to it.
    #[inline]
    pub fn with_session(mut self, id: &'a str) -> Self {
        self.session = Text::Raw(id);
        self
    }

    /// Sets the id of the API key, which gives no access.
    #[inline]
    pub fn with_api_key(mut self, id: &'a str) -> Self {
        self.api_key = Text::Raw(id);
        self
    }

    /// Sets what is known of the user: the id, the issuer, the kind of credential, its session or API key, and the
    /// authentication methods.
    #[inline]
    pub fn with_user_context(mut self, user: &'a UserContext) -> Self {
        self = self.with_owner(user.issuer(), user.id());
        self.credential = Some(user.credential()).filter(|credential| *credential != Credential::Other);
        match user.credential() {
            Credential::ApiKey => self.api_key = user.token_id().map_or(Text::Absent, Text::Raw),
            Credential::Session => self.session = user.token_id().map_or(Text::Absent, Text::Raw),
            _ => self.session = user.session_id().map_or(Text::Absent, Text::Raw),
        }
        if user.amr().next().is_some() {
            self.amr = Amr::OfUser(user);
        }
        self
    }

    /// Sets the issuer and the id of a user. An empty id is none.
    pub(crate) fn with_owner(mut self, issuer: Option<&'a str>, id: &'a str) -> Self {
        self.issuer = issuer.filter(|issuer| !issuer.is_empty()).map_or(Text::Absent, Text::Raw);
        self.user = if id.is_empty() { Text::Absent } else { Text::Raw(id) };
        self
    }

    /// Sets what the head of a request shows: the method, the route that axum has matched, the client's address that a
    /// [`TrustedProxies`](crate::TrustedProxies) has found, and the user.
    #[inline]
    pub fn with_request(mut self, head: &'a request::Parts) -> Self {
        self.method = Text::Raw(method_name(head));
        self.route = matched_path(head).map_or(Text::Absent, Text::Raw);
        self.address = crate::ClientAddr::from_extensions(&head.extensions).map(crate::ClientAddr::ip);
        match UserContext::from_extensions(&head.extensions) {
            Some(user) => self.with_user_context(user),
            None => self,
        }
    }

    /// Sets the client's address, for example from [`ClientAddr::ip`](crate::ClientAddr::ip).
    #[inline]
    pub fn with_address(mut self, address: IpAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// Sets the pattern of the route, such as `/users/{id}`. Do not pass a path: it may have an id or a secret in it.
    #[inline]
    pub fn with_route(mut self, pattern: &'a str) -> Self {
        self.route = Text::Raw(pattern);
        self
    }

    /// Sets the reason.
    #[inline]
    pub fn with_reason(mut self, reason: Reason) -> Self {
        self.reason = Some(reason);
        self
    }

    /// Sets the name of the rate limit.
    #[inline]
    pub fn with_limit(mut self, name: &'a str) -> Self {
        self.limit = Text::Raw(name);
        self
    }

    /// Sets the methods by which the user was authenticated, with their names in RFC 8176: `&["pwd", "otp"]`.
    #[inline]
    pub fn with_amr(mut self, methods: &'a [&'a str]) -> Self {
        self.amr = Amr::Methods(methods);
        self
    }

    /// Sets the generation of a refresh token: how many others its login had before.
    #[inline]
    pub fn with_generation(mut self, generation: u64) -> Self {
        self.generation = Some(generation);
        self
    }

    /// Sets the status of the response, and the reason in words.
    pub(crate) fn with_rejection(mut self, status: u16, detail: &'a str) -> Self {
        self.status = Some(status);
        self.detail = Text::Sentence(detail);
        self
    }

    /// Sets the client's address, if it is known.
    pub(crate) fn with_known_address(mut self, address: Option<IpAddr>) -> Self {
        self.address = address.or(self.address);
        self
    }
}

/// The values. Control characters and quotes are escaped in all texts, which have at most 256 bytes.
impl SecurityEvent<'_> {
    /// Returns what has happened.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        self.kind
    }

    /// Returns the id of the user.
    #[must_use]
    pub fn user(&self) -> Option<Cow<'_, str>> {
        self.user.get()
    }

    /// Returns the issuer of the user, within which the id is unique.
    #[must_use]
    pub fn issuer(&self) -> Option<Cow<'_, str>> {
        self.issuer.get()
    }

    /// Returns the keyed hash of the account's name, in 32 hexadecimal digits.
    #[must_use]
    pub fn account(&self) -> Option<Cow<'_, str>> {
        self.account.get()
    }

    /// Returns the id of the session: of `SessionAuth`, or the `sid` of the token.
    #[must_use]
    pub fn session(&self) -> Option<Cow<'_, str>> {
        self.session.get()
    }

    /// Returns the id of the API key.
    #[must_use]
    pub fn api_key(&self) -> Option<Cow<'_, str>> {
        self.api_key.get()
    }

    /// Returns the kind of credential that authenticated the user.
    #[must_use]
    pub fn credential(&self) -> Option<Credential> {
        self.credential
    }

    /// Returns the client's address.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// Returns the method of the request.
    #[must_use]
    pub fn method(&self) -> Option<Cow<'_, str>> {
        self.method.get()
    }

    /// Returns the pattern of the matched route.
    #[must_use]
    pub fn route(&self) -> Option<Cow<'_, str>> {
        self.route.get()
    }

    /// Returns the status of the response.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// Returns the reason.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.reason
    }

    /// Returns the reason of a rejection in words, which may change in any version. It names for example the missing
    /// role or claim.
    #[must_use]
    pub fn detail(&self) -> Option<Cow<'_, str>> {
        self.detail.get()
    }

    /// Returns the name of the rate limit, or several names separated by a comma and a space.
    #[must_use]
    pub fn limit(&self) -> Option<Cow<'_, str>> {
        self.limit.get()
    }

    /// Returns the methods by which the user was authenticated, separated by spaces: `pwd otp`.
    #[must_use]
    pub fn amr(&self) -> Option<Cow<'_, str>> {
        let join = |methods: &[&str]| Cow::Owned(escaped(&methods.join(" ")).into_owned());
        match &self.amr {
            Amr::Absent => None,
            Amr::Methods(methods) => Some(join(methods)),
            Amr::OfUser(user) => Some(join(&Vec::from_iter(user.amr()))),
            Amr::Escaped(text) => Some(Cow::Borrowed(text)),
        }
    }

    /// Returns the generation of the refresh token.
    #[must_use]
    pub fn generation(&self) -> Option<u64> {
        self.generation
    }

    /// Returns the values that are texts, each with the name of its field.
    pub(super) fn texts(&self) -> [(&'static str, Option<Cow<'_, str>>); 12] {
        [
            ("reason", self.reason.map(Reason::code).map(Cow::Borrowed)),
            ("method", self.method()),
            ("route", self.route()),
            ("user", self.user()),
            ("issuer", self.issuer()),
            ("account", self.account()),
            ("session", self.session()),
            ("api_key", self.api_key()),
            ("credential", self.credential.map(Credential::as_str).map(Cow::Borrowed)),
            ("limit", self.limit()),
            ("amr", self.amr()),
            ("detail", self.detail()),
        ]
    }
}

/// Shows the values that are set.
impl fmt::Debug for SecurityEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("SecurityEvent");
        shown.field("event", &self.kind);
        for (name, text) in self.texts() {
            if let Some(text) = text {
                shown.field(name, &text);
            }
        }
        if let Some(address) = &self.address {
            shown.field("address", address);
        }
        if let Some(status) = &self.status {
            shown.field("status", status);
        }
        if let Some(generation) = &self.generation {
            shown.field("generation", generation);
        }
        shown.finish()
    }
}
