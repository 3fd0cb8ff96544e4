//! What happens on each of the days, and the checks that follow it.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bulla::Host;
use bulla::base::{
    BusinessAccountId, Clock, Day, Number, Partition, Party, Pepper, PhoneNumberId, Rng, SeededRng, Timestamp,
};
use bulla::content::Text;
use bulla::envelope::Envelope;
use bulla::relay::{Business, Outgoing, OutgoingBody};
use bulla::store::{BoxStore, Expiry, Key, MAX_RETENTION, MemoryStore, SYSTEM_PARTITION, Scan, Space, Store};
use bulla::transport::{BoxTransport, InProcess};
use bulla::vault::{TICK, Vault};
use tokio::task::JoinSet;

use super::canaries::Canaries;
use super::disk::{FrozenClockEngine, RelayDisk, everything, while_clock_stands};
use super::parties::{ALICE, BAKERY, BOB, CAROL, EVE, Phone, RecordingSink, SHOP, USERS, number};
use super::{DAY, HOUR};
use crate::test_types::{TestCarrier, TestRelay, any_sink};
use bulla_sim::VirtualClock;

const EPOCH: Timestamp = Timestamp::from_millis(1_795_293_590_960);

/// When the bakery takes what it is told: on days 50 and 51.
const OPEN: std::ops::Range<u32> = 50..52;

/// The spaces the relay's store is known to use; at the end all are looked through.
const SPACES: std::ops::Range<u8> = 0x10..0x2b;
const MESSAGE: Space = Space::new(0x20);
const EVENTS: Space = Space::new(0x24);
const RELAYS_PEPPER: Space = Space::new(0x28);
const DEVICES_PEPPER: Space = Space::new(0x34);
const QUEUE: Space = Space::new(0x44);
const CARRIERS_PEPPER: Space = Space::new(0x46);

/// How long a key outlives what was sealed under it: to the end of the hour, and to the tick after that.
const KEYS_LIVE: Duration = HOUR.saturating_add(TICK);

pub(crate) struct Scenario {
    pub(crate) clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    canaries: Canaries,
    disk: RelayDisk,
    vault: Arc<Vault<FrozenClockEngine>>,
    carrier_rows: Arc<MemoryStore>,
    link: BoxTransport,
    sink: RecordingSink,
    relay: TestRelay,
    phones: HashMap<&'static str, Phone>,
    partitions: Vec<Partition>,
    sweeping: JoinSet<()>,
    edges: JoinSet<()>,
    tables: HashSet<PathBuf>,
    /// The day of the table that is made next, once there is one.
    next_table: Option<Day>,
    sealed: Found,
    figures: Figures,
}

/// The last bytes of sealed records, and the day under which they stand.
type Found = HashMap<[u8; 16], Day>;

#[derive(Default)]
struct Figures {
    read: usize,
    records: usize,
    edges: usize,
    dropped: usize,
    noise: usize,
    kept_in_journals: usize,
}

impl Scenario {
    pub(crate) async fn begin() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock::new(EPOCH));
        let rng: Arc<dyn Rng> = Arc::new(SeededRng::new(90));
        let canaries = Canaries::new(Arc::clone(&clock));
        let disk = RelayDisk::new(Arc::clone(&rng));
        let vault = Arc::new(disk.open(Arc::clone(&clock)).await);
        let carrier_rows = Arc::new(MemoryStore::new());
        let store = BoxStore::new(Arc::clone(&carrier_rows));
        let carrier = Arc::new(TestCarrier::open(store, Arc::clone(&clock), &*rng).await.unwrap());
        let link = BoxTransport::new(InProcess::new(Arc::clone(&carrier)));
        let sink = RecordingSink::new(canaries.clone());
        let business =
            |id| Business::new(id, BusinessAccountId::new(1), Number::parse("15550783881").unwrap());
        let relay = Host::with(Arc::clone(&clock), Arc::clone(&rng))
            .relay(BoxStore::new(Arc::clone(&vault)), link.clone(), any_sink(sink.clone()))
            .business(business(SHOP))
            .business(business(BAKERY))
            .open()
            .await
            .unwrap();
        let mut sweeping = JoinSet::new();
        let clock_too = Arc::clone(&clock);
        sweeping.spawn(async move {
            loop {
                carrier.sweep().await.unwrap();
                clock_too.sleep(HOUR).await;
            }
        });
        let phones: HashMap<_, _> = USERS.map(|user| (user, Phone::new(user))).into();
        for user in USERS {
            phones[user].minute(&link, &clock, &rng, None).await;
        }
        let mut partitions = vec![SYSTEM_PARTITION];
        partitions.extend(partitions_of_all(&*vault, RELAYS_PEPPER).await);
        let tables = disk.tables();
        Self {
            clock,
            rng,
            canaries,
            disk,
            vault,
            carrier_rows,
            link,
            sink,
            relay,
            phones,
            partitions,
            sweeping,
            edges: JoinSet::new(),
            tables,
            next_table: None,
            sealed: Found::new(),
            figures: Figures::default(),
        }
    }

    /// Everybody does what they do every day.
    pub(crate) async fn run_day(&mut self, day: u32) {
        self.sink.bakery_takes.store(OPEN.contains(&day), Ordering::SeqCst);
        for (from, to) in [(SHOP, ALICE), (SHOP, BOB), (BAKERY, BOB)] {
            let body = OutgoingBody::Text(Text::new(self.canaries.new_text()).unwrap());
            let message = Outgoing::new(number(to), body).tracking(self.canaries.new_text());
            self.relay.submit(from, message).await.unwrap();
        }
        let mut talkers = vec![(ALICE, SHOP), (CAROL, BAKERY)];
        if day == 0 {
            talkers.push((EVE, SHOP));
        }
        for (user, to) in talkers {
            let words = Some((to, self.canaries.new_text()));
            self.figures.read += self.phones[user].minute(&self.link, &self.clock, &self.rng, words).await;
        }
        self.schedule_expiry_checks(day).await;
    }

    /// Finds what was written today and is to be kept for its whole time, and has it looked at when that is
    /// over.
    async fn schedule_expiry_checks(&mut self, day: u32) {
        let (today, now) = (self.clock.now().day(), self.clock.now());
        let of = |user| self.partitions[1 + USERS.iter().position(|known| *known == user).unwrap()];
        let never_told = (day..=day + 30).all(|day| !OPEN.contains(&day));
        for (user, space, is_kept) in [(BOB, MESSAGE, true), (CAROL, EVENTS, never_told)] {
            let scan = Scan::dated(space, today..=today);
            let all = self.vault.scan(of(user), &scan, now).await.unwrap();
            assert!(!all.is_empty() || !never_told, "nothing is kept of {user}");
            for (key, record) in all {
                let sealed = self.vault.engine().get(of(user), &key, now).await.unwrap().unwrap().value;
                self.sealed.insert(*sealed.last_chunk().unwrap(), today);
                if is_kept {
                    let (vault, clock) = (Arc::clone(&self.vault), Arc::clone(&self.clock));
                    self.edges.spawn(check_expiry_edge(vault, clock, of(user), key, record.expiry.unwrap()));
                    self.figures.edges += 1;
                }
            }
        }
        // They are made in the order of their days, and the next day's is made ahead.
        let tables = self.disk.tables();
        let mut made: Vec<PathBuf> = tables.difference(&self.tables).cloned().collect();
        made.sort_unstable_by_key(|table| {
            table.file_name().unwrap().to_str().unwrap().parse::<u64>().unwrap()
        });
        for table in made {
            let (of, clock) = (self.next_table.unwrap_or(today), Arc::clone(&self.clock));
            self.next_table = Some(Day::from_number(of.number() + 1));
            self.edges.spawn(async move {
                clock.sleep(start_of(of, 32).since(clock.now())).await;
                assert!(table.exists(), "the table of {of} has gone early");
                clock.sleep(HOUR).await;
                let gone = while_clock_stands(async move {
                    let pause = || std::thread::sleep(Duration::from_millis(10));
                    (0..500).any(|_| {
                        !table.exists() || {
                            pause();
                            false
                        }
                    })
                });
                assert!(gone.await, "the table of {of} is still there");
            });
            self.figures.dropped += 1;
        }
        assert_eq!(
            self.next_table.map(Day::number),
            Some(today.number() + 2),
            "tomorrow's table is not there"
        );
        self.tables = tables;
    }

    /// Reads all that can be read, as whoever uses the stores does.
    pub(crate) async fn check_the_port(&mut self) {
        let now = self.clock.now();
        let found = everything(&*self.vault, &self.partitions, SPACES, now).await;
        self.figures.records = self.figures.records.max(found.len());
        assert!(
            found.iter().any(|(_, record)| !self.canaries.ages(&record.value).is_empty()),
            "nothing is read"
        );
        let forgotten = now.since(EPOCH) > MAX_RETENTION + DAY;
        for (key, record) in &found {
            self.check(key, &record.value, MAX_RETENTION);
            assert!(!record.expiry.is_some_and(|expiry| expiry.has_come(now)));
            let eves = record.value.windows(EVE.len()).any(|window| window == EVE.as_bytes());
            assert!(!(forgotten && eves), "the relay remembers her number: {key:?}");
        }
        for (key, record) in everything(
            &*self.carrier_rows,
            &partitions_of_all(&*self.carrier_rows, CARRIERS_PEPPER).await,
            QUEUE.number()..=QUEUE.number(),
            now,
        )
        .await
        {
            let made = Envelope::from_bytes(record.value).unwrap().id().time();
            assert!(now.since(made) < MAX_RETENTION, "the carrier still has {key:?}");
        }
        for phone in self.phones.values() {
            let partitions = partitions_of_all(&*phone.store, DEVICES_PEPPER).await;
            for (key, record) in everything(&*phone.store, &partitions, 0x30..0x34, now).await {
                self.check(&key, &record.value, MAX_RETENTION);
            }
        }
    }

    fn check(&self, key: &Key, value: &[u8], limit: Duration) {
        for age in self.canaries.ages(value) {
            assert!(age < limit, "{key:?} says what was said {age:?} ago");
        }
    }

    /// Looks into every file for sealed bytes of tables that are to be gone.
    pub(crate) fn check_the_disk(&mut self) {
        let (in_tables, in_journals) = self.sealed_bytes_on_disk();
        let gone = in_tables.iter().find(|(_, day)| self.is_gone(**day));
        assert!(gone.is_none(), "a table still has what was sealed on {gone:?}");
        assert!(!in_journals.is_empty(), "the search finds what is there");
        let noise = in_journals.values().filter(|day| self.is_gone(**day)).count();
        self.figures.kept_in_journals = self.figures.kept_in_journals.max(noise);
    }

    /// Makes what was deleted leave the disk, and looks whether it has.
    pub(crate) async fn compact(&mut self) {
        let engine = self.vault.engine().0.clone();
        while_clock_stands(async move { engine.compact().await }).await.unwrap();
        let (in_tables, in_journals) = self.sealed_bytes_on_disk();
        assert!(!in_tables.is_empty(), "the search finds what is there");
        let gone = in_tables.iter().chain(&in_journals).find(|(_, day)| self.is_gone(**day));
        assert!(gone.is_none(), "a file still has what was sealed on {gone:?}");
    }

    /// Those of the sealed bytes that are found in files of tables, and those found in others.
    fn sealed_bytes_on_disk(&self) -> (Found, Found) {
        let (mut in_tables, mut in_journals) = (Found::new(), Found::new());
        // Most places are told by their first and last two bytes to be none.
        let (mut begins, mut ends) = (vec![false; 1 << 16], vec![false; 1 << 16]);
        let pair = |bytes: &[u8]| usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
        for sealed in self.sealed.keys() {
            (begins[pair(sealed)], ends[pair(&sealed[14..])]) = (true, true);
        }
        let may_be = |window: &&[u8]| begins[pair(window)] && ends[pair(&window[14..])];
        for (bytes, of_a_table) in self.disk.files() {
            for window in bytes.windows(16).filter(may_be) {
                if let Some((sealed, day)) = self.sealed.get_key_value(window) {
                    if of_a_table { &mut in_tables } else { &mut in_journals }.insert(*sealed, *day);
                }
            }
        }
        (in_tables, in_journals)
    }

    fn is_gone(&self, day: Day) -> bool {
        start_of(day, 32).after(HOUR) <= self.clock.now()
    }

    /// Reads all that files, keyring and operator's key let one read, whatever the engine and the clock say
    /// of expiry.
    pub(crate) async fn check_a_stolen_copy(&mut self) {
        let (now, all) = (self.clock.now(), Timestamp::from_millis(0));
        let (stolen, _folder) = self.disk.stolen(EPOCH).await;
        let opened = everything(&stolen, &self.partitions, SPACES, all).await;
        assert!(
            opened.iter().any(|(_, record)| !self.canaries.ages(&record.value).is_empty()),
            "nothing is read"
        );
        for (key, record) in &opened {
            self.check(key, &record.value, MAX_RETENTION + KEYS_LIVE);
            let ended = record.expiry.is_some_and(|expiry| expiry.at().after(KEYS_LIVE) <= now);
            assert!(!ended, "{key:?} opens after its time");
        }
        let sealed = everything(stolen.engine(), &self.partitions, SPACES, all).await;
        self.figures.noise = self.figures.noise.max(sealed.len() - opened.len());
    }

    /// Ends, and says what was seen.
    pub(crate) async fn end(mut self) -> String {
        let now = self.clock.now();
        let everywhere = everything(&*self.vault, &self.partitions, 0..=u8::MAX, now).await;
        everywhere.iter().for_each(|(key, record)| self.check(key, &record.value, MAX_RETENTION));
        self.sweeping.shutdown().await;
        self.relay.close().await;
        // Those whose time is not over yet.
        let unfinished = self.edges.len();
        let mut finished = 0;
        while let Some(edge) = self.edges.try_join_next() {
            edge.unwrap();
            finished += 1;
        }
        self.edges.shutdown().await;
        let told = self.sink.said.lock().unwrap().len();
        assert!(told > 110 && finished > 200, "{told} {finished}");
        assert!(
            self.figures.noise > 0 && self.figures.kept_in_journals > 0,
            "nothing was there to be unreadable"
        );
        let Figures { read, records, edges, dropped, noise, kept_in_journals } = self.figures;
        format!(
            "90 days: {} canaries, {told} texts and {} statuses told, {} refused, {read} read by users; at most {records} records readable; \
             {finished} of {unfinished} edges passed ({edges} records, {dropped} tables); at most {noise} records on disk that no key opens, \
             {kept_in_journals} of those watched in journals alone",
            self.canaries.count(),
            self.sink.statuses.load(Ordering::SeqCst),
            self.sink.refused.load(Ordering::SeqCst),
        )
    }
}

/// The record is there to the last millisecond, and not at the next; and an hour later not even its key is.
async fn check_expiry_edge(
    vault: Arc<Vault<FrozenClockEngine>>,
    clock: Arc<dyn Clock>,
    of: Partition,
    key: Key,
    expiry: Expiry,
) {
    const MILLISECOND: Duration = Duration::from_millis(1);
    clock.sleep(expiry.at().before(MILLISECOND).since(clock.now())).await;
    assert_eq!(clock.now(), expiry.at().before(MILLISECOND));
    assert!(vault.get(of, &key, clock.now()).await.unwrap().is_some(), "{key:?} is gone before its time");
    clock.sleep(MILLISECOND).await;
    assert_eq!(clock.now(), expiry.at());
    assert!(vault.get(of, &key, clock.now()).await.unwrap().is_none(), "{key:?} is there after its time");
    // Nor does anybody find its key any more, whatever they say of the time.
    let hour = HOUR.as_secs() * 1000;
    let hour_ends = Timestamp::from_millis((expiry.at().as_millis() / hour + 1) * hour);
    clock.sleep(hour_ends.after(TICK).since(clock.now())).await;
    assert!(vault.get(of, &key, EPOCH).await.unwrap().is_none(), "{key:?} opens after its hour");
}

/// The partitions of the users and the businesses in a store that keeps its pepper in `space`.
async fn partitions_of_all(store: &impl Store, space: Space) -> Vec<Partition> {
    let record = store.get(SYSTEM_PARTITION, &Key::undated(space, ""), EPOCH).await.unwrap().unwrap();
    let pepper = Pepper::from_bytes(record.value[..].try_into().unwrap());
    let users = USERS.map(|user| Party::User(number(user)));
    let businesses: [PhoneNumberId; 2] = [SHOP, BAKERY];
    users.into_iter().chain(businesses.map(Party::Business)).map(|party| pepper.partition(&party)).collect()
}

/// The first moment of the day that comes `later` days after `day`.
fn start_of(day: Day, later: u32) -> Timestamp {
    Timestamp::from_millis(0).after(DAY * (day.number() + later))
}
