//! `Provider`: the client of an OpenID provider, with the crate openidconnect.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{Response, StatusCode, header::RETRY_AFTER};
use axum::response::IntoResponse;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreResponseType,
    CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AdditionalClaims, AuthenticationFlow, AuthorizationCode, Client, ClientId, ClientSecret,
    CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest,
    HttpResponse, IdTokenFields, IssuerUrl, LogoutRequest, Nonce, PkceCodeChallenge,
    PkceCodeVerifier, PostLogoutRedirectUrl, ProviderMetadataWithLogout, RedirectUrl,
    StandardErrorResponse, StandardTokenResponse, TokenResponse,
};
use portcullis::UserContext;
use serde::{Deserialize, Serialize};

use crate::pending_login::PendingLogin;

/// The provider, and this app as its client. Clones share everything.
#[derive(Clone)]
pub(crate) struct Provider(Arc<Settings>);

struct Settings {
    issuer: IssuerUrl,
    client_id: ClientId,
    client_secret: ClientSecret,
    callback: RedirectUrl,
    signed_out: PostLogoutRedirectUrl,
    http: reqwest::Client,
}

type HttpCall = Pin<Box<dyn Future<Output = Result<HttpResponse, reqwest::Error>> + Send>>;

/// The claims of an ID token besides the standard ones.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Claims {
    /// The session at the provider, which a back-channel logout names.
    sid: Option<String>,
}

impl AdditionalClaims for Claims {}

type IdFields = IdTokenFields<
    Claims,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

/// `CoreClient` of the crate, with `Claims` and with the endpoints that providers publish.
type ProviderClient = Client<
    Claims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<IdFields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

impl Provider {
    /// Returns the provider with this issuer URL.
    pub(crate) fn new(
        issuer: String,
        client_id: String,
        client_secret: String,
        app_url: &str,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        // Without redirects, which could lead into the app's own network.
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(5))
            .build()?;
        Ok(Self(Arc::new(Settings {
            issuer: IssuerUrl::new(issuer)?,
            client_id: ClientId::new(client_id),
            client_secret: ClientSecret::new(client_secret),
            callback: RedirectUrl::new(format!("{app_url}/callback"))?,
            signed_out: PostLogoutRedirectUrl::new(format!("{app_url}/signed-out"))?,
            http,
        })))
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.0.issuer
    }

    pub(crate) fn client_id(&self) -> &str {
        &self.0.client_id
    }

    /// Returns the origin of the pages of the provider.
    pub(crate) fn origin(&self) -> String {
        self.0.issuer.url().origin().ascii_serialization()
    }

    /// Returns the URL of the provider's login page, and what the browser keeps until the callback.
    pub(crate) async fn start_login(
        &self,
        return_path: String,
    ) -> Result<(String, PendingLogin), ProviderError> {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let client = self.client(self.metadata().await?);
        let request = client.authorize_url(flow, CsrfToken::new_random, Nonce::new_random);
        let (url, state, nonce) = request.set_pkce_challenge(challenge).url();
        let pending = PendingLogin {
            state: state.into_secret(),
            nonce: nonce.secret().clone(),
            verifier: verifier.into_secret(),
            return_path,
        };
        Ok((url.into(), pending))
    }

    /// Exchanges the code for an ID token, verifies it, and returns its user.
    pub(crate) async fn finish_login(
        &self,
        code: String,
        pending: &PendingLogin,
    ) -> Result<UserContext, ProviderError> {
        let client = self.client(self.metadata().await?);
        let exchange = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(ProviderError::unavailable)?
            .set_pkce_verifier(PkceCodeVerifier::new(pending.verifier.clone()));
        let http = self.http();
        let tokens = exchange.request_async(&http).await.map_err(|error| match error {
            openidconnect::RequestTokenError::ServerResponse(_) => ProviderError::Rejected,
            error => ProviderError::unavailable(error),
        })?;
        let nonce = Nonce::new(pending.nonce.clone());
        let id_token = tokens.id_token().ok_or(ProviderError::Rejected)?;
        let claims = id_token
            .claims(&client.id_token_verifier(), &nonce)
            .map_err(|_| ProviderError::Rejected)?;

        // The issuer, the subject and `sid` are what a back-channel logout names.
        let mut user = UserContext::new(claims.subject().as_str()).with_issuer(self.issuer());
        if let Some(session_id) = &claims.additional_claims().sid {
            user = user.with_session_id(session_id);
        }
        if let Some(time) = claims.auth_time() {
            let acr = claims.auth_context_ref().map_or("", |acr| acr.as_str());
            let amr = claims.auth_method_refs().into_iter().flatten().map(|method| method.as_str());
            user = user.with_authentication(time.into(), acr, amr);
        }
        Ok(user)
    }

    /// Returns the URL at which the user logs out of the provider (RP-Initiated Logout 1.0).
    ///
    /// It has the id of the app instead of the ID token, so the provider asks the user to confirm.
    pub(crate) async fn logout_url(&self) -> Result<String, ProviderError> {
        let metadata = self.metadata().await?;
        let endpoint = metadata.additional_metadata().end_session_endpoint.clone();
        let request = LogoutRequest::from(endpoint.ok_or(ProviderError::Rejected)?)
            .set_client_id(self.0.client_id.clone())
            .set_post_logout_redirect_uri(self.0.signed_out.clone());
        Ok(request.http_get_url().into())
    }

    /// Fetches the metadata and the keys, so that a login succeeds after the keys have changed. An
    /// app with many logins keeps them for some minutes.
    async fn metadata(&self) -> Result<ProviderMetadataWithLogout, ProviderError> {
        let (issuer, http) = (self.0.issuer.clone(), self.http());
        let metadata = ProviderMetadataWithLogout::discover_async(issuer, &http).await;
        metadata.map_err(ProviderError::unavailable)
    }

    fn client(&self, metadata: ProviderMetadataWithLogout) -> ProviderClient {
        let secret = Some(self.0.client_secret.clone());
        Client::from_provider_metadata(metadata, self.0.client_id.clone(), secret)
            .set_redirect_uri(self.0.callback.clone())
    }

    /// Returns the HTTP client in the form that openidconnect accepts, which uses another reqwest.
    fn http(&self) -> impl Fn(HttpRequest) -> HttpCall {
        let http = self.0.http.clone();
        move |request| {
            let http = http.clone();
            Box::pin(async move {
                let received = http.execute(request.try_into()?).await?;
                let mut response = Response::new(Vec::new());
                *response.status_mut() = received.status();
                *response.headers_mut() = received.headers().clone();
                *response.body_mut() = received.bytes().await?.into();
                Ok(response)
            })
        }
    }
}

/// Why a user could not log in.
#[derive(Debug)]
pub(crate) enum ProviderError {
    /// The provider rejected the login, or its ID token is invalid.
    Rejected,
    /// The provider is unavailable.
    Unavailable,
}

impl ProviderError {
    fn unavailable(error: impl std::error::Error) -> Self {
        eprintln!("the provider is unavailable: {error}");
        Self::Unavailable
    }
}

impl IntoResponse for ProviderError {
    fn into_response(self) -> axum::response::Response {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            [(RETRY_AFTER, "5")],
            "The login is unavailable. Try again.",
        )
            .into_response()
    }
}
