//! `Balancer`: one TCP address for several servers. Open connections stay with the server that they were opened to.

use std::io;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A balancer that sends each new connection to the current target.
pub(crate) struct Balancer {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    target: AtomicU16,
    /// The connections that were accepted.
    accepted: AtomicUsize,
    /// The clients' ends of all connections.
    clients: Mutex<Vec<TcpStream>>,
}

impl Balancer {
    /// Starts a balancer in front of the server at this port. It runs until the process ends.
    pub(crate) fn start(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            target: AtomicU16::new(target),
            accepted: AtomicUsize::new(0),
            clients: Mutex::default(),
        });
        let state = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                state.accepted.fetch_add(1, Ordering::SeqCst);
                // A server that is down closes the client's connection at once.
                let target = state.target.load(Ordering::SeqCst);
                if let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)) {
                    state.clients.lock().unwrap().push(client.try_clone().unwrap());
                    copy(client.try_clone().unwrap(), server.try_clone().unwrap());
                    copy(server, client);
                }
            }
        });
        Self { port, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Sends connections to this port from now on. Open connections stay open.
    pub(crate) fn switch_to(&self, target: u16) {
        self.shared.target.store(target, Ordering::SeqCst);
    }

    /// Closes all open connections.
    pub(crate) fn cut(&self) {
        for client in self.shared.clients.lock().unwrap().drain(..) {
            let _ = client.shutdown(Shutdown::Both);
        }
    }

    /// How many connections were opened so far.
    pub(crate) fn connections(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }
}

/// Copies bytes in one direction, and then closes both ends.
fn copy(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    });
}
