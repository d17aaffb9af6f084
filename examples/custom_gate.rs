//! A custom gate that authenticates requests by API key.
//!
//! Run `cargo run --example custom_gate`; `PORT=3001` selects another port. It prints a key to
//! export in a second terminal, and `curl` commands to run there.
//!
//! The gate puts the owner of the key into the request's extensions. So extractors, `Require*`
//! layers and `RateLimit` work as they do behind `JwtAuth`.

use std::collections::HashMap;
use std::env;
use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderName, Response, request};
use axum::routing::get;
use portcullis::Principal;
use portcullis::context::{AuthScheme, Credential, NoStore, Realm, Visitor};
use portcullis::gate::{AuthGate, CredentialSource, CredentialSources};
use portcullis::gate::{Denial, DenialKind, Entry, Gate, Reply};
use portcullis::{ConfigError, RequireScope, Scopes, SecurityHeaders, Stack, UserContext};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;

/// Admits requests with a known key, in the `x-api-key` header or after the scheme `ApiKey`.
///
/// The server clones the gate together with its service, so the data is behind an `Arc`.
#[derive(Clone)]
struct ApiKeyAuth(Arc<ApiKeys>);

struct ApiKeys {
    /// Where a request has its key.
    sources: CredentialSources,
    /// The realm and the scheme `ApiKey`, which the challenge of a rejection names.
    realm: Realm,
    /// The owners by the SHA-256 digest of their key: a copy of this table is useless to a thief.
    owners: HashMap<[u8; 32], UserContext>,
}

impl ApiKeyAuth {
    /// Several keys are an error: another server might check another one of them.
    fn owner(&self, head: &mut request::Parts) -> Result<UserContext, DenialKind> {
        let key = self.0.sources.read(&mut head.headers).map_err(DenialKind::InvalidRequest)?;
        let key = key.ok_or(DenialKind::CredentialsMissing)?;
        let owner = self.0.owners.get(&digest(key.as_bytes()));
        owner.cloned().ok_or(DenialKind::InvalidCredential)
    }
}

impl Gate for ApiKeyAuth {
    type Pass = Option<NoStore>;

    fn enter(&self, head: &mut request::Parts) -> Entry<Self::Pass> {
        let owner = match self.owner(head) {
            Ok(owner) => owner,
            Err(kind) => {
                let denial = Denial::new(kind, self.0.realm.clone());
                return Entry::Refuse(Reply::denial(head, denial));
            }
        };
        // `SecurityHeaders` marks requests whose responses to users must not be cached.
        let no_store = head.extensions.get().copied();
        head.extensions.insert(Visitor::authenticated(owner));
        Entry::Admit(no_store)
    }

    fn leave<B>(&self, no_store: Self::Pass, response: &mut Response<B>) {
        if let Some(no_store) = no_store {
            no_store.write(response.headers_mut());
        }
    }
}

/// Lets the gate take part in `AnyOf`, beside `JwtAuth` for example.
impl AuthGate for ApiKeyAuth {
    fn credentials(&self) -> CredentialSources {
        self.0.sources.clone()
    }

    fn realm(&self) -> Realm {
        self.0.realm.clone()
    }
}

/// Unlike a password, a key is random and long, so it needs no slow hash.
fn digest(key: &[u8]) -> [u8; 32] {
    Sha256::digest(key).into()
}

fn app(auth: ApiKeyAuth) -> Result<Router, ConfigError> {
    let headers = SecurityHeaders::api().build()?;
    let stack = Stack::builder().security_headers(headers).authenticate(auth).build()?;
    let admin = get(|| async { "admin\n" }).layer(RequireScope::new("admin")?);
    Ok(Router::new().route("/me", get(me)).route("/admin", admin).layer(stack))
}

async fn me(user: UserContext) -> String {
    format!("{}\n", user.id())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    // A real app shows a key once, when it is created, and stores its digest in the database.
    let key = format!("{:016x}{:016x}", getrandom::u64()?, getrandom::u64()?);
    let realm = Realm::default().with_schemes([AuthScheme::new("ApiKey")?]);
    let robot = UserContext::new("robot")
        // Its rejections, such as a missing scope, have the same challenge.
        .with_realm(realm.clone())
        // Distinguishes this id from the same id of a token.
        .with_issuer("api-keys")
        .with_credential(Credential::ApiKey)
        .with_principal(Principal::Client)
        .with_scopes(Scopes::new(["read:reports"])?);
    let owners = HashMap::from([(digest(key.as_bytes()), robot)]);
    let sources = CredentialSources::new([
        CredentialSource::header(HeaderName::from_static("x-api-key")),
        CredentialSource::scheme("ApiKey"),
    ])?;
    let auth = ApiKeyAuth(Arc::new(ApiKeys { sources, realm, owners }));
    let addr = listener.local_addr()?;
    println!("export API_KEY={key}");
    println!("curl -i http://{addr}/me");
    println!("curl -i http://{addr}/me -H \"x-api-key: $API_KEY\"");
    println!("curl -i http://{addr}/admin -H \"x-api-key: $API_KEY\"");
    Ok(axum::serve(listener, app(auth)?).await?)
}
