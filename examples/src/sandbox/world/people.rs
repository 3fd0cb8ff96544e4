//! The users and their devices.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bulla::base::{Clock, Number, PhoneNumberId, Timestamp};
use bulla::content::{Content, Text};
use bulla::device::Device;
use bulla::store::MemoryStore;
use bulla::transport::InProcess;
use tokio::task::AbortHandle;

use super::super::magic::{self, Course};
use super::super::seed::{Answers, Presence, Reads, Seed};
use super::super::user::{self, Script, UserDevice};
use super::super::{chance, clock::SandboxClock};
use super::SandboxCarrier;
use crate::exit_error::ExitError;

/// Who is called by a magic number writes again after so long: before their window closes.
const WRITES_AFTER: Duration = Duration::from_secs(23 * 3600);

/// All users whose devices are open.
pub(crate) struct People {
    seed: Arc<Seed>,
    link: InProcess<SandboxCarrier>,
    clock: Arc<SandboxClock>,
    open: Mutex<BTreeMap<Number, Person>>,
}

struct Person {
    device: UserDevice,
    following: AbortHandle,
    /// When they wrote to whom, if they are called by a magic number.
    wrote: BTreeMap<PhoneNumberId, Timestamp>,
}

/// Why somebody cannot be written for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NobodyThere {
    /// They have no device that could write.
    #[error("from: the seed says that this user is {0}")]
    Absent(&'static str),
    /// Their device does not open.
    #[error(transparent)]
    Closed(#[from] ExitError),
}

impl People {
    pub(super) fn new(seed: Arc<Seed>, link: InProcess<SandboxCarrier>, clock: Arc<SandboxClock>) -> Self {
        Self { seed, link, clock, open: Mutex::default() }
    }

    /// Opens the devices of all users of the seed, and has those write whose windows are to be open.
    ///
    /// # Errors
    /// When one cannot be opened.
    pub(super) async fn open_all(&self) -> Result<(), ExitError> {
        let numbers: Vec<_> = self.seed.numbers.iter().filter_map(|number| number.words().ok()).collect();
        for user in &self.seed.users {
            let number = Number::parse(&user.number).map_err(ExitError::because("users"))?;
            if user.presence == Presence::NoAccount {
                continue;
            }
            let device = self.device(&number).await?;
            for (business, ..) in numbers.iter().filter(|_| user.window_open) {
                write_hello(&device, *business).await?;
            }
            if user.presence == Presence::There {
                self.keep(device, Script { number, reads: user.reads, answers: user.answers });
            } else {
                // When what was written has left.
                let (device, clock) = (device.clone(), self.clock.clone());
                tokio::spawn(async move {
                    clock.sleep(Duration::from_millis(1)).await;
                    device.close().await;
                });
            }
        }
        Ok(())
    }

    /// The device of the user `number`, who says nothing by themselves unless the seed says so.
    ///
    /// # Errors
    /// When the seed says that they are not there, or it cannot be opened.
    pub(crate) async fn somebody(&self, number: &Number) -> Result<UserDevice, NobodyThere> {
        if let Some(person) = self.people().get(number) {
            return Ok(person.device.clone());
        }
        let seeded = self.seed.users.iter().find(|user| Number::parse(&user.number).as_ref() == Ok(number));
        match seeded.map(|user| user.presence) {
            Some(Presence::Away) => return Err(NobodyThere::Absent("away")),
            Some(Presence::Blocks) => return Err(NobodyThere::Absent("blocking")),
            Some(Presence::NoAccount) => return Err(NobodyThere::Absent("without an account")),
            Some(Presence::There) | None => {}
        }
        let reads = match magic::is_magic(number).then(|| magic::course(number)) {
            Some(Ok(Course::Read)) | None => Reads::AtOnce,
            Some(_) => Reads::Never,
        };
        let device = self.device(number).await?;
        self.keep(device.clone(), Script { number: number.clone(), reads, answers: Answers::Nothing });
        Ok(device)
    }

    /// Whether the user of a magic number has to write to `business`, so that their window is open.
    pub(super) fn is_to_write(&self, number: &Number, business: PhoneNumberId) -> bool {
        let wrote = self.people().get(number).and_then(|person| person.wrote.get(&business).copied());
        wrote.is_none_or(|wrote| self.clock.now().since(wrote) >= WRITES_AFTER)
    }

    /// Has the user of a magic number write to `business`.
    ///
    /// # Errors
    /// When their device cannot be opened, or does not send.
    pub(super) async fn write_magic(
        &self,
        number: &Number,
        business: PhoneNumberId,
    ) -> Result<(), ExitError> {
        let device = self.somebody(number).await;
        let device = device.map_err(ExitError::because("a magic number has no device"))?;
        write_hello(&device, business).await?;
        let now = self.clock.now();
        if let Some(person) = self.people().get_mut(number) {
            person.wrote.insert(business, now);
        }
        Ok(())
    }

    /// Closes all devices.
    pub(super) async fn close(&self) {
        let people = std::mem::take(&mut *self.people());
        for person in people.into_values() {
            person.following.abort();
            person.device.close().await;
        }
    }

    async fn device(&self, number: &Number) -> Result<UserDevice, ExitError> {
        let rng = chance::of(self.seed.seed, &format!("user {}", number.digits()));
        let (store, link) = (MemoryStore::new(), self.link.clone());
        let device = Device::open(store, link, self.clock.clone(), rng, number.clone()).await;
        device.map_err(ExitError::because("a user's device cannot be opened"))
    }

    fn keep(&self, device: UserDevice, script: Script) {
        let number = script.number.clone();
        let following = tokio::spawn(user::follow(device.clone(), script, self.clock.clone()));
        let person = Person { device, following: following.abort_handle(), wrote: BTreeMap::new() };
        self.people().insert(number, person);
    }

    fn people(&self) -> MutexGuard<'_, BTreeMap<Number, Person>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn write_hello(device: &UserDevice, business: PhoneNumberId) -> Result<(), ExitError> {
    let hello = Text::new("hello").map_err(ExitError::because("a user cannot say hello"))?;
    let sent = device.send(business, &Content::text(hello)).await;
    sent.map(drop).map_err(ExitError::because("a user's message was not sent"))
}
