//! `Server`: a Redis server on a free loopback port.

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;

/// A Redis server and its port. The server is killed on drop.
pub(crate) struct Server(Child, u16);

impl Server {
    /// Starts `redis-server` from the PATH, or the program in `PORTCULLIS_REDIS`.
    pub(crate) fn start() -> Self {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let program = std::env::var_os("PORTCULLIS_REDIS").unwrap_or_else(|| "redis-server".into());
        let mut command = Command::new(program);
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.current_dir(std::env::temp_dir()).stdin(Stdio::null()).stdout(Stdio::null());
        Self(command.spawn().expect("redis-server starts"), port)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.1)
    }

    /// Waits for the server, and opens a connection without a timeout for responses.
    pub(crate) async fn connect(&self) -> MultiplexedConnection {
        let client = redis::Client::open(self.url()).unwrap();
        let config = redis::AsyncConnectionConfig::new().set_response_timeout(None);
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            match client.get_multiplexed_async_connection_with_config(&config).await {
                Ok(connection) => return connection,
                Err(error) => assert!(Instant::now() < deadline, "no server: {error}"),
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
