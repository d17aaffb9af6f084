//! `RunningExample`: an example of this crate that runs on a free port, and the commands that it prints.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::support::curl_command::{CurlCommand, CurlResponse};

/// A running example, killed on drop.
pub(crate) struct RunningExample {
    process: Child,
    output: Lines<BufReader<ChildStdout>>,
    exports: HashMap<String, String>,
}

impl RunningExample {
    /// Starts an example with the command in its documentation, on a free port.
    pub(crate) fn start(name: &str) -> Self {
        Self::start_with(name, &[])
    }

    /// Starts an example with these environment variables.
    pub(crate) fn start_with(name: &str, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO"));
        command.args(["run", "--quiet", "--example", name]).current_dir(env!("CARGO_MANIFEST_DIR"));
        command.env("PORT", "0").envs(variables.iter().copied());
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, output, exports: HashMap::new() }
    }

    /// Waits for the next line that the example prints.
    pub(crate) fn next_line(&mut self) -> String {
        self.output.next().expect("the example prints another line").unwrap()
    }

    /// Waits until the example has printed this many more commands. Variables that it exports are kept for
    /// [`parse`](Self::parse), and comments are skipped.
    pub(crate) fn next_commands<const N: usize>(&mut self) -> [String; N] {
        std::array::from_fn(|_| {
            loop {
                let line = self.next_line();
                if let Some((name, value)) = line.strip_prefix("export ").and_then(|export| export.split_once('=')) {
                    self.exports.insert(name.to_owned(), value.to_owned());
                } else if !line.starts_with('#') {
                    return line;
                }
            }
        })
    }

    /// Parses a curl command, with the exported variables.
    pub(crate) fn parse(&self, command: &str) -> CurlCommand {
        CurlCommand::parse(command, &self.exports)
    }

    /// Sends the request of a curl command.
    pub(crate) async fn curl(&self, command: &str) -> CurlResponse {
        self.parse(command).send().await
    }

    /// Sends the requests of curl commands, one after the other.
    pub(crate) async fn curl_all<const N: usize>(&self, commands: [String; N]) -> [CurlResponse; N] {
        let mut responses = Vec::with_capacity(N);
        for command in &commands {
            responses.push(self.curl(command).await);
        }
        responses.try_into().unwrap()
    }

    /// The variables that the example exported.
    pub(crate) fn exports(&self) -> &HashMap<String, String> {
        &self.exports
    }
}

impl Drop for RunningExample {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
