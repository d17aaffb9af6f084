//! `CsrfBuilder`: the settings of a `Csrf`.

use std::sync::Arc;

#[cfg(feature = "cors")]
use crate::context::OriginSet;
use crate::csrf::gate::Csrf;
use crate::error::{ConfigError, ConfigIssues};
#[cfg(feature = "cors")]
use crate::error::{ConfigIssue, IssueKind};

impl Csrf {
    /// Returns a builder with the default settings, under which only pages of the app's own origin are trusted.
    pub fn builder() -> CsrfBuilder {
        CsrfBuilder::default()
    }
}

/// Configures a [`Csrf`].
///
/// Setters never fail. [`build`](Self::build) validates all settings together and returns every issue.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct CsrfBuilder {
    #[cfg(feature = "cors")]
    origins: Option<OriginSet>,
    #[cfg(feature = "cors")]
    allows_http: bool,
    allows_without_origin: bool,
    is_report_only: bool,
}

impl CsrfBuilder {
    /// Trusts pages of these origins too (default: only the app's own origin).
    ///
    /// They can act with the cookies of a user. Pass the set that [`Cors`](crate::Cors) allows with credentials.
    ///
    /// ```
    /// # use http::Request;
    /// use portcullis::{Csrf, OriginSet};
    ///
    /// let origins = OriginSet::new(["https://app.example.com"])?;
    /// let csrf = Csrf::builder().origins(origins).build()?;
    /// # let head = |origin: &str| {
    /// #     let request = Request::post("/").header("sec-fetch-site", "same-site");
    /// #     request.header("origin", origin).body(()).unwrap().into_parts().0
    /// # };
    /// assert!(csrf.check(&head("https://app.example.com")).is_ok());
    /// assert!(csrf.check(&head("https://www.example.com")).is_err());
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    #[cfg(feature = "cors")]
    pub fn origins(mut self, origins: OriginSet) -> Self {
        self.origins = Some(origins);
        self
    }

    /// Accepts [origins](Self::origins) whose pages are served over http (default: they are a `ConfigError`).
    ///
    /// An attacker on the network can forge such pages, and act with the cookies of users who open them. Loopback hosts need
    /// no such call.
    #[cfg(feature = "cors")]
    pub fn dangerously_allow_http_origins(mut self) -> Self {
        self.allows_http = true;
        self
    }

    /// Admits requests that have neither `Sec-Fetch-Site` nor `Origin` (default: they get 403).
    ///
    /// Programs send such requests. Every browser sends `Origin` with a POST of a page since 2020, so the default costs
    /// users nothing. A program that sends a cookie on purpose can send `Origin` too.
    ///
    /// ```
    /// # use http::Request;
    /// use portcullis::Csrf;
    ///
    /// let head = Request::post("/").body(()).unwrap().into_parts().0;
    /// let csrf = Csrf::builder();
    /// assert!(csrf.clone().build()?.check(&head).is_err());
    /// assert!(csrf.allow_without_origin().build()?.check(&head).is_ok());
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    pub fn allow_without_origin(mut self) -> Self {
        self.allows_without_origin = true;
        self
    }

    /// Admits, counts and logs the requests that would be rejected (default: they get 403).
    ///
    /// Use it for the first days in an existing app, and look at the log lines and at [`reported`](Csrf::reported). The
    /// app is not protected meanwhile, which a warning says at start.
    pub fn report_only(mut self) -> Self {
        self.is_report_only = true;
        self
    }

    /// Validates the settings and builds the layer.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] with every origin that is served over http, except loopback hosts.
    pub fn build(self) -> Result<Csrf, ConfigError> {
        #[cfg_attr(not(feature = "cors"), expect(unused_mut, reason = "only origins may have issues"))]
        let mut issues = ConfigIssues::default();
        #[cfg(feature = "cors")]
        if let Some(origins) = self.origins.as_ref().filter(|_| !self.allows_http) {
            for origin in origins.unencrypted() {
                let reason =
                    "an attacker on the network can forge pages served over http and act with the user's cookies";
                let remedy = "use https, or call dangerously_allow_http_origins()";
                let issue = ConfigIssue::new("origins", IssueKind::Prohibited, reason, remedy);
                issues.add(issue.with_value(origin));
            }
        }
        issues.into_result(|| {
            if self.is_report_only {
                tracing::warn!(
                    "cross-site requests are reported, and not rejected; remove report_only() to reject them"
                );
            }
            Csrf {
                #[cfg(feature = "cors")]
                origins: self.origins,
                allows_without_origin: self.allows_without_origin,
                reported: self.is_report_only.then(Arc::default),
            }
        })
    }
}
