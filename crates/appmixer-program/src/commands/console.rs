//! `console`: the way into it while nobody administers.

use appmixer_core::Context;
use appmixer_http::set_up_code;
use http::Uri;

use super::beside;
use crate::cli::ConsoleCommand;
use crate::config::Config;
use crate::failure::Failure;
use crate::output::outln;
use crate::{secret, sockets};

pub(crate) fn run(command: ConsoleCommand) -> Result<(), Failure> {
    match command {
        ConsoleCommand::Link { at, common } => {
            let at = at.map(|at| base(&at)).transpose()?;
            beside(&common, async |config, ctx| print_link(config, ctx, at).await)
        }
    }
}

/// Where a browser makes the first administrator; without the server's address where nobody knows it.
pub(crate) fn link(base: Option<String>, code: &str) -> String {
    format!("{}/console#/setup/{code}", base.unwrap_or_default())
}

/// The address under which a browser finds the server, as somebody has typed it.
fn base(text: &str) -> Result<String, Failure> {
    let wrong = || Failure::refused("--at: must be an address such as https://auth.example.com");
    let uri: Uri = text.parse().map_err(|_| wrong())?;
    let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
    let is_whole = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    if is_http && is_whole && matches!(uri.path(), "" | "/") && uri.query().is_none() {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err(wrong())
    }
}

async fn print_link(config: &Config, ctx: &Context, at: Option<String>) -> Result<(), Failure> {
    if !config.console.enabled {
        return Err(Failure::refused("the console is switched off (console.enabled)"));
    }
    if ctx.store.any_admin().await? {
        return Err(Failure::refused(
            "there is an administrator already, who can make others; `user list --filter scope:admin` shows who",
        ));
    }
    let code = set_up_code(&secret::server_token_options(config, ctx).await?, ctx.clock.now());
    let code = code.ok_or_else(|| Failure::refused("no code can be made: the system has no cryptography"))?;
    outln!("{}", link(at.or_else(|| configured(config)), &code));
    Ok(())
}

/// The address that the configuration says.
fn configured(config: &Config) -> Option<String> {
    if let Some(origin) = &config.console.origin {
        return Some(origin.clone());
    }
    let tls = config.tls.listen.map(|address| ("https", address));
    let listens = tls.or(config.listen.0.map(|address| ("http", address)));
    // Nobody knows a port beforehand that the system chooses.
    listens.filter(|(_, address)| address.port() != 0).map(|(scheme, address)| sockets::url(scheme, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_scheme_and_a_host_and_no_more() {
        for (text, expected) in [
            ("https://auth.example.com", "https://auth.example.com"),
            ("http://[::1]:2200/", "http://[::1]:2200"),
        ] {
            assert_eq!(base(text).ok().unwrap(), expected);
        }
        for wrong in ["", "auth.example.com", "ftp://a.b", "https://u@a.b", "https://a.b/x", "https://a.b?x"]
        {
            assert!(base(wrong).is_err(), "{wrong}");
        }
        let link = link(Some("https://a.b".to_owned()), "1.x");
        assert_eq!(link, "https://a.b/console#/setup/1.x");
    }
}
