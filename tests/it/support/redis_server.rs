//! Real Redis servers on loopback ports: a single server, a replica, and a cluster of three nodes.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

/// The maximum wait for a server to reach the expected state. Only a broken server takes this long.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A running server, killed on drop. One in a `static` would outlive the tests.
pub(crate) struct Server {
    process: Mutex<Process>,
    instance: Instance,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::open(false, &[])
    }

    /// Starts a server with more arguments of its command line.
    #[cfg(feature = "redis_tls")]
    pub(crate) fn start_with(arguments: &[String]) -> Self {
        Self::open(false, arguments)
    }

    /// Starts a node of a cluster that has no slots.
    pub(crate) fn cluster_node() -> Self {
        Self::open(true, &[])
    }

    /// Starts a replica and waits until it is in sync and its primary lists it as online.
    pub(crate) fn replica_of(primary: &Self) -> Self {
        let replica = Self::start();
        assert_eq!(replica.command(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()]), "OK");
        wait_until("the replica is in sync", || {
            let is_linked = replica.command(&["INFO", "replication"]).contains("master_link_status:up");
            let online = format!("port={},state=online", replica.port());
            is_linked && primary.command(&["INFO", "replication"]).contains(&online)
        });
        replica
    }

    fn open(is_clustered: bool, arguments: &[String]) -> Self {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let instance = Instance::new(is_clustered, arguments.to_vec());
            if let Some(process) = instance.start_process(deadline) {
                return Self { process: Mutex::new(process), instance };
            }
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.instance.port
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port())
    }

    /// Sends a command. Returns its reply as text: the message of an error, `(nil)`, one line for each array item.
    pub(crate) fn command(&self, words: &[&str]) -> String {
        send(self.port(), words, TIMEOUT).unwrap_or_else(|error| panic!("{words:?} to port {}: {error}", self.port()))
    }

    /// Returns how often the server executed each command, except those of the tests.
    pub(crate) fn calls(&self) -> Vec<(String, u64)> {
        let stats = self.command(&["INFO", "commandstats"]);
        let calls = stats.lines().filter_map(|line| {
            let (command, numbers) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            Some((command.to_owned(), numbers.split(',').next()?.parse().unwrap()))
        });
        calls.filter(|(command, _)| !["info", "ping", "config|get", "config|resetstat"].contains(&&**command)).collect()
    }

    /// Suspends the process: it replies to nothing, while the system still accepts connections for it.
    pub(crate) fn pause(&self) {
        self.process.lock().unwrap().signal("STOP");
    }

    pub(crate) fn resume(&self) {
        self.process.lock().unwrap().signal("CONT");
    }

    /// Kills the process, paused or not. Its port refuses connections from then on.
    pub(crate) fn kill(&self) {
        self.process.lock().unwrap().kill();
    }

    /// Restarts the server on its port, empty and as a primary. A cluster node keeps its slots; see `Cluster::settle`.
    pub(crate) fn restart(&self) {
        let mut process = self.process.lock().unwrap();
        process.kill();
        let deadline = Instant::now() + TIMEOUT;
        *process = loop {
            if let Some(process) = self.instance.start_process(deadline) {
                break process;
            }
        };
    }

    /// Shortens the remaining lifetime of all keys, as if this time had passed.
    pub(crate) fn age_keys(&self, time: Duration) {
        const CODE: &str = "\
            for _, key in ipairs(redis.call('KEYS', '*')) do \
              local expires_in = redis.call('PTTL', key) \
              if expires_in >= 0 then redis.call('PEXPIRE', key, string.format('%.0f', expires_in - ARGV[1])) end \
            end \
            return redis.status_reply('OK')";
        assert_eq!(self.command(&["EVAL", CODE, "0", &time.as_millis().to_string()]), "OK");
    }

    /// Promotes a replica to a primary.
    pub(crate) fn promote(&self) {
        assert_eq!(self.command(&["REPLICAOF", "NO", "ONE"]), "OK");
    }
}

/// Three primaries without replicas, which share the slots evenly and in order.
pub(crate) struct Cluster {
    nodes: [Server; 3],
}

impl Cluster {
    pub(crate) fn start() -> Self {
        const SLOTS: [[&str; 2]; 3] = [["0", "5460"], ["5461", "10922"], ["10923", "16383"]];
        let nodes = [(); 3].map(|()| Server::cluster_node());
        for (node, [first, last]) in nodes.iter().zip(SLOTS) {
            assert_eq!(node.command(&["CLUSTER", "ADDSLOTSRANGE", first, last]), "OK");
            let port = node.port().to_string();
            let bus_port = node.instance.bus_port.expect("a cluster node has a bus port").to_string();
            assert_eq!(nodes[0].command(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus_port]), "OK");
        }
        let cluster = Self { nodes };
        cluster.settle();
        cluster
    }

    /// Waits until each node reports a complete cluster, which takes at least 2 s after a node starts.
    pub(crate) fn settle(&self) {
        wait_until("the cluster is complete", || {
            self.nodes.iter().all(|node| {
                let info = node.command(&["CLUSTER", "INFO"]);
                info.contains("cluster_state:ok\r") && info.contains("cluster_known_nodes:3\r")
            })
        });
    }

    pub(crate) fn nodes(&self) -> &[Server] {
        &self.nodes
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Server::url).collect()
    }
}

/// Returns an unused port, each one only once. It is below the range of ephemeral ports, so that no outgoing connection
/// takes it.
pub(crate) fn closed_port() -> u16 {
    const COUNT: u32 = 10_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Each test process starts at a different port.
    let start = std::process::id().wrapping_mul(211) % COUNT;
    let mut ports = (0..COUNT).map(|_| 20_000 + ((start + NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT) as u16);
    ports.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()).expect("a port is free")
}

/// The ports and the directory of a server, which a restart keeps. The directory is removed on drop.
struct Instance {
    port: u16,
    bus_port: Option<u16>,
    directory: PathBuf,
    arguments: Vec<String>,
}

impl Instance {
    fn new(is_clustered: bool, arguments: Vec<String>) -> Self {
        let port = closed_port();
        let now = UNIX_EPOCH.elapsed().unwrap().as_nanos();
        let directory = std::env::temp_dir().join(format!("portcullis-redis-{port}-{now}"));
        fs::create_dir(&directory).unwrap();
        Self { port, bus_port: is_clustered.then(closed_port), directory, arguments }
    }

    /// Starts a process and waits until it replies. `None` if it ends, for example because the port is taken.
    fn start_process(&self, deadline: Instant) -> Option<Process> {
        let mut process = self.spawn();
        let process_id = format!("process_id:{}\r", process.0.id());
        loop {
            // The reply may come from another server that took the port.
            if send(self.port, &["PING"], TIMEOUT).is_ok_and(|reply| reply == "PONG")
                && send(self.port, &["INFO", "server"], TIMEOUT).is_ok_and(|reply| reply.contains(&process_id))
            {
                return Some(process);
            }
            if Instant::now() > deadline {
                let log = fs::read_to_string(self.directory.join("log")).unwrap_or_default();
                panic!("redis-server does not reply within {TIMEOUT:?}: {log}");
            }
            if process.0.try_wait().unwrap().is_some() {
                return None;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn spawn(&self) -> Process {
        let program = std::env::var_os("PORTCULLIS_REDIS").unwrap_or_else(|| "redis-server".into());
        let log = File::options().append(true).create(true).open(self.directory.join("log")).unwrap();
        let mut command = Command::new(program);
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--protected-mode", "no"]);
        command.args(["--daemonize", "no", "--save", "", "--appendonly", "no", "--dir"]).arg(&self.directory);
        // By default, replication waits 5 s for more replicas to connect.
        command.args(["--repl-diskless-sync-delay", "0", "--enable-debug-command", "yes"]);
        if let Some(bus_port) = self.bus_port {
            command.args(["--cluster-enabled", "yes", "--cluster-port", &bus_port.to_string()]);
            command.args(["--cluster-announce-ip", "127.0.0.1", "--cluster-node-timeout", "30000"]);
        }
        command.args(&self.arguments);
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Process(command.spawn().expect("redis-server starts"))
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// A child process, killed on drop.
struct Process(Child);

impl Process {
    /// Sends a signal through the shell: `kill` is built into every shell, but not every system has a program of that
    /// name.
    fn signal(&mut self, name: &str) {
        assert!(self.0.try_wait().unwrap().is_none(), "SIG{name} to a server that is not running");
        let script = format!("kill -{name} {}", self.0.id());
        assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success(), "{script}");
    }

    fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) fn wait_until(goal: &str, is_reached: impl Fn() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !is_reached() {
        assert!(Instant::now() < deadline, "timed out after {TIMEOUT:?}: {goal}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Sends a command on a new connection and waits this long for its reply.
pub(crate) fn send(port: u16, words: &[&str], timeout: Duration) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    let arguments: String = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect();
    stream.write_all(format!("*{}\r\n{arguments}", words.len()).as_bytes())?;
    read_reply(&mut BufReader::new(stream))
}

/// Reads one reply as text; see `Server::command`.
pub(crate) fn read_reply(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let line = line.strip_suffix("\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let (kind, rest) = line.split_at_checked(1).ok_or(io::ErrorKind::InvalidData)?;
    let number = || rest.parse::<i64>().map_err(io::Error::other);
    match kind {
        "+" | "-" | ":" => Ok(rest.to_owned()),
        "$" | "*" if number()? < 0 => Ok("(nil)".to_owned()),
        "$" => {
            let mut bulk = vec![0; number()? as usize + 2];
            reader.read_exact(&mut bulk)?;
            bulk.truncate(bulk.len() - 2);
            Ok(String::from_utf8_lossy(&bulk).into_owned())
        }
        "*" => {
            let items: io::Result<Vec<_>> = (0..number()?).map(|_| read_reply(reader)).collect();
            Ok(items?.join("\n"))
        }
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}
