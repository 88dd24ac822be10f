//! The README's commands, run as they stand.
//!
//! An example is a block that opens with ```` ```sh ```` and the block behind it, ```` ```json ```` or
//! ```` ```text ````, which is what must come back, with `…` for whatever differs from run to run. All examples
//! are run in one shell, so that variables last, in the workspace's root, as by somebody who has just cloned
//! it. The server that they talk to is started for them on a scratch folder, which is `APPMIXER_DATA`.
//!
//! Blocks of other commands have no answer behind them and are not run. One that holds `curl` must have one.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::process::{self, command, output, root};

const ADDRESS: &str = "127.0.0.1:2200";

const MARKER: &str = "--- end of an example ---";

fn run_server(binary: &str, address: &str, data: &std::path::Path) -> Result<Server> {
    let child = Command::new(root().join(binary))
        .args(["serve", "--listen", address, "--data"])
        .arg(data)
        .current_dir(data)
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {binary}"))?;
    let server = Server(child);
    let deadline = Instant::now() + Duration::from_secs(10);
    while std::net::TcpStream::connect(address).is_err() {
        ensure!(Instant::now() < deadline, "the server did not start at {address}");
        sleep(Duration::from_millis(1));
    }
    Ok(server)
}

/// A server that ends with its owner.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn run() -> Result<()> {
    let text = fs::read_to_string(root().join("README.md"))?;
    let examples = examples(&text)?;
    ensure!(!examples.is_empty(), "README.md has no example to run");
    process::run(&mut command("cargo build --release"))?;
    // The README's address is the default one; where it is taken, another does as well.
    let free = TcpListener::bind(ADDRESS).or_else(|_| TcpListener::bind("127.0.0.1:0"))?;
    let address = free.local_addr()?.to_string();
    drop(free);
    let data = tempfile::tempdir()?;
    let _server = run_server("target/release/appmixer-server", &address, data.path())?;

    let mut script = String::from("set -eu\n");
    for (commands, _) in &examples {
        script.push_str(&commands.replace(ADDRESS, &address));
        script.push_str("\necho; echo '");
        script.push_str(MARKER);
        script.push_str("'\n");
    }
    let mut shell = Command::new("bash");
    // A command beside the server finds the data where the server has it.
    shell.arg("-c").arg(&script).current_dir(root()).env("APPMIXER_DATA", data.path());
    let answers = output(&mut shell)?;
    for ((commands, expected), answer) in examples.iter().zip(answers.split(MARKER)) {
        if !matches(expected, answer.trim()) {
            bail!(
                "README.md: this\n{commands}\nshould have answered\n{expected}\nand answered\n{}",
                answer.trim()
            );
        }
    }
    eprintln!("README.md: {} examples answer as it says", examples.len());
    Ok(())
}

/// Commands and what they should print.
fn examples(text: &str) -> Result<Vec<(String, String)>> {
    let mut examples = Vec::new();
    let mut blocks = text.split("\n```").skip(1).step_by(2).peekable();
    while let Some(block) = blocks.next() {
        let Some(commands) = block.strip_prefix("sh\n") else { continue };
        let answer =
            blocks.peek().and_then(|block| block.strip_prefix("json\n").or(block.strip_prefix("text\n")));
        match answer {
            Some(answer) => examples.push((commands.to_owned(), answer.trim().to_owned())),
            None => ensure!(!commands.contains("curl "), "README.md: no answer behind\n{commands}"),
        }
    }
    Ok(examples)
}

/// Whether a text is the pattern, with `…` for any text within a line.
fn matches(pattern: &str, text: &str) -> bool {
    let (patterns, lines): (Vec<_>, Vec<_>) = (pattern.lines().collect(), text.lines().collect());
    patterns.len() == lines.len()
        && patterns.iter().zip(&lines).all(|(pattern, line)| {
            let mut parts = pattern.split('…');
            let first = parts.next().unwrap_or_default();
            let Some(mut rest) = line.strip_prefix(first) else { return false };
            let mut last = "";
            for part in parts {
                let Some(at) = rest.rfind(part).filter(|_| part.is_empty()).or_else(|| rest.find(part))
                else {
                    return false;
                };
                rest = &rest[at + part.len()..];
                last = part;
            }
            rest.is_empty() || (last.is_empty() && pattern.ends_with('…'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ellipsis_stands_for_anything_within_its_line() {
        assert!(matches(r#"{"id":"…","n":1}"#, r#"{"id":"abc","n":1}"#));
        assert!(matches("a…", "abc") && matches("a…c", "abc") && matches("x\ny", "x\ny"));
        assert!(!matches(r#"{"id":"…","n":1}"#, r#"{"id":"abc","n":2}"#));
        assert!(!matches("a", "b") && !matches("a", "a\nb") && !matches("a…", "b"));
    }

    #[test]
    fn an_example_is_a_shell_block_and_the_answer_behind_it() {
        let text = "x\n```sh\ncurl a\n```\nthen\n```json\n{}\n```\n```sh\nls\n```\n```sh\nadd\n```\n```text\n1\n```\n";
        let pair = |commands: &str, answer: &str| (commands.to_owned(), answer.to_owned());
        assert_eq!(examples(text).unwrap(), [pair("curl a", "{}"), pair("add", "1")]);
    }

    #[test]
    fn what_asks_the_server_must_have_an_answer() {
        let error = examples("x\n```sh\ncurl a\n```\n```sh\nls\n```\n").unwrap_err();
        assert!(error.to_string().contains("curl a"), "{error}");
    }
}
