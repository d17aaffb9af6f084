//! The JSON of a record, for stores.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::record_store::StoreError;
use crate::session::csrf_token::CsrfKey;
use crate::session::error::SessionError;
use crate::session::id::SessionId;
use crate::session::record::stored_user::StoredUser;
use crate::session::record::{Replacement, SessionRecord};
use crate::session::secret::SessionDigest;

impl SessionRecord {
    /// Returns the record as a JSON object, without the time of the last use.
    #[must_use]
    pub fn to_json(&self) -> String {
        // A struct of texts and numbers always serializes.
        serde_json::to_string(&Stored::of(self)).unwrap_or_default()
    }

    /// Parses what [`to_json`](Self::to_json) returns. Unknown members are ignored.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Unreadable`] if the text is not a record. The error does not contain the text.
    pub fn from_json(text: &str) -> Result<Self, StoreError> {
        serde_json::from_str::<Stored>(text).ok().and_then(Stored::into_record).ok_or(StoreError::Unreadable)
    }
}

impl SessionRecord {
    /// Returns the record as a store returns it: without claims and the app's record of the user.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError::TooLarge`] if its JSON has more than 4 KiB, and [`SessionError::UserInvalid`] if the
    /// user has no id.
    pub(in crate::session) fn for_store(self) -> Result<Self, SessionError> {
        let last_used_at = self.last_used_at;
        let json = self.to_json();
        if json.len() > MAX_LEN {
            return Err(SessionError::TooLarge);
        }
        let record = Self::from_json(&json).map_err(|_| SessionError::UserInvalid)?;
        Ok(Self { last_used_at, ..record })
    }
}

/// In bytes. Each process reads the record of a session up to six times a minute, and caches it.
const MAX_LEN: usize = 4_096;

#[derive(Serialize, Deserialize)]
struct Stored {
    id: String,
    digest: String,
    csrf_key: String,
    user: StoredUser,
    created_at: u64,
    logged_in_at: u64,
    expires_at: u64,
    #[serde(default, skip_serializing_if = "is_false")]
    remembered: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_agent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replacement: Option<StoredReplacement>,
}

#[derive(Serialize, Deserialize)]
struct StoredReplacement {
    nonce: String,
    valid_until: u64,
}

impl Stored {
    fn of(record: &SessionRecord) -> Self {
        let replacement = record.replacement.map(|replacement| StoredReplacement {
            nonce: hex::encode(replacement.nonce),
            valid_until: replacement.valid_until,
        });
        Self {
            id: record.id.to_string(),
            digest: record.digest.to_hex(),
            csrf_key: record.csrf_key.to_hex(),
            user: StoredUser::of(&record.user),
            created_at: record.created_at,
            logged_in_at: record.logged_in_at,
            expires_at: record.expires_at,
            remembered: record.is_remembered,
            address: record.address,
            user_agent: record.user_agent.clone(),
            replacement,
        }
    }

    /// Returns the record; `None` if any member is invalid.
    fn into_record(self) -> Option<SessionRecord> {
        let replacement = match self.replacement {
            Some(StoredReplacement { nonce, valid_until }) => {
                let mut bytes = [0; 16];
                hex::decode_to_slice(nonce, &mut bytes).ok()?;
                Some(Replacement { nonce: bytes, valid_until })
            }
            None => None,
        };
        Some(SessionRecord {
            id: SessionId::parse(&self.id)?,
            digest: SessionDigest::from_hex(&self.digest)?,
            csrf_key: CsrfKey::from_hex(&self.csrf_key)?,
            user: self.user.into_user()?,
            created_at: self.created_at,
            logged_in_at: self.logged_in_at,
            expires_at: self.expires_at,
            is_remembered: self.remembered,
            address: self.address,
            user_agent: self.user_agent,
            replacement,
            last_used_at: self.logged_in_at,
        })
    }
}

/// By reference, as serde passes it.
fn is_false(value: &bool) -> bool {
    !*value
}
