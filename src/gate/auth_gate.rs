//! `AuthGate`: a gate that authenticates, and says what it reads and how it challenges.

use std::future::Future;

use http::request;

use crate::context::Realm;
use crate::gate::authenticated::Authenticated;
use crate::gate::credentials::CredentialSources;
use crate::gate::engine::Gate;
use crate::gate::entry::Entry;
use crate::gate::reply::Reply;

/// A gate that authenticates requests by a credential, for use in [`AnyOf`](crate::AnyOf).
///
/// It declares which credentials it reads, so that `AnyOf` can select the gate that decides about a request, and which
/// schemes a challenge names. [`JwtAuth`](crate::JwtAuth) implements it, and a custom gate needs two methods:
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Arc;
///
/// use http::request;
/// use portcullis::UserContext;
/// use portcullis::context::{Realm, Visitor};
/// use portcullis::gate::{AuthGate, CredentialSources, Denial, DenialKind};
/// use portcullis::gate::{Entry, Gate, Reply};
///
/// /// Authenticates requests by a key in one of the sources.
/// #[derive(Clone)]
/// struct ApiKeyAuth(Arc<Keys>);
///
/// struct Keys {
///     sources: CredentialSources,
///     realm: Realm,
///     users: HashMap<String, UserContext>, // by the digest of the key
/// }
///
/// impl ApiKeyAuth {
///     fn user(
///         &self,
///         head: &mut request::Parts,
///     ) -> Result<UserContext, DenialKind> {
///         let key = self.0.sources.read(&mut head.headers);
///         let key = key.map_err(DenialKind::InvalidRequest)?;
///         let key = key.ok_or(DenialKind::CredentialsMissing)?;
///         let user = self.0.users.get(&digest(key));
///         user.cloned().ok_or(DenialKind::InvalidCredential)
///     }
/// }
///
/// impl Gate for ApiKeyAuth {
///     type Pass = ();
///
///     fn enter(&self, head: &mut request::Parts) -> Entry<()> {
///         match self.user(head) {
///             Ok(user) => {
///                 head.extensions.insert(Visitor::authenticated(user));
///                 Entry::Admit(())
///             }
///             Err(kind) => {
///                 let denial = Denial::new(kind, self.0.realm.clone());
///                 Entry::Refuse(Reply::denial(head, denial))
///             }
///         }
///     }
/// }
///
/// impl AuthGate for ApiKeyAuth {
///     fn credentials(&self) -> CredentialSources {
///         self.0.sources.clone()
///     }
///
///     fn realm(&self) -> Realm {
///         self.0.realm.clone()
///     }
/// }
/// # fn digest(key: &str) -> String { key.to_owned() }
/// # use portcullis::{context::AuthScheme, gate::CredentialSource};
/// # let gate = ApiKeyAuth(Arc::new(Keys {
/// #     sources: CredentialSources::new([CredentialSource::scheme("ApiKey")])?,
/// #     realm: Realm::default().with_schemes([AuthScheme::new("ApiKey")?]),
/// #     users: HashMap::from([("k1".to_owned(), UserContext::new("robot"))]),
/// # }));
/// # let request = http::Request::get("/").header("authorization", "ApiKey k1").body(()).unwrap();
/// # let mut head = request.into_parts().0;
/// # assert!(matches!(gate.enter(&mut head), Entry::Admit(())));
/// # assert_eq!(UserContext::from_extensions(&head.extensions).unwrap().id(), "robot");
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
///
/// The guide has the [whole gate](crate::_guide::recipes::custom_api_keys). For keys that the app
/// creates itself, use [`ApiKeyAuth`](crate::ApiKeyAuth).
///
/// A credential is *explicit* if a client sends it on purpose: in `Authorization` or another header. It is *ambient* if
/// the browser, a proxy or the connection adds it: a cookie, the [header](crate::jwt::JwtAuthBuilder::header) of a
/// proxy, or a client certificate. Of both in one request, `AnyOf` uses the explicit one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say which credentials it reads",
    note = "`AnyOf` takes gates that implement `portcullis::gate::AuthGate`, such as `JwtAuth` or your own",
    note = "if `{Self}` is a builder or a `Result`, the call of `.build()?` or the `?` is missing"
)]
pub trait AuthGate: Gate {
    /// Returns the places in a request where the gate reads its credential. `AnyOf::new` calls it once.
    fn credentials(&self) -> CredentialSources;

    /// Returns the realm whose challenges the gate sends, with the schemes that it accepts. `AnyOf::new` calls it once.
    fn realm(&self) -> Realm;

    /// Returns whether the request has an ambient credential of this gate that is in no header, for example a client
    /// certificate in the request's extensions (default: `false`). Cookies among the
    /// [sources](AuthGate::credentials) need no such method.
    ///
    /// `AnyOf` calls it for requests without an explicit credential. It must be cheap, and must not verify anything: if
    /// it returns `true`, this gate decides about the request.
    ///
    /// ```
    /// # use http::{Response, request};
    /// # use portcullis::context::Realm;
    /// # use portcullis::gate::{AuthGate, CredentialSources, Entry, Gate, Reply};
    /// # #[derive(Clone)]
    /// # struct ClientCertificate;
    /// # #[derive(Clone)]
    /// # struct CertificateAuth;
    /// # impl Gate for CertificateAuth {
    /// #     type Pass = ();
    /// #     fn enter(&self, _: &mut request::Parts) -> Entry<()> { Entry::Refuse(Reply::new(Response::new(""))) }
    /// # }
    /// impl AuthGate for CertificateAuth {
    ///     fn credentials(&self) -> CredentialSources {
    ///         CredentialSources::none()
    ///     }
    ///
    ///     fn presents_ambient(&self, head: &request::Parts) -> bool {
    ///         head.extensions.get::<ClientCertificate>().is_some()
    ///     }
    /// #   fn realm(&self) -> Realm { Realm::default() }
    ///     // ...
    /// }
    /// # let mut head = http::Request::new(()).into_parts().0;
    /// # assert!(!CertificateAuth.presents_ambient(&head));
    /// # head.extensions.insert(ClientCertificate);
    /// # assert!(CertificateAuth.presents_ambient(&head));
    /// ```
    fn presents_ambient(&self, head: &request::Parts) -> bool {
        let _ = head;
        false
    }

    /// Returns a redirect to a page on which the user can log in, for a request without a credential (default: none,
    /// and the response is 401).
    ///
    /// `AnyOf` calls it, unless it admits the request. The first gate that returns a redirect decides. Return one only
    /// for a navigation, whose response a browser shows as a page, as
    /// [`SessionAuth`](crate::session::SessionAuthBuilder::login_page) does.
    fn login_redirect(&self, head: &request::Parts) -> Option<Reply> {
        let _ = head;
        None
    }

    /// Decides about a request inside an [`AnyOf`](crate::AnyOf) (default: [`enter`](Gate::enter)).
    ///
    /// `is_optional` says whether the `AnyOf` admits requests without a credential. Implement this method only if an
    /// invalid credential counts as none, like the cookie of a session that has ended: then use `is_optional` instead
    /// of the gate's own setting.
    fn enter_as(&self, head: &mut request::Parts, is_optional: bool) -> Entry<Self::Pass> {
        let _ = is_optional;
        self.enter(head)
    }

    /// Authenticates a request without an inner service.
    ///
    /// Use it on servers that run no tower services, in a Lambda authorizer, or in a GraphQL resolver. The decision is
    /// that of the layer. The caller then runs the handler, and passes its response to [`Authenticated::write`], which
    /// adds what the gate adds. The user is in the extensions of the head, where
    /// [`UserContext::from_extensions`](crate::UserContext::from_extensions) finds it; an optional gate admits
    /// anonymous requests too. [`Stack::authenticate`](crate::Stack::authenticate) runs several gates.
    ///
    /// The extensions of the head must have what the gate reads, as with the layer: for a client's address, a
    /// `SocketAddr` or the connect info of axum.
    ///
    /// ```
    /// use http::{Request, Response};
    /// use portcullis::gate::{AuthGate, Bytes};
    /// use portcullis::{BasicAuth, UserContext};
    ///
    /// async fn handle(
    ///     auth: &BasicAuth,
    ///     request: Request<Bytes>,
    /// ) -> Response<Bytes> {
    ///     let (mut head, _body) = request.into_parts();
    ///     let authenticated = match auth.authenticate(&mut head).await {
    ///         Ok(authenticated) => authenticated,
    ///         Err(reply) => return reply.into_response(),
    ///     };
    ///     let user = UserContext::from_extensions(&head.extensions);
    ///     let name = user.map_or("anonymous", UserContext::id);
    ///     let mut response = Response::new(Bytes::from(name.to_owned()));
    ///     authenticated.write(&mut response);
    ///     response
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), portcullis::ConfigError> {
    /// let auth = BasicAuth::builder().user("ann", "0123456789abcdef").build()?;
    /// let response = handle(&auth, Request::default()).await;
    /// assert_eq!(response.status(), 401);
    /// let challenge = &response.headers()["www-authenticate"];
    /// assert!(challenge.as_bytes().starts_with(b"Basic "));
    ///
    /// let request = Request::get("/")
    ///     .header("authorization", "Basic YW5uOjAxMjM0NTY3ODlhYmNkZWY=");
    /// let request = request.body(Bytes::new()).unwrap();
    /// assert_eq!(handle(&auth, request).await.body(), "ann");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the response that the layer would send. [`Reply::into_response`] renders it, with `Bytes` as the body
    /// for other servers; [`Reply::extensions`] has the [`Denial`](crate::gate::Denial). After an error, and if the
    /// future is dropped before it completes, the head has no user, and is otherwise as it was, except that credentials
    /// are marked as sensitive, and headers that only a trusted proxy may send and the token among the protocols of a
    /// WebSocket are removed.
    fn authenticate(
        &self,
        head: &mut request::Parts,
    ) -> impl Future<Output = Result<Authenticated<Self>, Reply>> + Send {
        Authenticated::decide(self, head)
    }
}
