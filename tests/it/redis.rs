//! `RateLimit` over Redis; in this file, tests of the servers and connections that these tests use.

mod bounds;
mod by_credential;
mod cluster;
mod conformance;
mod latency;
mod lifetime;
mod login_protection;
mod outage;
mod permissions;
mod processes;
mod reconnect;
mod reference_model;
mod round_trips;
mod stored_values;
mod tls;

use std::io::ErrorKind;
use std::net::TcpStream;
use std::time::{Duration, UNIX_EPOCH};

use redis::aio::ConnectionLike;

use crate::support::redis_connection::{BlockingConnection, ServerClock};
use crate::support::redis_server::{Cluster, Server, closed_port, read_reply, send};

#[test]
#[ignore = "needs redis-server: run tests/run"]
fn servers_are_independent_and_leave_no_files() {
    let first = Server::start();
    let second = Server::start();
    assert_eq!(first.url(), format!("redis://127.0.0.1:{}/", first.port()));
    assert_eq!(first.command(&["SET", "a", "1 \r\n2"]), "OK");
    assert_eq!(first.command(&["GET", "a"]), "1 \r\n2");
    assert_eq!(second.command(&["GET", "a"]), "(nil)");
    let directory = first.command(&["CONFIG", "GET", "dir"]).split_off("dir\n".len());
    assert!(std::fs::exists(&directory).unwrap());
    let port = first.port();
    drop(first);
    assert!(!std::fs::exists(&directory).unwrap() && refuses_connections(port));
    assert_eq!(second.command(&["PING"]), "PONG");
}

#[test]
#[ignore = "needs redis-server: run tests/run"]
fn killed_server_refuses_connections_and_restarts_empty_on_its_port() {
    let server = Server::start();
    let port = server.port();
    assert_eq!(server.command(&["SET", "a", "1"]), "OK");
    server.kill();
    assert!(refuses_connections(port));
    server.restart();
    assert_eq!((server.port(), server.command(&["DBSIZE"])), (port, "0".to_owned()));
    server.pause();
    server.restart();
    assert_eq!(server.command(&["PING"]), "PONG");
}

#[test]
#[ignore = "needs redis-server: run tests/run"]
fn paused_server_accepts_connections_and_replies_only_when_resumed() {
    let server = Server::start();
    server.pause();
    assert!(!refuses_connections(server.port()));
    let error = send(server.port(), &["PING"], Duration::from_millis(500)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    server.resume();
    assert_eq!(server.command(&["PING"]), "PONG");
}

#[test]
#[ignore = "needs redis-server: run tests/run"]
fn replica_has_the_data_of_its_primary_and_accepts_writes_once_promoted() {
    let primary = Server::start();
    assert_eq!(primary.command(&["SET", "a", "1"]), "OK");
    let replica = Server::replica_of(&primary);
    assert_eq!(replica.command(&["GET", "a"]), "1");
    assert!(replica.command(&["SET", "a", "2"]).starts_with("READONLY "));
    assert_eq!(primary.command(&["INCR", "a"]), "2");
    primary.kill();
    replica.promote();
    assert_eq!(replica.command(&["SET", "b", "2"]), "OK");
    assert_eq!(replica.command(&["ROLE"]).lines().next(), Some("master"));
}

#[test]
#[ignore = "needs redis-server: run tests/run"]
fn cluster_key_stays_on_its_node_over_a_restart_and_other_nodes_redirect_to_it() {
    let cluster = Cluster::start();
    let [first, second, third] = cluster.nodes() else { panic!("three nodes") };
    assert_eq!(cluster.urls(), [first.url(), second.url(), third.url()]);
    // Slot 12182 of key `foo` is in the last third.
    let moved = format!("MOVED 12182 127.0.0.1:{}", third.port());
    assert_eq!(first.command(&["SET", "foo", "1"]), moved);
    assert_eq!(second.command(&["SET", "foo", "1"]), moved);
    assert_eq!(third.command(&["SET", "foo", "1"]), "OK");
    third.restart();
    cluster.settle();
    assert_eq!(first.command(&["SET", "foo", "1"]), moved);
    assert_eq!(third.command(&["SET", "foo", "1"]), "OK");
}

#[test]
fn closed_port_refuses_connections_and_is_returned_once() {
    let first = closed_port();
    let second = closed_port();
    assert!(first != second && refuses_connections(first) && refuses_connections(second));
}

#[test]
fn each_kind_of_reply_is_read_as_text() {
    for (bytes, text) in [
        ("+OK\r\n", Some("OK")),
        ("-ERR no\r\n", Some("ERR no")),
        (":-2\r\n", Some("-2")),
        ("$2\r\n\r\n\r\n", Some("\r\n")),
        ("$-1\r\n", Some("(nil)")),
        ("*-1\r\n", Some("(nil)")),
        ("*3\r\n$1\r\na\r\n:1\r\n*1\r\n$-1\r\n", Some("a\n1\n(nil)")),
        ("*0\r\n", Some("")),
        ("", None),
        ("$2\r\na", None),
        ("*2\r\n:1\r\n", None),
        ("HTTP/1.1 400\r\n", None),
    ] {
        assert_eq!(read_reply(&mut bytes.as_bytes()).ok().as_deref(), text, "{bytes:?}");
    }
}

#[tokio::test(start_paused = true)]
#[ignore = "needs redis-server: run tests/run"]
async fn blocking_connection_survives_a_restart_and_replaces_the_time_of_a_script() {
    const SCRIPT: &str = "local call = redis.call local time = call('TIME') return time[1] .. ':' .. time[2]";
    let server = Server::start();
    let clock = ServerClock::new(UNIX_EPOCH + Duration::from_micros(7_000_005));
    let mut connection = BlockingConnection::new(&server).with_clock(&clock);
    for expected in ["7:5", "8:5", "9:5"] {
        let mut command = redis::cmd("EVAL");
        command.arg(SCRIPT).arg(0).arg("argument");
        assert_eq!(connection.req_packed_command(&command).await, Ok(redis::Value::BulkString(expected.into())));
        clock.advance(Duration::from_secs(1));
        server.restart();
        assert!(connection.req_packed_command(&redis::cmd("PING")).await.is_err(), "the connection was lost");
    }
}

fn refuses_connections(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}
