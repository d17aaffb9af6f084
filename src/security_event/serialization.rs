//! `Serialize` for `SecurityEvent`, with the feature `serde`.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::security_event::event::SecurityEvent;

/// Writes a map with the name of the event, its outcome, and the values that are set.
///
/// ```
/// use portcullis::security_event::{EventKind, SecurityEvent};
///
/// let event = SecurityEvent::new(EventKind::PasswordChanged);
/// let json = serde_json::to_string(&event.with_user("user-7"))?;
/// assert_eq!(
///     json,
///     r#"{"event":"password_changed","outcome":"success","user":"user-7"}"#
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
impl Serialize for SecurityEvent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("event", self.kind.name())?;
        map.serialize_entry("outcome", self.kind.outcome().as_str())?;
        for (name, text) in self.texts() {
            if let Some(text) = text {
                map.serialize_entry(name, &*text)?;
            }
        }
        if let Some(address) = self.address {
            map.serialize_entry("address", &address)?;
        }
        if let Some(status) = self.status {
            map.serialize_entry("status", &status)?;
        }
        if let Some(generation) = self.generation {
            map.serialize_entry("generation", &generation)?;
        }
        map.end()
    }
}
