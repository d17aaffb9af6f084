//! gRPC calls: of a tonic server with a tonic client, and the frames of gRPC-Web.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, BufMut};
use portcullis::revocation::Revocation;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic::Code;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, NamedService};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tower::{Service, ServiceBuilder};

use super::*;

/// A service that streams the latest value, and every change of it.
#[derive(Clone)]
struct Values(watch::Receiver<&'static str>);

impl NamedService for Values {
    const NAME: &'static str = "test.Values";
}

type Messages = Pin<Box<dyn futures_util::Stream<Item = Result<Bytes, tonic::Status>> + Send>>;

impl Service<Request<tonic::body::Body>> for Values {
    type Response = Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<tonic::body::Body>) -> Self::Future {
        let method = Method(self.clone());
        if request.uri().path() == "/test.Values/Download" {
            let (producer, body) = Producer::new();
            producer.send("part");
            // The producer is kept, so that the body has no end.
            let body = tonic::body::Body::new(body.map_frame(move |frame| {
                let _ = &producer;
                frame
            }));
            let response = Response::builder().header("content-type", "application/zip").body(body).unwrap();
            return Box::pin(ready(Ok(response)));
        }
        Box::pin(async move { Ok(Grpc::new(Raw).server_streaming(method, request).await) })
    }
}

struct Method(Values);

impl Service<tonic::Request<Bytes>> for Method {
    type Response = tonic::Response<Messages>;
    type Error = tonic::Status;
    type Future = Ready<Result<Self::Response, tonic::Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), tonic::Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: tonic::Request<Bytes>) -> Self::Future {
        let values = stream::unfold((self.0.0.clone(), true), |(mut values, is_first)| async move {
            if !is_first {
                values.changed().await.ok()?;
            }
            let value = Bytes::from_static(values.borrow_and_update().as_bytes());
            Some((Ok(value), (values, false)))
        });
        ready(Ok(tonic::Response::new(Box::pin(values) as Messages)))
    }
}

/// Encodes messages as plain bytes.
#[derive(Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = tonic::Status;

    fn encode(&mut self, item: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), tonic::Status> {
        to.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = tonic::Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, tonic::Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

/// Starts a server of the values of this channel, and returns a connection to it.
async fn serve(values: watch::Receiver<&'static str>, auth: JwtAuth) -> Channel {
    let layers = ServiceBuilder::new().layer(auth).layer(EndStreams::new().end_downloads()).into_inner();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let endpoint = Endpoint::from_shared(format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let routes = Server::builder().layer(layers).add_service(Values(values));
    tokio::spawn(routes.serve_with_incoming(TcpIncoming::from(listener)));
    endpoint.connect_lazy()
}

#[tokio::test]
async fn a_tonic_stream_ends_with_status_16_and_the_reason() {
    for (revokes, message, code) in
        [(false, "the token has expired", "token_expired"), (true, "the token has been revoked", "token_revoked")]
    {
        let clock = clock();
        let revocations = revocations(&clock);
        let (sender, values) = watch::channel("one");
        let channel = serve(values, auth(&clock).revocations(&revocations).build().unwrap()).await;
        let mut client = tonic::client::Grpc::new(channel);
        client.ready().await.unwrap();
        let mut request = tonic::Request::new(Bytes::new());
        request.metadata_mut().insert("authorization", token("ann").parse().unwrap());
        let path = "/test.Values/Watch".parse().unwrap();
        let mut stream = client.server_streaming(request, path, Raw).await.unwrap().into_inner();
        assert_eq!(stream.message().await.unwrap().unwrap(), "one");
        sender.send("two").unwrap();
        assert_eq!(stream.message().await.unwrap().unwrap(), "two");
        if revokes {
            revocations.revoke_by(Revocation::subject(ISSUER, "ann")).await.unwrap();
        } else {
            clock.advance(LIFETIME + LEEWAY);
        }
        let status = timeout(Duration::from_secs(30), stream.message()).await.unwrap().unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::Unauthenticated, message));
        assert_eq!(status.metadata().get("error-code").unwrap(), code);
    }
}

#[tokio::test]
async fn over_http_2_an_aborted_download_is_reset() {
    let clock = clock();
    let (_sender, values) = watch::channel("");
    let channel = serve(values, auth(&clock).build().unwrap()).await;
    let request = Request::get("/test.Values/Download").header("authorization", token("ann"));
    let response = channel.oneshot(request.body(tonic::body::Body::empty()).unwrap()).await.unwrap();
    let mut body = response.into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "part");
    clock.advance(LIFETIME + LEEWAY);
    let result = timeout(Duration::from_secs(30), body.frame()).await.unwrap().unwrap();
    let error = format!("{:?}", result.unwrap_err());
    assert!(error.contains("Reset") && error.contains("INTERNAL_ERROR"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_call_of_grpc_web_ends_with_a_frame_of_the_trailers() {
    for media_type in ["application/grpc-web+proto", "application/grpc-web-text"] {
        let clock = clock();
        let (_producer, body) = open(media_type, auth(&clock).build().unwrap(), EndStreams::new()).await;
        let task = tokio::spawn(body.collect());
        clock.advance(LIFETIME + LEEWAY);
        let body = timeout(SOON, task).await.unwrap().unwrap().unwrap();
        assert!(body.trailers().is_none());
        let mut frame = body.to_bytes().to_vec();
        if media_type.ends_with("-text") {
            use base64::Engine;
            frame = base64::prelude::BASE64_STANDARD.decode(frame).unwrap();
        }
        let lines = String::from_utf8(frame.split_off(5)).unwrap();
        assert_eq!(frame, [&[0x80], (lines.len() as u32).to_be_bytes().as_slice()].concat());
        let mut lines: Vec<_> = lines.split_terminator("\r\n").collect();
        lines.sort_unstable();
        let expected = ["error-code:token_expired", "grpc-message:the token has expired", "grpc-status:16"];
        assert_eq!(lines, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_another_server_than_tonic_serves_ends_with_trailers() {
    let clock = clock();
    let (producer, body) = open("application/grpc+proto", auth(&clock).build().unwrap(), EndStreams::new()).await;
    producer.send("a message");
    let task = receive(body);
    tokio::time::sleep(Duration::from_millis(1)).await;
    clock.advance(LIFETIME + LEEWAY);
    producer.send("too late");
    let received = ends(task).await;
    assert_eq!(
        (received.text.as_str(), &received.trailers.unwrap()["grpc-status"]),
        ("a message", &"16".parse().unwrap())
    );
}
