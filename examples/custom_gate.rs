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
use axum::http::{Response, request};
use axum::routing::get;
use portcullis::Principal;
use portcullis::context::{AuthScheme, NoStore, Realm, Visitor};
use portcullis::gate::{CredentialError, Denial, DenialKind, Entry, Gate, Reply};
use portcullis::{ConfigError, RequireScope, Scopes, SecurityHeaders, Stack, UserContext};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;

/// Admits requests whose `x-api-key` header has a known key.
///
/// The server clones the gate together with its service, so the data is behind an `Arc`.
#[derive(Clone)]
struct ApiKeyAuth {
    /// The owners by the SHA-256 digest of their key: a copy of this table is useless to a thief.
    owners: Arc<HashMap<[u8; 32], UserContext>>,
    /// The realm and the scheme `ApiKey`, which the challenge of a rejection names.
    realm: Realm,
}

impl ApiKeyAuth {
    fn owner(&self, head: &request::Parts) -> Result<&UserContext, Denial> {
        let mut keys = head.headers.get_all("x-api-key").iter();
        let owner = match (keys.next(), keys.next()) {
            (None, _) => Err(DenialKind::CredentialsMissing),
            (Some(key), None) => Ok(self.owners.get(&digest(key.as_bytes()))),
            // Several keys: another server might check another one of them.
            _ => Err(DenialKind::InvalidRequest(CredentialError::Multiple)),
        };
        owner
            .and_then(|owner| owner.ok_or(DenialKind::InvalidCredential))
            .map_err(|kind| Denial::new(kind, self.realm.clone()))
    }
}

impl Gate for ApiKeyAuth {
    type Pass = Option<NoStore>;

    fn enter(&self, head: &mut request::Parts) -> Entry<Self::Pass> {
        let owner = match self.owner(head) {
            Ok(owner) => owner.clone(),
            Err(denial) => return Entry::Refuse(Reply::denial(head, denial)),
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
        .with_principal(Principal::Client)
        .with_scopes(Scopes::new(["read:reports"])?);
    let owners = Arc::new(HashMap::from([(digest(key.as_bytes()), robot)]));
    let addr = listener.local_addr()?;
    println!("export API_KEY={key}");
    println!("curl -i http://{addr}/me");
    println!("curl -i http://{addr}/me -H \"x-api-key: $API_KEY\"");
    println!("curl -i http://{addr}/admin -H \"x-api-key: $API_KEY\"");
    Ok(axum::serve(listener, app(ApiKeyAuth { owners, realm })?).await?)
}
