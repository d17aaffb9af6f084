//! Nodes, credentials, and entries of the stream as bytes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, UNIX_EPOCH};

use portcullis::revocation::{Revocation, RevocationsBuilder};
use portcullis::{Revocations, UserContext};
use tokio::time::{sleep, timeout};

use crate::support::redis_server::Server;

pub(super) const ISSUER: &str = "https://issuer.example.com";
pub(super) const KEY: &str = "portcullis:revocations";
/// Only a broken node takes this long.
pub(super) const TIMEOUT: Duration = Duration::from_secs(60);

pub(super) fn builder(url: &str) -> RevocationsBuilder {
    Revocations::builder().redis_stream(url)
}

/// Returns a node that has read the stream.
pub(super) async fn node(url: &str) -> Revocations {
    ready(builder(url)).await
}

pub(super) async fn ready(builder: RevocationsBuilder) -> Revocations {
    let node = builder.build().unwrap();
    timeout(TIMEOUT, node.wait_until_ready()).await.expect("the node is ready");
    node
}

pub(super) fn user(token: &str) -> UserContext {
    UserContext::new("ann").with_issuer(ISSUER).with_token_id(token)
}

/// Returns the status of a request with this token.
pub(super) fn status(node: &Revocations, token: &str) -> u16 {
    node.check(&user(token)).map_or_else(|denial| denial.status().as_u16(), |()| 200)
}

/// Returns the status of a request with each of these tokens.
pub(super) fn statuses<const N: usize>(node: &Revocations, tokens: [&str; N]) -> [u16; N] {
    tokens.map(|token| status(node, token))
}

pub(super) async fn revoke(node: &Revocations, token: &str) {
    let result = timeout(TIMEOUT, node.revoke_by(Revocation::token(ISSUER, token))).await;
    result.expect("a result").unwrap_or_else(|error| panic!("{token}: {error:?}"));
}

pub(super) async fn wait_until(goal: &str, mut is_reached: impl FnMut() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !is_reached() {
        assert!(Instant::now() < deadline, "timed out: {goal}");
        sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until a node rejects this token.
pub(super) async fn wait_until_revoked(node: &Revocations, token: &str) {
    wait_until(&format!("{token} is revoked"), || status(node, token) == 401).await;
}

/// Waits until a node that starts now rejects all of these tokens.
pub(super) async fn wait_until_stored(server: &Server, tokens: &[String]) {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let fresh = node(&server.url()).await;
        let missing: Vec<_> = tokens.iter().filter(|token| status(&fresh, token) != 401).collect();
        if missing.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "the stream lacks {missing:?}");
        sleep(Duration::from_millis(100)).await;
    }
}

/// Returns the number of entries of the stream.
pub(super) fn len(server: &Server) -> usize {
    server.command(&["XLEN", KEY]).parse().unwrap()
}

/// Returns how often the server executed these commands.
pub(super) fn calls(server: &Server, commands: &[&str]) -> u64 {
    commands.iter().map(|command| statistic(server, command, "calls")).sum()
}

/// Returns how often the server rejected this command before it executed it, for example because it has no memory.
pub(super) fn rejected_calls(server: &Server, command: &str) -> u64 {
    statistic(server, command, "rejected_calls")
}

/// Returns a number that the server counts for a command; 0 if the server never received the command.
fn statistic(server: &Server, command: &str, name: &str) -> u64 {
    let stats = server.command(&["INFO", "commandstats"]);
    let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:")));
    let numbers = line.unwrap_or_default().split(',').filter_map(|number| number.split_once('='));
    numbers.filter(|(key, _)| *key == name).map(|(_, number)| number.parse::<u64>().unwrap()).sum()
}

/// The seconds since 1970, plus these.
pub(super) fn in_seconds(seconds: i64) -> u32 {
    let now = UNIX_EPOCH.elapsed().unwrap().as_secs() as i64;
    u32::try_from(now + seconds).unwrap()
}

/// Adds this many entries with different ids, all of which expire at this time. The server gives their positions, or
/// they are at this time, in seconds since 1970.
pub(super) fn add_entries(server: &Server, at: Option<u32>, count: usize, expires_at: u32) {
    const CODE: &str = "\
        for n = 1, tonumber(ARGV[2]) do \
          local id = ARGV[1] == '' and '*' or ARGV[1] .. '000-' .. n \
          local entry = struct.pack('>BBI8I8I4I4', 1, 1, n * 7919, ARGV[4] * 2, 4294967295, tonumber(ARGV[3])) \
          redis.call('XADD', KEYS[1], id, 'r', entry) \
        end \
        return redis.status_reply('OK')";
    // So that entries of two calls differ.
    static CALLS: AtomicUsize = AtomicUsize::new(1);
    let call = CALLS.fetch_add(1, Ordering::Relaxed).to_string();
    let at = at.map_or_else(String::new, |at| at.to_string());
    let (count, expires_at) = (count.to_string(), expires_at.to_string());
    assert_eq!(server.command(&["EVAL", CODE, "1", KEY, &at, &count, &expires_at, &call]), "OK");
}
