//! The relay that stays up.

mod input;
mod introduction;
mod outlet;
mod reader;
mod reports;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bulla::Host;
use bulla::graph::Settings;
use bulla::webhook::Connector;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::input::Input;
use self::outlet::Outlet;
use crate::carrier_log::CarrierLog;
use crate::cast::{Cast, business};
use crate::open_files;
use crate::options::Options;
use crate::problem::Problem;
use crate::terminal::Terminal;
use crate::timing::within;
use crate::watching::{self, Watching};

/// How long requests under way may take when the program ends. A connection that never asks for anything is
/// cut off after it.
const LAST_ANSWERS: Duration = Duration::from_secs(3);

/// What takes part here.
type Company = Cast<Option<CarrierLog>, Outlet>;

/// Serves until `end` is ready.
///
/// # Errors
/// When something cannot be opened, or cannot go on.
pub async fn serve(
    options: Options,
    terminal: Terminal,
    watching: Watching,
    end: impl Future<Output = ()>,
) -> Result<(), Problem> {
    let doors = Doors::open(&options).await?;
    let folder = Folder::open(options.data.clone())?;
    let company = open(&options, folder.path(), terminal).await?;
    // From the opening on; it ends with the relay.
    let telling = tokio::spawn(reports::tell(company.relay.reports(), terminal));
    let outcome = run(&company, doors, &options, folder.path(), terminal, watching, end).await;
    company.stop().await;
    drop(telling.await);
    let closed = company.close().await;
    drop(folder);
    outcome.and(closed)?;
    terminal.line("closed");
    Ok(())
}

async fn open(options: &Options, folder: &Path, terminal: Terminal) -> Result<Company, Problem> {
    let business = business(options.phone_number_id, options.business_account_id)
        .map_err(Problem::because("the business has no number"))?;
    let log = options.carrier_log.as_deref().map(CarrierLog::open).transpose();
    let log = log.map_err(Problem::because("the carrier log cannot be opened"))?;
    let outlet = match options.webhook.clone() {
        Some(webhook) => {
            let sink = Host::new().webhook_sink(Connector::new().allow(options.networks.clone()));
            sink.subscribe([business.clone()], webhook)
                .map_err(Problem::because("the webhook cannot be used"))?;
            Outlet::Webhook(Box::new(sink))
        }
        None => Outlet::Terminal(terminal),
    };
    Cast::open(folder, business, &options.users, Arc::new(log), outlet, &options.begin_anew).await
}

/// Everything that goes on until `end`, or until something cannot go on.
async fn run(
    company: &Company,
    doors: Doors,
    options: &Options,
    folder: &Path,
    terminal: Terminal,
    watching: Watching,
    end: impl Future<Output = ()>,
) -> Result<(), Problem> {
    let addresses = doors.addresses()?;
    let host = Host::new();
    let tokens = host.tokens();
    let opened = tokens.grant(&options.token, [options.phone_number_id]);
    opened.map_err(Problem::because("the token opens nothing"))?;
    let api = host.graph_api(company.relay.clone(), tokens);
    // Strangers' connections leave the stores the files they need.
    let api = api.settings(Settings::default().connections(open_files::connections()));
    let (ending, mut ended) = watch::channel(false);
    let mut serving = tokio::spawn(async move {
        let end = async move { drop(ended.wait_for(|ended| *ended).await) };
        api.serve(doors.api, end).await
    });

    let mut tasks = JoinSet::new();
    for (number, device) in company.devices.clone() {
        tasks.spawn(reader::read(device, number, terminal));
    }
    let (relay, carrier) = (company.relay.clone(), company.carrier.clone());
    let look = move || {
        let (relay, carrier) = (relay.clone(), carrier.clone());
        async move {
            let _ = relay.stats();
            // A store that fails is told by whoever cannot do without it.
            drop(carrier.stats().await);
        }
    };
    tasks.spawn(watching::serve(doors.metrics, watching, look));
    let carrier = company.carrier.clone();
    tasks.spawn(async move { Err(Problem::because("the carrier has stopped")(carrier.stopped().await)) });

    introduction::print(options, addresses, folder, terminal);
    let input = Input::new(company.devices.clone(), options.phone_number_id, terminal);
    if let (Some(text), Some(first)) = (&options.say, options.users.first()) {
        input.send(first, text.clone()).await;
    }
    tasks.spawn(input.follow());

    let outcome = tokio::select! {
        () = end => Ok(()),
        why = company.relay.stopped() => Err(match why {
            Ok(()) => Problem::new("the relay has stopped"),
            Err(why) => Problem::because("the relay has stopped")(why),
        }),
        Some(ended) = tasks.join_next() => Err(match ended {
            Ok(Ok(())) => Problem::new("a task has ended"),
            Ok(Err(problem)) => problem,
            Err(error) => Problem::because("a task has broken off")(error),
        }),
        served = &mut serving => Err(match served {
            Ok(Ok(())) => Problem::new("the Graph API has ended"),
            Ok(Err(error)) => Problem::because("the Graph API cannot be served")(error),
            Err(error) => Problem::because("the Graph API has broken off")(error),
        }),
    };
    ending.send_replace(true);
    if !serving.is_finished() && within(LAST_ANSWERS, "the last answers", &mut serving).await.is_err() {
        serving.abort();
    }
    tasks.shutdown().await;
    outcome
}

/// Where others come in.
struct Doors {
    api: TcpListener,
    metrics: TcpListener,
}

impl Doors {
    async fn open(options: &Options) -> Result<Self, Problem> {
        let shut = |what, address| Problem::because(format!("{what} cannot be served on {address}"));
        let api = TcpListener::bind(options.listen).await;
        let metrics = TcpListener::bind(options.metrics).await;
        Ok(Self {
            api: api.map_err(shut("the Graph API", options.listen))?,
            metrics: metrics.map_err(shut("/metrics", options.metrics))?,
        })
    }

    fn addresses(&self) -> Result<[SocketAddr; 2], Problem> {
        let unknown = || Problem::because("what is served has no address");
        Ok([self.api.local_addr().map_err(unknown())?, self.metrics.local_addr().map_err(unknown())?])
    }
}

/// Where everything is kept: a folder that stays, or one that goes with the program.
enum Folder {
    Lasting(PathBuf),
    Passing(TempDir),
}

impl Folder {
    fn open(path: Option<PathBuf>) -> Result<Self, Problem> {
        match path {
            Some(path) => Ok(Self::Lasting(path)),
            None => {
                let made = tempfile::Builder::new().prefix("bulla-").tempdir();
                made.map(Self::Passing).map_err(Problem::because("no temporary folder can be made"))
            }
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Lasting(path) => path,
            Self::Passing(folder) => folder.path(),
        }
    }
}
