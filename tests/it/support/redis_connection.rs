//! Connections to a real Redis server on which no real time passes: no timeouts, and a clock that the test sets.
//!
//! A test that depends on the speed of the machine fails on a busy one. Three means avoid that:
//!
//! - [`BlockingConnection`] blocks the thread until the server replies. On a runtime whose time is paused, the
//!   server therefore takes no time at all, and deadlines expire only where the test lets time pass.
//! - [`ServerClock`] replaces the server's `TIME` in the script, so that both stores can read one clock.
//! - [`manager`] is a connection without the timeouts of the `redis` crate.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig};
use redis::{Arg, Cmd, Connection, Pipeline, RedisFuture, RedisResult, Script, Value};

use crate::support::redis_server::Server;

/// A connection that an app could provide, except that only the deadline of the store ends a wait.
pub(crate) fn manager(url: &str) -> ConnectionManager {
    let client = redis::Client::open(url).unwrap();
    let config = ConnectionManagerConfig::new().set_number_of_retries(0);
    let config = config.set_response_timeout(None).set_connection_timeout(None);
    ConnectionManager::new_lazy_with_config(client, config).unwrap()
}

/// The time that the script reads in place of the server's `TIME`. Clones share it.
#[derive(Clone)]
pub(crate) struct ServerClock(Arc<AtomicU64>);

impl ServerClock {
    pub(crate) fn new(start: SystemTime) -> Self {
        let micros = start.duration_since(UNIX_EPOCH).unwrap().as_micros();
        Self(Arc::new(AtomicU64::new(u64::try_from(micros).unwrap())))
    }

    pub(crate) fn micros(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn advance(&self, time: Duration) {
        self.0.fetch_add(u64::try_from(time.as_micros()).unwrap(), Ordering::SeqCst);
    }

    pub(crate) fn set_back(&self, time: Duration) {
        self.0.fetch_sub(u64::try_from(time.as_micros()).unwrap(), Ordering::SeqCst);
    }
}

/// Where the script takes the time from.
#[derive(Clone)]
enum ScriptTime {
    Server,
    Clock(ServerClock),
    /// A counter on the server, for processes that share no memory: each call of the script takes one second.
    Counter(&'static str),
}

/// A connection that blocks the thread until the server replies, and then connects again if the connection was lost.
#[derive(Clone)]
pub(crate) struct BlockingConnection {
    client: redis::Client,
    connection: Arc<Mutex<Option<Connection>>>,
    /// The one-way delay, in the time of the Tokio runtime.
    latency: Duration,
    time: ScriptTime,
    /// The hash of each script as sent by the store, and the hash of the same script with its time replaced.
    hashes: Arc<Mutex<HashMap<String, String>>>,
    /// Commands about these keys get no reply.
    silent_keys: Arc<Mutex<Vec<String>>>,
}

impl BlockingConnection {
    pub(crate) fn new(server: &Server) -> Self {
        Self::open(&server.url())
    }

    pub(crate) fn open(url: &str) -> Self {
        Self {
            client: redis::Client::open(url).unwrap(),
            connection: Arc::default(),
            latency: Duration::ZERO,
            time: ScriptTime::Server,
            hashes: Arc::default(),
            silent_keys: Arc::default(),
        }
    }

    /// Delays each command and each reply. A command that was sent arrives even if its caller stops waiting.
    pub(crate) fn with_latency(self, latency: Duration) -> Self {
        Self { latency, ..self }
    }

    pub(crate) fn with_clock(self, clock: &ServerClock) -> Self {
        Self { time: ScriptTime::Clock(clock.clone()), ..self }
    }

    /// Makes the script count time in calls: each one increments this key and reads it as seconds.
    pub(crate) fn with_time_counter(self, key: &'static str) -> Self {
        Self { time: ScriptTime::Counter(key), ..self }
    }

    /// From now on, commands that contain this key are not sent and get no reply.
    pub(crate) fn stop_replies_for(&self, key: &str) {
        self.silent_keys.lock().unwrap().push(key.to_owned());
    }

    fn is_silent(&self, command: &Cmd) -> bool {
        let keys = self.silent_keys.lock().unwrap();
        arguments(command).iter().any(|argument| keys.iter().any(|key| key.as_bytes() == argument))
    }

    fn send(&self, command: &Cmd) -> RedisResult<Value> {
        let command = self.replace_time(command);
        let mut connection = self.connection.lock().unwrap();
        if connection.is_none() {
            *connection = Some(self.client.get_connection()?);
        }
        let reply = redis::ConnectionLike::req_command(connection.as_mut().unwrap(), &command);
        if reply.as_ref().is_err_and(|error| error.is_connection_dropped() || error.is_io_error()) {
            *connection = None;
        }
        reply
    }

    /// Replaces the call of `TIME` in the script. The server sees `EVAL` and `EVALSHA` just as the store sends them.
    fn replace_time(&self, command: &Cmd) -> Cmd {
        let mut arguments = arguments(command);
        let is_code = arguments[0] == b"EVAL";
        if matches!(self.time, ScriptTime::Server) || !is_code && arguments[0] != b"EVALSHA" {
            return command.clone();
        }
        let script = String::from_utf8(arguments[1].clone()).unwrap();
        let mut hashes = self.hashes.lock().unwrap();
        if is_code {
            let replaced = self.with_replaced_time(&script);
            hashes.insert(hash(&script), hash(&replaced));
            arguments[1] = replaced.into_bytes();
        } else if let Some(known) = hashes.get(&script) {
            arguments[1] = known.clone().into_bytes();
        }
        if let ScriptTime::Clock(clock) = &self.time {
            let micros = clock.micros();
            arguments.push((micros / 1_000_000).to_string().into_bytes());
            arguments.push((micros % 1_000_000).to_string().into_bytes());
        }
        let mut command = Cmd::new();
        arguments.iter().for_each(|argument| _ = command.arg(argument));
        command
    }

    fn with_replaced_time(&self, script: &str) -> String {
        const TIME: &str = "call('TIME')";
        assert_eq!(script.matches(TIME).count(), 1, "the script reads the time once, by {TIME}");
        match &self.time {
            ScriptTime::Server => script.to_owned(),
            ScriptTime::Clock(_) => script.replace(TIME, "{ ARGV[2], ARGV[3] }"),
            ScriptTime::Counter(key) => script.replace(TIME, &format!("{{ call('INCR', '{key}'), 0 }}")),
        }
    }
}

fn arguments(command: &Cmd) -> Vec<Vec<u8>> {
    let simple = |argument| match argument {
        Arg::Simple(bytes) => <[u8]>::to_vec(bytes),
        _ => unreachable!("the store sends no cursor"),
    };
    command.args_iter().map(simple).collect()
}

fn hash(script: &str) -> String {
    Script::new(script).get_hash().to_owned()
}

impl ConnectionLike for BlockingConnection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        if self.is_silent(command) {
            return Box::pin(std::future::pending());
        }
        if self.latency.is_zero() {
            let reply = self.send(command);
            return Box::pin(std::future::ready(reply));
        }
        let connection = self.clone();
        let command = command.clone();
        let exchange = tokio::spawn(async move {
            tokio::time::sleep(connection.latency).await;
            let reply = connection.send(&command);
            tokio::time::sleep(connection.latency).await;
            reply
        });
        Box::pin(async { exchange.await.unwrap() })
    }

    fn req_packed_commands<'a>(&'a mut self, _: &'a Pipeline, _: usize, _: usize) -> RedisFuture<'a, Vec<Value>> {
        unreachable!("the store sends no pipelines")
    }

    fn get_db(&self) -> i64 {
        0
    }
}
