//! `UserFrom`: takes the user from another session library, whose layer is outside this one.

use std::any::type_name;
use std::fmt;
use std::sync::Arc;

use http::header::CACHE_CONTROL;
use http::{Extensions, Response, request};
use tower_layer::Layer;

use crate::context::{AuthScheme, Credential, Realm, UserContext};
use crate::gate::{
    AuthGate, AuthPass, CredentialSources, Denial, DenialKind, Entry, Gate, Gated, Reply, ResponseHeaders,
};

/// Takes the user that another session library, such as axum-login, has authenticated.
///
/// `Require*`, `RateLimit` and the extractors then work as with [`SessionAuth`](crate::SessionAuth). The other library
/// keeps the sessions. Unless it checks cross-site requests itself, add [`Csrf`](crate::Csrf).
///
/// With axum-login, the extension is its `AuthSession<Backend>`. With tower-sessions alone, a middleware of the app
/// reads the session, which takes a lookup, and inserts an extension.
///
/// ```
/// use axum::{Router, body::Body, http::Request, routing::get};
/// use portcullis::{UserContext, session::UserFrom};
/// # use tower::ServiceExt;
///
/// /// What the other library puts into the extensions of a request.
/// #[derive(Clone)]
/// struct Login {
///     user: Option<String>,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let auth = UserFrom::extension(|login: &Login| {
///     login.user.clone().map(UserContext::new)
/// });
/// let app = Router::new()
///     .route("/me", get(async |user: UserContext| user.id().to_owned()))
///     .layer(auth);
///
/// let mut request = Request::get("/me").body(Body::empty())?;
/// request.extensions_mut().insert(Login { user: Some("ann".into()) });
/// assert_eq!(app.clone().oneshot(request).await?.status(), 200);
///
/// let mut request = Request::get("/me").body(Body::empty())?;
/// request.extensions_mut().insert(Login { user: None });
/// assert_eq!(app.oneshot(request).await?.status(), 401);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct UserFrom {
    read: Read,
    extension: &'static str,
    realm: Realm,
    is_optional: bool,
}

/// The outer `Option` is `None` without the extension, and the inner one without a user.
type Read = Arc<dyn Fn(&Extensions) -> Option<Option<UserContext>> + Send + Sync>;

impl UserFrom {
    /// Reads the user from an extension of the request; `None` means that no user is logged in.
    ///
    /// Without the extension, the response is 500 and the log names its type: the layer of the other library is
    /// missing, or is not outside this one. The user's credential is [`Session`](Credential::Session), unless the
    /// function sets another one.
    pub fn extension<T, F>(user: F) -> Self
    where
        T: Send + Sync + 'static,
        F: Fn(&T) -> Option<UserContext> + Send + Sync + 'static,
    {
        // The name is a token, so there is a scheme.
        let realm = Realm::default().with_schemes(AuthScheme::new("Session"));
        let read = move |extensions: &Extensions| extensions.get::<T>().map(&user);
        Self { read: Arc::new(read), extension: type_name::<T>(), realm, is_optional: false }
    }

    /// Returns this layer for routes that also admit requests without a user, as anonymous.
    pub fn to_optional(&self) -> Self {
        Self { is_optional: true, ..self.clone() }
    }

    /// Sets the realm of rejections, and the kind of credential unless the app has set it.
    fn complete(&self, user: UserContext) -> UserContext {
        user.with(|identity| {
            identity.realm = self.realm.clone();
            if identity.credential == Credential::Other {
                identity.credential = Credential::Session;
            }
        })
    }
}

impl Gate for UserFrom {
    type Pass = AuthPass;

    fn enter(&self, head: &mut request::Parts) -> Entry<AuthPass> {
        let kind = match (self.read)(&head.extensions) {
            Some(Some(user)) => return Entry::Admit(AuthPass::authenticated(head, self.complete(user))),
            Some(None) if self.is_optional => return Entry::Admit(AuthPass::anonymous(head, &self.realm)),
            Some(None) => DenialKind::CredentialsMissing,
            None => {
                tracing::error!(extension = self.extension, "UserFrom requires the layer that inserts this extension");
                DenialKind::auth_layer_missing("UserFrom")
            }
        };
        Entry::Refuse(Reply::denial(head, Denial::new(kind, self.realm.clone())))
    }

    fn leave<B>(&self, pass: AuthPass, response: &mut Response<B>) {
        pass.write(response.headers_mut());
    }

    fn response_headers(&self) -> ResponseHeaders {
        ResponseHeaders::only([CACHE_CONTROL])
    }
}

impl AuthGate for UserFrom {
    fn credentials(&self) -> CredentialSources {
        CredentialSources::none()
    }

    fn realm(&self) -> Realm {
        self.realm.clone()
    }

    fn presents_ambient(&self, head: &request::Parts) -> bool {
        // If the extension is missing, the gate runs and reports it.
        !matches!((self.read)(&head.extensions), Some(None))
    }
}

impl<S> Layer<S> for UserFrom {
    type Service = Gated<Self, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(self.clone(), inner)
    }
}

impl fmt::Debug for UserFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserFrom").field("extension", &self.extension).finish_non_exhaustive()
    }
}
