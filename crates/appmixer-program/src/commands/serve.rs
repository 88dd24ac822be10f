//! `serve`: from the start to the last answer.

use std::io::{self, IsTerminal as _, stderr};
use std::sync::Arc;
use std::time::Duration;

use appmixer_apps::{Apps, Limits};
use appmixer_http::{App, Epochs, Mailing, serve, set_up_code};
use appmixer_metrics::Registry;
use appmixer_store::Role;
use appmixer_tls::Certificate;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::console;
use crate::cli::ServeArgs;
use crate::config::{Config, load};
use crate::database::IfMissing;
use crate::failure::Failure;
use crate::sockets::{Inherited, Sockets};
use crate::workbench::{self, or_cores};
use crate::{inactive_users, logging, management, observe, retention, secret, signing, supervisor};

/// What tasks that were cut off get to notice it.
const LAST_MOMENT: Duration = Duration::from_millis(500);

pub(crate) fn run(args: &ServeArgs) -> Result<(), Failure> {
    let inherited = Inherited::take();
    let common = &args.common;
    let (config, _) = load(common.config.as_deref(), &common.overrides(args.listen.as_ref()))?;
    // Goes last: it writes what is still to be written.
    let log = logging::start(&config.log);
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    if let Some(failure) = config.unusable_ca_files().into_iter().next() {
        return Err(failure);
    }
    raise_open_files(config.http.max_connections);

    // Before anything that counts.
    let registry = config.management.listen.map(|_| observe::start(&config, &log));

    let epochs = Arc::new(Epochs::new());
    let rules = config.rules_for_new_passwords()?;
    let runtime = runtime(&config)?;
    {
        let _runtime = runtime.enter();
        ignore_user_signals()?;
    }
    let threads = config.password.threads;
    let how = (Role::Server, IfMissing::Create);
    let ctx = runtime.block_on(workbench::open(&config, how, threads, epochs.clone(), rules))?;
    let store = ctx.store.clone();
    let retention = retention::run(ctx.store.clone(), ctx.clock.clone(), config.audit.clone());
    let key_retention = retention::of_keys(ctx.store.clone(), ctx.clock.clone());
    let observer = observe::run(ctx.store.clone(), ctx.clock.clone());
    let tokens = runtime.block_on(secret::token_options_at_start(&config, &*store))?;
    runtime.block_on(signing::prepare(&ctx, &tokens))?;
    for warning in runtime.block_on(inactive_users::warnings(&ctx)).unwrap_or_default() {
        // A database that cannot be read is reported where it is used.
        tracing::warn!("{warning}");
    }
    let code = config.console.enabled.then(|| set_up_code(&tokens, ctx.clock.now())).flatten();
    let notifier = workbench::notifier(&config, &ctx);
    let mailing = Mailing { log: notifier.log(), tester: Arc::new(workbench::mail_tester(&config, &ctx)?) };
    let app = App::new(ctx, epochs, tokens, config.http_options()?);
    let mut app = app
        .map_err(|error| Failure::refused(error.to_string()))?
        .with_apps(apps(&config)?)
        .with_mailing(mailing);
    let gateway = {
        // Whoever forwards connects, and has timers.
        let _runtime = runtime.enter();
        config.gateway()?.map(Arc::new)
    };
    if let Some(gateway) = &gateway {
        app = app.with_gateway(Arc::clone(gateway));
    }
    let app = Arc::new(match &registry {
        Some(registry) => app.with_metrics(registry),
        None => app,
    });

    let retention = runtime.spawn(retention);
    let key_retention = runtime.spawn(key_retention);
    // What is being delivered at the end is delivered again after the next start.
    let notifier = config.delivery.enabled.then(|| runtime.spawn(notifier.run()));
    if notifier.is_none() {
        tracing::warn!("mails and webhooks are not delivered: delivery.enabled is false");
    }
    let sharing = Arc::clone(&app);
    let sharing = runtime.spawn(async move { sharing.share_limits().await });
    let health = gateway.map(|gateway| runtime.spawn(async move { gateway.watch_health().await }));
    let remembering = Arc::clone(&app);
    let remembering = runtime.spawn(async move { remembering.keep_history().await });
    let observer = registry.is_some().then(|| runtime.spawn(observer));
    runtime.block_on(serve_until_told(&config, Arc::clone(&app), registry, inherited, code))?;
    // They have the database.
    if let Some(observer) = observer {
        observer.abort();
    }
    if let Some(health) = health {
        health.abort();
    }
    retention.abort();
    key_retention.abort();
    if let Some(notifier) = notifier {
        notifier.abort();
    }
    sharing.abort();
    remembering.abort();
    runtime.block_on(store.close());
    drop(store);
    // Whatever was cut off lets go of the database; then this closes it.
    runtime.shutdown_timeout(LAST_MOMENT);
    drop(app);
    tracing::info!("stopped");
    Ok(())
}

/// Reading them begins at once, and holds nothing up.
fn apps(config: &Config) -> Result<Apps, Failure> {
    let Some(folder) = &config.apps.folder else {
        return Ok(Apps::none());
    };
    Apps::watch(folder.clone(), Limits::default()).map_err(|error| Failure::refused(error.to_string()))
}

fn runtime(config: &Config) -> Result<Runtime, Failure> {
    let workers = or_cores(config.http.workers).get();
    Ok(Builder::new_multi_thread().worker_threads(workers).thread_name("serve").enable_all().build()?)
}

async fn serve_until_told(
    config: &Config,
    app: Arc<App>,
    registry: Option<Registry>,
    inherited: Inherited,
    code: Option<String>,
) -> Result<(), Failure> {
    // Before the first connection, so that no signal finds us unprepared.
    let signals = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut sockets = Sockets::open(config, inherited)?;
    // At a terminal without a certificate, SIGHUP goes on meaning that the terminal has gone.
    let certificate = sockets.certificate().cloned();
    if certificate.is_some() || !stderr().is_terminal() {
        tokio::spawn(look_when_told(signal(SignalKind::hangup())?, certificate));
    }
    // To the very end: whoever watches wants to see how the server stops.
    let _management = management::open(config, &app, registry)?;
    sockets.tell(&config.data, &config.database()?.place())?;
    tokio::spawn(hint_at_first_admin(
        Arc::clone(&app),
        code.map(|code| console::link(config.console.origin.clone().or_else(|| sockets.url()), &code)),
    ));
    tokio::spawn(supervisor::alive());
    supervisor::ready();
    serve(app, sockets.listeners(), told_to_stop(signals), config.http.shutdown_grace.0).await;
    Ok(())
}

/// SIGHUP, which `systemctl reload` sends, asks for a look at the certificate.
async fn look_when_told(mut hangup: Signal, certificate: Option<Certificate>) {
    while hangup.recv().await.is_some() {
        if let Some(certificate) = &certificate {
            certificate.look_now();
        } else {
            tracing::info!("there is nothing to read anew: other settings need a restart");
        }
    }
}

/// SIGUSR1 and SIGUSR2 mean nothing to this server; by default each would end it.
fn ignore_user_signals() -> io::Result<()> {
    // tokio's handlers stay when what waits for them is dropped.
    [SignalKind::user_defined1(), SignalKind::user_defined2()]
        .into_iter()
        .try_for_each(|kind| signal(kind).map(drop))
}

/// Ready at the first SIGTERM or SIGINT. The second one ends the process at once.
async fn told_to_stop((mut terminate, mut interrupt): (Signal, Signal)) {
    let next = async |terminate: &mut Signal, interrupt: &mut Signal| {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    next(&mut terminate, &mut interrupt).await;
    supervisor::stopping();
    tracing::info!("stopping: finishing the requests that run");
    tokio::spawn(async move {
        next(&mut terminate, &mut interrupt).await;
        tracing::warn!("told twice: stopping at once");
        std::process::exit(1);
    });
}

async fn hint_at_first_admin(app: Arc<App>, link: Option<String>) {
    if !matches!(app.has_admin().await, Ok(false)) {
        return;
    }
    if let Some(link) = link {
        tracing::info!(
            %link,
            "there is no administrator yet: whoever opens this link within 24 hours makes the first one; or: appmixer-server user add NAME --scope admin --scope user"
        );
    } else {
        tracing::warn!(
            "there is no administrator yet; make one with: appmixer-server user add NAME --scope admin --scope user"
        );
    }
}

/// Each connection is an open file; the usual soft limit of 1024 is for programs that use `select`.
fn raise_open_files(connections: usize) {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
    let enough = |limit: u64| limit > connections as u64 + 64;
    if !limit.maximum.is_none_or(enough) {
        tracing::warn!(
            limit.maximum,
            connections,
            "the limit of open files is too low for http.max_connections"
        );
    }
}
