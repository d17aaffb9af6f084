//! `Issuer` as a `Transmitter`: it verifies security event tokens.

use std::sync::Arc;

use crate::error::ConfigError;
use crate::jwt::builder::JwtAuthBuilder;
use crate::jwt::issuer::Issuer;
use crate::verify_jwt::transmitter::FetchSettings;
use crate::verify_jwt::transmitter::sealed::{IntoTransmitter, Keys};
use crate::verify_jwt::verifier::Verifier;

impl IntoTransmitter for Issuer {
    fn into_transmitter(self) -> Arc<dyn Keys> {
        Arc::new(self)
    }
}

impl IntoTransmitter for &str {
    fn into_transmitter(self) -> Arc<dyn Keys> {
        Arc::new(Issuer::transmitter(self))
    }
}

impl IntoTransmitter for &String {
    fn into_transmitter(self) -> Arc<dyn Keys> {
        self.as_str().into_transmitter()
    }
}

impl IntoTransmitter for String {
    fn into_transmitter(self) -> Arc<dyn Keys> {
        Arc::new(Issuer::transmitter(self))
    }
}

impl Keys for Issuer {
    fn verifier(&self, settings: FetchSettings) -> Result<Verifier, ConfigError> {
        let builder = JwtAuthBuilder {
            issuers: vec![self.clone()],
            // Required, and not used: the receiver checks the audience of its tokens.
            audiences: vec!["security-events".to_owned()],
            // No access token is verified.
            token_cache_capacity: 0,
            client: settings.client,
            clock: settings.clock,
            ..JwtAuthBuilder::default()
        };
        builder.build().map(|auth| Verifier::new(&auth))
    }
}
