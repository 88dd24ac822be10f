//! Secrets and consent from the person at the terminal.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use appmixer_core::Password;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::output;

/// More than any secret that is accepted.
const LONGEST_LINE: u64 = 64 * 1024;

/// A new password: typed twice without echo, or the first line of standard input.
pub(crate) fn new_password(from_stdin: bool) -> Result<Password, Failure> {
    let text = if from_stdin { first_line()? } else { typed("Password", true)? };
    Password::new(text.to_string()).map_err(|error| Failure::refused(format!("the password {error}")))
}

/// A secret value: typed without echo, or the first line of standard input.
pub(crate) fn secret(what: &str, from_stdin: bool) -> Result<Zeroizing<String>, Failure> {
    if from_stdin { first_line() } else { typed(what, false) }
}

fn typed(what: &str, twice: bool) -> Result<Zeroizing<String>, Failure> {
    let ask = |prompt: String| rpassword::prompt_password(prompt).map(Zeroizing::new);
    let no_terminal = |error| {
        Failure::refused(format!(
            "there is no terminal to ask at ({error}); give it on standard input with --password-stdin or --stdin"
        ))
    };
    let text = ask(format!("{what}: ")).map_err(no_terminal)?;
    if twice && ask(format!("{what} again: ")).map_err(no_terminal)? != text {
        return Err(Failure::refused("the two are not the same; nothing was changed"));
    }
    Ok(text)
}

/// The first line of standard input, without its end.
pub(crate) fn first_line() -> Result<Zeroizing<String>, Failure> {
    let mut line = Zeroizing::new(String::new());
    io::stdin().lock().take(LONGEST_LINE).read_line(&mut line)?;
    let end = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(end);
    Ok(line)
}

/// Whether the person wants it. Without a terminal nobody can be asked.
pub(crate) fn consent(question: &str) -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::refused("there is no terminal to ask at; --yes goes ahead without asking"));
    }
    output::question(&format!("{question} [y/N]"))?;
    match first_line()?.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Failure::refused("nothing was changed")),
    }
}
