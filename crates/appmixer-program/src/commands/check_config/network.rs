//! What needs the network: `check-config --connect`.

use std::net::ToSocketAddrs as _;
use std::time::Duration;

use appmixer_core::{ConfigEntry, Context};
use appmixer_store::{PostgresStore, Role, SqliteStore, examine};
use http::Uri;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::time::timeout;

use super::{Findings, system_config};
use crate::config::Config;
use crate::database::{Database, IfMissing};
use crate::failure::Failure;
use crate::workbench;

/// How long a connection may take.
const TIMEOUT: Duration = Duration::from_secs(5);

const DEFAULT_MAIL_PORT: u16 = 465;

pub(super) fn run(config: &Config, findings: &mut Findings) -> Result<(), Failure> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let Some(database) = findings.add(config.database()) else { return };
        match is_current(&database).await {
            Err(failure) => findings.problems.push(failure.to_string()),
            Ok(false) => findings.warnings.push(
                "the mail server was not checked: the start has to create the database or bring it up to date first"
                    .to_owned(),
            ),
            Ok(true) => {
                mail(config, findings).await;
                // Of SQLite's it is known already.
                if database.file().is_none() {
                    system_config::check(config, findings).await;
                }
            }
        }
        for (prefix, route) in &config.gateway.routes {
            for to in &route.to {
                let address = to.parse::<Uri>().ok().and_then(|uri| {
                    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
                    Some((uri.host()?.trim_matches(['[', ']']).to_owned(), port))
                });
                if let Some((host, port)) = address
                    && let Err(why) = reach(&host, port).await
                {
                    findings.warnings.push(format!("gateway.routes.{prefix:?}.to: {host}:{port}: {why}"));
                }
            }
        }
    });
    Ok(())
}

/// Whether the database has the schema of this version, so that it can be read without changing it.
async fn is_current(database: &Database) -> Result<bool, Failure> {
    match database {
        Database::Sqlite(path) if path.exists() => {
            Ok(examine(path, false)?.schema == SqliteStore::newest_schema())
        }
        Database::Sqlite(_) => Ok(false),
        Database::Postgres(options) => {
            Ok(PostgresStore::schema_version(options).await? == PostgresStore::newest_schema())
        }
    }
}

async fn mail(config: &Config, findings: &mut Findings) {
    let opened = workbench::open_beside(config, (Role::Beside, IfMissing::Refuse), config.rules()).await;
    let Some(ctx) = findings.add(opened) else { return };
    if let Err(why) = mail_server(&ctx).await {
        findings.warnings.push(why);
    }
    ctx.store.close().await;
}

async fn mail_server(ctx: &Context) -> Result<(), String> {
    let entries = ctx.store.entries().await.map_err(|error| error.to_string())?;
    let value =
        |key: &str| entries.iter().find(|entry| entry.key().as_str() == key).map(ConfigEntry::shown_value);
    let Some(host) = value("MAIL_SMTP_HOST").and_then(|host| host.as_str().map(str::to_owned)) else {
        return Ok(());
    };
    let port = value("MAIL_SMTP_PORT").and_then(|port| port.as_u64()?.try_into().ok());
    let port = port.unwrap_or(DEFAULT_MAIL_PORT);
    reach(&host, port).await.map_err(|why| format!("MAIL_SMTP_HOST: {host}:{port}: {why}"))
}

async fn reach(host: &str, port: u16) -> Result<(), String> {
    let found = (host, port).to_socket_addrs().map_err(|error| error.to_string())?;
    let found: Vec<_> = found.collect();
    match timeout(TIMEOUT, TcpStream::connect(&found[..])).await {
        Ok(connected) => connected.map(drop).map_err(|error| error.to_string()),
        Err(_) => Err("no connection in time".to_owned()),
    }
}
