//! The command line. Names are fixed: operators script them.

mod acl;
mod audit;
mod backup;
mod config;
mod console;
mod key;
mod lists;
mod mail;
mod store;
mod suggest;
mod token;

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;

pub(crate) use self::acl::{AclCommand, Question};
pub(crate) use self::audit::{AuditCommand, AuditFilters, OutboxCommand};
pub(crate) use self::backup::{BackupArgs, RestoreArgs};
pub(crate) use self::config::ConfigCommand;
pub(crate) use self::console::ConsoleCommand;
pub(crate) use self::key::KeyCommand;
pub(crate) use self::lists::{UserFilters, UserSelection};
pub(crate) use self::mail::MailCommand;
pub(crate) use self::store::{CopyArgs, StoreCommand};
pub(crate) use self::token::TokenCommand;
use crate::config::Overrides;

/// What the program is called.
pub(crate) const NAME: &str = "appmixer-server";

/// A self-hosted authentication server for products that embed Appmixer.
#[derive(Parser)]
#[command(
    name = NAME,
    version,
    max_term_width = 100,
    after_help = "\
Examples:
  appmixer-server                                          serve at http://127.0.0.1:2200
  appmixer-server user add admin@acme.com --scope admin --scope user
  appmixer-server config set API_USER_CREATE_SCOPE admin
  appmixer-server check-config --config /etc/appmixer/appmixer.toml

Every key of the configuration is in docs/configuration.md; each can be set by a variable too, as in
APPMIXER_TOKEN__SECRET or APPMIXER_HTTP__BODY_LIMIT."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
}

impl Cli {
    /// Reads the command line. `--listen` may stand before `serve` and `health`, as the global options may.
    pub(crate) fn read() -> Result<Self, clap::Error> {
        Self::try_parse()?.with_listen()
    }

    fn with_listen(mut self) -> Result<Self, clap::Error> {
        match (&mut self.command, self.serve.listen.take()) {
            (Some(Command::Serve(args) | Command::Health(args)), Some(listen)) => {
                args.listen.get_or_insert(listen);
            }
            (Some(_), Some(_)) => {
                let what = "--listen is an option of serve and health alone";
                return Err(Self::command().error(ErrorKind::ArgumentConflict, what));
            }
            (None, listen) => self.serve.listen = listen,
            (Some(_), None) => {}
        }
        Ok(self)
    }
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Serve the API (the default)
    Serve(ServeArgs),
    /// Users: add, list, count, show, set, confirm, reset-password, sign-out, delete, import, export
    #[command(subcommand)]
    User(UserCommand),
    /// The system configuration, which takes effect while the server runs
    #[command(subcommand)]
    Config(ConfigCommand),
    /// The access rules: list, set, reset, audit, test
    #[command(subcommand)]
    Acl(AclCommand),
    /// The audit log: who did what, from where, and when
    #[command(subcommand)]
    Audit(AuditCommand),
    /// The settings for mail: test
    #[command(subcommand)]
    Mail(MailCommand),
    /// Mails and webhooks that wait for delivery: list
    #[command(subcommand)]
    Outbox(OutboxCommand),
    /// The page for administrators: link
    #[command(subcommand)]
    Console(ConsoleCommand),
    /// The keys that sign tokens: list, rotate, retire
    #[command(subcommand)]
    Key(KeyCommand),
    /// Tokens: issue, inspect, verify
    #[command(subcommand)]
    Token(TokenCommand),
    /// Copy the database into one file, also while the server runs
    Backup(BackupArgs),
    /// Put a backup in the place of the database, while no server runs
    Restore(RestoreArgs),
    /// The database as a whole: copy, migrate
    #[command(subcommand)]
    Store(StoreCommand),
    /// Check the configuration, and show each value with its source
    CheckConfig {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
        /// Try the network too: sign in to PostgreSQL, and connect to upstreams and the mail server
        #[arg(long)]
        connect: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Ask the running server's /readyz: status 0 if it is ready, 1 if not
    #[command(after_help = "\
Meant for a container's health check. It asks where the configuration says that the server listens: at
management.listen, or else listen, listen_unix or tls.listen.")]
    Health(ServeArgs),
    /// Print what makes a shell complete the commands
    #[command(after_help = "\
Examples:
  appmixer-server completions bash > /etc/bash_completion.d/appmixer-server
  appmixer-server completions zsh > /usr/local/share/zsh/site-functions/_appmixer-server
  appmixer-server completions fish > /etc/fish/completions/appmixer-server.fish")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page, or write one for each command into a folder
    #[command(after_help = "\
Examples:
  appmixer-server man | man -l -
  appmixer-server man /usr/local/share/man/man1")]
    Man {
        /// A folder that is there
        #[arg(value_hint = ValueHint::DirPath)]
        folder: Option<PathBuf>,
    },
}

/// What every command takes.
#[derive(Args, Clone, Default)]
pub(crate) struct Common {
    /// The configuration file [default: appmixer.toml, if there is one]
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// The folder of the database and the token secret [default: appmixer-data]
    #[arg(long, value_name = "DIR", global = true, value_hint = ValueHint::DirPath)]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Args, Default)]
pub(crate) struct ServeArgs {
    /// The address and port to listen on; a port alone is on 127.0.0.1, and :PORT on all IPv4 addresses [default: 127.0.0.1:2200]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<String>,
    #[command(flatten)]
    pub(crate) common: Common,
}

impl Common {
    pub(crate) fn overrides(&self, listen: Option<&String>) -> Overrides {
        Overrides { listen: listen.cloned(), data: self.data.clone() }
    }
}

/// What an administrator sets about a user.
#[derive(Args, Default)]
pub(crate) struct UserFields {
    /// A scope; once for each (a list, it replaces what was there)
    #[arg(long, value_name = "SCOPE")]
    pub(crate) scope: Vec<String>,
    /// The plan, as free, beta or subscription
    #[arg(long, value_parser = suggest::PLANS, hide_possible_values = true)]
    pub(crate) plan: Option<String>,
    /// A vendor; once for each
    #[arg(long)]
    pub(crate) vendor: Vec<String>,
    /// Whether the address is confirmed
    #[arg(long, value_name = "true|false")]
    pub(crate) active: Option<bool>,
    /// What clients keep with the user: a JSON object
    #[arg(long, value_name = "JSON")]
    pub(crate) metadata: Option<String>,
}

#[derive(Subcommand)]
pub(crate) enum UserCommand {
    /// Make a user; with --scope admin, the first administrator
    Add {
        /// The username, in the format of an email address
        name: String,
        /// The email address [default: the username]
        #[arg(long)]
        email: Option<String>,
        #[command(flatten)]
        fields: UserFields,
        /// Read the password from the first line of standard input
        #[arg(long)]
        password_stdin: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Show users: all of them in the order of their ids, or those that are asked for
    List {
        #[command(flatten)]
        selection: UserSelection,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Show how many users there are, or how many are asked for
    Count {
        #[command(flatten)]
        filters: UserFilters,
        /// As a JSON object
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Show one user
    Show {
        /// The username, email address or id
        user: String,
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Change a user
    Set {
        /// The username, email address or id
        user: String,
        /// The new username
        #[arg(long)]
        username: Option<String>,
        /// The new email address
        #[arg(long)]
        email: Option<String>,
        #[command(flatten)]
        fields: UserFields,
        /// Show the user as JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Set a new password; the user's tokens stop working
    ResetPassword {
        /// The username, email address or id
        user: String,
        /// Read the password from the first line of standard input
        #[arg(long)]
        password_stdin: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Send a user the code that confirms the address
    Confirm {
        /// The username, email address or id
        user: String,
        #[command(flatten)]
        common: Common,
    },
    /// Sign a user out everywhere: the tokens stop working
    SignOut {
        /// The username, email address or id
        user: String,
        #[command(flatten)]
        common: Common,
    },
    /// Delete a user
    Delete {
        /// The username, email address or id
        user: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Take over users from a file: an export of this program, or of Appmixer's MongoDB
    Import(ImportArgs),
    /// Write all users into a file, with their password hashes
    Export {
        /// The file, readable by its owner alone; - for standard output
        file: PathBuf,
        /// Replace the file if it is there
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        common: Common,
    },
}

/// How users are imported.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct ImportArgs {
    /// The file, which may be compressed with gzip; - for standard input
    pub(crate) file: PathBuf,
    /// How it is written [default: as each record looks]
    #[arg(long)]
    pub(crate) format: Option<ImportFormat>,
    /// Check everything and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Replace users who are there already with other content; without it, they stay as they are
    #[arg(long)]
    pub(crate) update: bool,
    /// What to do with a user without a password hash that can be verified: leave it out, or take it over so
    /// that it cannot sign in until its password is reset
    #[arg(long, value_name = "HOW", default_value = "refuse")]
    pub(crate) without_password: WithoutPassword,
    /// Take over names with invisible characters; without it, such a user is refused unless it is stored with that
    /// name already
    #[arg(long)]
    pub(crate) allow_invisible_names: bool,
    /// Write what became of each record that was not simply taken into this new file, as JSON lines; it has
    /// usernames in it
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Show the summary as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// The forms that are read.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum ImportFormat {
    /// What `user export` writes
    Own,
    /// What mongoexport writes of Appmixer's collection `users`
    Mongo,
}

/// What becomes of a user without a usable hash.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WithoutPassword {
    /// Left out
    Refuse,
    /// Taken over, and cannot sign in
    Lock,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definitions_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_argument_takes_a_password() {
        assert!(Cli::try_parse_from(["appmixer-server", "user", "add", "a@b", "--password", "x"]).is_err());
    }

    #[test]
    fn global_options_stand_before_and_after_the_command() {
        let of = |arguments: &[&str]| {
            Cli::try_parse_from([&[NAME], arguments].concat()).and_then(Cli::with_listen)
        };
        for arguments in [
            &["--config", "a", "--data", "b", "user", "list"][..],
            &["user", "--config", "a", "list", "--data", "b"],
            &["user", "list", "--config", "a", "--data", "b"],
        ] {
            let Some(Command::User(UserCommand::List { common, .. })) = of(arguments).unwrap().command else {
                panic!("{arguments:?}")
            };
            assert_eq!((common.config, common.data), (Some("a".into()), Some("b".into())), "{arguments:?}");
        }
        for arguments in [&["--listen", "1", "serve"][..], &["serve", "--listen", "1"], &["--listen", "1"]] {
            let cli = of(arguments).unwrap();
            let listen = match &cli.command {
                Some(Command::Serve(args)) => &args.listen,
                _ => &cli.serve.listen,
            };
            assert_eq!(listen.as_deref(), Some("1"), "{arguments:?}");
        }
        assert!(of(&["--listen", "1", "user", "list"]).is_err());
    }

    #[test]
    fn serve_is_the_default() {
        let cli = Cli::try_parse_from(["appmixer-server", "--listen", "127.0.0.1:0"]).unwrap();
        assert!(cli.command.is_none());
        assert_eq!(cli.serve.listen.as_deref(), Some("127.0.0.1:0"));
    }
}
