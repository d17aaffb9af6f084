//! `AnyOf`: the gate that selects among several gates.

use std::fmt;
use std::sync::Arc;

use http::{HeaderName, Response, request};
use tower_layer::Layer;

use crate::any_of::gates::{AuthGates, Declaration, OtherChallenges};
use crate::context::{Realm, Visitor};
use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};
use crate::gate::{
    AuthGate, CredentialError, CredentialSource, CredentialSources, CredentialTable, Denial, DenialKind, Entry, Gate,
    Gated, Reply, ResponseHeaders, is_of_script,
};

/// Authenticates a request by one of several gates, each for its own kind of credential; see the
/// [module](crate::any_of).
///
/// Clones share the gates.
#[must_use]
pub struct AnyOf<G> {
    shared: Arc<Shared<G>>,
    is_optional: bool,
    /// Whether an ambient credential beside another one is an error.
    is_exact: bool,
}

struct Shared<G> {
    gates: G,
    count: usize,
    table: CredentialTable,
    sources: Vec<CredentialSource>,
    realm: Realm,
    /// Whether one of the challenges makes browsers open a dialog.
    has_basic: bool,
}

impl<G: AuthGates> AnyOf<G> {
    /// Combines the gates of a tuple of two to six. Of several ambient credentials, the first gate that finds its own
    /// decides; challenges have the same order. An `AnyOf` may be one of the gates.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if two gates read the same credential: one scheme with the same form of text, one header
    /// or one cookie. Of two prefixes, none may begin with the other.
    pub fn new(gates: G) -> Result<Self, ConfigError> {
        let declarations = gates.declarations();
        let (table, conflicts) = CredentialTable::new(declarations.iter().map(|gate| gate.sources.as_slice()));
        let mut issues = ConfigIssues::default();
        for conflict in conflicts {
            let gate = |index: usize| {
                let name = declarations.get(index).map_or("", |gate| gate.name);
                format!("gate {} ({name})", index + 1)
            };
            let reason = format!("{} and {} both read it", gate(conflict.first), gate(conflict.second));
            let remedy = "let each gate read a scheme, a prefix, a header or a cookie of its own";
            let issue = ConfigIssue::new("AnyOf::new", IssueKind::Duplicate, reason, remedy);
            issues.add(issue.with_value(conflict.source.to_string()));
        }
        issues.into_result(|| {
            let count = declarations.len();
            let sources = declarations.iter().flat_map(|gate| gate.sources.as_slice()).cloned().collect();
            let realm = Realm::joined(declarations.into_iter().map(|Declaration { realm, .. }| realm));
            let has_basic = realm.has_basic();
            let shared = Shared { gates, count, table, sources, realm, has_basic };
            Self { shared: Arc::new(shared), is_optional: false, is_exact: false }
        })
    }

    /// Returns the same layer, with the same gates, that admits requests without a credential as anonymous.
    ///
    /// An invalid credential is still rejected: a client that sent one expects to act as its user. Only the cookie of a
    /// session that has ended counts as none. The gates' own `optional` settings have no effect.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::context::{Realm, Visitor};
    /// # use portcullis::gate::{AuthGate, CredentialSource, CredentialSources, Entry, Gate};
    /// # use portcullis::{AnyOf, Issuer, JwtAuth, UserContext};
    /// # use tower::ServiceExt;
    /// # #[derive(Clone)]
    /// # struct Keys;
    /// # impl Gate for Keys {
    /// #     type Pass = ();
    /// #     fn enter(&self, head: &mut http::request::Parts) -> Entry<()> {
    /// #         head.extensions.insert(Visitor::authenticated(UserContext::new("robot")));
    /// #         Entry::Admit(())
    /// #     }
    /// # }
    /// # impl AuthGate for Keys {
    /// #     fn credentials(&self) -> CredentialSources {
    /// #         CredentialSources::new([CredentialSource::scheme("ApiKey")]).unwrap()
    /// #     }
    /// #     fn realm(&self) -> Realm { Realm::default() }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let issuer = Issuer::hs256("https://app.example.com", *b"a secret of at least 32 random bytes");
    /// # let tokens = JwtAuth::builder().issuer(issuer).audience("api").cookie("token").build()?;
    /// # let keys = Keys;
    /// let auth = AnyOf::new((tokens, keys))?;
    /// let open = Router::new()
    ///     .route("/articles", get(|| async {}))
    ///     .layer(auth.to_optional());
    /// let app = Router::new()
    ///     .route("/account", get(|| async {}))
    ///     .layer(auth)
    ///     .merge(open);
    ///
    /// for (path, status) in [("/articles", 200), ("/account", 401)] {
    ///     let request = Request::get(path).body(Body::empty())?;
    ///     assert_eq!(app.clone().oneshot(request).await?.status(), status);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn to_optional(&self) -> Self {
        Self { is_optional: true, ..self.clone() }
    }

    /// Returns the same layer, with the same gates, that rejects a request with several credentials of any kind with
    /// 400.
    ///
    /// By default, an explicit credential takes precedence over ambient ones, and the first of several ambient
    /// credentials over the others.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::context::{Realm, Visitor};
    /// # use portcullis::gate::{AuthGate, CredentialSource, CredentialSources, Entry, Gate};
    /// # use portcullis::{AnyOf, Issuer, JwtAuth, UserContext};
    /// # use tower::ServiceExt;
    /// # #[derive(Clone)]
    /// # struct Keys;
    /// # impl Gate for Keys {
    /// #     type Pass = ();
    /// #     fn enter(&self, head: &mut http::request::Parts) -> Entry<()> {
    /// #         head.extensions.insert(Visitor::authenticated(UserContext::new("robot")));
    /// #         Entry::Admit(())
    /// #     }
    /// # }
    /// # impl AuthGate for Keys {
    /// #     fn credentials(&self) -> CredentialSources {
    /// #         CredentialSources::new([CredentialSource::scheme("ApiKey")]).unwrap()
    /// #     }
    /// #     fn realm(&self) -> Realm { Realm::default() }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let issuer = Issuer::hs256("https://app.example.com", *b"a secret of at least 32 random bytes");
    /// # let tokens = JwtAuth::builder().issuer(issuer).audience("api").cookie("token").build()?;
    /// # let keys = Keys;
    /// let auth = AnyOf::new((tokens, keys))?;
    /// let app = |auth: AnyOf<_>| {
    ///     Router::new().route("/", get(|| async {})).layer(auth)
    /// };
    /// for (app, status) in
    ///     [(app(auth.clone()), 200), (app(auth.exactly_one()), 400)]
    /// {
    ///     let request = Request::get("/")
    ///         .header("authorization", "ApiKey 4f0c")
    ///         .header("cookie", "token=e30.e30.e30")
    ///         .body(Body::empty())?;
    ///     assert_eq!(app.oneshot(request).await?.status(), status);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn exactly_one(&self) -> Self {
        Self { is_exact: true, ..self.clone() }
    }

    /// Returns the gate that decides about the request; `None` if the request has no credential that a gate reads.
    ///
    /// # Errors
    ///
    /// Returns [`CredentialError::Multiple`] if the request has several credentials.
    fn decider(&self, head: &mut request::Parts) -> Result<Option<usize>, CredentialError> {
        let Shared { gates, count, table, .. } = &*self.shared;
        let explicit = table.find_gate(head)?;
        if explicit.is_some() && !self.is_exact {
            return Ok(explicit);
        }
        let head = &*head;
        let mut ambient =
            (0..*count).filter(|gate| table.has_ambient(*gate, &head.headers) || gates.presents_ambient(*gate, head));
        let first = ambient.next();
        if self.is_exact {
            // A gate may be an `AnyOf` whose gates read several cookies.
            let gates = usize::from(first.is_some()) + ambient.count();
            let ambient = gates.max(table.count_ambient(&head.headers));
            if usize::from(explicit.is_some()) + ambient > 1 {
                return Err(CredentialError::Multiple);
            }
        }
        Ok(explicit.or(first))
    }

    fn refuse(&self, head: &request::Parts, kind: DenialKind) -> Reply {
        Reply::denial(head, Denial::new(kind, self.shared.realm.clone()))
    }

    /// Decides about a request without a credential.
    fn enter_without_credential(&self, head: &mut request::Parts, is_optional: bool) -> Entry<AnyOfPass<G::Pass>> {
        if !is_optional {
            let redirect = self.shared.gates.login_redirect(head);
            return Entry::Refuse(redirect.unwrap_or_else(|| self.refuse(head, DenialKind::CredentialsMissing)));
        }
        // An outer gate may have authenticated the request by another credential.
        if head.extensions.get::<Visitor>().is_none_or(Visitor::is_on_open_route) {
            head.extensions.insert(Visitor::anonymous(self.shared.realm.clone()));
        }
        Entry::Admit(AnyOfPass(None))
    }
}

/// The state that [`AnyOf`] keeps between a request and its response. `P` is that of the gate that decided.
pub struct AnyOfPass<P>(Option<P>);

impl<G: AuthGates> Gate for AnyOf<G> {
    type Pass = AnyOfPass<G::Pass>;

    fn enter(&self, head: &mut request::Parts) -> Entry<Self::Pass> {
        self.enter_as(head, self.is_optional)
    }

    fn leave<B>(&self, AnyOfPass(pass): Self::Pass, response: &mut Response<B>) {
        if let Some(pass) = pass {
            self.shared.gates.leave(pass, response);
        }
    }

    fn response_headers(&self) -> ResponseHeaders {
        self.shared.gates.response_headers()
    }

    fn credential_headers(&self) -> Vec<HeaderName> {
        self.credentials().headers()
    }

    fn remove_untrusted(&self, head: &mut request::Parts) {
        self.shared.gates.remove_untrusted(head);
    }
}

impl<G: AuthGates> AuthGate for AnyOf<G> {
    fn credentials(&self) -> CredentialSources {
        CredentialSources::of_valid(self.shared.sources.clone())
    }

    fn realm(&self) -> Realm {
        self.shared.realm.clone()
    }

    fn enter_as(&self, head: &mut request::Parts, is_optional: bool) -> Entry<Self::Pass> {
        self.shared.gates.remove_untrusted(head);
        let decider = match self.decider(head) {
            Ok(decider) => decider,
            Err(error) => return Entry::Refuse(self.refuse(head, DenialKind::InvalidRequest(error))),
        };
        let Shared { gates, realm, has_basic, .. } = &*self.shared;
        let others = OtherChallenges { realm, is_of_script: *has_basic && is_of_script(head) };
        gates.enter(decider, head, is_optional, others, AnyOfPass::of, |head| {
            self.enter_without_credential(head, is_optional)
        })
    }

    fn login_redirect(&self, head: &request::Parts) -> Option<Reply> {
        self.shared.gates.login_redirect(head)
    }

    fn presents_ambient(&self, head: &request::Parts) -> bool {
        (0..self.shared.count).any(|gate| self.shared.gates.presents_ambient(gate, head))
    }
}

impl<P> AnyOfPass<P> {
    fn of(pass: P) -> Self {
        Self(Some(pass))
    }
}

impl<G: AuthGates, S> Layer<S> for AnyOf<G> {
    type Service = Gated<Self, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(self.clone(), inner)
    }
}

impl<G> Clone for AnyOf<G> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), ..*self }
    }
}

impl<G> fmt::Debug for AnyOf<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyOf")
            .field("realm", &self.shared.realm)
            .field("is_optional", &self.is_optional)
            .finish_non_exhaustive()
    }
}

impl<P> fmt::Debug for AnyOfPass<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyOfPass").finish_non_exhaustive()
    }
}
