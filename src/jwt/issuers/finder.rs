//! `Finder`: looks up an issuer by the keys of a pattern or by the app's function.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{ConfigError, ConfigIssues};
use crate::jwt::issuer::trusted::{IssuerKeys, TrustedIssuer};
use crate::jwt::issuer::{Issuer, KeySource};
use crate::jwt::issuers::compiler::IssuerCompiler;
use crate::jwt::issuers::lookups::LookupLimits;
use crate::jwt::issuers::pattern::IssuerPattern;
use crate::jwt::remote::discovery::JwksLocation;
use crate::jwt::remote::fetch::FetchError;

/// How an issuer is looked up.
#[derive(Debug)]
pub(crate) enum Finder {
    /// An issuer exists if its keys can be fetched.
    Pattern {
        pattern: IssuerPattern,
        /// The settings of all issuers, with the placeholder in the name and in the URL of the keys.
        settings: Box<Issuer>,
        /// An issuer of these settings, which has no keys.
        prototype: Box<TrustedIssuer>,
    },
    /// The app's function returns the issuer.
    Function { prefix: String, function: IssuerFunction, max_age: Duration },
}

/// The app's function, type-erased, so that [`JwtAuth`](crate::JwtAuth) has no type parameter for it.
#[derive(Clone)]
pub(crate) struct IssuerFunction(
    pub(crate) Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = Option<Issuer>> + Send>> + Send + Sync>,
);

impl fmt::Debug for IssuerFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuerFunction").finish_non_exhaustive()
    }
}

/// Why a lookup failed. This says nothing about whether the issuer exists.
#[derive(Debug)]
pub(crate) enum LookupError {
    Fetch(FetchError),
    /// The function returned an issuer with invalid settings.
    Invalid(ConfigError),
    /// The function returned an issuer with another name.
    OtherName,
    /// The function panicked, or its runtime shut down.
    Stopped,
    TimedOut,
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fetch(error) => error.fmt(f),
            Self::Invalid(error) => write!(f, "the function returned an invalid issuer: {error}"),
            Self::OtherName => f.write_str("the function returned an issuer whose name is not the `iss` of the token"),
            Self::Stopped => f.write_str("the lookup stopped without a result"),
            Self::TimedOut => f.write_str("the lookup timed out"),
        }
    }
}

impl Finder {
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Pattern { pattern, .. } => pattern.text(),
            Self::Function { prefix, .. } => prefix,
        }
    }

    pub(crate) fn matches(&self, iss: &str) -> bool {
        match self {
            Self::Pattern { pattern, .. } => pattern.value_of(iss).is_some(),
            Self::Function { prefix, .. } => iss.starts_with(prefix) && is_name(iss),
        }
    }

    pub(crate) fn prototype(&self) -> Option<&TrustedIssuer> {
        match self {
            Self::Pattern { prototype, .. } => Some(prototype),
            Self::Function { .. } => None,
        }
    }

    pub(crate) fn max_age(&self) -> Option<Duration> {
        match self {
            Self::Pattern { .. } => None,
            Self::Function { max_age, .. } => Some(*max_age),
        }
    }

    pub(crate) fn limits(&self) -> LookupLimits {
        match self {
            Self::Pattern { .. } => PATTERN_LIMITS,
            Self::Function { .. } => FUNCTION_LIMITS,
        }
    }

    /// Looks up an issuer. `known` is the issuer of this name that was found before.
    ///
    /// # Errors
    ///
    /// Returns [`LookupError`] if it is unknown whether the issuer exists.
    pub(crate) async fn find(
        &self,
        name: &str,
        compiler: &IssuerCompiler,
        known: Option<&TrustedIssuer>,
    ) -> Result<Option<Box<TrustedIssuer>>, LookupError> {
        match self {
            Self::Pattern { pattern, settings, .. } => {
                let Some(value) = pattern.value_of(name) else { return Ok(None) };
                let fill = |text: &str| text.replace(pattern.placeholder(), value);
                let mut issuer = Issuer::clone(settings);
                issuer.name = fill(&issuer.name);
                if let KeySource::Remote(JwksLocation::Url(url)) = &mut issuer.source {
                    *url = fill(url);
                }
                let issuer = compile(issuer, compiler)?;
                if let IssuerKeys::Remote(keys) = &issuer.keys {
                    match keys.fetch_first().await {
                        Ok(()) => {}
                        Err(error) if error.is_absence() => return Ok(None),
                        Err(error) => return Err(LookupError::Fetch(error)),
                    }
                }
                Ok(Some(issuer))
            }
            Self::Function { function: IssuerFunction(function), .. } => {
                let Some(issuer) = function(name.to_owned()).await else { return Ok(None) };
                if issuer.name != name {
                    return Err(LookupError::OtherName);
                }
                let mut issuer = compile(issuer, compiler)?;
                // Its keys are fetched by the request, as those of a configured issuer. If it was known before, it
                // keeps them, so that no request waits.
                if let Some(known) = known {
                    issuer.keep_keys(known);
                }
                Ok(Some(issuer))
            }
        }
    }
}

fn compile(issuer: Issuer, compiler: &IssuerCompiler) -> Result<Box<TrustedIssuer>, LookupError> {
    let mut issues = ConfigIssues::default();
    let compiled = compiler.compile(issuer, &mut issues);
    let compiled = issues.into_result(|| compiled).map_err(LookupError::Invalid)?;
    // Not `None`: then there is an issue.
    compiled.map(Box::new).ok_or(LookupError::Stopped)
}

/// Whether the text may be given to the app's function: of a bounded length, and without spaces and control characters.
fn is_name(iss: &str) -> bool {
    iss.len() <= MAX_NAME_LEN && iss.bytes().all(|byte| byte.is_ascii_graphic())
}

// The metadata of an issuer that does not exist is requested from three URLs, so these are at most 60 requests in ten
// seconds: 8 and 7 in progress at the end of the burst, and 5 more.
const PATTERN_LIMITS: LookupLimits = LookupLimits { concurrent: 8, burst: 8, interval: Duration::from_secs(2) };

// At most 51 calls in ten seconds: 16 and 15 in progress at the end of the burst, and 20 more.
const FUNCTION_LIMITS: LookupLimits = LookupLimits { concurrent: 16, burst: 16, interval: Duration::from_millis(500) };

// Longer than the URL of any issuer.
const MAX_NAME_LEN: usize = 512;
