//! `DeviceCookies`: remembers which devices have logged in to an account.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use crate::clock::Clock;
use crate::context::account_name::fold;
use crate::error::{ConfigError, ConfigIssue, IssueKind};
use crate::field::cookie::cookie;
use crate::keys::key_use::KeyUse;
use crate::keys::mac::MacKeys;
use crate::keys::ring::KeyRing;
use crate::rate_limit::account::device_token;
use crate::rate_limit::subject::{Device, Subject};

/// Cookies by which a device is known that has logged in to an account before.
///
/// If failed logins of strangers fill the limit of an account, its owner is locked out too. A device with a valid
/// cookie is counted on its own, so the owner can still log in from it (see OWASP, "Slow Down Online Guessing Attacks
/// with Device Cookies").
///
/// A cookie is bound to the account and to its epoch, a number in the row of the user that the app increases with each
/// change of the password. It is no credential: its device must know the password as any other.
///
/// ```
/// use axum::http::{HeaderMap, StatusCode};
/// use axum::{Json, Router, extract::State, routing::post};
/// # use axum::{body::Body, http::Request};
/// use portcullis::gate::Denial;
/// use portcullis::rate_limit::{
///     Attempt, DeviceCookies, Key, Limit, SetDeviceCookie,
/// };
/// use portcullis::{ConfigError, KeyRing, Quota, RateLimit};
/// # use tower::ServiceExt;
///
/// #[derive(Clone)]
/// struct App {
///     by_account: RateLimit,
///     devices: DeviceCookies,
/// }
///
/// #[derive(serde::Deserialize)]
/// struct Login {
///     email: String,
///     password: String,
/// }
///
/// async fn log_in(
///     State(app): State<App>,
///     attempt: Attempt,
///     headers: HeaderMap,
///     Json(login): Json<Login>,
/// ) -> Result<(Option<SetDeviceCookie>, StatusCode), Denial> {
///     let subject = app.devices.subject(&login.email, &headers);
///     let charged = attempt.charge(&app.by_account, subject).await?;
///     let epoch = (login.email == "ann@example.com").then_some(0);
///     charged.check_epoch(epoch).await?;
///     if epoch.is_none() || login.password != "correct horse" {
///         return Ok((None, StatusCode::UNAUTHORIZED));
///     }
///     // The login is complete, second factor included.
///     let cookie = app.devices.set_cookie(&login.email, 0);
///     Ok((Some(cookie), StatusCode::NO_CONTENT))
/// }
///
/// # fn limit(units: u32) -> Result<Limit, ConfigError> {
/// #     Ok(Limit::new("failures", Quota::per_hour(units)?).only_failures())
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), ConfigError> {
/// # let secret: Vec<u8> = (0..32).collect();
/// let keys = KeyRing::new(secret)?;
/// let by_account = RateLimit::builder().limit(limit(2)?);
/// let by_account = by_account.key(Key::account(&keys)).build()?;
/// let all = RateLimit::builder().limit(limit(500)?);
/// let all = all.key(Key::global()).build()?;
/// let app = App { by_account, devices: DeviceCookies::new(&keys) };
/// let app = Router::new()
///     .route("/login", post(log_in).layer(all))
///     .with_state(app);
/// # let send = async |password: &str, cookie: &str| {
/// #     let body = format!(r#"{{"email":"ann@example.com","password":"{password}"}}"#);
/// #     let request = Request::post("/login").header("content-type", "application/json");
/// #     let request = request.header("cookie", cookie).body(Body::from(body)).unwrap();
/// #     app.clone().oneshot(request).await.unwrap()
/// # };
///
/// let response = send("correct horse", "").await;
/// let cookie = response.headers()["set-cookie"].to_str().unwrap();
/// let (device, _) = cookie.split_once(';').unwrap();
///
/// // A stranger fills the limit of the account.
/// for expected in [401, 401, 429] {
///     assert_eq!(send("guess", "").await.status(), expected);
/// }
/// assert_eq!(send("correct horse", "").await.status(), 429);
/// assert_eq!(send("correct horse", device).await.status(), 204);
/// # Ok(())
/// # }
/// ```
///
/// A browser keeps one such cookie, that of the last account that logged in.
#[derive(Clone)]
#[must_use]
pub struct DeviceCookies {
    keys: Arc<MacKeys>,
    max_age: Duration,
    clock: Clock,
}

impl DeviceCookies {
    /// Creates cookies that are signed with a key of the ring.
    pub fn new(keys: &KeyRing) -> Self {
        let keys = Arc::new(keys.mac_keys(KeyUse::DeviceCookie));
        Self { keys, max_age: DEFAULT_MAX_AGE, clock: Clock::system() }
    }

    /// Sets how long a device is known after a login (default 90 days; from a second to 400 days).
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if the time is out of range. Browsers keep no cookie for longer than 400 days.
    pub fn max_age(mut self, max_age: Duration) -> Result<Self, ConfigError> {
        if max_age < Duration::from_secs(1) || max_age > LONGEST_MAX_AGE {
            let reason = "is not from a second to 400 days";
            let issue =
                ConfigIssue::new("DeviceCookies::max_age", IssueKind::Invalid, reason, "set 90 days, for example");
            return Err(issue.with_value(format!("{max_age:?}")).into());
        }
        self.max_age = max_age;
        Ok(self)
    }

    /// Sets the clock, for tests (default: the system clock).
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Returns the subject of a login to this account: the device of the cookie or, without a valid one, the account as
    /// [`Subject::account`] has it.
    ///
    /// A cookie is invalid if it has expired, if it is of another account or of a secret that is not in the ring, and
    /// if the request has two of them. Its epoch is compared by [`check_epoch`](crate::rate_limit::Charged::check_epoch)
    /// once the user is known.
    #[must_use]
    pub fn subject(&self, name: &str, headers: &HeaderMap) -> Subject<'static> {
        let name = fold(name);
        let value = cookie(headers, COOKIE_NAME).ok().flatten();
        let device = value.and_then(|value| device_token::read(&self.keys, &name, value, self.now()));
        Subject::of_folded(name, device)
    }

    /// Returns the cookie for a device that has logged in to this account.
    ///
    /// Set it only when the login is complete, second factor included. `epoch` is that of the account.
    pub fn set_cookie(&self, name: &str, epoch: u64) -> SetDeviceCookie {
        let mut id = [0; 16];
        if getrandom::fill(&mut id).is_err() {
            tracing::warn!("the operating system provides no random bytes, so the device gets no cookie");
            return SetDeviceCookie(None);
        }
        let max_age = self.max_age.as_secs();
        let expires = self.now().saturating_add(max_age);
        let value = device_token::write(&self.keys, &fold(name), Device { id, epoch }, expires);
        let text = format!("{COOKIE_NAME}={value}; Path=/; Max-Age={max_age}; Secure; HttpOnly; SameSite=Lax");
        // The value is base64url.
        let mut header = HeaderValue::try_from(text).ok();
        header.iter_mut().for_each(|header| header.set_sensitive(true));
        SetDeviceCookie(header)
    }

    fn now(&self) -> u64 {
        self.clock.since_epoch().as_secs()
    }
}

impl fmt::Debug for DeviceCookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceCookies").field("max_age", &self.max_age).finish_non_exhaustive()
    }
}

/// The `Set-Cookie` of a known device. With the feature `axum`, a handler returns it before its response.
///
/// ```
/// use axum::http::StatusCode;
/// use portcullis::rate_limit::{DeviceCookies, SetDeviceCookie};
///
/// fn logged_in(devices: &DeviceCookies) -> (SetDeviceCookie, StatusCode) {
///     (devices.set_cookie("ann@example.com", 0), StatusCode::NO_CONTENT)
/// }
/// # let _ = logged_in;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct SetDeviceCookie(Option<HeaderValue>);

impl SetDeviceCookie {
    /// Returns the value of `Set-Cookie`; `None` if the operating system had no random bytes.
    #[must_use]
    pub fn header_value(&self) -> Option<&HeaderValue> {
        self.0.as_ref()
    }
}

/// Adds the cookie to those of the response.
#[cfg(feature = "axum")]
impl axum_core::response::IntoResponseParts for SetDeviceCookie {
    type Error = std::convert::Infallible;

    fn into_response_parts(
        self,
        mut parts: axum_core::response::ResponseParts,
    ) -> Result<axum_core::response::ResponseParts, Self::Error> {
        if let Some(value) = self.0 {
            // A header map that is full stays as it is.
            let _ = parts.headers_mut().try_append(http::header::SET_COOKIE, value);
        }
        Ok(parts)
    }
}

const COOKIE_NAME: &str = "__Host-device";
const DAY: Duration = Duration::from_secs(86_400);
const DEFAULT_MAX_AGE: Duration = Duration::from_secs(90 * DAY.as_secs());
/// Browsers reduce a longer age (RFC 6265bis §5.5).
const LONGEST_MAX_AGE: Duration = Duration::from_secs(400 * DAY.as_secs());
