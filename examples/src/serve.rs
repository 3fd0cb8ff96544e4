//! The relay that stays up.

mod banner;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bulla::content::Content;
use bulla::graph::{Settings, Tls};
use bulla::webhook::Connector;
use bulla::{ClientCallbacks, Host};
use bulla_example_program::data_folder::DataFolder;
use bulla_example_program::tls;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::carrier_log::CarrierLog;
use crate::device_reader;
use crate::event_sink::ServeSink;
use crate::exit_error::ExitError;
use crate::observability::{self, Observability};
use crate::open_files;
use crate::options::Options;
use crate::parties::{Parties, business};
use crate::reports;
use crate::stdin::Stdin;
use crate::terminal::Terminal;
use crate::timing::within;
use crate::tls_dialer::connector;
use crate::typed_content::Offers;

/// Where in the data folder the certificate of the Graph API is.
const API_TLS: &str = "api-tls";

/// How long requests under way may take when the program ends. A connection that never asks for anything is
/// cut off after it.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

/// What takes part here.
type ServeParties = Parties<Option<CarrierLog>, ServeSink>;

/// Serves until `end` is ready.
///
/// # Errors
/// When something cannot be opened, or cannot go on.
pub async fn serve(
    options: Options,
    terminal: Terminal,
    observability: Observability,
    end: impl Future<Output = ()>,
) -> Result<(), ExitError> {
    let listeners = Listeners::open(&options).await?;
    let folder = DataFolder::open(options.data.clone())?;
    let connector = connector(&options.networks, options.trust.as_deref())?;
    let callbacks = Host::new().client_callbacks(connector.clone());
    let parties = open(&options, (&connector, &callbacks), folder.path(), terminal).await?;
    // From the opening on; it ends with the relay.
    let telling = tokio::spawn(reports::tell(parties.relay.reports(), terminal));
    let outcome = run(
        (&parties, &connector, &callbacks),
        listeners,
        &options,
        folder.path(),
        terminal,
        observability,
        end,
    )
    .await;
    parties.stop().await;
    drop(telling.await);
    let closed = parties.close().await;
    drop(folder);
    outcome.and(closed)?;
    terminal.line("closed");
    Ok(())
}

async fn open(
    options: &Options,
    (connector, callbacks): (&Connector, &ClientCallbacks),
    folder: &Path,
    terminal: Terminal,
) -> Result<ServeParties, ExitError> {
    let business = business(options.phone_number_id, options.business_account_id)
        .map_err(ExitError::because("the business has no number"))?;
    let log = options.carrier_log.as_deref().map(CarrierLog::open).transpose();
    let log = log.map_err(ExitError::because("the carrier log cannot be opened"))?;
    let sink = match options.webhook.clone() {
        Some(webhook) => {
            let mut sink = Host::new().webhook_sink(connector.clone());
            if options.client_callbacks {
                sink = sink.callbacks(callbacks.clone());
            }
            sink.subscribe([business.clone()], webhook)
                .map_err(ExitError::because("the webhook cannot be used"))?;
            ServeSink::Webhook(Box::new(sink))
        }
        None => ServeSink::Terminal(terminal),
    };
    let (users, anew) = (&options.users, &options.begin_anew);
    Parties::open(folder, business, users, Arc::new(log), sink, anew, options.protect).await
}

/// Everything that goes on until `end`, or until something cannot go on.
async fn run(
    (parties, connector, callbacks): (&ServeParties, &Connector, &ClientCallbacks),
    listeners: Listeners,
    options: &Options,
    folder: &Path,
    terminal: Terminal,
    observability: Observability,
    end: impl Future<Output = ()>,
) -> Result<(), ExitError> {
    let addresses = listeners.addresses()?;
    let host = Host::new();
    let tokens = host.tokens();
    let opened = tokens.grant(&options.token, [options.phone_number_id]);
    opened.map_err(ExitError::because("the token opens nothing"))?;
    let links = host.fetch_links(connector.clone());
    let api = host.graph_api(parties.relay.clone(), tokens).links(links);
    // Strangers' connections leave the stores the files they need.
    let settings = Settings::default().connections(open_files::connections());
    // Nobody is locked out who does not show it.
    let settings = settings.app_secret(options.app_secret.clone(), false);
    let api = api.settings(match options.app_owner_secret.clone() {
        Some(secret) => settings.app_owner_secret(secret),
        None => settings,
    });
    let api = if options.client_callbacks { callbacks.taken_by(api) } else { api };
    let tls = options.tls.as_deref().map(|name| certified(folder, name, &host)).transpose()?;
    let (ending, mut ended) = watch::channel(false);
    let mut serving = tokio::spawn(async move {
        let end = async move { drop(ended.wait_for(|ended| *ended).await) };
        match tls {
            Some(tls) => api.serve_tls(listeners.api, tls, end).await,
            None => api.serve(listeners.api, end).await,
        }
    });

    let (mut tasks, offers) = (JoinSet::new(), Offers::default());
    for (number, device) in parties.devices.clone() {
        let reading = device_reader::run(device, number, terminal, (offers.clone(), None));
        tasks.spawn(async {
            reading.await?;
            Err(ExitError::new("the carrier wants a user's number proven, and nobody asks for a code here"))
        });
    }
    let (relay, carrier) = (parties.relay.clone(), parties.carrier.clone());
    let look = move || {
        let (relay, carrier) = (relay.clone(), carrier.clone());
        async move {
            let _ = relay.stats();
            // A store that fails is told by whoever cannot do without it.
            drop(carrier.stats().await);
        }
    };
    tasks.spawn(observability::serve(listeners.metrics, observability, look));
    let carrier = parties.carrier.clone();
    tasks.spawn(async move { Err(ExitError::because("the carrier has stopped")(carrier.stopped().await)) });

    banner::print(options, addresses, folder, terminal);
    let input = Stdin::new(parties.devices.clone(), options.phone_number_id, terminal, offers);
    if let (Some(text), Some(first)) = (&options.say, options.users.first()) {
        input.send(first, &Content::text(text.clone())).await;
    }
    tasks.spawn(input.follow());

    let outcome = tokio::select! {
        () = end => Ok(()),
        why = parties.relay.stopped() => Err(match why {
            Ok(()) => ExitError::new("the relay has stopped"),
            Err(why) => ExitError::because("the relay has stopped")(why),
        }),
        Some(ended) = tasks.join_next() => Err(match ended {
            Ok(Ok(())) => ExitError::new("a task has ended"),
            Ok(Err(problem)) => problem,
            Err(error) => ExitError::because("a task has broken off")(error),
        }),
        served = &mut serving => Err(match served {
            Ok(Ok(())) => ExitError::new("the Graph API has ended"),
            Ok(Err(error)) => ExitError::because("the Graph API cannot be served")(error),
            Err(error) => ExitError::because("the Graph API has broken off")(error),
        }),
    };
    ending.send_replace(true);
    if !serving.is_finished() && within(SHUTDOWN_TIMEOUT, "the last answers", &mut serving).await.is_err() {
        serving.abort();
    }
    tasks.shutdown().await;
    outcome
}

/// How the Graph API speaks TLS, as the host called `name`.
fn certified(folder: &Path, name: &str, host: &Host) -> Result<Tls, ExitError> {
    let mut config = (*tls::server(&folder.join(API_TLS), name, host.clock())?.config).clone();
    // Those of the API, which are others than a carrier's.
    config.alpn_protocols.clear();
    Ok(Tls::new(config))
}

/// The file that tells clients of the Graph API whom to trust.
fn authority(folder: &Path) -> String {
    folder.join(API_TLS).join(tls::AUTHORITY).display().to_string()
}

/// The addresses others connect to.
struct Listeners {
    api: TcpListener,
    metrics: TcpListener,
}

impl Listeners {
    async fn open(options: &Options) -> Result<Self, ExitError> {
        let shut = |what, address| ExitError::because(format!("{what} cannot be served on {address}"));
        let api = TcpListener::bind(options.listen).await;
        let metrics = TcpListener::bind(options.metrics).await;
        Ok(Self {
            api: api.map_err(shut("the Graph API", options.listen))?,
            metrics: metrics.map_err(shut("/metrics", options.metrics))?,
        })
    }

    fn addresses(&self) -> Result<[SocketAddr; 2], ExitError> {
        let unknown = || ExitError::because("what is served has no address");
        Ok([self.api.local_addr().map_err(unknown())?, self.metrics.local_addr().map_err(unknown())?])
    }
}
