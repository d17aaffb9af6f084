//! `LoopbackServer`: an identity provider's process on a loopback port, with a folder for its files.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The maximum time until a server accepts connections, on a loaded machine.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The maximum number of ports to try. Another process may take a port between its choice and the start.
const MAX_STARTS: usize = 10;

/// A running server. Its process ends and its folder is removed on drop.
pub(super) struct LoopbackServer {
    process: Child,
    folder: PathBuf,
    port: u16,
}

impl LoopbackServer {
    /// Starts the command for a folder and a free port, and waits until the port accepts connections.
    pub(super) fn start(name: &str, command: impl Fn(&Path, u16) -> Command) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        for _ in 0..MAX_STARTS {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let folder = std::env::temp_dir().join(format!("portcullis-{name}-{}-{number}", std::process::id()));
            fs::create_dir_all(&folder).unwrap();
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
            let process = spawn(command(&folder, port), &folder);
            let mut server = Self { process, folder, port };
            if server.accepts_connections() {
                return server;
            }
        }
        panic!("{name} does not start");
    }

    /// Stops the process, and starts this command for the same folder and port.
    pub(super) fn restart(&mut self, command: Command) {
        self.stop();
        self.process = spawn(command, &self.folder);
        assert!(self.accepts_connections(), "the server does not start again: {}", self.log());
    }

    /// The base URL, without a trailing slash.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Waits until the port accepts connections. Returns false if the process ends instead.
    fn accepts_connections(&mut self) -> bool {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            if self.process.try_wait().unwrap().is_some() {
                return false;
            }
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
                return true;
            }
            assert!(Instant::now() < deadline, "the server does not accept connections: {}", self.log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    fn stop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for LoopbackServer {
    fn drop(&mut self) {
        self.stop();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn spawn(mut command: Command, folder: &Path) -> Child {
    let log = File::options().append(true).create(true).open(folder.join("log")).unwrap();
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    command.spawn().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"))
}

/// Runs OpenSSL with this input, and returns its output.
pub(super) fn openssl(arguments: &[&str], input: &str) -> String {
    use std::io::Write;
    let mut command = Command::new("openssl");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut process = command.spawn().unwrap();
    process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}
