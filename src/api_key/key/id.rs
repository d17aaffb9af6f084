//! `ApiKeyId`: the public part of a key.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::api_key::key::base62::is_base62;
use crate::error::{ConfigError, ConfigIssue, IssueKind};

/// The id of an API key: twelve letters and digits, which are no secret.
///
/// A store finds a key by it, and routes name a key by it.
///
/// ```
/// use portcullis::api_key::ApiKeyId;
///
/// let id: ApiKeyId = "Zx81kQ0aB2cD".parse()?;
/// assert_eq!(id.as_str(), "Zx81kQ0aB2cD");
/// assert!("Zx81kQ0aB2c-".parse::<ApiKeyId>().is_err());
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
///
/// In a handler, take the segment of the path as a `String` and parse it: there is no key of a malformed id, so the
/// response is 404, as for an unknown id. `Path<ApiKeyId>` responds with 400.
///
/// ```
/// use axum::extract::{Path, State};
/// use axum::http::StatusCode;
/// use axum::response::Result;
/// use portcullis::{ApiKeyAuth, UserContext};
///
/// async fn revoke(
///     State(keys): State<ApiKeyAuth>,
///     user: UserContext,
///     Path(id): Path<String>,
/// ) -> Result<StatusCode> {
///     let id = id.parse().map_err(|_| StatusCode::NOT_FOUND)?;
///     if !keys.revoke_for(&user, &id).await? {
///         return Err(StatusCode::NOT_FOUND.into());
///     }
///     Ok(StatusCode::NO_CONTENT)
/// }
/// # let _: axum::Router<ApiKeyAuth> = axum::Router::new().route("/keys/{id}", axum::routing::delete(revoke));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiKeyId([u8; ID_LEN]);

pub(super) const ID_LEN: usize = 12;

impl ApiKeyId {
    /// Returns the id of these bytes, if all are letters and digits.
    pub(crate) fn new(bytes: [u8; ID_LEN]) -> Option<Self> {
        is_base62(&bytes).then_some(Self(bytes))
    }

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // All bytes are ASCII.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for ApiKeyId {
    type Err = ConfigError;

    /// Parses an id, for example from the path of a request.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] unless the text has twelve letters and digits. The error does not contain the text.
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        text.as_bytes().try_into().ok().and_then(Self::new).ok_or_else(|| {
            let reason = "not the id of an API key";
            let remedy = "use the twelve letters and digits of ApiKeyId::as_str";
            ConfigIssue::new("ApiKeyId::from_str", IssueKind::Invalid, reason, remedy).into()
        })
    }
}

impl AsRef<str> for ApiKeyId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for ApiKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ApiKeyId").field(&self.as_str()).finish()
    }
}

impl fmt::Display for ApiKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Serializes the text.
impl Serialize for ApiKeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Deserializes the text, for example a segment of a path.
impl<'de> Deserialize<'de> for ApiKeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = ApiKeyId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the id of an API key")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ApiKeyId, E> {
                text.parse().map_err(|_| E::custom("not the id of an API key"))
            }
        }

        deserializer.deserialize_str(Visitor)
    }
}
