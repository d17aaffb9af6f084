//! `Validated`: the required values of a builder.

use crate::http_client::client::SharedHttpClient;
use crate::introspection::client_auth::authenticator::Authenticator;
use crate::lookup::CredentialHasher;

/// What a layer needs and a builder may lack.
pub(super) struct Validated {
    pub(super) endpoint: String,
    pub(super) authenticator: Authenticator,
    pub(super) http_client: SharedHttpClient,
    pub(super) hasher: CredentialHasher,
}
