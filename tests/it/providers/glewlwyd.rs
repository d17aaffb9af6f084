//! Debian's glewlwyd, an OpenID provider in C: access tokens of RFC 9068 through discovery, and key rotation.

use std::fs;
use std::path::Path;
use std::process::Command;

use axum::http::StatusCode;
use portcullis::Issuer;
use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::loopback_server::{LoopbackServer, openssl};
use super::{AUDIENCE, TestApp, accepted_user, with_unknown_kid};

/// The tables of an empty database, and an administrator.
const SCHEMA: &str = "/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3";

struct Glewlwyd {
    server: LoopbackServer,
    client: Client,
    session: String,
}

impl Glewlwyd {
    /// Starts a server with the plugin `oidc`, the scopes `read:valuations` and `other`, and the client `service`.
    async fn start() -> Self {
        let server = LoopbackServer::start("glewlwyd", command);
        let client = Client::new();
        let login = json!({ "username": "admin", "password": "password" });
        let response = client.post(format!("{}/api/auth/", server.url())).json(&login).send().await.unwrap();
        let response = response.error_for_status().unwrap();
        let cookie = response.headers()["set-cookie"].to_str().unwrap();
        let session = cookie.split(';').next().unwrap().to_owned();
        let glewlwyd = Self { server, client, session };
        glewlwyd.administer(Method::POST, "mod/plugin/", &glewlwyd.plugin()).await;
        for scope in ["read:valuations", "other"] {
            let scope = json!({ "name": scope, "display_name": scope, "password_required": false });
            glewlwyd.administer(Method::POST, "scope/", &scope).await;
        }
        let service = json!({
            "client_id": "service", "name": "service", "confidential": true, "enabled": true, "client_secret": "secret",
            "scope": ["read:valuations", "other"], "authorization_type": ["client_credentials"],
            "redirect_uri": ["http://127.0.0.1/"], "token_endpoint_auth_method": ["client_secret_basic"],
        });
        glewlwyd.administer(Method::POST, "client/", &service).await;
        glewlwyd
    }

    fn issuer(&self) -> String {
        format!("{}/api/oidc", self.server.url())
    }

    /// The settings of the OpenID Connect plugin, with a new key.
    fn plugin(&self) -> Value {
        let key = openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "");
        let public_key = openssl(&["pkey", "-pubout"], &key);
        let parameters = json!({
            "iss": self.issuer(), "key": key, "cert": public_key, "jwt-type": "ecdsa", "jwt-key-size": "256",
            "jwks-show": true, "access-token-duration": 3600, "refresh-token-duration": 3600, "code-duration": 600,
            "allow-non-oidc": true, "auth-type-client-enabled": true, "auth-type-code-enabled": true,
            "subject-type": "public", "resource-allowed": true,
            "resource-scope": { "read:valuations": [AUDIENCE], "other": ["https://other.example.com"] },
        });
        json!({ "module": "oidc", "name": "oidc", "display_name": "OIDC", "parameters": parameters })
    }

    /// Replaces the key, and publishes the new one only.
    async fn replace_key(&self) {
        self.administer(Method::PUT, "mod/plugin/oidc", &self.plugin()).await;
        for action in ["disable", "enable"] {
            self.administer(Method::PUT, &format!("mod/plugin/oidc/{action}/"), &Value::Null).await;
        }
    }

    async fn administer(&self, method: Method, path: &str, body: &Value) {
        let request = self.client.request(method, format!("{}/api/{path}", self.server.url()));
        let response = request.header("cookie", &self.session).json(body).send().await.unwrap();
        let status = response.status();
        assert!(status.is_success(), "{path}: {status} {}", response.text().await.unwrap());
    }

    /// Requests a token for the client itself (client credentials).
    async fn token(&self, scope: &str, audience: &str) -> String {
        let form = [("grant_type", "client_credentials"), ("scope", scope), ("resource", audience)];
        let request = self.client.post(format!("{}/token", self.issuer())).basic_auth("service", Some("secret"));
        let response = request.form(&form).send().await.unwrap().error_for_status().unwrap();
        response.json::<Value>().await.unwrap()["access_token"].as_str().unwrap().to_owned()
    }
}

/// The command that starts a server with an empty database.
fn command(folder: &Path, port: u16) -> Command {
    let database = folder.join("database");
    let created = Command::new("sqlite3").arg(&database).arg(format!(".read {SCHEMA}")).status().unwrap();
    assert!(created.success());
    let modules = "/usr/lib/glewlwyd";
    let configuration = format!(
        "port={port}\nbind_address=\"127.0.0.1\"\nexternal_url=\"http://127.0.0.1:{port}/\"\nlogin_url=\"login.html\"\n\
         api_prefix=\"api\"\nlog_mode=\"console\"\nlog_level=\"WARNING\"\ncookie_domain=\"127.0.0.1\"\ncookie_secure=0\n\
         session_expiration=3600\nsession_key=\"session\"\nadmin_scope=\"g_admin\"\nprofile_scope=\"g_profile\"\n\
         user_module_path=\"{modules}/user\"\nuser_middleware_module_path=\"{folder}\"\n\
         client_module_path=\"{modules}/client\"\nuser_auth_scheme_module_path=\"{modules}/scheme\"\n\
         plugin_module_path=\"{modules}/plugin\"\nhash_algorithm=\"SHA512\"\n\
         database={{type=\"sqlite3\" path=\"{database}\"}};\n",
        folder = folder.display(),
        database = database.display(),
    );
    let file = folder.join("glewlwyd.conf");
    fs::write(&file, configuration).unwrap();
    let mut command = Command::new("glewlwyd");
    command.arg("-c").arg(file);
    command
}

#[tokio::test]
#[ignore = "needs glewlwyd: run tests/run"]
async fn glewlwyd_token_is_accepted_for_its_audience_only() {
    let glewlwyd = Glewlwyd::start().await;
    let app = TestApp::trusting(Issuer::discover(glewlwyd.issuer()));
    let user = accepted_user(&app, &glewlwyd.token("read:valuations", AUDIENCE).await).await;
    let ids = json!({ "id": "service", "issuer": glewlwyd.issuer(), "client_id": "service" });
    assert_eq!(user, json!({ "user": ids, "is_client": true, "scopes": [true, false] }));
    let other = glewlwyd.token("other", "https://other.example.com").await;
    assert_eq!(app.status_for(&other).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
#[ignore = "needs glewlwyd: run tests/run"]
async fn glewlwyd_key_that_was_replaced_is_rejected_and_the_new_one_is_accepted_on_its_first_use() {
    let glewlwyd = Glewlwyd::start().await;
    let app = TestApp::trusting(Issuer::discover(glewlwyd.issuer()));
    let old = glewlwyd.token("read:valuations", AUDIENCE).await;
    assert_eq!(app.status_for(&old).await, StatusCode::OK);
    glewlwyd.replace_key().await;
    let new = glewlwyd.token("read:valuations", AUDIENCE).await;
    assert_eq!(app.status_for(&new).await, StatusCode::OK);
    assert_eq!(app.status_for(&old).await, StatusCode::UNAUTHORIZED);
    assert_eq!(app.status_for(&with_unknown_kid(&new)).await, StatusCode::UNAUTHORIZED);
}
