//! AWS Lambda with lambda_http: functions behind API Gateway and a load balancer, and an authorizer.

use std::net::{IpAddr, SocketAddr};

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2CustomAuthorizerV2Request;
use lambda_http::request::{LambdaRequest, RequestContext};
use lambda_http::{Adapter, Context, LambdaEvent};
use portcullis::gate::{AuthGate, Denial};
use portcullis::rate_limit::Key;
use portcullis::{BasicAuth, ClientAddr, Quota, RateLimit, Stack, TrustedProxies, UserContext};
use serde_json::{Value, json};
use tower::Service;
use tower::util::MapRequestLayer;

use crate::{ANN, EVE, auth};

/// Inserts the address that API Gateway reports. A load balancer reports it in `X-Forwarded-For` alone.
fn with_address(mut request: http::Request<Body>) -> http::Request<Body> {
    let address = match request.extensions().get::<RequestContext>() {
        Some(RequestContext::ApiGatewayV1(context)) => context.identity.source_ip.as_deref(),
        Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.as_deref(),
        _ => None,
    };
    if let Some(address) = address.and_then(|address| address.parse::<IpAddr>().ok()) {
        request.extensions_mut().insert(SocketAddr::new(address, 0));
    }
    request
}

/// An app for two requests of each address. Its response has two challenges if the credential is missing.
fn app(proxies: TrustedProxies) -> Router {
    let limit = RateLimit::builder().quota(Quota::per_hour(2).unwrap()).key(Key::ip()).build().unwrap();
    let stack = Stack::builder().trusted_proxies(proxies).limit_by_address(limit).authenticate(auth()).build().unwrap();
    let handler = async |user: UserContext, client: ClientAddr| format!("{} from {client}", user.id());
    Router::new().route("/orders", get(handler)).layer(stack).layer(MapRequestLayer::new(with_address))
}

/// Calls the function with an event, as the runtime of Lambda does. Returns the JSON of its response.
async fn call(app: &Router, event: Value) -> Value {
    let event: LambdaRequest = serde_json::from_value(event).unwrap();
    let response = Adapter::from(app.clone()).call(LambdaEvent::new(event, Context::default())).await.unwrap();
    serde_json::to_value(response).unwrap()
}

/// An event of a REST API (payload format 1.0). The client has written the first address of `X-Forwarded-For`.
fn rest_event(credential: &str, address: &str) -> Value {
    json!({
        "resource": "/{proxy+}",
        "path": "/orders",
        "httpMethod": "GET",
        "headers": { "Authorization": credential, "X-Forwarded-For": format!("6.6.6.6, {address}, 130.176.0.1") },
        "multiValueHeaders": {
            "Authorization": [credential],
            "X-Forwarded-For": [format!("6.6.6.6, {address}, 130.176.0.1")],
        },
        "queryStringParameters": null,
        "multiValueQueryStringParameters": null,
        "pathParameters": { "proxy": "orders" },
        "stageVariables": null,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3",
            "domainName": "a1b2c3.execute-api.eu-central-1.amazonaws.com",
            "httpMethod": "GET",
            "identity": { "sourceIp": address, "userAgent": "curl/8" },
            "path": "/orders",
            "protocol": "HTTP/1.1",
            "requestId": "r1",
            "resourceId": "s1",
            "resourcePath": "/{proxy+}",
            "stage": "$default",
        },
        "body": null,
        "isBase64Encoded": false,
    })
}

/// An event of an HTTP API (payload format 2.0).
fn http_event(credential: &str, address: &str) -> Value {
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/orders",
        "rawQueryString": "",
        "headers": { "authorization": credential, "x-forwarded-for": format!("6.6.6.6, {address}") },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3",
            "domainName": "a1b2c3.execute-api.eu-central-1.amazonaws.com",
            "domainPrefix": "a1b2c3",
            "http": {
                "method": "GET",
                "path": "/orders",
                "protocol": "HTTP/1.1",
                "sourceIp": address,
                "userAgent": "curl/8",
            },
            "requestId": "r1",
            "routeKey": "$default",
            "stage": "$default",
            "time": "12/Mar/2026:19:03:58 +0000",
            "timeEpoch": 1_773_342_238_000_u64,
        },
        "isBase64Encoded": false,
    })
}

/// An event of an Application Load Balancer with multi-value headers.
fn balancer_event(credential: &str, address: &str) -> Value {
    json!({
        "requestContext": {
            "elb": { "targetGroupArn": "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/a/6d0e" },
        },
        "httpMethod": "GET",
        "path": "/orders",
        "multiValueQueryStringParameters": {},
        "multiValueHeaders": { "authorization": [credential], "x-forwarded-for": [format!("6.6.6.6, {address}")] },
        "body": "",
        "isBase64Encoded": false,
    })
}

type Event = fn(&str, &str) -> Value;

/// The sources of events, with the proxies that their requests pass.
fn sources() -> [(&'static str, Event, TrustedProxies); 3] {
    [
        ("REST API", rest_event as Event, TrustedProxies::none()),
        ("HTTP API", http_event, TrustedProxies::none()),
        ("load balancer", balancer_event, TrustedProxies::hops(1).unwrap()),
    ]
}

/// The values of a header, in whichever member they are.
fn header_of(response: &Value, name: &str) -> Vec<String> {
    let lines = response["multiValueHeaders"][name].as_array().cloned().unwrap_or_default();
    let lines = if lines.is_empty() { vec![response["headers"][name].clone()] } else { lines };
    lines.iter().filter_map(|line| line.as_str().map(str::to_owned)).collect()
}

#[tokio::test]
async fn the_function_sees_the_user_and_the_address_of_every_kind_of_event() {
    for (name, event, proxies) in sources() {
        let response = call(&app(proxies), event(ANN, "203.0.113.9")).await;
        assert_eq!(
            (&response["statusCode"], &response["body"]),
            (&json!(200), &json!("ann from 203.0.113.9")),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_rejection_has_its_challenge_and_its_problem_details() {
    for (name, event, proxies) in sources() {
        let response = call(&app(proxies), event(EVE, "203.0.113.9")).await;
        assert_eq!(response["statusCode"], 401, "{name}");
        assert!(header_of(&response, "www-authenticate")[0].starts_with("Basic realm="), "{name}: {response}");
        assert_eq!(header_of(&response, "content-type"), ["application/problem+json"], "{name}");
        assert_eq!(response["isBase64Encoded"], false, "{name}");
        let problem: Value = serde_json::from_str(response["body"].as_str().unwrap()).unwrap();
        assert_eq!(problem["code"], "credential_invalid", "{name}");
    }
}

#[tokio::test]
async fn the_rate_limit_counts_by_the_address_of_the_event() {
    for (name, event, proxies) in sources() {
        let app = app(proxies);
        for (address, status) in
            [("203.0.113.9", 200), ("203.0.113.9", 200), ("203.0.113.9", 429), ("2001:db8::9", 200)]
        {
            let response = call(&app, event(ANN, address)).await;
            assert_eq!(response["statusCode"], status, "{name}: {response}");
        }
    }
}

#[tokio::test]
async fn without_the_layer_for_the_address_the_response_is_500() {
    let limit = RateLimit::builder().quota(Quota::per_hour(2).unwrap()).key(Key::ip()).build().unwrap();
    let app = Router::new().route("/orders", get(async || "handled")).layer(limit).layer(TrustedProxies::none());
    for (name, event, _) in sources() {
        assert_eq!(call(&app, event(ANN, "203.0.113.9")).await["statusCode"], 500, "{name}");
    }
}

/// An HTTP API has no `multiValueHeaders`, and lambda_http 1.3 writes only the first line of a header for it.
#[tokio::test]
async fn every_challenge_reaches_the_client_except_on_an_http_api() {
    let bearer = BasicAuth::builder().user("ann", "0123456789abcdef").realm("internal").build().unwrap();
    let second = |response: axum::response::Response| {
        let (mut head, body) = response.into_parts();
        if head.status == 401 {
            head.headers.append("www-authenticate", "Bearer realm=\"api\"".parse().unwrap());
        }
        axum::response::Response::from_parts(head, body)
    };
    let layer = tower::util::MapResponseLayer::new(second);
    let app = Router::new().route("/orders", get(async || "handled")).layer(bearer).layer(layer);
    for (name, event, _) in sources() {
        let response = call(&app, event(EVE, "203.0.113.9")).await;
        let challenges = header_of(&response, "www-authenticate");
        assert_eq!(challenges.len(), if name == "HTTP API" { 1 } else { 2 }, "{name}: {response}");
    }
}

/// The response of a Lambda authorizer of an HTTP API, in the simple format.
async fn authorize(auth: &BasicAuth, event: Value) -> Value {
    let event: ApiGatewayV2CustomAuthorizerV2Request = serde_json::from_value(event).unwrap();
    let mut head = http::Request::new(()).into_parts().0;
    head.method = event.request_context.http.method;
    head.headers = event.headers;
    head.uri = event.raw_path.unwrap_or_default().parse().unwrap_or_default();
    match auth.authenticate(&mut head).await {
        // The function behind the authorizer creates the response.
        Ok(_authenticated) => {
            let user = UserContext::from_extensions(&head.extensions).map(UserContext::id);
            json!({ "isAuthorized": user.is_some(), "context": { "user": user } })
        }
        Err(reply) => {
            let code = reply.extensions().get::<Denial>().map(Denial::code);
            json!({ "isAuthorized": false, "context": { "code": code } })
        }
    }
}

#[tokio::test]
async fn an_authorizer_decides_as_the_layer_does() {
    let event = |credential: &str| {
        let mut event = http_event(credential, "203.0.113.9");
        event["type"] = json!("REQUEST");
        event["routeArn"] = json!("arn:aws:execute-api:eu-central-1:123456789012:a1b2c3/$default/GET/orders");
        event["identitySource"] = json!([credential]);
        event
    };
    let allowed = json!({ "isAuthorized": true, "context": { "user": "ann" } });
    assert_eq!(authorize(&auth(), event(ANN)).await, allowed);
    let denied = json!({ "isAuthorized": false, "context": { "code": "credential_invalid" } });
    assert_eq!(authorize(&auth(), event(EVE)).await, denied);
}
