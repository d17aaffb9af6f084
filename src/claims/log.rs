//! The log line of a claim that is ignored.

/// Logs that a claim of a token, which grants nothing, has an unexpected value and is read as absent.
///
/// At `debug`: an issuer that sends such a claim sends it in all of its tokens, and the app need not change anything.
#[cold]
pub(crate) fn log_ignored_claim(issuer: &str, claim: &str) {
    tracing::debug!(issuer, kind = "claim_ignored", claim, "a claim has an unexpected value and is read as absent");
}
