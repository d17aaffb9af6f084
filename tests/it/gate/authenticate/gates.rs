//! The same decisions as the layer, for every gate that authenticates.

use portcullis::http_client::HttpClient;

use super::*;

const X_API_KEY: http::HeaderName = http::HeaderName::from_static("x-api-key");

#[tokio::test]
async fn the_decision_about_a_token_is_that_of_the_layer() {
    let ann = token("ann").sign();
    let expired = token("ann").expired().sign();
    let other_site = vec![("cookie", format!("token={ann}")), ("sec-fetch-site", "cross-site".to_owned())];
    let mut cases = bearer_cases(&ann);
    cases.extend([(bearer(&expired), 401), (header("cookie", format!("token={ann}")), 200), (other_site, 200)]);
    compare("at once", || jwt().build().unwrap(), &cases).await;
    cases[0].1 = 200;
    cases[4].1 = 200;
    compare("optional", || jwt().optional().build().unwrap(), &cases).await;
}

#[tokio::test]
async fn the_decision_is_that_of_the_layer_if_the_keys_have_to_be_fetched() {
    let issuer = TestIssuer::start().await.unwrap();
    let auth = || JwtAuth::builder().issuer(Issuer::discover(issuer.url())).audience("api").build().unwrap();
    let ann = issuer.token("ann").audience("api").sign();
    let expired = issuer.token("ann").audience("api").expired().sign();
    let mut cases = bearer_cases(&ann);
    cases.push((bearer(&expired), 401));
    compare("issuer", auth, &cases).await;
    issuer.respond_with(http::StatusCode::BAD_GATEWAY);
    let by_layer = by_layer(&auth(), request(&Method::GET, &bearer(&ann))).await;
    let other = auth();
    let request = request(&Method::GET, &bearer(&ann));
    let by_authenticate = by_authenticate(async |head| other.authenticate(head).await, request).await;
    assert_eq!((by_layer.0, by_layer.3.unwrap().code()), (503, "keys_unavailable"));
    assert_eq!((by_authenticate.0, by_authenticate.3.unwrap().code()), (503, "keys_unavailable"));
}

#[tokio::test]
async fn the_decision_is_that_of_the_layer_with_a_user_loader() {
    let auth = || {
        let load = async |user: UserContext| match user.id() {
            "ann" => Ok(user.with_roles(["admin"])),
            "eve" => Err(LoadError::refused(AccountRefusal::Locked)),
            _ => Err(LoadError::unavailable("the database is down")),
        };
        jwt().load_user(load).build().unwrap()
    };
    let cases = [("ann", 200), ("eve", 403), ("bob", 503)];
    compare("user loader", auth, &cases.map(|(user, status)| (bearer(token(user).sign()), status))).await;
}

#[tokio::test]
async fn the_decision_about_a_password_a_certificate_and_another_layers_user_is_that_of_the_layer() {
    let basic = || BasicAuth::builder().user("prometheus", PASSWORD).build().unwrap();
    let cases = [(vec![], 401), (header("authorization", BASIC), 200), (header("authorization", "Basic YTpi"), 401)];
    compare("basic", basic, &cases).await;

    let certificates = || {
        let proxies = TrustedProxies::new(["10.0.0.0/8"]).unwrap();
        let builder = ClientCertAuth::builder().forwarded(ClientCertHeader::Envoy, proxies);
        let map = |certificate: &portcullis::context::PeerCertificate| {
            certificate.uri()?.strip_prefix("spiffe://a/").map(UserContext::new)
        };
        builder.user(map).build().unwrap()
    };
    let xfcc = |value: &str| header("x-forwarded-client-cert", value);
    let cases = [(vec![], 403), (xfcc(XFCC), 200), (xfcc("a"), 400), (xfcc(&XFCC[..XFCC.len() - 4]), 403)];
    compare("certificate", certificates, &cases).await;

    let both = || AnyOf::new((basic(), certificates())).unwrap();
    let cases = [(vec![], 401), (xfcc(XFCC), 200), (header("authorization", BASIC), 200), (xfcc("a"), 400)];
    compare("any of", both, &cases).await;
    let cases = [(vec![], 200), (xfcc(XFCC), 200), (xfcc("a"), 400)];
    compare("any of, optional", || both().to_optional(), &cases).await;
    compare(
        "no other layer",
        || UserFrom::extension(|name: &String| Some(UserContext::new(&**name))),
        &[(vec![], 500)],
    )
    .await;
}

#[tokio::test]
async fn the_decision_about_an_api_key_is_that_of_the_layer() {
    let store = MemoryKeys::new();
    let keys = || ApiKeyAuth::builder().prefix("acme").header(X_API_KEY).store(store.clone()).build().unwrap();
    let key = keys().create(NewApiKey::for_user(&UserContext::new("ann")).name("ci")).await.unwrap();
    let key = key.secret();
    let cases = [
        (vec![], 401),
        (header("x-api-key", key), 200),
        (bearer(key), 200),
        (header("x-api-key", &key[..key.len() - 1]), 401),
        ([header("x-api-key", key), bearer(key)].concat(), 400),
    ];
    compare("API key", keys, &cases).await;
}

/// An authorization server with this response about every token.
#[derive(Clone)]
struct Server(&'static str);

impl HttpClient for Server {
    async fn send(&self, _: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Box<dyn std::error::Error + Send + Sync>> {
        let response = Response::builder().header("content-type", "application/json");
        Ok(response.body(self.0.into())?)
    }
}

#[tokio::test]
async fn the_decision_about_an_opaque_token_is_that_of_the_layer() {
    let active = r#"{"active":true,"sub":"ann","aud":"api","iss":"https://auth.example.com","exp":4102444800}"#;
    for (response, status) in [(active, 200), (r#"{"active":false}"#, 401), ("", 503)] {
        let auth = || {
            let builder = IntrospectionAuth::builder().endpoint("https://auth.example.com/introspect");
            let builder = builder.client("api", "secret-93be").audience("api");
            builder.http_client(Server(response)).build().unwrap()
        };
        let cases = [(vec![], 401), (bearer("a b"), 400), (bearer("2YotnFZFEjr1zCsicMWpAA"), status)];
        compare("opaque token", auth, &cases).await;
    }
}

#[tokio::test]
async fn the_decision_about_a_session_is_that_of_the_layer() {
    let store = MemorySessions::new();
    let auth = || SessionAuth::builder().store(store.clone()).build().unwrap();
    let ann = log_in(&auth()).await;
    let invented = format!("{}AAAA", &ann[..ann.len() - 4]);
    let cases = [
        (vec![], 401),
        (header("cookie", &ann), 200),
        (header("cookie", &invented), 401),
        (header("cookie", format!("{ann}; {ann}")), 400),
        (vec![("cookie", ann.clone()), ("sec-fetch-site", "same-origin".to_owned())], 200),
        (vec![("cookie", ann), ("sec-fetch-site", "cross-site".to_owned())], 200),
    ];
    compare("session", auth, &cases).await;
    let cases = [(vec![], 200), (header("cookie", invented), 200)];
    compare("optional session", || auth().to_optional(), &cases).await;
}

#[tokio::test]
async fn no_debug_of_the_head_shows_a_credential_of_a_request_with_several() {
    let ann = token("ann").sign();
    let tokens = || jwt().websocket_protocol("bearer");
    let keys = ApiKeyAuth::builder().prefix("acme").header(X_API_KEY).store(MemoryKeys::new()).build().unwrap();
    let any_of = AnyOf::new((keys, tokens().build().unwrap())).unwrap();
    let auth = tokens().build().unwrap();
    let headers = [
        header("authorization", "Basic YTpi"),
        header("authorization", "Basic YTpi"),
        header("cookie", format!("token={ann}")),
        header("sec-websocket-protocol", format!("bearer, {ann}")),
        header("upgrade", "websocket"),
    ];
    let head = || request(&Method::GET, &headers.concat()).into_parts().0;
    let (mut one, mut other) = (head(), head());
    assert_eq!(auth.authenticate(&mut one).await.unwrap_err().status(), 400);
    assert_eq!(any_of.authenticate(&mut other).await.unwrap_err().status(), 400);
    for head in [one, other] {
        assert!(!format!("{head:?}").contains(&ann[20..60]), "{head:?}");
    }
}
