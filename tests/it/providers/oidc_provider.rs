//! npm's oidc-provider, a certified authorization server: tokens, key rotation and outages.

use std::process::Stdio;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use portcullis::{Issuer, JwtAuth};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;
use tower::ServiceExt;

use super::{TestApp, with_unknown_kid};

/// The maximum time to start the server, to generate its keys, or to stop it, on a loaded machine.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The maximum number of attempts to start the server.
const MAX_STARTS: usize = 30;

/// The process of the server. It ends when its standard input closes or when this value is dropped.
struct Server {
    process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    url: String,
    token_endpoint: String,
    client_id: String,
    client_secret: String,
}

impl Server {
    async fn start() -> Self {
        Self::start_at("0", None).await
    }

    /// Starts the server on this port. Starts it again if it ends at once because another process uses the port.
    async fn start_at(port: &str, keys_file: Option<&str>) -> Self {
        for _ in 0..MAX_STARTS {
            if let Some(server) = Self::try_start_at(port, keys_file).await {
                return server;
            }
        }
        panic!("the server does not start on port {port}");
    }

    /// Starts the server, and returns it once it listens; `None` if it ends without listening.
    async fn try_start_at(port: &str, keys_file: Option<&str>) -> Option<Self> {
        let node = std::env::var("PORTCULLIS_NODE").unwrap_or_else(|_| "node".to_owned());
        let mut command = Command::new(node);
        command.args([concat!(env!("CARGO_MANIFEST_DIR"), "/tests/issuer/server.mjs"), port]);
        if let Some(file) = keys_file {
            command.env("ISSUER_KEYS_FILE", file);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        let input = process.stdin.take().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
        let first: Value = serde_json::from_str(&next_line(&mut output).await?).unwrap();
        let text = |name: &str| first[name].as_str().unwrap().to_owned();
        let (url, token_endpoint) = (text("issuer"), text("token_endpoint"));
        let (client_id, client_secret) = (text("client_id"), text("client_secret"));
        Some(Self { process, input, output, url, token_endpoint, client_id, client_secret })
    }

    /// Sends a command and waits until the server has executed it.
    async fn command(&mut self, command: &str) {
        self.input.write_all(format!("{command}\n").as_bytes()).await.unwrap();
        let reply: Value = serde_json::from_str(&next_line(&mut self.output).await.unwrap()).unwrap();
        assert_eq!(reply["done"], command);
    }

    async fn quit(mut self) {
        self.command("quit").await;
        assert!(timeout(TIMEOUT, self.process.wait()).await.unwrap().unwrap().success());
    }

    /// Requests a token for the client itself (client credentials), signed with this algorithm.
    async fn token(&self, algorithm: &str) -> String {
        let form = format!(
            "grant_type=client_credentials&resource=urn%3Aportcullis%3A{algorithm}\
             &scope=read%3Avaluations+write%3Avaluations"
        );
        let request = reqwest::Client::new().post(&self.token_endpoint);
        let request = request.basic_auth(&self.client_id, Some(&self.client_secret));
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
        let response: Value = request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap();
        response["access_token"].as_str().unwrap().to_owned()
    }
}

/// Waits for the server's next line; `None` if the server has ended.
async fn next_line(output: &mut Lines<BufReader<ChildStdout>>) -> Option<String> {
    timeout(TIMEOUT, output.next_line()).await.unwrap().unwrap()
}

#[tokio::test]
#[ignore = "needs node: run tests/run"]
async fn client_token_is_accepted_in_every_algorithm() {
    let server = Server::start().await;
    let app = TestApp::trusting(Issuer::discover(&*server.url));
    for algorithm in ["rs256", "es256", "eddsa", "ed25519"] {
        let (status, body) = app.send_token(&server.token(algorithm).await).await;
        assert_eq!(status, StatusCode::OK, "{algorithm}: {body}");
        let id = &server.client_id;
        let user_ids = json!({ "id": id, "issuer": server.url, "client_id": id });
        let expected = json!({ "user": user_ids, "is_client": true, "scopes": [true, true] });
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), expected, "{algorithm}");
    }
    server.quit().await;
}

#[tokio::test]
#[ignore = "needs node: run tests/run"]
async fn token_for_another_audience_is_rejected() {
    let server = Server::start().await;
    let auth = JwtAuth::builder().issuer(Issuer::discover(&*server.url)).audience("https://other.example.com");
    let router = Router::new().route("/", get(async || ())).layer(auth.build().unwrap());
    let bearer = format!("Bearer {}", server.token("rs256").await);
    let request = Request::get("/").header("authorization", bearer).body(Body::empty()).unwrap();
    assert_eq!(router.oneshot(request).await.unwrap().status(), StatusCode::UNAUTHORIZED);
    server.quit().await;
}

#[tokio::test]
#[ignore = "needs node: run tests/run"]
async fn rotated_key_is_accepted_on_its_first_use_and_the_old_key_stays_valid() {
    let mut server = Server::start().await;
    let app = TestApp::trusting(Issuer::discover(&*server.url));
    let old = server.token("es256").await;
    assert_eq!(app.status_for(&old).await, StatusCode::OK);
    server.command("rotate").await;
    let new = server.token("es256").await;
    assert_eq!(app.status_for(&new).await, StatusCode::OK);
    assert_eq!(app.status_for(&old).await, StatusCode::OK);
    server.quit().await;
}

#[tokio::test]
#[ignore = "needs node: run tests/run"]
async fn withdrawn_key_is_rejected_after_a_refresh() {
    let mut server = Server::start().await;
    let app = TestApp::trusting(Issuer::discover(&*server.url));
    let old = server.token("rs256").await;
    assert_eq!(app.status_for(&old).await, StatusCode::OK);
    server.command("rotate").await;
    server.command("withdraw").await;
    assert_eq!(app.status_for(&old).await, StatusCode::OK, "the cached keys are not stale yet");
    app.age_keys(661);
    // The request with the unknown kid waits for the refresh, which is due.
    assert_eq!(app.status_for(&with_unknown_kid(&old)).await, StatusCode::UNAUTHORIZED);
    assert_eq!(app.status_for(&old).await, StatusCode::UNAUTHORIZED);
    assert_eq!(app.status_for(&server.token("rs256").await).await, StatusCode::OK);
    server.quit().await;
}

#[tokio::test]
#[ignore = "needs node: run tests/run"]
async fn running_app_survives_an_issuer_outage_and_a_new_app_recovers_after_it() {
    let folder = std::env::temp_dir().join(format!("portcullis-issuer-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("keys.json");
    let file = file.to_str().unwrap();
    let server = Server::start_at("0", Some(file)).await;
    let url = server.url.clone();
    let app = TestApp::trusting(Issuer::discover(&*url));
    let token = server.token("eddsa").await;
    assert_eq!(app.status_for(&token).await, StatusCode::OK);
    server.quit().await;

    assert_eq!(app.status_for(&token).await, StatusCode::OK, "with the cached keys");
    assert_eq!(app.status_for(&with_unknown_kid(&token)).await, StatusCode::SERVICE_UNAVAILABLE, "the key may exist");
    app.age_keys(661);
    assert_eq!(app.status_for(&token).await, StatusCode::OK, "with stale keys");

    let new_app = TestApp::trusting(Issuer::discover(&*url));
    assert_eq!(new_app.status_for(&token).await, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!new_app.auth.is_ready() && app.auth.is_ready());

    let server = Server::start_at(url.rsplit_once(':').unwrap().1, Some(file)).await;
    assert_eq!(server.url, url);
    new_app.age_keys(2);
    for token in [token, server.token("eddsa").await] {
        assert_eq!(new_app.status_for(&token).await, StatusCode::OK);
        assert_eq!(app.status_for(&token).await, StatusCode::OK);
    }
    server.quit().await;
    std::fs::remove_dir_all(folder).unwrap();
}
