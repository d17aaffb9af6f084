//! `Transmitter`, the trait for the setting of the same name.

use std::fmt;
use std::sync::Arc;

use crate::clock::Clock;
use crate::error::ConfigError;
use crate::http_client::client::SharedHttpClient;
use crate::verify_jwt::transmitter::sealed::IntoTransmitter;
use crate::verify_jwt::verifier::Verifier;

/// The issuer of security event tokens: its name, or an [`Issuer`](crate::Issuer).
///
/// With a name, the keys are found by the configuration of the transmitter (Shared Signals Framework 1.0 §7), which is
/// published below `/.well-known/ssf-configuration`. An `Issuer` sets where else they are. Its settings for access
/// tokens, such as the audience and the profile, do not apply. No other type can implement this trait.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a transmitter",
    note = "a transmitter is the `iss` of its tokens, as a `&str` or `String`, or a `portcullis::Issuer`"
)]
pub trait Transmitter: IntoTransmitter {}

impl<T: IntoTransmitter> Transmitter for T {}

/// A [`Transmitter`], type-erased, until `build()` knows the other settings. Clones share it.
#[derive(Clone)]
pub(crate) struct SharedTransmitter(Arc<dyn sealed::Keys>);

impl SharedTransmitter {
    pub(crate) fn new(transmitter: impl Transmitter) -> Self {
        Self(transmitter.into_transmitter())
    }

    /// Validates the issuer, and returns what verifies its tokens.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] with every issue of the issuer.
    pub(crate) fn verifier(&self, settings: FetchSettings) -> Result<Verifier, ConfigError> {
        self.0.verifier(settings)
    }
}

impl fmt::Debug for SharedTransmitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedTransmitter").finish_non_exhaustive()
    }
}

/// How the keys of an issuer are fetched.
#[derive(Clone, Debug)]
pub struct FetchSettings {
    /// `None` for the built-in client.
    pub(crate) client: Option<SharedHttpClient>,
    pub(crate) clock: Clock,
}

pub(crate) mod sealed {
    use super::*;

    /// The conversion of a [`Transmitter`](super::Transmitter), which only this crate can name.
    pub trait IntoTransmitter {
        /// Returns the issuer.
        fn into_transmitter(self) -> Arc<dyn Keys>;
    }

    /// An issuer that signs security event tokens.
    pub trait Keys: Send + Sync + 'static {
        /// Validates the issuer, and returns what verifies its tokens.
        fn verifier(&self, settings: FetchSettings) -> Result<Verifier, ConfigError>;
    }
}
