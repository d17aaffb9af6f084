//! `StreamBuilder`: the settings of the stream as the app has set them.

use std::fmt;
use std::time::Duration;

use redis::Client;

use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};
use crate::revocation::redis::thread::StreamSettings;

/// The settings, before they are validated.
#[derive(Clone, Default)]
pub(in crate::revocation) struct StreamBuilder {
    pub(in crate::revocation) client: Option<Result<Client, ConfigIssue>>,
    pub(in crate::revocation) key: Option<String>,
    pub(in crate::revocation) stale_for: Option<Duration>,
    pub(in crate::revocation) fails_open: bool,
}

impl StreamBuilder {
    /// Returns the settings of the stream; `None` if there is none, or if a setting is invalid.
    pub(in crate::revocation) fn validate(self, issues: &mut ConfigIssues) -> Option<StreamSettings> {
        let key = self.key.as_deref().unwrap_or(DEFAULT_KEY);
        let stale_for = self.stale_for.unwrap_or(DEFAULT_STALE_FOR);
        if key.is_empty() {
            let remedy = "set a name such as shop:revocations";
            issues.add(ConfigIssue::new("stream_key", IssueKind::Invalid, "the key is empty", remedy));
        }
        if stale_for < MIN_STALE_FOR {
            let reason = "is shorter than a read of the stream may take, so requests would get 503 without an outage";
            let issue = ConfigIssue::new("stale_for", IssueKind::Invalid, reason, "set at least five seconds");
            issues.add(issue.with_value(format!("{stale_for:?}")));
        }
        let Some(client) = self.client else {
            let names = [
                ("stream_key", self.key.is_some()),
                ("stale_for", self.stale_for.is_some()),
                ("fail_open", self.fails_open),
            ];
            for (name, _) in names.into_iter().filter(|(_, is_set)| *is_set) {
                let reason = "has no effect without a stream";
                issues.add(ConfigIssue::new(name, IssueKind::Prohibited, reason, "set redis_stream too, or remove it"));
            }
            return None;
        };
        let client = issues.ok_or_add(client.map_err(ConfigError::from))?;
        Some(StreamSettings { client, key: key.into(), stale_for, fails_open: self.fails_open })
    }
}

/// Does not show the address of the server, which may contain a password.
impl fmt::Debug for StreamBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamBuilder")
            .field("key", &self.key)
            .field("stale_for", &self.stale_for)
            .field("fails_open", &self.fails_open)
            .finish_non_exhaustive()
    }
}

/// The issue that the system has no thread or no file descriptor for the stream.
#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
pub(in crate::revocation) fn cannot_start(error: std::io::Error) -> ConfigIssue {
    let reason = format!("the thread that follows the stream cannot start ({error})");
    let remedy = "raise the limits of this process for threads and open files";
    ConfigIssue::new("redis_stream", IssueKind::Invalid, reason, remedy)
}

const DEFAULT_KEY: &str = "portcullis:revocations";
const DEFAULT_STALE_FOR: Duration = Duration::from_secs(300);
/// Longer than a read may take.
const MIN_STALE_FOR: Duration = Duration::from_secs(5);
