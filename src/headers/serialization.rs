//! Policies of headers that are deserialized from configuration.

use serde::{Deserialize, Deserializer};

use crate::deserialize;
use crate::headers::csp::Csp;
use crate::headers::hsts::Hsts;

/// Deserializes the value of the header `Content-Security-Policy`; see [`Csp::parse`].
impl<'de> Deserialize<'de> for Csp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize::text(deserializer, "a content security policy such as default-src 'self'")
    }
}

/// Deserializes the value of the header `Strict-Transport-Security`, such as `max-age=63072000; includeSubDomains`.
impl<'de> Deserialize<'de> for Hsts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize::text(deserializer, "a policy such as max-age=63072000; includeSubDomains")
    }
}
