//! `AnyOf` with `JwtAuth` and custom gates for API keys, sessions and certificates.

mod attacks;
mod building;
mod challenges;
mod decision;
mod in_stack;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Request, Response, request};
use axum::routing::any;
use portcullis::any_of::AuthGates;
use portcullis::context::{AuthScheme, Realm, Visitor};
use portcullis::gate::{
    AuthGate, CredentialSource, CredentialSources, Denial, DenialKind, Entry, Gate, Reply, ResponseHeaders,
};
use portcullis::{AnyOf, JwtAuth, UserContext};

use crate::support::response::TestResponse;
use crate::support::tokens::{compatible_auth, token, valid_claims};

/// A gate that looks its credential up in a table, and counts the lookups.
#[derive(Clone)]
pub(crate) struct LookupGate(Arc<Lookup>);

struct Lookup {
    sources: CredentialSources,
    realm: Realm,
    users: HashMap<&'static str, UserContext>,
    lookups: AtomicUsize,
    reads_certificate: bool,
    /// Whether a lookup waits, as for a database.
    waits: bool,
}

/// The certificate of a connection, as a TLS acceptor would put it into the request's extensions.
#[derive(Clone)]
struct ClientCertificate(&'static str);

impl LookupGate {
    fn new(scheme: &str, sources: CredentialSources, users: &[(&'static str, &'static str)]) -> Self {
        let scheme = AuthScheme::new(scheme).unwrap();
        let scheme = if scheme.name() == "ApiKey" { scheme.with_error_parameters() } else { scheme };
        let realm = Realm::new("app").with_schemes([scheme]);
        let user = |id| UserContext::new(id).with_realm(realm.clone());
        let users = users.iter().map(|(credential, id)| (*credential, user(*id))).collect();
        let lookups = AtomicUsize::new(0);
        Self(Arc::new(Lookup { sources, realm, users, lookups, reads_certificate: false, waits: false }))
    }

    fn lookups(&self) -> usize {
        self.0.lookups.load(SeqCst)
    }

    fn changed(self, change: impl FnOnce(&mut Lookup)) -> Self {
        let mut lookup = Arc::into_inner(self.0).expect("a gate without clones");
        change(&mut lookup);
        Self(Arc::new(lookup))
    }

    fn user(&self, head: &mut request::Parts) -> Result<UserContext, DenialKind> {
        let certificate = head.extensions.get::<ClientCertificate>().map(|certificate| certificate.0);
        let read = self.0.sources.read(&mut head.headers).map_err(DenialKind::InvalidRequest)?;
        let credential = if self.0.reads_certificate { certificate } else { read };
        let credential = credential.ok_or(DenialKind::CredentialsMissing)?;
        self.0.lookups.fetch_add(1, SeqCst);
        self.0.users.get(credential).cloned().ok_or(DenialKind::InvalidCredential)
    }

    fn decide(&self, mut head: request::Parts) -> Result<request::Parts, Reply> {
        match self.user(&mut head) {
            Ok(user) => {
                head.extensions.insert(Visitor::authenticated(user));
                Ok(head)
            }
            Err(kind) => Err(Reply::denial(&head, Denial::new(kind, self.0.realm.clone()))),
        }
    }
}

impl Gate for LookupGate {
    type Pass = Arc<str>;

    fn enter(&self, head: &mut request::Parts) -> Entry<Arc<str>> {
        let pass: Arc<str> = self.0.realm.name().into();
        if self.0.waits {
            let gate = self.clone();
            return Entry::wait(async move |head| {
                tokio::task::yield_now().await;
                gate.decide(head).map(|head| (head, pass))
            });
        }
        let placeholder = Request::new(()).into_parts().0;
        match self.decide(std::mem::replace(head, placeholder)) {
            Ok(admitted) => {
                *head = admitted;
                Entry::Admit(pass)
            }
            Err(reply) => Entry::Refuse(reply),
        }
    }

    fn leave<B>(&self, pass: Arc<str>, response: &mut Response<B>) {
        let names = self.0.users.values().next().map_or("", UserContext::id);
        let value = HeaderValue::try_from(format!("{pass}: {names}")).unwrap();
        response.headers_mut().append(DECIDED_BY, value);
    }

    fn response_headers(&self) -> ResponseHeaders {
        ResponseHeaders::only([DECIDED_BY])
    }
}

impl AuthGate for LookupGate {
    fn credentials(&self) -> CredentialSources {
        self.0.sources.clone()
    }

    fn realm(&self) -> Realm {
        self.0.realm.clone()
    }

    fn presents_ambient(&self, head: &request::Parts) -> bool {
        self.0.reads_certificate && head.extensions.get::<ClientCertificate>().is_some()
    }
}

/// Written by the gate that decided.
const DECIDED_BY: HeaderName = HeaderName::from_static("x-decided-by");
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Reads keys in `X-API-Key`, after `ApiKey`, and after `Bearer` by their prefix.
fn keys() -> LookupGate {
    let sources = [
        CredentialSource::header(API_KEY),
        CredentialSource::scheme("ApiKey"),
        CredentialSource::bearer_with_prefix("acme_live_"),
    ];
    let sources = CredentialSources::new(sources).unwrap();
    LookupGate::new("ApiKey", sources, &[("acme_live_good", "robot")])
}

fn sessions() -> LookupGate {
    let sources = CredentialSources::new([CredentialSource::cookie("session")]).unwrap();
    LookupGate::new("Session", sources, &[("s1", "sue")])
}

fn certificates() -> LookupGate {
    let gate = LookupGate::new("Certificate", CredentialSources::none(), &[("c1", "carl")]);
    gate.changed(|lookup| lookup.reads_certificate = true)
}

/// An app behind `AnyOf` with all four gates. Its handler returns the user's id.
struct App {
    router: Router,
    keys: LookupGate,
    sessions: LookupGate,
    certificates: LookupGate,
    handler_calls: Arc<AtomicUsize>,
}

type AllGates = AnyOf<(JwtAuth, LookupGate, LookupGate, LookupGate)>;

impl App {
    fn new() -> Self {
        Self::with(|auth| auth)
    }

    fn with(change: impl FnOnce(AllGates) -> AllGates) -> Self {
        let (keys, sessions, certificates) = (keys(), sessions(), certificates());
        let tokens = compatible_auth().cookie("token").build().unwrap();
        let gates = (tokens, keys.clone(), sessions.clone(), certificates.clone());
        let auth = change(AnyOf::new(gates).unwrap());
        let handler_calls = Arc::new(AtomicUsize::new(0));
        let router = router(auth, Arc::clone(&handler_calls));
        Self { router, keys, sessions, certificates, handler_calls }
    }

    async fn get(&self, headers: &[(&str, &str)]) -> TestResponse {
        TestResponse::get(&self.router, "/", headers).await
    }

    async fn get_with_certificate(&self, name: &'static str, headers: &[(&str, &str)]) -> TestResponse {
        let request = headers.iter().fold(Request::get("/"), |request, (name, value)| request.header(*name, *value));
        let request = request.extension(ClientCertificate(name));
        TestResponse::send(&self.router, request.body(Body::empty()).unwrap()).await
    }

    /// The lookups of keys, sessions and certificates.
    fn lookups(&self) -> [usize; 3] {
        [self.keys.lookups(), self.sessions.lookups(), self.certificates.lookups()]
    }

    fn handler_calls(&self) -> usize {
        self.handler_calls.load(SeqCst)
    }
}

fn router<G: AuthGates>(auth: AnyOf<G>, handler_calls: Arc<AtomicUsize>) -> Router {
    let handler = async move |user: Option<UserContext>| {
        handler_calls.fetch_add(1, SeqCst);
        user.map_or("anonymous".to_owned(), |user| user.id().to_owned())
    };
    Router::new().route("/", any(handler)).layer(auth)
}

fn bearer() -> String {
    format!("Bearer {}", token(valid_claims().to_string()))
}

/// The status and the body, for requests that a handler responds to.
fn outcome(response: &TestResponse) -> (u16, &str) {
    (response.status.as_u16(), &response.body)
}

/// The status and the code of a rejection.
fn rejection(response: &TestResponse) -> (u16, &'static str) {
    (response.status.as_u16(), response.denial.as_ref().map_or("", Denial::code))
}

fn challenges(response: &TestResponse) -> Vec<&str> {
    response.headers.get_all("www-authenticate").iter().map(|value| value.to_str().unwrap()).collect()
}
