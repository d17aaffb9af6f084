//! Tests of the kinds of failures, with messages of real servers.

use redis::{Value, make_extension_error};

use super::*;

fn server_error(line: &str) -> RedisError {
    let reply = redis::parse_redis_value(format!("-{line}\r\n").as_bytes());
    reply.and_then(Value::extract_error).unwrap_err()
}

fn io(kind: io::ErrorKind, text: &str) -> RedisError {
    io::Error::new(kind, text.to_owned()).into()
}

#[test]
fn each_kind_of_failure_is_recognized() {
    for (line, kind) in [
        (
            "READONLY You can't write against a read only replica. script: 5a, on @user_script:203.",
            FailureKind::ReadOnly,
        ),
        ("NOREPLICAS Not enough good replicas to write.", FailureKind::ReadOnly),
        (
            "MISCONF Redis is configured to save RDB snapshots, but it's unable to persist to disk.",
            FailureKind::ReadOnly,
        ),
        ("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", FailureKind::PrimaryDown),
        ("LOADING Redis is loading the dataset in memory", FailureKind::Loading),
        ("CLUSTERDOWN The cluster is down", FailureKind::Cluster),
        ("MOVED 12182 127.0.0.1:6380", FailureKind::Cluster),
        ("NOPERM User app has no permissions to run the 'evalsha' command", FailureKind::Permission),
        ("NOPERM No permissions to access a key", FailureKind::Permission),
        ("ERR ACL failure in script: User app has no permissions to run the 'set' command", FailureKind::Permission),
        ("ERR The user executing the script can't run this command or subcommand", FailureKind::Permission),
        ("NOAUTH Authentication required.", FailureKind::Authentication),
        ("WRONGPASS invalid username-password pair or user is disabled.", FailureKind::Authentication),
        ("OOM command not allowed when used memory > 'maxmemory'.", FailureKind::Memory),
        ("ERR max number of clients reached", FailureKind::TooManyClients),
        ("ERR unknown command 'EVALSHA', with args beginning with: ", FailureKind::UnknownCommand),
        ("ERR something else", FailureKind::Other),
        ("BUSY Redis is busy running a script.", FailureKind::Other),
    ] {
        assert_eq!(Failure::from(server_error(line)).kind, kind, "{line}");
    }
    let dropped = [io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset, io::ErrorKind::UnexpectedEof];
    for kind in dropped {
        assert_eq!(Failure::from(io(kind, "lost")).kind, FailureKind::Closed, "{kind:?}");
    }
    for (error, kind) in [
        (io(io::ErrorKind::ConnectionRefused, "refused"), FailureKind::Refused),
        (io(io::ErrorKind::TimedOut, "timed out"), FailureKind::Timeout),
        (
            io(io::ErrorKind::Other, "failed to lookup address information: Name or service not known"),
            FailureKind::HostName,
        ),
        (io(io::ErrorKind::InvalidData, "invalid peer certificate: UnknownIssuer"), FailureKind::Tls),
        (io(io::ErrorKind::InvalidData, "received corrupt message of type InvalidContentType"), FailureKind::Tls),
        (io(io::ErrorKind::UnexpectedEof, "tls handshake eof"), FailureKind::Tls),
        ((ErrorKind::AuthenticationFailed, "Password authentication failed").into(), FailureKind::Authentication),
        (make_extension_error("MINE".to_owned(), None), FailureKind::Other),
    ] {
        assert_eq!(Failure::from(error.clone()).kind, kind, "{error}");
    }
}

const NAMES: SettingNames = SettingNames {
    documentation: "RedisSessions",
    url: "RedisSessions::connect",
    client: "RedisSessions::from_client",
    deadline: Some("RedisSessions::deadline"),
    cluster_remedy: "use RedisSessions::cluster",
};

#[test]
fn the_remedy_depends_on_who_opened_the_connection() {
    let remedy = |kind: FailureKind, connected_by| kind.remedy(connected_by, &NAMES);
    assert!(remedy(FailureKind::Closed, ConnectedBy::App).contains("MultiplexedConnection"));
    assert!(!remedy(FailureKind::Closed, ConnectedBy::Store).contains("MultiplexedConnection"));
    assert!(remedy(FailureKind::ReadOnly, ConnectedBy::App).contains("RedisSessions::from_client"));
    assert!(!remedy(FailureKind::ReadOnly, ConnectedBy::Store).contains("RedisSessions::from_client"));
}

#[test]
fn the_remedy_names_the_settings_of_the_store() {
    let remedy = |kind: FailureKind, names| kind.remedy(ConnectedBy::Store, names);
    for (kind, name) in [
        (FailureKind::Tls, NAMES.client),
        (FailureKind::Permission, NAMES.documentation),
        (FailureKind::UnknownCommand, NAMES.documentation),
        (FailureKind::UnexpectedResponse, NAMES.documentation),
        (FailureKind::Cluster, NAMES.cluster_remedy),
        (FailureKind::Timeout, "RedisSessions::deadline"),
    ] {
        let text = remedy(kind, &NAMES);
        assert!(text.contains(name), "{text}");
    }
    let without_deadline = SettingNames { deadline: None, ..NAMES };
    assert!(!remedy(FailureKind::Timeout, &without_deadline).contains("deadline"));
}
