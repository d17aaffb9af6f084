//! Redis as it is and as it fails: what the servers that other tests start can do.

mod bounds;
mod cluster;
mod conformance;
mod latency;
mod lifetime;
mod limited_app;
mod outage;
mod processes;
mod reference_model;
mod round_trips;
mod stored_values;
mod test_store;

use std::io::ErrorKind;
use std::net::TcpStream;

use crate::support::redis_server::{self as server, Cluster, Server, closed_port};

#[test]
#[ignore = "needs redis-server: run tests/run"]
fn two_servers_stand_side_by_side_and_leave_nothing_behind() {
    let (one, other) = (Server::start(), Server::start());
    assert_eq!(one.url(), format!("redis://127.0.0.1:{}/", one.port()));
    assert_eq!(one.command(&["SET", "a", "1 \r\n2"]), "OK");
    assert_eq!(one.command(&["GET", "a"]), "1 \r\n2");
    assert_eq!(other.command(&["GET", "a"]), "(nil)");
    let folder = one.command(&["CONFIG", "GET", "dir"]).split_off("dir\n".len());
    assert!(std::fs::exists(&folder).unwrap());
    let port = one.port();
    drop(one);
    assert!(!std::fs::exists(&folder).unwrap() && refuses(port));
    assert_eq!(other.command(&["PING"]), "PONG");
}

#[test]
#[ignore = "needs redis-server: run tests/run"]
fn a_killed_server_refuses_and_a_restarted_one_is_empty_on_the_same_port() {
    let server = Server::start();
    let port = server.port();
    assert_eq!(server.command(&["SET", "a", "1"]), "OK");
    server.kill();
    assert!(refuses(port));
    server.restart();
    assert_eq!((server.port(), server.command(&["DBSIZE"])), (port, "0".to_owned()));
    server.pause();
    server.restart();
    assert_eq!(server.command(&["PING"]), "PONG");
}

#[test]
#[ignore = "needs redis-server: run tests/run"]
fn a_paused_server_accepts_and_says_nothing_until_it_is_resumed() {
    let server = Server::start();
    server.pause();
    assert!(!refuses(server.port()));
    assert_eq!(server::ask(server.port(), &["PING"]).unwrap_err().kind(), ErrorKind::WouldBlock);
    server.resume();
    assert_eq!(server.command(&["PING"]), "PONG");
}

#[test]
#[ignore = "needs redis-server: run tests/run"]
fn a_replica_has_what_its_primary_has_and_writes_once_promoted() {
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
fn a_key_of_a_cluster_is_on_one_node_which_the_others_name_and_which_stays_so_when_restarted() {
    let cluster = Cluster::start();
    let [first, second, third] = cluster.nodes() else { panic!("three nodes") };
    assert_eq!(cluster.urls(), [first.url(), second.url(), third.url()]);
    // The slot of `foo`, of the last third.
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
fn a_closed_port_refuses_and_is_told_once() {
    let (one, other) = (closed_port(), closed_port());
    assert!(one != other && refuses(one) && refuses(other));
}

#[test]
fn a_reply_of_each_kind_becomes_text() {
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
        assert_eq!(server::reply(&mut bytes.as_bytes()).ok().as_deref(), text, "{bytes:?}");
    }
}

fn refuses(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}
