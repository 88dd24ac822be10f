//! `mail`: the settings for mail, tried from the command line.

use appmixer_core::{Context, Email, MailTester as _};

use super::beside;
use super::config::warn_about_mail;
use crate::cli::MailCommand;
use crate::config::Config;
use crate::failure::Failure;
use crate::output::outln;
use crate::workbench::mail_tester;

pub(crate) fn run(command: MailCommand) -> Result<(), Failure> {
    let MailCommand::Test { address, common } = command;
    let address = Email::parse(&address).map_err(|error| Failure::refused(format!("the address {error}")))?;
    beside(&common, async |config, ctx| test(config, ctx, &address).await)
}

async fn test(config: &Config, ctx: &Context, address: &Email) -> Result<(), Failure> {
    warn_about_mail(&ctx.store.entries().await?);
    let test = mail_tester(config, ctx)?.send_test(address).await?;
    if !test.is_taken {
        return Err(Failure::refused(test.answer));
    }
    outln!("the mail server answered {}", test.answer);
    Ok(())
}
