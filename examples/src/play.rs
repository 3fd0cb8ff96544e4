//! A conversation of two users with a business, played to its end, and what everybody saw of it.
//!
//! ```text
//! shop ──HTTP──► Graph API ─ relay ─┐            ┌─ Alice's device
//!   ▲                          │    ├─ carrier ──┤
//!   └─────────webhook──────────┘    ┘            └─ Amira's device
//! ```

mod customer;
mod ledger;
mod report;
mod script;
mod shop;
mod views;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bulla::Host;
use bulla::base::{MessageId, Number};
use bulla::webhook::{Connector, Networks, Webhook};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use self::customer::Customer;
use self::ledger::Ledger;
use self::script::{Exchange, IN_A_ROW};
use self::views::{Insides, Outsides, Overheard};
use crate::cast::{BUSINESS_ACCOUNT_ID, Cast, FOLDERS, Link, PHONE_NUMBER_ID, business};
use crate::disk::{self, Search};
use crate::graph_client::GraphClient;
use crate::problem::Problem;
use crate::strongroom::Sealed;
use crate::terminal::Terminal;
use crate::timing::{Stopwatch, within};
use crate::webhook::WebhookServer;

const TOKEN: &str = "the-shop-s-token";
const VERIFY_TOKEN: &str = "a-word-agreed-on";
const APP_SECRET: &str = "the-shop-s-secret";
const USERS: [(&str, &str); 2] = [("Alice", "16505551234"), ("Amira", "442079460958")];

/// The message that is followed through everybody's hands.
const THE_TEXT: &str = "The key is under the third pot, the blue one. 🗝️ אל תגלו לאף אחד";
const ITS_ANSWER: &str = "Understood. 🤫";

/// How long the end may take, after which nobody waits for it any more.
const PATIENCE: Duration = Duration::from_secs(60);
/// What is remarked where something is found on disk: every record is sealed.
const MUST_NOT_BE: &str = "THIS MUST NOT BE";
/// Of a longer text, so much is searched for.
const SEARCHED_BYTES: usize = 64;

type Company = Cast<Outsides, Overheard>;
type User = Customer<Sealed, Link<Outsides>>;

/// Plays the conversation and reports.
///
/// # Errors
/// When something is missing, wrong or late.
pub async fn play(terminal: Terminal) -> Result<(), Problem> {
    let whole = Stopwatch::start();
    let folder = tempfile::Builder::new().prefix("bulla-").tempdir();
    let folder = folder.map_err(Problem::because("no temporary folder can be made"))?;
    let stage = Stage::set(folder.path(), terminal).await?;

    let story = tokio::select! {
        story = stage.tell() => story?,
        problem = stage.ledger.stalled() => return Err(problem),
        _ = tokio::signal::ctrl_c() => return Err(Problem::new("interrupted")),
    };
    within(PATIENCE, "the end", stage.report(story, whole)).await??;
    folder.close().map_err(Problem::because("the temporary folder cannot be removed"))
}

/// Everybody and everything the play needs.
struct Stage<'a> {
    folder: &'a Path,
    terminal: Terminal,
    company: Company,
    outsides: Arc<Outsides>,
    insides: Arc<Insides>,
    ledger: Arc<Ledger>,
    webhook: WebhookServer,
    api: JoinHandle<std::io::Result<()>>,
    shop: tokio::sync::Mutex<JoinHandle<Result<(), Problem>>>,
    scripts: BTreeMap<String, Vec<Exchange>>,
}

/// What is told when the conversation is over.
struct Story {
    /// How many messages the conversations had, and how long they took.
    pace: (usize, Duration),
    message: MessageId,
    in_flight: [Search; 3],
}

impl<'a> Stage<'a> {
    async fn set(folder: &'a Path, terminal: Terminal) -> Result<Self, Problem> {
        let business = business(PHONE_NUMBER_ID, BUSINESS_ACCOUNT_ID)
            .map_err(Problem::because("the business has no number"))?;
        let (webhook, updates) = WebhookServer::start(VERIFY_TOKEN, APP_SECRET).await?;
        let host = Host::new();
        let destination = Webhook::new(&webhook.url(), VERIFY_TOKEN, APP_SECRET)
            .map_err(Problem::because("the webhook cannot be used"))?;
        // The shop's web server stands on this machine, where webhooks may not lead unless it is said.
        let connector = Connector::new().allow(Networks::loopback());
        let sink = host.webhook_sink(connector);
        sink.subscribe([business.clone()], destination)
            .map_err(Problem::because("the webhook cannot be used"))?;
        sink.verify().await.map_err(Problem::because("the webhook's handshake failed"))?;

        let (outsides, insides) = (Arc::new(Outsides::default()), Arc::new(Insides::default()));
        let users = USERS.map(|(_, number)| Number::parse(number));
        let users: Vec<Number> = users.into_iter().flatten().collect();
        let overheard = Overheard::new(sink, insides.clone());
        let company = Cast::open(folder, business, &users, outsides.clone(), overheard, &[]).await?;

        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.map_err(Problem::because("the Graph API cannot be served"))?;
        let address = listener.local_addr().map_err(Problem::because("the Graph API has no address"))?;
        let tokens = host.tokens();
        let opened = tokens.grant(TOKEN, [PHONE_NUMBER_ID]);
        opened.map_err(Problem::because("the token opens nothing"))?;
        let api = host.graph_api(company.relay.clone(), tokens);
        let api = tokio::spawn(async move { api.serve(listener, std::future::pending()).await });

        let ledger = Arc::new(Ledger::default());
        let scripts = USERS.map(|(name, number)| (number.to_owned(), script::of(name)));
        let scripts = BTreeMap::from(scripts);
        let mut answers = scripts.clone();
        if let Some(first) = answers.get_mut(USERS[0].1) {
            first.push(the_exchange());
        }
        let client = GraphClient::new(address, PHONE_NUMBER_ID, TOKEN);
        let shop = tokio::spawn(shop::work(updates, client, answers, ledger.clone()));

        terminal.line(
            "One process: a carrier, a relay, a flower shop and two users, each with a sealed store of their own",
        );
        terminal.line(format_args!("  data       {} (removed at the end)", folder.display()));
        terminal.line(format_args!("  Graph API  http://{address}/v26.0/{PHONE_NUMBER_ID}/messages"));
        terminal.line(format_args!("  webhook    {}, which has answered the handshake", webhook.url()));
        let shop = tokio::sync::Mutex::new(shop);
        Ok(Self { folder, terminal, company, outsides, insides, ledger, webhook, api, shop, scripts })
    }

    /// Has the conversations, then follows the one message.
    async fn tell(&self) -> Result<Story, Problem> {
        let mut shop = self.shop.lock().await;
        tokio::select! {
            story = self.converse() => story,
            ended = &mut *shop => Err(match ended {
                Ok(Err(problem)) => problem,
                Ok(Ok(())) => Problem::new("the shop has closed"),
                Err(error) => Problem::because("the shop has broken off")(error),
            }),
            why = self.company.relay.stopped() => Err(match why {
                Err(why) => Problem::because("the relay has stopped")(why),
                Ok(()) => Problem::new("the relay has stopped"),
            }),
        }
    }

    async fn converse(&self) -> Result<Story, Problem> {
        let (terminal, began) = (self.terminal, Stopwatch::start());
        terminal.headline("The conversation: user → shop");
        let mut users: Vec<User> = USERS
            .iter()
            .zip(self.company.devices.clone())
            .enumerate()
            .map(|(place, ((name, _), (number, device)))| {
                let shown = IN_A_ROW - 1 - place;
                Customer::new(name, number, shown, device, self.ledger.clone())
            })
            .collect();
        let [alice, amira] = &mut users[..] else { return Err(Problem::new("there are not two users")) };
        tokio::try_join!(
            alice.converse(&self.scripts[alice.number.digits()], terminal),
            amira.converse(&self.scripts[amira.number.digits()], terminal),
        )?;

        let pace = (self.ledger.read(ledger::Entries::messages), began.span());
        self.settle(alice, amira).await?;

        // With everything else settled, the first update that is turned away is that of this message.
        self.webhook.set_open(false);
        let message = alice.write(&the_exchange()).await?;
        self.webhook.has_turned_away().await;
        let in_flight = self.search()?;
        self.webhook.set_open(true);
        self.settle(alice, amira).await?;
        Ok(Story { pace, message, in_flight })
    }

    /// Lets the users read on until everybody has been told everything.
    async fn settle(&self, alice: &mut User, amira: &mut User) -> Result<(), Problem> {
        tokio::select! {
            () = self.ledger.until(ledger::Entries::is_settled) => Ok(()),
            problem = read_on(alice) => Err(problem),
            problem = read_on(amira) => Err(problem),
        }
    }

    /// Stops everything and tells what there is to tell.
    async fn report(self, story: Story, whole: Stopwatch) -> Result<(), Problem> {
        let Story { pace, message, in_flight } = story;
        let terminal = self.terminal;
        let unseen = || Problem::new("somebody did not see the message");
        let (relay, carrier) = (self.insides.of(message), self.outsides.of(message));
        let (relay, carrier) = (relay.ok_or_else(unseen)?, carrier.ok_or_else(unseen)?);
        let business = self.ledger.read(|entries| entries.heard_last.clone());
        report::Views { name: USERS[0].0, written: THE_TEXT, relay, carrier, business: &business }
            .print(terminal);

        self.api.abort();
        self.company.stop().await;
        let unread = || Problem::because("a bill cannot be read");
        let by_carrier = self.company.carrier.bill(PHONE_NUMBER_ID).await.map_err(unread())?;
        let by_relay = self.company.relay.bill(PHONE_NUMBER_ID).await.map_err(unread())?;
        self.company.compact().await?;
        let after = self.search()?;

        terminal.headline(format_args!(
            "{:<30}{:>6}{:>19}{:>19}",
            "On disk, byte by byte", "relay", "carrier", "devices"
        ));
        report::disk("while the shop's webhook refused the message:", [MUST_NOT_BE; 3], &in_flight, terminal);
        report::disk("when all was delivered, after compaction:", [MUST_NOT_BE; 3], &after, terminal);
        let seen = in_flight.iter().chain(&after).any(|search| search.hits.iter().any(|hits| *hits > 0));

        let mut entries = self.ledger.take();
        report::counts(&entries, terminal);
        report::bills(PHONE_NUMBER_ID, &by_carrier, &by_relay, terminal)?;
        report::times(&mut entries, pace, whole.span(), terminal);
        self.company.close().await?;
        match entries.out_of_order() {
            _ if seen => Err(Problem::new("a text or a number can be read on disk")),
            Some(told) => Err(Problem::new(format!("the shop was told {told:?} of a message"))),
            None => Ok(()),
        }
    }

    /// Searches the disks of the relay, the carrier and the devices for the one text, all texts, and the
    /// users' numbers.
    fn search(&self) -> Result<[Search; 3], Problem> {
        let mut texts = vec![start(THE_TEXT), start(ITS_ANSWER)];
        for exchange in self.scripts.values().flatten() {
            texts.extend([start(&exchange.asks), start(&exchange.answer)]);
        }
        let numbers = USERS.map(|(_, number)| number.to_owned());
        let search =
            |folder| disk::search(&self.folder.join(folder), &[&[THE_TEXT.to_owned()], &texts, &numbers]);
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
async fn read_on(user: &mut User) -> Problem {
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
