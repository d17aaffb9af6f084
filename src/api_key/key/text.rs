//! `ApiKey`: a key whose text is shown once.

use std::fmt;

use crate::api_key::key::format::KeyText;
use crate::api_key::key::id::ApiKeyId;
use crate::api_key::record::ApiKeyRecord;

/// A new key: its text, which no one can read again, and its record.
///
/// Show the [text](Self::secret) to the user once, in the response that creates the key, with `Cache-Control:
/// no-store`. `Debug` does not show it.
pub struct ApiKey {
    text: KeyText,
    record: ApiKeyRecord,
}

impl ApiKey {
    pub(crate) fn new(text: KeyText, record: ApiKeyRecord) -> Self {
        Self { text, record }
    }

    /// Returns the whole text of the key, which a client sends. It is a secret.
    #[must_use]
    pub fn secret(&self) -> &str {
        self.text.as_str()
    }

    /// Returns the id, which is no secret.
    #[must_use]
    pub fn id(&self) -> &ApiKeyId {
        self.record.id()
    }

    /// Returns the record, for the other members of the response.
    #[must_use]
    pub fn record(&self) -> &ApiKeyRecord {
        &self.record
    }
}

/// Shows the prefix, the id, and four dots in place of the secret.
impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The id is part of the text, and its bytes are ASCII.
        let prefix = self.secret().split_once(self.id().as_str()).map_or("", |(prefix, _)| prefix);
        write!(f, "ApiKey({prefix}{}....)", self.id())
    }
}
