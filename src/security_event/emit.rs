//! Writes an event to the log, and reads it again.

use std::fmt;
use std::net::IpAddr;

use tracing::field::{Field, Visit};
use tracing::{Level, Metadata};

use crate::context::Credential;
use crate::security_event::account::Account;
use crate::security_event::event::{Amr, SecurityEvent};
use crate::security_event::kind::EventKind;
#[cfg(feature = "metrics")]
use crate::security_event::metrics;
use crate::security_event::reason::Reason;
use crate::security_event::text::Text;

/// Logs an event with all its values. The level and the target of an event are constants of its place in the code.
macro_rules! write_at {
    ($level:expr, $event:expr) => {{
        let event = $event;
        tracing::event!(
            target: TARGET,
            $level,
            event = event.kind.name(),
            reason = event.reason.map(Reason::code),
            status = event.status,
            method = event.method().as_deref(),
            route = event.route().as_deref(),
            user = event.user().as_deref(),
            issuer = event.issuer().as_deref(),
            account = event.account().as_deref(),
            session = event.session().as_deref(),
            api_key = event.api_key().as_deref(),
            credential = event.credential.map(Credential::as_str),
            address = event.address.map(|address| address.to_string()).as_deref(),
            limit = event.limit().as_deref(),
            amr = event.amr().as_deref(),
            generation = event.generation,
            detail = event.detail().as_deref(),
            "{}",
            event.kind.message()
        )
    }};
}

impl<'a> SecurityEvent<'a> {
    /// Logs the event, at the [level](EventKind::level) of its kind, and counts it with the feature `metrics`.
    ///
    /// If no subscriber wants it, the values are not read.
    #[inline]
    pub fn emit(&self) {
        count(self.kind);
        if is_wanted(self.kind) {
            self.write();
        }
    }

    /// Counts an event, and returns it if a subscriber wants it. Then set its values and [`write`](Self::write) it.
    ///
    /// Values that cost an allocation are computed only then.
    pub(crate) fn counted(kind: EventKind) -> Option<Self> {
        count(kind);
        is_wanted(kind).then(|| Self::new(kind))
    }

    /// Logs an event that is counted already.
    #[cold]
    pub(crate) fn write(&self) {
        match self.kind.level() {
            Level::DEBUG => write_at!(Level::DEBUG, self),
            Level::INFO => write_at!(Level::INFO, self),
            _ => write_at!(Level::WARN, self),
        }
    }

    /// Reads an event of this crate from an event of `tracing`, in a subscriber. `None` if it is another one.
    ///
    /// ```
    /// use portcullis::security_event::{EventKind, SecurityEvent};
    /// # use std::sync::Mutex;
    /// use tracing::{Event, Subscriber};
    /// use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
    ///
    /// # static FOUND: Mutex<Vec<String>> = Mutex::new(Vec::new());
    /// struct Users;
    ///
    /// impl<S: Subscriber> Layer<S> for Users {
    ///     fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
    ///         let event = SecurityEvent::from_tracing(event);
    ///         if let Some(user) = event.as_ref().and_then(|event| event.user()) {
    ///             FOUND.lock().unwrap().push(user.into_owned());
    ///         }
    ///     }
    /// }
    ///
    /// let subscriber = tracing_subscriber::registry().with(Users);
    /// tracing::subscriber::with_default(subscriber, || {
    ///     tracing::info!(user = "bob", "an event of the app");
    ///     SecurityEvent::new(EventKind::MfaEnrolled).with_user("ann").emit();
    /// });
    /// assert_eq!(*FOUND.lock().unwrap(), ["ann"]);
    /// ```
    #[must_use]
    pub fn from_tracing(event: &tracing::Event<'_>) -> Option<SecurityEvent<'static>> {
        // An app may use the target for events of its own, but not this place in the code.
        let is_own = |metadata: &Metadata<'_>| {
            metadata.target() == TARGET && metadata.module_path() == Some(module_path!()) && metadata.is_event()
        };
        if !is_own(event.metadata()) {
            return None;
        }
        let mut reader = Reader(None);
        event.record(&mut reader);
        reader.0
    }
}

/// Whether a subscriber wants events of this kind.
#[inline]
fn is_wanted(kind: EventKind) -> bool {
    match kind.level() {
        Level::DEBUG => tracing::enabled!(target: TARGET, Level::DEBUG),
        Level::INFO => tracing::enabled!(target: TARGET, Level::INFO),
        _ => tracing::enabled!(target: TARGET, Level::WARN),
    }
}

#[inline]
fn count(kind: EventKind) {
    #[cfg(feature = "metrics")]
    metrics::count(kind);
    #[cfg(not(feature = "metrics"))]
    let _ = kind;
}

/// The event that is being read. The first field is the kind.
struct Reader(Option<SecurityEvent<'static>>);

impl Visit for Reader {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "event" {
            self.0 = EventKind::from_name(value).map(SecurityEvent::new);
            return;
        }
        let Some(event) = &mut self.0 else { return };
        // It was escaped when it was written.
        let text = || Text::Escaped(value.into());
        match field.name() {
            "method" => event.method = text(),
            "route" => event.route = text(),
            "user" => event.user = text(),
            "issuer" => event.issuer = text(),
            "account" => event.account = Account::Hash(value.to_owned().into()),
            "session" => event.session = text(),
            "api_key" => event.api_key = text(),
            "limit" => event.limit = text(),
            "detail" => event.detail = text(),
            "amr" => event.amr = Amr::Escaped(value.into()),
            "reason" => event.reason = Reason::from_code(value),
            "credential" => event.credential = credential(value),
            "address" => event.address = value.parse::<IpAddr>().ok(),
            _ => {}
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        let Some(event) = &mut self.0 else { return };
        match field.name() {
            "status" => event.status = value.try_into().ok(),
            "generation" => event.generation = Some(value),
            _ => {}
        }
    }

    /// The message.
    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

fn credential(name: &str) -> Option<Credential> {
    use Credential::{ApiKey, Basic, Certificate, Other, Session, Token};
    [ApiKey, Basic, Certificate, Other, Session, Token].into_iter().find(|credential| credential.as_str() == name)
}

const TARGET: &str = "portcullis::audit";
