//! `BasicAuthBuilder`: the settings of a `BasicAuth`, and every issue with them.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::basic::credentials::BasicCredentials;
use crate::basic::gate::BasicAuth;
use crate::basic::policy::Policy;
use crate::basic::verifier::PasswordVerifier;
use crate::clock::Clock;
use crate::context::{AuthScheme, Realm, UserContext};
use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};
use crate::gate::{Admission, CredentialSource, CredentialSources, LoadError, UserLoader};
use crate::lookup::CredentialHasher;
#[cfg(feature = "revocation")]
use crate::revocation::handle::Revocations;

impl BasicAuth {
    /// Returns a builder with the default settings. A user or a function that verifies passwords is required.
    pub fn builder() -> BasicAuthBuilder {
        BasicAuthBuilder::default()
    }
}

/// Configures a [`BasicAuth`].
///
/// Setters never fail. [`build`](Self::build) validates all settings together and returns every issue. A setter
/// replaces the previous value, except [`add_user`](Self::add_user).
#[derive(Clone, Default)]
#[must_use]
pub struct BasicAuthBuilder {
    users: Vec<(String, Zeroizing<String>)>,
    verifier: Option<PasswordVerifier>,
    loader: Option<UserLoader>,
    load_user_timeout: Option<Duration>,
    optional: bool,
    realm: Option<String>,
    #[cfg(feature = "revocation")]
    revocations: Option<Revocations>,
    clock: Clock,
}

impl BasicAuthBuilder {
    /// Sets a user and its password, which is a secret of 16 characters or more (default: no user).
    ///
    /// Generate the password, for example with `openssl rand -base64 24`. A short one could be guessed, because its
    /// digest is fast to compute. The user has no privileges beyond its id.
    ///
    /// ```
    /// use portcullis::BasicAuth;
    ///
    /// let password = "wOJ0dPFpeFQAYvHO";
    /// assert!(BasicAuth::builder().user("prometheus", password).build().is_ok());
    ///
    /// let error = BasicAuth::builder().user("prometheus", "short").build();
    /// assert_eq!(error.unwrap_err().issues()[0].setting(), "user");
    /// ```
    pub fn user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.users.clear();
        self.add_user(name, password)
    }

    /// Adds a user and its password to those that are set.
    ///
    /// ```
    /// use portcullis::BasicAuth;
    ///
    /// let auth = BasicAuth::builder()
    ///     .add_user("prometheus", "wOJ0dPFpeFQAYvHO")
    ///     .add_user("backup", "8Vk1mFh3ILpo0kqD");
    /// assert!(auth.build().is_ok());
    /// ```
    pub fn add_user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.users.push((name.into(), Zeroizing::new(password.into())));
        self
    }

    /// Sets a function that verifies passwords (default: only configured users are accepted).
    ///
    /// It returns the user, `None` if the name or the password is wrong, and an error if it cannot check them; the
    /// request then gets 503. Let it take the same time for unknown names, for example by checking the password against
    /// a fixed hash. It is called for every name and password that is not [configured](Self::user).
    ///
    /// A success is cached for 60 seconds under a keyed digest, up to 1,000 of them; a failure is not cached. At most
    /// four calls run at once, each for at most five seconds. Other requests get 503.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use tower::ServiceExt;
    /// use portcullis::{BasicAuth, UserContext, basic::BasicCredentials};
    ///
    /// # async fn find(name: &str) -> Result<Option<String>, std::io::Error> {
    /// #     Ok((name == "ann").then(|| "swordfish".to_owned()))
    /// # }
    /// # fn matches(password: &str, hash: &str) -> bool { password == hash }
    /// async fn verify(
    ///     login: BasicCredentials,
    /// ) -> Result<Option<UserContext>, std::io::Error> {
    ///     // In an app: compare the password with its Argon2 hash, by
    ///     // `tokio::task::spawn_blocking`.
    ///     let hash = find(login.name()).await?;
    ///     let is_right = hash.is_some_and(|hash| matches(login.password(), &hash));
    ///     Ok(is_right.then(|| UserContext::new(login.name())))
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let auth = BasicAuth::builder().verify(verify).build()?;
    /// let app: Router = Router::new().route("/", get(|| async {})).layer(auth);
    ///
    /// // The base64 of `ann:swordfish` and of `ann:wrong`:
    /// for (text, status) in [("YW5uOnN3b3JkZmlzaA==", 200), ("YW5uOndyb25n", 401)] {
    ///     let request = Request::get("/")
    ///         .header("authorization", format!("Basic {text}"))
    ///         .body(Body::empty())?;
    ///     assert_eq!(app.clone().oneshot(request).await?.status(), status);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn verify<F, Fut, E>(mut self, verify: F) -> Self
    where
        F: Fn(BasicCredentials) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Option<UserContext>, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.verifier = Some(PasswordVerifier::new(verify));
        self
    }

    /// Sets a function that loads the user of a verified password (default: none).
    ///
    /// Use it to reject a locked account although its password is right or cached, or to read privileges.
    /// It runs on every request with a right password, with a [timeout](Self::load_user_timeout). Inner layers and
    /// handlers see the user that it returns.
    ///
    /// ```
    /// use portcullis::gate::{AccountRefusal, LoadError};
    /// use portcullis::{BasicAuth, UserContext};
    ///
    /// # async fn is_locked(_: &str) -> Result<bool, std::io::Error> { Ok(true) }
    /// async fn load(user: UserContext) -> Result<UserContext, LoadError> {
    ///     match is_locked(user.id()).await {
    ///         Ok(false) => Ok(user),
    ///         Ok(true) => Err(LoadError::refused(AccountRefusal::Locked)),
    ///         Err(error) => Err(LoadError::unavailable(error)),
    ///     }
    /// }
    ///
    /// let auth = BasicAuth::builder().user("prometheus", "wOJ0dPFpeFQAYvHO");
    /// assert!(auth.load_user(load).build().is_ok());
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

    /// Admits requests without a password as anonymous (default: they get 401).
    ///
    /// A wrong password still gets 401. [`BasicAuth::to_optional`] returns such a layer beside the strict one.
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Sets the realm of the challenges (default `api`). A browser shows it in its dialog.
    ///
    /// It is printable ASCII without quotes and backslashes.
    ///
    /// ```
    /// use portcullis::BasicAuth;
    ///
    /// let auth = BasicAuth::builder().user("prometheus", "wOJ0dPFpeFQAYvHO");
    /// assert!(auth.clone().realm("metrics").build().is_ok());
    /// assert!(auth.realm("\"metrics\"").build().is_err());
    /// ```
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = Some(realm.into());
        self
    }

    /// Rejects users that were [revoked](crate::revocation) (default: none).
    ///
    /// Of these users, only those with an issuer can be revoked, which the [function](Self::verify) sets. A revocation
    /// ends after the longest lifetime of a token, and a password is valid for longer. So also let the function return
    /// `None`.
    #[cfg(feature = "revocation")]
    pub fn revocations(mut self, revocations: &Revocations) -> Self {
        self.revocations = Some(revocations.clone());
        self
    }

    /// Sets the clock (default: the system's). Tests set a fake one. It decides how long a success is cached.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Validates the settings and builds the layer.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] with every issue: there is no user and no function, a name is empty, has a colon or a
    /// control character, or is set twice, a password has fewer than 16 characters or a control character, the realm is
    /// invalid, or the operating system provides no random numbers.
    pub fn build(self) -> Result<BasicAuth, ConfigError> {
        let mut issues = ConfigIssues::default();
        self.validate(&mut issues);
        Admission::validate(self.loader.as_ref(), self.load_user_timeout, &mut issues);
        let Some(hasher) = CredentialHasher::random(&mut issues) else { return Err(issues.into_error()) };
        issues.into_result(|| {
            let realm = Realm::new(self.realm.as_deref().unwrap_or(Realm::DEFAULT.name()));
            let realm =
                realm.with_schemes(AuthScheme::new("Basic").and_then(|basic| basic.parameter("charset", "UTF-8")));
            let mut policy = Policy {
                sources: CredentialSources::of_valid(vec![CredentialSource::scheme("Basic")]),
                realm,
                hasher,
                users: Box::default(),
                verifier: self.verifier,
                admission: Admission::new(self.loader, self.load_user_timeout),
                #[cfg(feature = "revocation")]
                revocations: self.revocations,
                clock: self.clock,
            };
            let user = |(name, password): (String, Zeroizing<String>)| {
                let text = Zeroizing::new(format!("{name}:{}", *password));
                (policy.hasher.digest(text.as_bytes()), policy.complete(UserContext::new(name)))
            };
            policy.users = self.users.into_iter().map(user).collect();
            BasicAuth::new(policy, self.optional)
        })
    }

    fn validate(&self, issues: &mut ConfigIssues) {
        let mut add = |setting, kind, reason: &'static str, remedy: &'static str, value: Option<&str>| {
            let issue = ConfigIssue::new(setting, kind, reason, remedy);
            issues.add(if let Some(value) = value { issue.with_value(value) } else { issue });
        };
        if self.users.is_empty() && self.verifier.is_none() {
            let remedy = "call user(..) or verify(..)";
            add("BasicAuth::builder", IssueKind::Missing, "there is no user", remedy, None);
        }
        for (index, (name, password)) in self.users.iter().enumerate() {
            if name.is_empty() || name.contains(':') || name.contains(char::is_control) {
                let reason = "the user name is empty, or has a colon or a control character (RFC 7617 §2)";
                add("user", IssueKind::Invalid, reason, "use another name", Some(name));
            }
            if self.users.iter().take(index).any(|(other, _)| other == name) {
                add("add_user", IssueKind::Duplicate, "the user is set twice", "set each user once", Some(name));
            }
            if password.chars().count() < MIN_PASSWORD_LEN {
                let remedy = "use a random secret of at least 16 characters, or verify(..) for passwords of people";
                add("user", IssueKind::Invalid, "the password is too short", remedy, Some(name));
            }
            if password.contains(char::is_control) {
                let reason = "the password has a control character, which no client can send (RFC 7617 §2)";
                add("user", IssueKind::Invalid, reason, "remove it, for example the line break of a file", Some(name));
            }
        }
        Realm::validate(self.realm.as_deref(), issues);
    }
}

/// Does not show the passwords.
impl fmt::Debug for BasicAuthBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicAuthBuilder").field("realm", &self.realm).finish_non_exhaustive()
    }
}

/// With an alphabet of 64 characters, 96 bits.
const MIN_PASSWORD_LEN: usize = 16;
