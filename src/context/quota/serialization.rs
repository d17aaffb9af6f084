//! The serialized form of a `Quota`: its text.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::context::quota::Quota;
use crate::deserialize;

/// Serializes the canonical [text](Quota#quotas-as-text), such as `100/h`.
impl Serialize for Quota {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Deserializes the [text](Quota#quotas-as-text) of a quota, such as `100/h`.
impl<'de> Deserialize<'de> for Quota {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize::text(deserializer, "a quota such as 100/h")
    }
}
