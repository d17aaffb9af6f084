//! The user of a session.

use std::time::Duration;

use crate::context::{AppSettings, Credential, UserContext};
use crate::session::record::SessionRecord;

/// Returns the user of requests with this session.
pub(super) fn user_of(record: &SessionRecord, settings: &AppSettings) -> UserContext {
    let user = record.user.clone().with(|identity| {
        identity.credential = Credential::Session;
        identity.token_id = Some(record.id.as_str().into());
        identity.issued_at = Some(Duration::from_secs(record.logged_in_at));
        identity.expires_at = Some(Duration::from_secs(record.expires_at));
        settings.complete(identity);
    });
    user.with_revocation_ids()
}
