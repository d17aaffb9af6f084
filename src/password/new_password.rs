//! `NewPassword`: the checks of a new password, and its hash.

use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::gate::{Denial, DenialKind, PasswordProblem};
use crate::password::hasher::{Match, Typed};
use crate::password::pool::Priority;
use crate::password::secret::Password;
use crate::password::service::Service;

/// A new password to check and hash. [`Passwords::hash_new`](crate::password::Passwords::hash_new) creates it; await it
/// for the hash.
///
/// The result is the text to store, of at most 160 bytes, or
///
/// - [`PasswordRejected`](DenialKind::PasswordRejected) (422) with all problems of the password,
/// - [`BreachCheckUnavailable`](DenialKind::BreachCheckUnavailable) (503) if the breach check is required and has no
///   result,
/// - [`PasswordHistoryTooLong`](DenialKind::PasswordHistoryTooLong) (500) for more previous hashes than the settings
///   allow,
/// - [`Overloaded`](DenialKind::Overloaded) (503) if too many passwords are being hashed.
#[must_use = "nothing is checked or hashed until it is awaited"]
pub struct NewPassword<'a> {
    service: &'a Arc<Service>,
    password: Password,
    context: Vec<&'a str>,
    history: Vec<&'a str>,
}

impl<'a> NewPassword<'a> {
    pub(super) fn new(service: &'a Arc<Service>, password: Password) -> Self {
        Self { service, password, context: Vec::new(), history: Vec::new() }
    }

    /// Adds words of the user that make a bad password: the e-mail address and names (default none).
    pub fn context(mut self, words: impl IntoIterator<Item = &'a str>) -> Self {
        self.context.extend(words);
        self
    }

    /// Adds hashes that the user had before, the current one included; none of them may be that of the new password
    /// (default none, at most 24).
    ///
    /// Each comparison costs as much as a login. Hashes that are not usable are skipped.
    pub fn history(mut self, hashes: impl IntoIterator<Item = &'a str>) -> Self {
        // One more than allowed is enough to report the mistake.
        let missing = (self.service.rules.max_history + 1).saturating_sub(self.history.len());
        self.history.extend(hashes.into_iter().take(missing));
        self
    }

    async fn hash(self) -> Result<String, Denial> {
        let Self { service, password, context, history } = self;
        let rules = &service.rules;
        if history.len() > rules.max_history {
            return Err(service.denial(DenialKind::password_history_too_long(rules.max_history)));
        }
        let nfc = rules.check_policy(password, &context).map_err(|kind| service.denial(kind))?;
        let is_breached = rules.is_breached(&nfc).await.map_err(|kind| service.denial(kind))?;
        let (is_reused, nfc) = is_reused(service, nfc, &history).await?;
        let findings = [(is_reused, PasswordProblem::Reused), (is_breached, PasswordProblem::Breached)];
        let problems: Vec<_> = findings.iter().filter(|(is_found, _)| *is_found).map(|(_, problem)| *problem).collect();
        if !problems.is_empty() {
            return Err(service.denial(DenialKind::password_rejected(problems)));
        }
        service.create(Priority::NewPassword, nfc).await.map_err(|overload| service.overloaded(overload))
    }
}

/// Whether a hash of the history is that of the password. The first match ends the search.
async fn is_reused(
    service: &Arc<Service>,
    nfc: Zeroizing<String>,
    history: &[&str],
) -> Result<(bool, Zeroizing<String>), Denial> {
    let mut typed = Typed { nfc, raw: None };
    for stored in history.iter().filter_map(|text| service.parse(text)) {
        let compared = service.compare(Priority::NewPassword, stored, typed).await;
        let matched;
        (matched, typed) = compared.map_err(|overload| service.overloaded(overload))?;
        if matched != Match::None {
            return Ok((true, typed.nfc));
        }
    }
    Ok((false, typed.nfc))
}

impl<'a> IntoFuture for NewPassword<'a> {
    type Output = Result<String, Denial>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.hash())
    }
}

impl fmt::Debug for NewPassword<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewPassword").finish_non_exhaustive()
    }
}
