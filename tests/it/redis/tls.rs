//! TLS to a real server whose certificate is issued by a certificate authority of the test.

#[cfg(feature = "redis_tls")]
mod server {
    use std::fs;
    use std::path::PathBuf;
    use std::process::Command;

    use ::redis::{Client, ClientTlsConfig, TlsCertificates};
    use portcullis::RateLimit;
    use portcullis::rate_limit::{OutagePolicy, RedisStore, Subject};
    use tokio::time::pause;

    use crate::support::limited_app::{by_header, hourly};
    use crate::support::log_capture::LogCapture;
    use crate::support::redis_server::{Server, closed_port};
    use crate::support::test_store::LONG_DEADLINE;

    /// A folder with `ca.pem`, and `server.pem` and `client.pem` with their keys. Removed on drop.
    struct Certificates(PathBuf);

    impl Certificates {
        fn create() -> Self {
            let folder = std::env::temp_dir().join(format!("portcullis-tls-{}", closed_port()));
            fs::create_dir(&folder).unwrap();
            let certificates = Self(folder);
            certificates.openssl("req -x509 -subj /CN=Test-CA -days 2 -keyout ca.key -out ca.pem");
            for (name, usage) in [("server", "serverAuth"), ("client", "clientAuth")] {
                let extensions = format!("subjectAltName=DNS:localhost\nextendedKeyUsage={usage}\n");
                fs::write(certificates.path("extensions"), extensions).unwrap();
                certificates.openssl(&format!("req -subj /CN={name} -keyout {name}.key -out {name}.csr"));
                let sign = format!(
                    "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions \
                     -out {name}.pem"
                );
                certificates.openssl(&sign);
            }
            certificates
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.join(name)
        }

        fn read(&self, name: &str) -> Vec<u8> {
            fs::read(self.path(name)).unwrap()
        }

        fn openssl(&self, arguments: &str) {
            let mut command = Command::new("openssl");
            command.current_dir(&self.0).args(arguments.split(' '));
            if arguments.starts_with("req ") {
                command.args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
            }
            let output = command.output().expect("openssl starts");
            assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
        }

        /// Starts a server. `auth_clients` is its setting `tls-auth-clients`. Returns it with its TLS port.
        fn server(&self, auth_clients: &str) -> (Server, u16) {
            let tls_port = closed_port();
            let file = |name: &str| self.path(name).to_str().unwrap().to_owned();
            let arguments = [
                ("--tls-port", tls_port.to_string()),
                ("--tls-cert-file", file("server.pem")),
                ("--tls-key-file", file("server.key")),
                ("--tls-ca-cert-file", file("ca.pem")),
                ("--tls-auth-clients", auth_clients.to_owned()),
            ];
            let arguments: Vec<_> = arguments.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect();
            (Server::start_with(&arguments), tls_port)
        }

        fn store(&self, url: &str, has_client_certificate: bool) -> RedisStore {
            let client_tls = has_client_certificate
                .then(|| ClientTlsConfig { client_cert: self.read("client.pem"), client_key: self.read("client.key") });
            let certificates = TlsCertificates { client_tls, root_cert: Some(self.read("ca.pem")) };
            RedisStore::from_client(Client::build_with_tls(url, certificates).unwrap()).deadline(LONG_DEADLINE)
        }
    }

    impl Drop for Certificates {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn limit(store: RedisStore) -> RateLimit {
        let limit = hourly("limit", 100).on_outage(OutagePolicy::FailClosed);
        RateLimit::builder().limit(limit).key(by_header("x-user")).store(store).build().unwrap()
    }

    async fn is_admitted(limit: &RateLimit) -> bool {
        limit.check(&Subject::custom("ann"), 1).await.is_ok()
    }

    #[tokio::test]
    #[ignore = "needs redis-server: run tests/run"]
    async fn a_private_certificate_authority_and_a_client_certificate_are_supported() {
        let certificates = Certificates::create();
        for (auth_clients, has_client_certificate) in [("no", false), ("yes", true)] {
            let (server, port) = certificates.server(auth_clients);
            let store = certificates.store(&format!("rediss://localhost:{port}/"), has_client_certificate);
            let limit = limit(store);
            assert!(is_admitted(&limit).await && is_admitted(&limit).await, "{auth_clients}");
            assert_eq!(server.command(&["DBSIZE"]), "1");
        }
    }

    #[tokio::test]
    #[ignore = "needs redis-server: run tests/run"]
    async fn a_failed_handshake_is_an_outage_and_the_log_says_that_it_is_about_tls() {
        let certificates = Certificates::create();
        let (_server, port) = certificates.server("no");
        let (_strict, strict_port) = certificates.server("yes");
        let localhost = |port: u16| format!("rediss://localhost:{port}/");
        let cases = [
            ("authority", RedisStore::connect(&localhost(port)).unwrap().deadline(LONG_DEADLINE)),
            ("host name", certificates.store(&format!("rediss://127.0.0.1:{port}/"), false)),
            ("client certificate", certificates.store(&localhost(strict_port), false)),
        ];
        for (case, store) in cases {
            let log = LogCapture::start();
            let limit = limit(store);
            for _ in 0..4 {
                assert!(!is_admitted(&limit).await, "{case}");
            }
            assert!(log.count("check that the port is the server's TLS port") == 1, "{case}: {}", log.text());
            assert_eq!(log.count(" WARN "), 1, "{case}: {}", log.text());
        }
    }

    #[tokio::test]
    #[ignore = "needs redis-server: run tests/run"]
    async fn a_port_without_tls_does_not_respond_and_the_log_says_that_it_is_about_tls() {
        let server = Server::start();
        let certificates = Certificates::create();
        let log = LogCapture::start();
        let limit = limit(certificates.store(&format!("rediss://localhost:{}/", server.port()), false));
        pause();
        for _ in 0..4 {
            assert!(!is_admitted(&limit).await);
        }
        assert_eq!(log.count("check that the port is the server's TLS port"), 1, "{}", log.text());
    }

    #[tokio::test]
    #[ignore = "needs redis-server: run tests/run"]
    async fn a_tls_port_without_tls_is_logged_with_a_hint_at_tls() {
        let certificates = Certificates::create();
        let (_server, port) = certificates.server("no");
        let log = LogCapture::start();
        let store = RedisStore::connect(&format!("redis://localhost:{port}/")).unwrap();
        let limit = limit(store.deadline(LONG_DEADLINE));
        for _ in 0..4 {
            assert!(!is_admitted(&limit).await);
        }
        assert!(log.count("whether it requires TLS") == 1 && log.count(" WARN ") == 1, "{}", log.text());
    }

    #[test]
    fn a_url_that_turns_off_verification_is_an_error() {
        let error = RedisStore::connect("rediss://ann:hunter2@127.0.0.1/#insecure").unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains("#insecure") && !text.contains("hunter2"), "{text}");
        assert!(RedisStore::connect("rediss://127.0.0.1/").is_ok());
        assert!(RedisStore::connect("valkeys://127.0.0.1/").is_ok());
    }
}

#[cfg(not(feature = "redis_tls"))]
#[test]
fn without_the_feature_a_url_that_asks_for_tls_is_an_error_that_names_it() {
    use portcullis::rate_limit::RedisStore;

    for url in ["rediss://ann:hunter2@127.0.0.1/", "valkeys://ann:hunter2@127.0.0.1/"] {
        let error = RedisStore::connect(url).unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains("redis_tls") && !text.contains("hunter2"), "{text}");
    }
}
