//! npm's oidc-provider, a certified authorization server, as a process on loopback.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// The maximum time to start the server, to generate its keys, or to stop it, on a loaded machine.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The maximum number of attempts to start the server.
const MAX_STARTS: usize = 30;

/// The process of the server. It ends when its standard input closes or when this value is dropped.
pub(crate) struct OidcProvider {
    process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    pub(crate) url: String,
    pub(crate) client_id: String,
    /// The first line that the server has printed.
    settings: Value,
}

impl OidcProvider {
    pub(crate) async fn start() -> Self {
        Self::start_at("0", None).await
    }

    /// Starts the server on this port. Starts it again if it ends at once because another process uses the port.
    pub(crate) async fn start_at(port: &str, keys_file: Option<&str>) -> Self {
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
        let settings: Value = serde_json::from_str(&next_line(&mut output).await?).unwrap();
        let text = |name: &str| settings[name].as_str().unwrap().to_owned();
        let (url, client_id) = (text("issuer"), text("client_id"));
        Some(Self { process, input, output, url, client_id, settings })
    }

    /// Sends a command and waits until the server has executed it.
    pub(crate) async fn command(&mut self, command: &str) {
        self.input.write_all(format!("{command}\n").as_bytes()).await.unwrap();
        let reply: Value = serde_json::from_str(&next_line(&mut self.output).await.unwrap()).unwrap();
        assert_eq!(reply["done"], command);
    }

    pub(crate) async fn quit(mut self) {
        self.command("quit").await;
        assert!(timeout(TIMEOUT, self.process.wait()).await.unwrap().unwrap().success());
    }

    /// Returns a setting that the server has printed.
    pub(crate) fn setting(&self, name: &str) -> &str {
        self.settings[name].as_str().unwrap()
    }

    /// The private key, a JWK, with which a resource server authenticates in this algorithm.
    pub(crate) fn client_key(&self, algorithm: &str) -> String {
        self.settings["client_keys"][algorithm].to_string()
    }

    /// Requests a token for the client itself (client credentials), signed with this algorithm or `opaque`.
    pub(crate) async fn token(&self, format: &str) -> String {
        let form = format!(
            "grant_type=client_credentials&resource=urn%3Aportcullis%3A{format}\
             &scope=read%3Avaluations+write%3Avaluations"
        );
        let response: Value = self.post("token_endpoint", form).await.json().await.unwrap();
        response["access_token"].as_str().unwrap().to_owned()
    }

    /// Revokes an opaque token (RFC 7009).
    pub(crate) async fn revoke(&self, token: &str) {
        self.post("revocation_endpoint", format!("token={token}")).await;
    }

    /// Sends a form as the client to which tokens are issued.
    async fn post(&self, endpoint: &str, form: String) -> reqwest::Response {
        let request = reqwest::Client::new().post(self.setting(endpoint));
        let request = request.basic_auth(&self.client_id, Some(self.setting("client_secret")));
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
        request.send().await.unwrap().error_for_status().unwrap()
    }
}

/// Waits for the server's next line; `None` if the server has ended.
async fn next_line(output: &mut Lines<BufReader<ChildStdout>>) -> Option<String> {
    timeout(TIMEOUT, output.next_line()).await.unwrap().unwrap()
}
