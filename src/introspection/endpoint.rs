//! `Endpoint`: the introspection endpoint of an authorization server, and one request to it (RFC 7662 §2.1).

use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE};
use http::{HeaderValue, Request};

use crate::clock::Clock;
use crate::http_client::client::SharedHttpClient;
use crate::introspection::client_auth::authenticator::Authenticator;
use crate::introspection::client_auth::form::Form;
use crate::introspection::error::EndpointError;
use crate::introspection::response::{self, Introspection};
use crate::introspection::signed_response::SignedResponses;

/// An introspection endpoint, and what a request to it needs.
#[derive(Debug)]
pub(crate) struct Endpoint {
    url: String,
    client: SharedHttpClient,
    authenticator: Authenticator,
    signed: Option<SignedResponses>,
    clock: Clock,
}

impl Endpoint {
    /// Creates an endpoint. The URL was [validated](crate::http_client::url::validate_url).
    pub(crate) fn new(
        url: String,
        client: SharedHttpClient,
        authenticator: Authenticator,
        mut signed: Option<SignedResponses>,
        clock: Clock,
    ) -> Self {
        // RFC 9701 §5: `aud` is the resource server. Servers know it by its client id, unless it has another name there.
        if let Some(signed) = &mut signed {
            signed.audiences.push(authenticator.client_id().to_owned());
        }
        Self { url, client, authenticator, signed, clock }
    }

    /// Asks the authorization server about a token.
    ///
    /// Has no timeout of its own. Dropping the future cancels the request.
    ///
    /// # Errors
    ///
    /// Returns [`EndpointError`] if it is not known whether the token is active.
    pub(crate) async fn introspect(&self, token: &str) -> Result<Introspection, EndpointError> {
        let response = self.client.send(self.request(token)?).await.map_err(EndpointError::Client)?;
        let Some(body) = response::body(&response, self.content_type())? else { return Ok(Introspection::Inactive) };
        match &self.signed {
            Some(signed) => signed.read(body, self.clock.since_epoch()).await,
            None => Introspection::parse(body),
        }
    }

    /// The content type that the request asks for, and that the response must have.
    fn content_type(&self) -> &'static str {
        if self.signed.is_some() { "application/token-introspection+jwt" } else { "application/json" }
    }

    fn request(&self, token: &str) -> Result<Request<Vec<u8>>, EndpointError> {
        let mut form = Form::new();
        form.add("token", token);
        form.add("token_type_hint", "access_token");
        let request = Request::post(&self.url)
            .header(ACCEPT, HeaderValue::from_static(self.content_type()))
            .header(ACCEPT_ENCODING, const { HeaderValue::from_static("identity") })
            .header(CONTENT_TYPE, const { HeaderValue::from_static("application/x-www-form-urlencoded") });
        // Does not fail: `build()` has validated the URL.
        let mut request = request.body(Vec::new()).map_err(|error| EndpointError::Client(error.to_string()))?;
        let authenticated = self.authenticator.authenticate(request.headers_mut(), &mut form, self.clock.since_epoch());
        authenticated.map_err(|_| EndpointError::Assertion)?;
        *request.body_mut() = form.into_bytes();
        Ok(request)
    }
}

#[cfg(test)]
mod tests;
