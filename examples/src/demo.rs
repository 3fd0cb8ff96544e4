//! The demo: a scripted conversation of two users with a business, and what everybody saw of it.
//!
//! ```text
//! shop ──HTTP──► Graph API ─ relay ─┐            ┌─ Alice's device
//!   ▲                          │    ├─ carrier ──┤
//!   └─────────webhook──────────┘    ┘            └─ Amira's device
//! ```

mod business;
mod history;
mod observers;
mod report;
mod script;
mod user;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bulla::Host;
use bulla::base::{MessageId, Number};
use bulla::webhook::{AllowedNetworks, Connector, Webhook};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use self::history::History;
use self::observers::{CarrierView, RecordingSink, RelayView};
use self::script::{Exchange, IN_A_ROW};
use self::user::User;
use crate::disk_search::{self, Search};
use crate::exit_error::ExitError;
use crate::graph_client::GraphClient;
use crate::parties::{BUSINESS_ACCOUNT_ID, FOLDERS, Link, PHONE_NUMBER_ID, Parties, business};
use crate::storage::SealedStore;
use crate::terminal::Terminal;
use crate::timing::{Stopwatch, within};
use crate::webhook_receiver::WebhookReceiver;

const TOKEN: &str = "the-shop-s-token";
const VERIFY_TOKEN: &str = "a-word-agreed-on";
const APP_SECRET: &str = "the-shop-s-secret";
const USERS: [(&str, &str); 2] = [("Alice", "16505551234"), ("Amira", "442079460958")];

/// The message that is followed through everybody's hands.
const THE_TEXT: &str = "The key is under the third pot, the blue one. 🗝️ אל תגלו לאף אחד";
const ITS_ANSWER: &str = "Understood. 🤫";

/// How long the end may take, after which nobody waits for it any more.
const TIMEOUT: Duration = Duration::from_secs(60);
/// What is remarked where something is found on disk: every record is sealed.
const MUST_NOT_BE: &str = "THIS MUST NOT BE";
/// Of a longer text, so much is searched for.
const SEARCHED_BYTES: usize = 64;

type DemoParties = Parties<CarrierView, RecordingSink>;
type DemoUser = User<SealedStore, Link<CarrierView>>;

/// Runs the scripted conversation and reports.
///
/// # Errors
/// When something is missing, wrong or late.
pub async fn run_demo(terminal: Terminal) -> Result<(), ExitError> {
    let whole = Stopwatch::start();
    let folder = tempfile::Builder::new().prefix("bulla-").tempdir();
    let folder = folder.map_err(ExitError::because("no temporary folder can be made"))?;
    let demo = Demo::set_up(folder.path(), terminal).await?;

    let outcome = tokio::select! {
        outcome = demo.run() => outcome?,
        problem = demo.history.stalled() => return Err(problem),
        _ = tokio::signal::ctrl_c() => return Err(ExitError::new("interrupted")),
    };
    within(TIMEOUT, "the end", demo.report(outcome, whole)).await??;
    folder.close().map_err(ExitError::because("the temporary folder cannot be removed"))
}

/// Everybody and everything the demo needs.
struct Demo<'a> {
    folder: &'a Path,
    terminal: Terminal,
    parties: DemoParties,
    carrier_view: Arc<CarrierView>,
    relay_view: Arc<RelayView>,
    history: Arc<History>,
    webhook: WebhookReceiver,
    api: JoinHandle<std::io::Result<()>>,
    shop: tokio::sync::Mutex<JoinHandle<Result<(), ExitError>>>,
    scripts: BTreeMap<String, Vec<Exchange>>,
}

/// What is told when the conversation is over.
struct Outcome {
    /// How many messages the conversations had, and how long they took.
    pace: (usize, Duration),
    message: MessageId,
    in_flight: [Search; 3],
}

impl<'a> Demo<'a> {
    async fn set_up(folder: &'a Path, terminal: Terminal) -> Result<Self, ExitError> {
        let business = business(PHONE_NUMBER_ID, BUSINESS_ACCOUNT_ID)
            .map_err(ExitError::because("the business has no number"))?;
        let (webhook, updates) = WebhookReceiver::start(VERIFY_TOKEN, APP_SECRET).await?;
        let host = Host::new();
        let destination = Webhook::new(&webhook.url(), VERIFY_TOKEN, APP_SECRET)
            .map_err(ExitError::because("the webhook cannot be used"))?;
        // The shop's web server stands on this machine, where webhooks may not lead unless it is said.
        let connector = Connector::new().allow(AllowedNetworks::loopback());
        let sink = host.webhook_sink(connector);
        sink.subscribe([business.clone()], destination)
            .map_err(ExitError::because("the webhook cannot be used"))?;
        sink.verify().await.map_err(ExitError::because("the webhook's handshake failed"))?;

        let (carrier_view, relay_view) = (Arc::new(CarrierView::default()), Arc::new(RelayView::default()));
        let users = USERS.map(|(_, number)| Number::parse(number));
        let users: Vec<Number> = users.into_iter().flatten().collect();
        let recording = RecordingSink::new(sink, relay_view.clone());
        let parties =
            Parties::open(folder, business, &users, carrier_view.clone(), recording, &[], false).await?;

        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.map_err(ExitError::because("the Graph API cannot be served"))?;
        let address = listener.local_addr().map_err(ExitError::because("the Graph API has no address"))?;
        let tokens = host.tokens();
        let opened = tokens.grant(TOKEN, [PHONE_NUMBER_ID]);
        opened.map_err(ExitError::because("the token opens nothing"))?;
        let api = host.graph_api(parties.relay.clone(), tokens);
        let api = tokio::spawn(async move { api.serve(listener, std::future::pending()).await });

        let history = Arc::new(History::default());
        let scripts = USERS.map(|(name, number)| (number.to_owned(), script::of(name)));
        let scripts = BTreeMap::from(scripts);
        let mut answers = scripts.clone();
        if let Some(first) = answers.get_mut(USERS[0].1) {
            first.push(the_exchange());
        }
        let client = GraphClient::new(address, PHONE_NUMBER_ID, TOKEN);
        let shop = tokio::spawn(business::run(updates, client, answers, history.clone()));

        terminal.line(
            "One process: a carrier, a relay, a flower shop and two users, each with a sealed store of their own",
        );
        terminal.line(format_args!("  data       {} (removed at the end)", folder.display()));
        terminal.line(format_args!("  Graph API  http://{address}/v26.0/{PHONE_NUMBER_ID}/messages"));
        terminal.line(format_args!("  webhook    {}, which has answered the handshake", webhook.url()));
        let shop = tokio::sync::Mutex::new(shop);
        Ok(Self { folder, terminal, parties, carrier_view, relay_view, history, webhook, api, shop, scripts })
    }

    /// Has the conversations, then follows the one message.
    async fn run(&self) -> Result<Outcome, ExitError> {
        let mut shop = self.shop.lock().await;
        tokio::select! {
            outcome = self.converse() => outcome,
            ended = &mut *shop => Err(match ended {
                Ok(Err(problem)) => problem,
                Ok(Ok(())) => ExitError::new("the shop has closed"),
                Err(error) => ExitError::because("the shop has broken off")(error),
            }),
            why = self.parties.relay.stopped() => Err(match why {
                Err(why) => ExitError::because("the relay has stopped")(why),
                Ok(()) => ExitError::new("the relay has stopped"),
            }),
        }
    }

    async fn converse(&self) -> Result<Outcome, ExitError> {
        let (terminal, began) = (self.terminal, Stopwatch::start());
        terminal.headline("The conversation: user → shop");
        let mut users: Vec<DemoUser> = USERS
            .iter()
            .zip(self.parties.devices.clone())
            .enumerate()
            .map(|(place, ((name, _), (number, device)))| {
                let shown = IN_A_ROW - 1 - place;
                User::new(name, number, shown, device, self.history.clone())
            })
            .collect();
        let [alice, amira] = &mut users[..] else { return Err(ExitError::new("there are not two users")) };
        tokio::try_join!(
            alice.converse(&self.scripts[alice.number.digits()], terminal),
            amira.converse(&self.scripts[amira.number.digits()], terminal),
        )?;

        let pace = (self.history.read(history::Entries::messages), began.span());
        self.settle(alice, amira).await?;

        // With everything else settled, the first update that is turned away is that of this message.
        self.webhook.set_accepting(false);
        let message = alice.write(&the_exchange()).await?;
        self.webhook.has_rejected().await;
        let in_flight = self.search()?;
        self.webhook.set_accepting(true);
        self.settle(alice, amira).await?;
        Ok(Outcome { pace, message, in_flight })
    }

    /// Lets the users read on until everybody has been told everything.
    async fn settle(&self, alice: &mut DemoUser, amira: &mut DemoUser) -> Result<(), ExitError> {
        tokio::select! {
            () = self.history.until(history::Entries::is_settled) => Ok(()),
            problem = read_on(alice) => Err(problem),
            problem = read_on(amira) => Err(problem),
        }
    }

    /// Stops everything and tells what there is to tell.
    async fn report(self, outcome: Outcome, whole: Stopwatch) -> Result<(), ExitError> {
        let Outcome { pace, message, in_flight } = outcome;
        let terminal = self.terminal;
        let unseen = || ExitError::new("somebody did not see the message");
        let (relay, carrier) = (self.relay_view.of(message), self.carrier_view.of(message));
        let (relay, carrier) = (relay.ok_or_else(unseen)?, carrier.ok_or_else(unseen)?);
        let business = self.history.read(|entries| entries.heard_last.clone());
        report::Views { name: USERS[0].0, written: THE_TEXT, relay, carrier, business: &business }
            .print(terminal);

        self.api.abort();
        self.parties.stop().await;
        let unread = || ExitError::because("a bill cannot be read");
        let by_carrier = self.parties.carrier.bill(PHONE_NUMBER_ID).await.map_err(unread())?;
        let by_relay = self.parties.relay.bill(PHONE_NUMBER_ID).await.map_err(unread())?;
        self.parties.compact().await?;
        let after = self.search()?;

        terminal.headline(format_args!(
            "{:<30}{:>6}{:>19}{:>19}",
            "On disk, byte by byte", "relay", "carrier", "devices"
        ));
        report::disk("while the shop's webhook refused the message:", [MUST_NOT_BE; 3], &in_flight, terminal);
        report::disk("when all was delivered, after compaction:", [MUST_NOT_BE; 3], &after, terminal);
        let seen = in_flight.iter().chain(&after).any(|search| search.hits.iter().any(|hits| *hits > 0));

        let mut entries = self.history.take();
        report::counts(&entries, terminal);
        report::bills(PHONE_NUMBER_ID, &by_carrier, &by_relay, terminal)?;
        report::times(&mut entries, pace, whole.span(), terminal);
        self.parties.close().await?;
        match entries.out_of_order() {
            _ if seen => Err(ExitError::new("a text or a number can be read on disk")),
            Some(told) => Err(ExitError::new(format!("the shop was told {told:?} of a message"))),
            None => Ok(()),
        }
    }

    /// Searches the disks of the relay, the carrier and the devices for the one text, all texts, and the
    /// users' numbers.
    fn search(&self) -> Result<[Search; 3], ExitError> {
        let mut texts = vec![start(THE_TEXT), start(ITS_ANSWER)];
        for exchange in self.scripts.values().flatten() {
            texts.extend([start(&exchange.asks), start(&exchange.answer)]);
        }
        let numbers = USERS.map(|(_, number)| number.to_owned());
        let search = |folder| {
            disk_search::search(&self.folder.join(folder), &[&[THE_TEXT.to_owned()], &texts, &numbers])
        };
        let [relay, carrier, devices] = FOLDERS.map(search);
        Ok([relay?, carrier?, devices?])
    }
}

fn the_exchange() -> Exchange {
    Exchange {
        asks: THE_TEXT.to_owned(),
        asks_in_context: false,
        answer: ITS_ANSWER.to_owned(),
        business_reacts: None,
        user_reacts: None,
    }
}

/// Reads what still comes.
async fn read_on(user: &mut DemoUser) -> ExitError {
    loop {
        if let Err(problem) = user.read_next().await {
            return problem;
        }
    }
}

fn start(text: &str) -> String {
    text.chars()
        .scan(0, |bytes, c| {
            *bytes += c.len_utf8();
            (*bytes <= SEARCHED_BYTES).then_some(c)
        })
        .collect()
}
