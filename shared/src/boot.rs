//! How does a service come up, and how does it go down? Parse everything, open everything, say where it
//! listens; on SIGTERM stop being ready, stop accepting, finish what is running, exit 0.

use std::future::Future;
use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use axum::http::HeaderValue;
use clap::Parser;
use clap::error::{ContextKind, ContextValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use prometheus_client::registry::Registry;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::accounts::Accounts;
use crate::app::{App, Parts};
use crate::clock;
use crate::config::Common;
use crate::cookie::SessionCookie;
use crate::gate::{self, Gates};
use crate::health;
use crate::identity::Identity;
use crate::keys::KeyRing;
use crate::observe::{self, Metrics};
use crate::orders::Orders;
use crate::routes;
use crate::serve;
use crate::sessions::{Limits, Sessions};
use crate::sql::Database;

/// How long a request head may take to arrive; a connection that sends nothing is closed after it too.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// Most bytes of a request head.
pub const MAX_HEAD_BYTES: usize = 32 * 1024;
/// How long requests that are running at SIGTERM may take to finish.
pub const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// A setting is wrong; sysexits.h calls it EX_USAGE.
pub const EXIT_USAGE: u8 = 64;
/// The settings are fine, but something they name cannot be opened.
pub const EXIT_UNAVAILABLE: u8 = 69;

/// What a twin gets to build its place for sessions from.
#[derive(Debug)]
pub struct Boot {
    /// This run of this replica.
    pub identity: Identity,
    /// What signs tokens.
    pub keys: KeyRing,
    /// How long sessions live.
    pub limits: Limits,
}

/// Reads a twin's settings from flags and environment. `Err` is the exit code after what is wrong was
/// printed: 64, or 0 for `--help`; or the answer to `health`, which needs no settings.
///
/// # Errors
/// As said.
pub fn parse<C: Parser>() -> Result<C, ExitCode> {
    let mut command = C::command()
        .subcommand(health::command())
        .subcommand_negates_reqs(true)
        // What is said before the word would not be heard by it.
        .args_conflicts_with_subcommands(true)
        .disable_help_subcommand(true);
    let parsed = command.try_get_matches_from_mut(std::env::args_os()).and_then(|matches| {
        match matches.subcommand() {
            Some((_, asked)) => Ok(Err(health::ask(asked))),
            None => C::from_arg_matches(&matches).map(Ok),
        }
    });
    parsed.unwrap_or_else(|error| {
        let error = without_secret(error, &command).format(&mut command);
        if error.use_stderr() {
            return Err(refuse(&one_line(&error), EXIT_USAGE));
        }
        // The terminal may be gone; there is nobody left to tell.
        let _ = error.print();
        Err(ExitCode::SUCCESS)
    })
}

/// What is wrong, in one line, for a log that is read line by line; how to use it, `--help` says.
fn one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let wrong: Vec<&str> =
        text.lines().take_while(|line| !line.starts_with("Usage:")).flat_map(str::split_whitespace).collect();
    let wrong = wrong.join(" ");
    let wrong = wrong.strip_suffix("For more information, try '--help'.").unwrap_or(&wrong);
    wrong.strip_prefix("error: ").unwrap_or(wrong).trim_end().to_owned()
}

/// The same error, without the text it refuses where that text may hold a secret: an error goes to the log. What
/// `--help` does not show, it does not show either.
fn without_secret(mut error: clap::Error, command: &clap::Command) -> clap::Error {
    let Some(ContextValue::String(refused)) = error.get(ContextKind::InvalidArg) else { return error };
    let secret = |arg: &clap::Arg| arg.is_hide_env_values_set() && arg.to_string() == *refused;
    if command.get_arguments().any(secret) && error.get(ContextKind::InvalidValue).is_some() {
        error.insert(ContextKind::InvalidValue, ContextValue::String("(not shown)".to_owned()));
    }
    error
}

/// Runs a twin until it is told to stop. `open` makes the one thing the twins differ in.
pub fn run<S, F>(common: &Common, open: impl FnOnce(Boot) -> F) -> ExitCode
where
    S: Sessions,
    F: Future<Output = Result<S, String>>,
{
    run_as(common, Identity::draw(&common.replica), open, |_, router| router)
}

/// Runs a service that claims to be `identity` and whose routes are what `routes` makes of ours. For
/// services that are wrong on purpose, so that the checks can be checked.
pub fn run_as<S, F>(
    common: &Common,
    identity: Identity,
    open: impl FnOnce(Boot) -> F,
    routes: impl FnOnce(App<S>, Router) -> Router,
) -> ExitCode
where
    S: Sessions,
    F: Future<Output = Result<S, String>>,
{
    let keys = match common.check().and_then(|()| common.key_ring()).and_then(|keys| {
        observe::start_logging(common.log, &common.log_level)?;
        Ok(keys)
    }) {
        Ok(keys) => keys,
        Err(line) => return refuse(&line, EXIT_USAGE),
    };
    let boot = Boot { identity, keys, limits: common.limits() };
    // One thread: waking another one costs more than all the work of a request. A machine with more
    // cores runs more replicas, as with Redis. Password hashing has threads of its own.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&format!("cannot start: {error}"), EXIT_UNAVAILABLE),
    };
    // Reads the address and opens nothing. A pool wants a runtime around it all the same.
    let database = match runtime.block_on(async { Database::open(&common.database) }) {
        Ok(database) => database,
        Err(line) => return refuse(&format!("--database: {line}"), EXIT_USAGE),
    };
    match runtime.block_on(serve(common, boot, database, open, routes)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(line) => refuse(&line, EXIT_UNAVAILABLE),
    }
}

/// Says in one line why there is no service.
pub fn refuse(line: &str, code: u8) -> ExitCode {
    // The terminal may be gone; the exit code still says it.
    let _ = writeln!(std::io::stderr(), "error: {line}");
    ExitCode::from(code)
}

async fn serve<S, F>(
    common: &Common,
    boot: Boot,
    database: Database,
    open: impl FnOnce(Boot) -> F,
    routes: impl FnOnce(App<S>, Router) -> Router,
) -> Result<(), String>
where
    S: Sessions,
    F: Future<Output = Result<S, String>>,
{
    let mut stop = StopSignal::listen()?;
    let (drain, draining) = watch::channel(false);
    let gates = if common.lab_gates { Gates::open() } else { Gates::closed() };
    let listener = bind("--listen", common.listen).await?;
    let address = listener.local_addr().map_err(|e| e.to_string())?;

    let identity = boot.identity.clone();
    let app = open_app(common, boot, database, open, gates.clone(), draining.clone()).await?;
    tracing::info!(boot_id = identity.boot_id(), %address, "serving");
    announce(&format!("listening on http://{address}"));
    if common.lab_gates {
        open_gates(common.lab_gates_listen, gates, draining).await?;
    }

    let router = routes(app.clone(), routes::router(app.clone()));
    let connections = GracefulShutdown::new();
    tokio::select! {
        () = accept(&listener, &app, &router, &connections) => {}
        () = stop.received() => {}
    }
    drain.send_replace(true);
    tracing::info!("draining");
    if !common.drain_wait.is_zero() {
        // Still answering, while whoever balances the load notices that /readyz says no.
        let wait = tokio::time::sleep(common.drain_wait);
        tokio::select! {
            () = accept(&listener, &app, &router, &connections) => {}
            () = wait => {}
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_LIMIT, connections.shutdown()).await.is_err() {
        tracing::warn!("requests were still running after {DRAIN_LIMIT:?}; they are cut off");
    }
    app.database.close().await;
    tracing::info!("stopped");
    Ok(())
}

async fn open_app<S, F>(
    common: &Common,
    boot: Boot,
    database: Database,
    open: impl FnOnce(Boot) -> F,
    gates: Gates,
    draining: watch::Receiver<bool>,
) -> Result<App<S>, String>
where
    S: Sessions,
    F: Future<Output = Result<S, String>>,
{
    let identity = boot.identity.clone();
    let sessions = open(boot).await?;
    let header = |text: &str| HeaderValue::from_str(text).map_err(|e| e.to_string());
    Ok(App::new(Parts {
        sessions,
        accounts: Accounts::new(database.clone(), common.password_cost),
        orders: Orders::new(database.clone()),
        database,
        clock: clock::system,
        served_by: (header(identity.replica())?, header(&identity.boot_id())?),
        identity,
        cookie: SessionCookie { behind_tls: common.behind_tls },
        gates,
        draining,
        metrics: Metrics::new(Registry::default()),
    }))
}

/// Accepts connections until the future is dropped.
async fn accept<S: Sessions>(
    listener: &TcpListener,
    app: &App<S>,
    router: &Router,
    connections: &GracefulShutdown,
) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => connect(stream, app, router, connections),
            Err(error) => {
                // Out of file descriptors, most likely. Accepting again at once would spin.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

fn connect<S: Sessions>(stream: TcpStream, app: &App<S>, router: &Router, connections: &GracefulShutdown) {
    // Answers are small; waiting to fill a packet would only delay them.
    let _ = stream.set_nodelay(true);
    let (app, router) = (app.clone(), router.clone());
    let service = service_fn(move |request| serve::answer(app.clone(), router.clone(), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        // Our answers are small: head and body copied together cost less than a write that gathers two.
        .writev(false)
        .serve_connection(TokioIo::new(stream), service);
    let connection = connections.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "connection ended");
        }
    });
}

async fn open_gates(
    address: SocketAddr,
    gates: Gates,
    draining: watch::Receiver<bool>,
) -> Result<(), String> {
    let listener = bind("--lab-gates-listen", address).await?;
    let address = listener.local_addr().map_err(|e| e.to_string())?;
    announce(&format!("gates on http://{address}"));
    // Open until the process exits: `chaos` releases a held request after SIGTERM.
    tokio::spawn(async move { axum::serve(listener, gate::router(gates, draining)).await });
    Ok(())
}

async fn bind(flag: &str, address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address)
        .await
        .map_err(|e| format!("{flag} {address}: {e}; another process may have the port, try port 0"))
}

/// Writes a line to stdout for whoever started us. If nobody reads it, we serve all the same.
fn announce(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

struct StopSignal {
    term: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl StopSignal {
    fn listen() -> Result<Self, String> {
        let listen = |kind| signal(kind).map_err(|e| format!("cannot listen for signals: {e}"));
        Ok(StopSignal { term: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn received(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
