//! The relay that is a program of its own, and its carrier another.

mod checkpoint_file;
mod options;

use std::time::Duration;

use bulla::Host;
use bulla::graph::Settings;
use bulla::relay::Relay;
use bulla::store::Store;
use bulla::transport::grpc::GrpcTransport;
use bulla::webhook::Connector;
use bulla_example_program::data_folder::DataFolder;
use bulla_example_program::listening::{address_of, listen_on};
use bulla_example_program::storage::{self, SealedStore};
use bulla_example_program::tls;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub use self::options::RelayOptions;
use crate::event_sink::ServeSink;
use crate::exit_error::ExitError;
use crate::observability::{self, Observability};
use crate::open_files;
use crate::parties::business;
use crate::reports;
use crate::terminal::Terminal;
use crate::timing::within;
use crate::tls_dialer::connector;

/// What `--help` prints.
pub const HELP: &str = include_str!("relay/help.txt");

/// How long requests under way may take when the program ends.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

type NetworkedRelay = Relay<SealedStore, GrpcTransport, ServeSink>;

/// Is the relay until `end` is ready.
///
/// # Errors
/// When something cannot be opened, or cannot go on.
pub async fn relay(
    options: RelayOptions,
    terminal: Terminal,
    observability: Observability,
    end: impl Future<Output = ()>,
) -> Result<(), ExitError> {
    let host = Host::new();
    let [api, metrics] = [listen_on(options.listen).await?, listen_on(options.metrics).await?];
    let folder = DataFolder::open(options.data.clone())?;
    let store = storage::open(&host, folder.path(), "relay", options.if_lost).await?;
    let connector = connector(&options.networks, options.trust.as_deref())?;
    let relay = open(&options, (&host, &connector), store.clone(), terminal).await?;
    // From the opening on; it ends with the relay.
    let telling = tokio::spawn(reports::tell(relay.reports(), terminal));
    let checkpoint = folder.path().join("checkpoint.txt");
    let keeping = tokio::spawn(checkpoint_file::keep(relay.clone(), checkpoint, host.clock()));
    let outcome =
        serve((&relay, &connector), &options, &host, [api, metrics], terminal, observability, end).await;
    keeping.abort();
    relay.close().await;
    drop(telling.await);
    let closed = store.close().await.map_err(ExitError::because("the store cannot be closed"));
    outcome.and(closed)?;
    terminal.line("closed");
    Ok(())
}

async fn open(
    options: &RelayOptions,
    (host, connector): (&Host, &Connector),
    store: SealedStore,
    terminal: Terminal,
) -> Result<NetworkedRelay, ExitError> {
    let business = business(options.phone_number_id, options.business_account_id);
    let business = business.map_err(ExitError::because("the business has no number"))?;
    let sink = match options.webhook.clone() {
        Some(webhook) => {
            let sink = host.webhook_sink(connector.clone());
            sink.subscribe([business.clone()], webhook)
                .map_err(ExitError::because("the webhook cannot be used"))?;
            ServeSink::Webhook(Box::new(sink))
        }
        None => ServeSink::Terminal(terminal),
    };
    let tls = tls::client(&options.carrier, &options.authority, host.clock())?;
    let transport = GrpcTransport::new(tls, host.clock(), host.rng());
    let business = business.proven_by(options.proof.clone());
    let settings = bulla::relay::Settings::default();
    let settings = options.log_key.iter().cloned().fold(settings, bulla::relay::Settings::key_log);
    let relay = host.relay(store, transport.clone(), sink).blobs(transport).settings(settings);
    relay.business(business).open().await.map_err(ExitError::because("the relay cannot be opened"))
}

/// Serves the Graph API and the counters until `end`, or until something cannot go on.
async fn serve(
    (relay, connector): (&NetworkedRelay, &Connector),
    options: &RelayOptions,
    host: &Host,
    [api_listener, metrics_listener]: [TcpListener; 2],
    terminal: Terminal,
    observability: Observability,
    end: impl Future<Output = ()>,
) -> Result<(), ExitError> {
    let [address, metrics] = [address_of(&api_listener)?, address_of(&metrics_listener)?];
    let tokens = host.tokens();
    let opened = tokens.grant(&options.token, [options.phone_number_id]);
    opened.map_err(ExitError::because("the token opens nothing"))?;
    let links = host.fetch_links(connector.clone());
    let api = host.graph_api(relay.clone(), tokens).links(links);
    let api = api.settings(Settings::default().connections(open_files::connections()));
    let (stop, stopped) = oneshot::channel::<()>();
    let mut serving =
        tokio::spawn(async move { api.serve(api_listener, async move { drop(stopped.await) }).await });
    let looked_at = relay.clone();
    let look = move || {
        let _ = looked_at.stats();
        std::future::ready(())
    };
    let mut counting = tokio::spawn(observability::serve(metrics_listener, observability, look));

    let fact = |name: &str, value: String| terminal.line(format_args!("{name:<16}  {value}"));
    fact("carrier", options.carrier.clone());
    fact("metrics", format!("http://{metrics}{}", observability::PATH));
    fact("phone number id", options.phone_number_id.to_string());
    fact("token", options.token.clone());
    terminal.line(format_args!("ready on http://{address}, until Ctrl-C"));

    let outcome = tokio::select! {
        () = end => Ok(()),
        why = relay.stopped() => Err(match why {
            Ok(()) => ExitError::new("the relay has stopped"),
            Err(why) => ExitError::because("the relay has stopped")(why),
        }),
        served = &mut serving => Err(match served {
            Ok(Ok(())) => ExitError::new("the Graph API has ended"),
            Ok(Err(error)) => ExitError::because("the Graph API cannot be served")(error),
            Err(error) => ExitError::because("the Graph API has broken off")(error),
        }),
        ended = &mut counting => Err(match ended {
            Ok(Ok(())) => ExitError::new("/metrics has ended"),
            Ok(Err(error)) => error,
            Err(error) => ExitError::because("/metrics has broken off")(error),
        }),
    };
    let _ = stop.send(());
    if !serving.is_finished() && within(SHUTDOWN_TIMEOUT, "the last answers", &mut serving).await.is_err() {
        serving.abort();
    }
    counting.abort();
    outcome
}
