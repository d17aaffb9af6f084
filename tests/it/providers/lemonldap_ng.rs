//! Debian's LemonLDAP::NG, an OpenID provider in Perl: tokens of clients and users through discovery, and key rotation.

use std::fs;
use std::path::Path;
use std::process::Command;

use axum::http::StatusCode;
use portcullis::{Issuer, Profile};
use serde_json::{Value, json};

use super::loopback_server::{LoopbackServer, openssl};
use super::{AUDIENCE, TestApp, accepted_user, with_unknown_kid};

/// The portal as a PSGI app. The captcha is replaced because its default needs ImageMagick, even if it is not shown.
const PORTAL: &str = "use strict;
use Lemonldap::NG::Portal::Main;
{
    package Lemonldap::NG::Portal::Captcha::None;
    use Mouse;
    extends 'Lemonldap::NG::Portal::Main::Plugin';
    sub init { 1 }
    $INC{'Lemonldap/NG/Portal/Captcha/None.pm'} = __FILE__;
}
Lemonldap::NG::Portal::Main->run({});
";

struct LemonLdap(LoopbackServer);

impl LemonLdap {
    /// Starts a portal with its demonstration users, and the client `service`.
    fn start() -> Self {
        Self(LoopbackServer::start("lemonldap-ng", |folder, port| {
            configure(folder, port, 1);
            command(folder, port)
        }))
    }

    /// Replaces the key, and publishes the new one only.
    fn replace_key(&mut self) {
        configure(self.0.folder(), self.0.port(), 2);
        let command = command(self.0.folder(), self.0.port());
        self.0.restart(command);
    }

    /// The issuer sends `typ: JWT`.
    fn issuer(&self) -> Issuer {
        Issuer::discover(self.0.url()).profile(Profile::Compatible)
    }

    async fn token(&self, grant: &[(&str, &str)]) -> String {
        let request = reqwest::Client::new().post(format!("{}/oauth2/token", self.0.url()));
        let response = request.basic_auth("service", Some("secret")).form(grant).send().await.unwrap();
        let response = response.error_for_status().unwrap();
        response.json::<Value>().await.unwrap()["access_token"].as_str().unwrap().to_owned()
    }

    async fn client_token(&self) -> String {
        self.token(&[("grant_type", "client_credentials"), ("scope", "read:valuations")]).await
    }
}

/// Writes the configuration of this number, with a new key.
fn configure(folder: &Path, port: u16, number: u32) {
    let key = openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "");
    let public_key = openssl(&["pkey", "-pubout"], &key);
    let directory = |name: &str| {
        let directory = folder.join(name);
        fs::create_dir_all(&directory).unwrap();
        directory
    };
    let sessions = json!({ "Directory": directory("sessions"), "LockDirectory": directory("lock") });
    let client = json!({
        "oidcRPMetaDataOptionsClientID": "service", "oidcRPMetaDataOptionsClientSecret": "secret",
        "oidcRPMetaDataOptionsAllowClientCredentialsGrant": 1, "oidcRPMetaDataOptionsAllowPasswordGrant": 1,
        "oidcRPMetaDataOptionsAccessTokenJWT": 1, "oidcRPMetaDataOptionsAccessTokenSignAlg": "RS256",
        "oidcRPMetaDataOptionsIDTokenSignAlg": "RS256", "oidcRPMetaDataOptionsAdditionalAudiences": AUDIENCE,
        "oidcRPMetaDataOptionsAccessTokenExpiration": 3600,
    });
    let url = format!("http://127.0.0.1:{port}");
    let configuration = json!({
        "cfgNum": number, "cfgAuthor": "test", "cfgDate": 1, "cfgLog": "", "domain": "127.0.0.1",
        "portal": format!("{url}/"), "key": "0123456789abcdef", "authentication": "Demo", "userDB": "Same",
        "passwordDB": "Demo", "registerDB": "Null", "securedCookie": 0, "cookieName": "lemonldap",
        "globalStorage": "Apache::Session::File", "globalStorageOptions": sessions,
        "persistentStorage": "Apache::Session::File", "persistentStorageOptions": sessions,
        "locationRules": { "127.0.0.1": { "default": "accept" } }, "captcha": "::Captcha::None",
        "issuerDBOpenIDConnectActivation": 1, "issuerDBOpenIDConnectPath": "^/oauth2/",
        "issuerDBOpenIDConnectRule": 1, "oidcServiceMetaDataIssuer": url, "oidcServicePrivateKeySig": key,
        "oidcServicePublicKeySig": public_key, "oidcServiceKeyIdSig": format!("key-{number}"),
        "oidcServiceMetaDataAuthorizeURI": "authorize", "oidcServiceMetaDataTokenURI": "token",
        "oidcServiceMetaDataJWKSURI": "jwks", "oidcRPMetaDataExportedVars": { "service": {} },
        "oidcRPMetaDataOptions": { "service": client },
        "oidcRPMetaDataScopeRules": { "service": { "read:valuations": "1" } },
    });
    let configurations = directory("configurations");
    fs::write(configurations.join(format!("lmConf-{number}.json")), configuration.to_string()).unwrap();
    let ini = format!(
        "[all]\nlogLevel=error\nlogger=Lemonldap::NG::Common::Logger::Std\n\
         userLogger=Lemonldap::NG::Common::Logger::Std\nlocalSessionStorage=\n[configuration]\ntype=File\ndirName={}\n\
         [portal]\nlanguages=en\ntemplateDir=/usr/share/lemonldap-ng/portal/templates\nportalSkin=bootstrap\n",
        configurations.display()
    );
    fs::write(folder.join("lemonldap-ng.ini"), ini).unwrap();
    fs::write(folder.join("portal.psgi"), PORTAL).unwrap();
}

fn command(folder: &Path, port: u16) -> Command {
    let mut command = Command::new("plackup");
    command.args(["--host", "127.0.0.1", "--port", &port.to_string(), "-E", "deployment"]);
    command.arg(folder.join("portal.psgi")).env("LLNG_DEFAULTCONFFILE", folder.join("lemonldap-ng.ini"));
    command
}

#[tokio::test]
#[ignore = "needs lemonldap-ng: run tests/run"]
async fn lemonldap_ng_tokens_of_clients_and_users_are_accepted() {
    let portal = LemonLdap::start();
    let app = TestApp::trusting(portal.issuer());
    let client = accepted_user(&app, &portal.client_token().await).await;
    let ids = json!({ "id": "service", "issuer": portal.0.url(), "client_id": "service" });
    assert_eq!(client, json!({ "user": ids, "is_client": true, "scopes": [true, false] }));

    let password =
        [("grant_type", "password"), ("username", "dwho"), ("password", "dwho"), ("scope", "openid read:valuations")];
    let user = accepted_user(&app, &portal.token(&password).await).await;
    let ids = json!({ "id": "dwho", "issuer": portal.0.url(), "client_id": "service" });
    assert_eq!(user, json!({ "user": ids, "is_client": false, "scopes": [true, false] }));
}

#[tokio::test]
#[ignore = "needs lemonldap-ng: run tests/run"]
async fn lemonldap_ng_key_that_was_replaced_is_rejected_and_the_new_one_is_accepted_on_its_first_use() {
    let mut portal = LemonLdap::start();
    let app = TestApp::trusting(portal.issuer());
    let old = portal.client_token().await;
    assert_eq!(app.status_for(&old).await, StatusCode::OK);
    portal.replace_key();
    let new = portal.client_token().await;
    assert_eq!(app.status_for(&new).await, StatusCode::OK);
    assert_eq!(app.status_for(&old).await, StatusCode::UNAUTHORIZED);
    assert_eq!(app.status_for(&with_unknown_kid(&new)).await, StatusCode::UNAUTHORIZED);
}
