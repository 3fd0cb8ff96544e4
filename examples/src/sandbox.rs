//! A Cloud API to test programs against: a relay, a carrier and users' devices in one process, as a seed file
//! says, on a clock that stands until it is pushed.
//!
//! ```text
//!   your program ──► Graph API ─► relay ─► carrier ─► users' devices, which do what the seed says
//!        ▲                          │
//!        └──── webhooks ◄── tap ◄───┘        your test ──► /sandbox: clock, inbound, log, reset
//! ```
//!
//! What the program sees is what the relay says. Added are the clock, the users' scripts, and numbers that
//! name what becomes of a message; the randomness comes from the seed, so that the same requests have the
//! same answers, ids and times each time.

mod seed;
mod span;

mod world;

mod chance;
mod clock;
mod memory_blobs;
mod quiet;

mod error_codes;
mod magic;
mod user;

mod log;
mod tap;

mod inbound;
mod page;

mod options;
mod server;

use std::sync::Arc;

use bulla_example_program::listening::{address_of, listen_on};

pub use self::options::SandboxOptions;
pub use self::quiet::Quiet;
use self::seed::Seed;
use self::server::Server;
use crate::exit_error::ExitError;
use crate::terminal::Terminal;
use crate::tls_dialer::tls_dialer;

/// What `--help` prints.
pub const HELP: &str = include_str!("sandbox/help.txt");

/// Is the sandbox until `end` is ready. It has to run on a runtime of one thread that tells `quiet` when it
/// goes idle.
///
/// # Errors
/// When the seed is none, or the address cannot be listened on.
pub async fn sandbox(
    options: SandboxOptions,
    terminal: Terminal,
    quiet: Quiet,
    end: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ExitError> {
    let seed = Arc::new(Seed::open(options.seed.as_deref())?);
    let listener = listen_on(options.listen).await?;
    let origin = format!("http://{}", address_of(&listener)?);
    let tls = options.trust.as_deref().map(tls_dialer).transpose()?;
    let server = Arc::new(Server::open(seed.clone(), quiet, tls).await?);

    let fact = |name: &str, value: &str| terminal.line(format_args!("{name:<16}  {value}"));
    for number in &seed.numbers {
        fact("phone number id", &number.phone_number_id);
    }
    for token in &seed.tokens {
        fact("token", &token.token);
    }
    for user in &seed.users {
        fact("user", &user.number);
    }
    fact("webhook", seed.webhook.as_ref().map_or("none: into the log alone", |webhook| &webhook.url));
    fact("log", &format!("{origin}/sandbox"));
    terminal.line(format_args!("ready on {origin}, until Ctrl-C"));

    let router = server.router();
    let served = axum::serve(listener, router).with_graceful_shutdown(end);
    tokio::select! {
        served = served => served.map_err(ExitError::because("the sandbox cannot be served"))?,
        why = server.stopped() => return Err(why),
    }
    terminal.line("closed");
    Ok(())
}
