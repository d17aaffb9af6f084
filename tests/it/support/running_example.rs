//! `RunningExample`: an example of this crate that runs on a free port.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

/// A running example, killed on drop.
pub(crate) struct RunningExample {
    process: Child,
    output: Lines<BufReader<ChildStdout>>,
}

impl RunningExample {
    /// Starts an example with the command in its documentation, on a free port.
    pub(crate) fn start(name: &str) -> Self {
        let mut command = Command::new(env!("CARGO"));
        command.args(["run", "--quiet", "--example", name]).current_dir(env!("CARGO_MANIFEST_DIR"));
        let mut process = command.env("PORT", "0").stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, output }
    }

    /// Waits for the next line that the example prints.
    pub(crate) fn next_line(&mut self) -> String {
        self.output.next().expect("the example prints another line").unwrap()
    }
}

impl Drop for RunningExample {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
