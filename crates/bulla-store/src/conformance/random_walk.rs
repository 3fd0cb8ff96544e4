//! The engine beside a model of it.

mod model;
mod step;

use std::collections::HashMap;
use std::fmt::Debug;
use std::iter;
use std::time::Duration;

use bulla_base::{Day, Partition, Rng, SeededRng, Timestamp};

use self::model::{Answer, Change, Model};
use self::step::{Draft, Expected, PARTITIONS, SPACES, Step};
use super::assertions::{NOW, broken, commit, is_told, succeed, together};
use crate::{Batch, Commit, Key, Scan, Space, Store, Version, Watch};

const RULE: &str = "whatever is asked of an engine and of the model of it, both answer the same";

/// How many walks [`walks_end_where_the_model_does`] takes.
const WALKS: u64 = 16;
/// How many steps each of them has.
const WALK_STEPS: usize = 60;
/// More bytes than any step asks for.
const STEP_BYTES: usize = 64;

/// Takes the steps with an engine and with a model of it, and compares all that they answer.
///
/// A step is any bytes: they choose what is asked (batches alone or several at once, reads, days that are
/// dropped, whether watches were woken, closing and opening again) and with what; those it lacks are zero. So
/// a property test generates vectors of vectors of bytes, a fuzzer cuts its input, and either shrinks what
/// fails by itself. `reopen` closes an engine and opens it again; one that keeps nothing gives back what it
/// was given.
///
/// The model is the port read as a list: it shares no code with any engine, nor with [`Batch`] and [`Scan`].
///
/// # Panics
/// When an answer of the engine is none that the model allows, with both and with the step.
pub async fn walk<S: Store>(store: S, reopen: impl AsyncFn(S) -> S, steps: &[impl AsRef<[u8]>]) {
    let mut walk = Walk::new(store).await;
    for (number, bytes) in steps.iter().enumerate() {
        let step = Step::read(bytes.as_ref());
        match step {
            Step::Reopen => walk = walk.reopened(&reopen).await,
            step => walk.take(number, &step).await,
        }
    }
    walk.look_at_everything().await;
    walk.reopened(&reopen).await.look_at_everything().await;
}

/// A few hundred steps drawn from fixed seeds go as the model says; see [`walk`].
///
/// # Panics
/// When the engine breaks this rule.
pub async fn walks_end_where_the_model_does<S: Store>(open: impl AsyncFn() -> S) {
    for seed in 0..WALKS {
        let rng = SeededRng::new(seed);
        let step = || {
            let mut bytes = vec![0; STEP_BYTES];
            rng.fill(&mut bytes);
            bytes
        };
        let steps: Vec<_> = iter::repeat_with(step).take(WALK_STEPS).collect();
        walk(open().await, async |store| store, &steps).await;
    }
}

/// An engine, the model, and what somebody who uses them would remember.
struct Walk<S> {
    store: S,
    model: Model,
    /// The versions found by the last look at a key.
    remembered: HashMap<(Partition, Key), Option<Version>>,
    watched: Vec<Watched>,
}

struct Watched {
    partition: Partition,
    space: Space,
    watch: Watch,
    /// What was changed since the watch was last asked.
    change: Change,
}

impl<S: Store> Walk<S> {
    async fn new(store: S) -> Self {
        let watched = watch_all(&store);
        let mut walk = Self { store, model: Model::default(), remembered: HashMap::new(), watched };
        walk.begin().await;
        walk
    }

    async fn reopened(self, reopen: &impl AsyncFn(S) -> S) -> Self {
        let Self { store, model, remembered, watched } = self;
        // A watch ends with its store.
        drop(watched);
        let store = reopen(store).await;
        let watched = watch_all(&store);
        let mut walk = Self { store, model, remembered, watched };
        walk.begin().await;
        walk
    }

    /// Takes the number of the last commit from the store: opening it may have been some of its own, as it is
    /// of a vault.
    async fn begin(&mut self) {
        let Commit::Committed(version) = commit(&self.store, Batch::new(PARTITIONS[0])).await else {
            broken(RULE, "a batch that expects nothing conflicts")
        };
        let (last, found) = (self.model.last_version(), version.number());
        if found < last {
            broken("versions do not go back when a store is opened again", (found, "after", last));
        }
        self.model.begin(found);
    }

    async fn take(&mut self, number: usize, step: &Step) {
        match step {
            Step::Commit(drafts) => self.commit(number, drafts).await,
            Step::Get { partition, key, after } => {
                let now = later(*after);
                let found = succeed(RULE, self.store.get(*partition, key, now).await);
                let expected = self.model.get(*partition, key, now);
                same((number, step), &found, &expected);
                self.remembered.insert((*partition, key.clone()), found.map(|record| record.version));
            }
            Step::Scan { partition, scan, after } => {
                let found = succeed(RULE, self.store.scan(*partition, scan, later(*after)).await);
                same((number, step), found, self.model.scan(*partition, scan, later(*after)));
            }
            Step::Counters { space, prefix, after } => {
                let found = succeed(RULE, self.store.counters(*space, prefix, after.as_deref()).await);
                same((number, step), found, self.model.counters(*space, prefix, after.as_deref()));
            }
            Step::DropDaysBefore(day) => {
                succeed(RULE, self.store.drop_days_before(*day).await);
                self.model.drop_days_before(*day);
            }
            Step::Listen => self.listen(number).await,
            // Takes the store away; the caller does it.
            Step::Reopen => {}
        }
    }

    /// Asks for all batches at once. They may take effect in any order, but in one.
    async fn commit(&mut self, number: usize, drafts: &[Draft]) {
        let expectations: Vec<Vec<(Key, Option<Version>)>> =
            drafts.iter().map(|draft| self.expectations(draft)).collect();
        let batches = drafts.iter().zip(&expectations).enumerate().map(|(place, (draft, expected))| {
            let mut batch = Batch::new(draft.partition);
            for (key, version) in expected {
                batch.expect(key.clone(), *version);
            }
            draft.writes.iter().for_each(|write| write.onto(&mut batch));
            let commit = self.store.commit(batch);
            async move { (place, succeed(RULE, commit.await)) }
        });
        let mut answers = together(batches).await;
        answers.sort_by_key(|(place, _)| *place);

        let orders = orders(drafts.len());
        // Any order that explains all answers will do: the port does not say in which one of those who came
        // at once is first.
        for order in &orders {
            let (mut model, mut changes) = (self.model.clone(), Vec::new());
            let allowed = order.iter().all(|place| {
                let found = &answers[*place].1;
                let version = match found {
                    Commit::Committed(version) => Some(*version),
                    Commit::Conflict(_) => None,
                };
                let (answer, changed) = model.commit(&drafts[*place], &expectations[*place], version);
                changes.extend(changed);
                answer.allows(found)
            });
            if allowed {
                self.model = model;
                for (partition, space, change) in changes {
                    let concerned = (self.watched.iter_mut())
                        .filter(|watched| watched.partition == partition && watched.space == space);
                    concerned.for_each(|watched| watched.change = watched.change.max(change));
                }
                return;
            }
        }
        let alone: Vec<Answer> = drafts
            .iter()
            .zip(&expectations)
            .map(|(draft, of)| self.model.clone().commit(draft, of, None).0)
            .collect();
        broken(RULE, (number, drafts, expectations, "was answered", answers, "and each alone allows", alone));
    }

    fn expectations(&self, draft: &Draft) -> Vec<(Key, Option<Version>)> {
        let version = |key: &Key, expected: Expected| match expected {
            Expected::Absent => None,
            Expected::Remembered => self.remembered.get(&(draft.partition, key.clone())).copied().flatten(),
            Expected::Current => self.model.version_of(draft.partition, key),
            Expected::Future => Some(Version::new(self.model.last_version() + 1)),
        };
        draft.expectations.iter().map(|(key, expected)| (key.clone(), version(key, *expected))).collect()
    }

    async fn listen(&mut self, number: usize) {
        for watched in &mut self.watched {
            let told = is_told(&mut watched.watch).await;
            let change = std::mem::take(&mut watched.change);
            let whose = (number, watched.partition, watched.space);
            match change {
                Change::None => same((whose, "is woken without reason"), told, false),
                Change::Some => same((whose, "is woken by what changed"), told, true),
                Change::Perhaps => {}
            }
        }
    }

    async fn look_at_everything(&mut self) {
        for space in SPACES {
            for partition in PARTITIONS {
                let scan = Scan::dated(space, Key::UNDATED..=Day::from_number(u32::MAX));
                self.take(usize::MAX, &Step::Scan { partition, scan, after: 0 }).await;
            }
            self.take(usize::MAX, &Step::Counters { space, prefix: Vec::new(), after: None }).await;
        }
        self.listen(usize::MAX).await;
    }
}

fn watch_all(store: &impl Store) -> Vec<Watched> {
    let watched = |partition, space| Watched {
        partition,
        space,
        watch: store.watch(partition, space),
        change: Change::None,
    };
    PARTITIONS.iter().flat_map(|partition| SPACES.map(|space| watched(*partition, space))).collect()
}

fn later(millis: u64) -> Timestamp {
    NOW.after(Duration::from_millis(millis))
}

#[track_caller]
fn same<T: PartialEq + Debug>(about: impl Debug, found: T, expected: T) {
    if found != expected {
        broken(RULE, (about, "was answered", found, "instead of", expected));
    }
}

/// All orders of `count` things.
fn orders(count: usize) -> Vec<Vec<usize>> {
    let Some(last) = count.checked_sub(1) else { return vec![Vec::new()] };
    let with_last = |order: Vec<usize>| {
        (0..count).map(move |place| {
            let mut order = order.clone();
            order.insert(place, last);
            order
        })
    };
    orders(last).into_iter().flat_map(with_last).collect()
}
