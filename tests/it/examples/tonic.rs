//! The example `tonic`: gRPC statuses, and the reply to an authenticated call.

use bytes::Bytes;
use http::Request;
use http::header::AUTHORIZATION;
use http_body_util::{BodyExt, Full};
use tonic::body::Body;
use tonic::transport::Endpoint;
use tower::{Service, ServiceExt};

use crate::support::running_example::RunningExample;

/// Sends the request of a curl command over HTTP/2. Returns the status, wherever it is, and the body.
async fn call(example: &RunningExample, command: &str) -> (String, Bytes) {
    let curl = command.strip_prefix(r"printf '\0\0\0\0\0' | ").expect("the command pipes a message to curl");
    let command = example.parse(curl.strip_suffix(" | cat -v").expect("the command shows control characters"));
    let mut request = Request::post(&command.url);
    for name in ["content-type", "te", AUTHORIZATION.as_str()] {
        if let Some(value) = command.header(name) {
            request = request.header(name, value);
        }
    }
    let request = request.body(Body::new(Full::from(&[0; 5][..]))).unwrap();
    let mut channel = Endpoint::from_shared(command.url).unwrap().connect_lazy();
    let (head, body) = channel.ready().await.unwrap().call(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap();
    let trailers = body.trailers().cloned().unwrap_or_default();
    let status = head.headers.get("grpc-status").or(trailers.get("grpc-status")).expect("a gRPC status");
    (status.to_str().unwrap().to_owned(), body.to_bytes())
}

#[tokio::test]
async fn a_call_needs_a_token_with_the_scope() {
    let mut example = RunningExample::start("tonic");
    let [anonymous, ann, without_scope] = example.next_commands();
    assert_eq!(call(&example, &anonymous).await, ("16".to_owned(), Bytes::new()));
    // A frame of a message with one field, the text.
    let reply = Bytes::from_static(b"\0\0\0\0\x0c\x0a\x0ahello, ann");
    assert_eq!(call(&example, &ann).await, ("0".to_owned(), reply));
    assert_eq!(call(&example, &without_scope).await, ("7".to_owned(), Bytes::new()));
    let unknown_method = ann.replace("SayHello", "SayBye");
    assert_eq!(call(&example, &unknown_method).await.0, "12");
}
