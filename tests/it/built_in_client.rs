//! The HTTP client of the feature `fetch`: TLS, proxies of the environment, and missing certificates.
//!
//! The client reads the environment, so each test runs it in a process of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use portcullis::testing::TestIssuer;
use portcullis::{Issuer, JwtAuth};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The variable with the URL of the keys that the other process fetches.
const URL: &str = "PORTCULLIS_TEST_JWKS_URL";

/// A host that no name server knows, so that only a proxy reaches it.
const HOST: &str = "issuer.test";

#[tokio::test]
#[ignore = "the process that the tests below start"]
async fn fetch_the_keys_of_an_issuer() {
    let Ok(url) = std::env::var(URL) else { return };
    let builder = JwtAuth::builder().issuer(Issuer::jwks("https://issuer.test", url)).audience("api");
    match builder.build() {
        Ok(auth) => println!("fetched: {}", auth.prefetch_keys().await),
        Err(error) => println!("{error}"),
    }
}

/// Runs the test above in a process with these variables, and returns what it prints.
async fn fetch_in_process(url: String, variables: &[(&'static str, String)]) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "built_in_client::fetch_the_keys_of_an_issuer", "--ignored", "--nocapture"]);
    for name in ["ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "REQUEST_METHOD", "SSL_CERT_DIR"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command.env(URL, url).envs(variables.iter().cloned()).stderr(Stdio::null());
    let Output { status, stdout, .. } = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(status.success());
    String::from_utf8(stdout).unwrap()
}

/// A self-signed certificate for [`HOST`] and `localhost`, with its key.
struct Certificate(PathBuf);

impl Certificate {
    fn create(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let created = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
            .args(["-subj", "/CN=test", "-addext", &format!("subjectAltName=DNS:{HOST},DNS:localhost")])
            .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", "key.pem", "-out", "certificate.pem"])
            .current_dir(&folder)
            .output()
            .unwrap();
        assert!(created.status.success(), "{created:?}");
        Self(folder)
    }

    fn path(&self) -> String {
        self.0.join("certificate.pem").to_str().unwrap().to_owned()
    }

    fn acceptor(&self) -> TlsAcceptor {
        let certificate = CertificateDer::from_pem_file(self.path()).unwrap();
        let key = PrivateKeyDer::from_pem_file(self.0.join("key.pem")).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// Starts a server that accepts TLS connections and forwards them to the issuer. Returns its port.
async fn serve_tls(certificate: &Certificate, issuer: &TestIssuer) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = certificate.acceptor();
    let issuer = issuer.url().strip_prefix("http://").unwrap().to_owned();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that does not trust the certificate closes the connection.
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let mut inner = TcpStream::connect(&issuer).await.unwrap();
                let _ = copy_bidirectional(&mut stream, &mut inner).await;
            }
        }
    });
    port
}

/// Starts a proxy that tunnels every connection to this port. Returns its port and the requests it receives.
async fn start_proxy(target: u16) -> (u16, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, requests) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            sender.send(String::from_utf8(request).unwrap()).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            let mut inner = TcpStream::connect(("127.0.0.1", target)).await.unwrap();
            let _ = copy_bidirectional(&mut stream, &mut inner).await;
        }
    });
    (port, requests)
}

#[tokio::test]
async fn keys_are_fetched_over_tls_from_a_server_whose_certificate_the_platform_trusts() {
    let issuer = TestIssuer::start().await.unwrap();
    let certificate = Certificate::create("tls");
    let port = serve_tls(&certificate, &issuer).await;
    let url = format!("https://localhost:{port}/jwks");
    let output = fetch_in_process(url.clone(), &[("SSL_CERT_FILE", certificate.path())]).await;
    assert!(output.contains("fetched: true"), "{output}");
    // The certificate is for the name, not for the address.
    let by_address = url.replace("localhost", "127.0.0.1");
    let output = fetch_in_process(by_address, &[("SSL_CERT_FILE", certificate.path())]).await;
    assert!(output.contains("fetched: false"), "{output}");
    let other = Certificate::create("other");
    let output = fetch_in_process(url, &[("SSL_CERT_FILE", other.path())]).await;
    assert!(output.contains("fetched: false"), "{output}");
    assert_eq!(issuer.fetch_count(), 1);
}

#[tokio::test]
async fn an_https_issuer_is_reached_through_a_tunnel_of_the_proxy_in_the_environment() {
    let issuer = TestIssuer::start().await.unwrap();
    let certificate = Certificate::create("tunnel");
    let (proxy, mut requests) = start_proxy(serve_tls(&certificate, &issuer).await).await;
    let variables =
        [("SSL_CERT_FILE", certificate.path()), ("HTTPS_PROXY", format!("http://ann:secret@127.0.0.1:{proxy}"))];
    let output = fetch_in_process(format!("https://{HOST}/jwks"), &variables).await;
    assert!(output.contains("fetched: true"), "{output}");
    let request = requests.recv().await.unwrap().to_lowercase();
    assert!(request.starts_with("connect issuer.test:443 http/1.1\r\n"), "{request}");
    assert!(request.contains("proxy-authorization: basic yw5uonnly3jlda=="), "{request}");
}

#[tokio::test]
async fn a_proxy_in_the_environment_is_not_used_for_an_issuer_on_loopback() {
    let issuer = TestIssuer::start().await.unwrap();
    // Nothing listens on this port.
    let proxy = "http://127.0.0.1:9".to_owned();
    let variables = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"].map(|name| (name, proxy.clone()));
    let output = fetch_in_process(issuer.jwks_url(), &variables).await;
    assert!(output.contains("fetched: true"), "{output}");
}

#[tokio::test]
async fn build_reports_missing_certificates_of_the_platform() {
    let missing = "/nonexistent".to_owned();
    let variables = [("SSL_CERT_FILE", missing.clone()), ("SSL_CERT_DIR", missing)];
    let output = fetch_in_process(format!("https://{HOST}/jwks"), &variables).await;
    let expected = "http_client: the HTTP client cannot load the platform's CA certificates: ";
    assert_eq!(output.matches(expected).count(), 1, "{output}");
    assert!(
        output.contains("; install them (the package ca-certificates on Linux), or call .http_client(..)"),
        "{output}"
    );
}
