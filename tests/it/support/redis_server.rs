//! Real servers of Redis on loopback ports of their own: one alone, a replica of one, and a cluster of three.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

/// How long a server may take to be as it should.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server, which ends with this value: one in a `static` outlives the tests.
pub(crate) struct Server {
    process: Mutex<Process>,
    place: Place,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::open(false)
    }

    /// A replica that has all that its primary has, and that the primary counts in.
    pub(crate) fn replica_of(primary: &Self) -> Self {
        let replica = Self::start();
        assert_eq!(replica.command(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()]), "OK");
        wait("replica in sync", || {
            let link = replica.command(&["INFO", "replication"]);
            let counted = format!("port={},state=online", replica.port());
            link.contains("master_link_status:up") && primary.command(&["INFO", "replication"]).contains(&counted)
        });
        replica
    }

    fn open(is_clustered: bool) -> Self {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let place = Place::new(is_clustered);
            if let Some(process) = place.process(deadline) {
                return Self { process: Mutex::new(process), place };
            }
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.place.port
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port())
    }

    /// The reply as text: an error's as it stands, `(nil)` for none, a line for each item of an array.
    pub(crate) fn command(&self, words: &[&str]) -> String {
        ask(self.port(), words).unwrap_or_else(|error| panic!("{words:?} to port {}: {error}", self.port()))
    }

    /// Leaves it connected and silent: the system still accepts for it.
    pub(crate) fn pause(&self) {
        self.process.lock().unwrap().signal("STOP");
    }

    pub(crate) fn resume(&self) {
        self.process.lock().unwrap().signal("CONT");
    }

    /// Ends it at once, paused or not; its port refuses from then on.
    pub(crate) fn kill(&self) {
        self.process.lock().unwrap().end();
    }

    /// Starts it anew on its port, empty and a primary; a cluster's node keeps its slots, which it serves once it settles.
    pub(crate) fn restart(&self) {
        let mut process = self.process.lock().unwrap();
        process.end();
        let deadline = Instant::now() + PATIENCE;
        *process = loop {
            if let Some(process) = self.place.process(deadline) {
                break process;
            }
        };
    }

    /// Makes a primary of a replica.
    pub(crate) fn promote(&self) {
        assert_eq!(self.command(&["REPLICAOF", "NO", "ONE"]), "OK");
    }
}

/// Three primaries that share all slots evenly and in order, without replicas.
pub(crate) struct Cluster {
    nodes: [Server; 3],
}

impl Cluster {
    pub(crate) fn start() -> Self {
        const SLOTS: [[&str; 2]; 3] = [["0", "5460"], ["5461", "10922"], ["10923", "16383"]];
        let nodes = [(); 3].map(|()| Server::open(true));
        for (node, [first, last]) in nodes.iter().zip(SLOTS) {
            assert_eq!(node.command(&["CLUSTER", "ADDSLOTSRANGE", first, last]), "OK");
            let (port, bus) = (node.port().to_string(), node.place.bus.expect("a node's bus").to_string());
            assert_eq!(nodes[0].command(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]), "OK");
        }
        let cluster = Self { nodes };
        cluster.settle();
        cluster
    }

    /// Waits until each node finds the cluster whole, as it does 2 s after a node's start.
    pub(crate) fn settle(&self) {
        wait("cluster that is whole", || {
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

/// A port that refuses, and that nobody else is told. It lies below those that systems hand out by themselves, so that
/// no connection takes it as its own end.
pub(crate) fn closed_port() -> u16 {
    const COUNT: u32 = 10_000;
    static TURN: AtomicU32 = AtomicU32::new(0);
    // Other test processes begin elsewhere.
    let start = std::process::id().wrapping_mul(211) % COUNT;
    let mut ports = (0..COUNT).map(|_| 20_000 + ((start + TURN.fetch_add(1, Ordering::Relaxed)) % COUNT) as u16);
    ports.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()).expect("a free port")
}

/// What a server keeps when it is started anew: its ports, and its folder, which is removed with this value.
struct Place {
    port: u16,
    bus: Option<u16>,
    folder: PathBuf,
}

impl Place {
    fn new(is_clustered: bool) -> Self {
        let port = closed_port();
        let now = UNIX_EPOCH.elapsed().unwrap().as_nanos();
        let folder = std::env::temp_dir().join(format!("portcullis-redis-{port}-{now}"));
        fs::create_dir(&folder).unwrap();
        Self { port, bus: is_clustered.then(closed_port), folder }
    }

    /// A process that answers here; `None` for one that ended, as where someone else has the port.
    fn process(&self, deadline: Instant) -> Option<Process> {
        let mut process = self.spawn();
        let own = format!("process_id:{}\r", process.0.id());
        loop {
            // Not just any answer: it may be the one who has the port.
            if ask(self.port, &["PING"]).is_ok_and(|reply| reply == "PONG")
                && ask(self.port, &["INFO", "server"]).is_ok_and(|reply| reply.contains(&own))
            {
                return Some(process);
            }
            if Instant::now() > deadline {
                let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                panic!("redis-server does not answer within {PATIENCE:?}: {log}");
            }
            if process.0.try_wait().unwrap().is_some() {
                return None;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn spawn(&self) -> Process {
        let program = std::env::var_os("PORTCULLIS_REDIS").unwrap_or_else(|| "redis-server".into());
        let log = File::options().append(true).create(true).open(self.folder.join("log")).unwrap();
        let mut command = Command::new(program);
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--protected-mode", "no"]);
        command.args(["--daemonize", "no", "--save", "", "--appendonly", "no", "--dir"]).arg(&self.folder);
        // A replica need not wait for others that may come.
        command.args(["--repl-diskless-sync-delay", "0"]);
        if let Some(bus) = self.bus {
            command.args(["--cluster-enabled", "yes", "--cluster-port", &bus.to_string()]);
            command.args(["--cluster-announce-ip", "127.0.0.1", "--cluster-node-timeout", "2000"]);
        }
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Process(command.spawn().expect("redis-server starts"))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A process that ends with this value.
struct Process(Child);

impl Process {
    /// By the shell, which has `kill` on systems without a program of that name.
    fn signal(&mut self, name: &str) {
        assert!(self.0.try_wait().unwrap().is_none(), "SIG{name} to a server that has ended");
        let script = format!("kill -{name} {}", self.0.id());
        assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success(), "{script}");
    }

    fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

fn wait(what: &str, is_there: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_there() {
        assert!(Instant::now() < deadline, "no {what} within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The reply to one command, on a connection of its own.
pub(crate) fn ask(port: u16, words: &[&str]) -> io::Result<String> {
    let limit = Duration::from_secs(2);
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), limit)?;
    stream.set_read_timeout(Some(limit))?;
    let arguments: String = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect();
    stream.write_all(format!("*{}\r\n{arguments}", words.len()).as_bytes())?;
    reply(&mut BufReader::new(stream))
}

pub(crate) fn reply(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    let line = line.strip_suffix("\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let (kind, rest) = line.split_at_checked(1).ok_or(io::ErrorKind::InvalidData)?;
    let number = || rest.parse::<i64>().map_err(io::Error::other);
    match kind {
        "+" | "-" | ":" => Ok(rest.to_owned()),
        "$" | "*" if number()? < 0 => Ok("(nil)".to_owned()),
        "$" => {
            let mut bulk = vec![0; number()? as usize + 2];
            from.read_exact(&mut bulk)?;
            bulk.truncate(bulk.len() - 2);
            Ok(String::from_utf8_lossy(&bulk).into_owned())
        }
        "*" => {
            let items: io::Result<Vec<_>> = (0..number()?).map(|_| reply(from)).collect();
            Ok(items?.join("\n"))
        }
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}
