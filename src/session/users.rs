//! The user of a record.

use std::time::Duration;

use crate::context::{AppSettings, Credential, UserContext};
use crate::session::record::SessionRecord;

/// Returns the user that requests with the session of this record have.
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
