//! Everything that can happen between a business, its users and those in between, once.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bulla::base::{BusinessAccountId, Number, PhoneNumberId};
use bulla::content::{Body, Content, Reaction, Text};
use bulla::relay::{Business, SuspendedPart, UserId};
use bulla::store::Retention;

use crate::company::{Company, House, SHOP, User, a_moment};
use crate::ground::{self, SetClock, copy};
use crate::private::{EMOJI, Private};
use crate::requests::{self, Request};
use crate::shop::{Manner, Shop};

pub(crate) async fn tell(folder: &Path, private: &Private) {
    let shop = Shop::open().await;
    shop.behave(Manner::Stranger);
    let secrets = [private.text(), private.text(), private.text()];
    let mut company = Company::open(folder, &shop, secrets).await;
    let house = company.relay("relay").await.unwrap();
    let alice = User::open(&company, private.number(0), "alice").await;
    let stage = Stage { private, shop, house };

    stage.everything_goes_well(&alice).await;
    stage.requests_are_refused().await;
    stage.the_webhook_behaves_badly(&company, &alice).await;
    stage.the_way_to_the_carrier_is_cut(&company, &alice).await;
    stage.nobody_is_there().await;
    let stage = stage.a_message_comes_too_late(&mut company).await;
    let stage = stage.an_event_is_given_up(&mut company, &alice).await;
    let alice = stage.a_phone_is_lost(&company, alice).await;
    let stage = stage.a_backup_is_put_back(&company, &alice).await;
    stage.somebody_is_erased(&company).await;
    let stage = stage.a_copy_is_fenced(&company).await;
    let stage = stage.the_disk_fails(&company).await;
    stage.rows_are_spoilt(&alice).await;
    stage.the_business_begins_anew(&company, &alice).await;
    alice.close().await;
    company.carrier.sweep().await.unwrap();
    company.carrier.stats().await.unwrap();
    company.carrier.bill(SHOP).await.unwrap();
    company.carrier.close().await;
    the_clock_is_set(&company).await;
    ground::power_goes(&company.folder("power")).await;
    ground::files_are_wanting(&company.folder("wanting")).await;
}

/// Hours pass, and then the clock leaps and is set right again.
async fn the_clock_is_set(company: &Company) {
    const MINUTES: u64 = 60;
    let clock = Arc::new(SetClock::default());
    let room = ground::open_by(clock.clone(), &company.folder("clock")).await;
    for minutes in [50, 100, 150, 4_000, 150] {
        clock.set(Duration::from_secs(minutes * MINUTES));
        room.tick().await.unwrap();
    }
}

struct Stage<'a> {
    private: &'a Private,
    shop: Shop,
    house: House,
}

impl Stage<'_> {
    async fn everything_goes_well(&self, alice: &User) {
        let first = says(self.private, alice).await;
        self.shop.turns_away().await;
        self.shop.behave(Manner::Well);
        self.shop.is_told(&[&first]).await;
        let api = self.house.api;
        let again = write(self.private, 0);
        let sent = again.succeed(api).await;
        assert_eq!(sent, again.succeed(api).await, "the same key names the same message");
        self.shop.is_told(&[&sent, "\"read\""]).await;
        let heard = self.shop.id_of(&first);
        for request in requests::about(self.private.number(0), &heard, self.private) {
            request.succeed(api).await;
        }
        alice.say(Content::new(Body::Reaction(Reaction::put(message_id(&sent), EMOJI).unwrap()))).await;
        self.shop.is_told(&["\"emoji\"", &sent]).await;
        let stranger = PhoneNumberId::new(999_999_999);
        let text = Content::text(Text::new(self.private.text()).unwrap());
        drop(alice.device.send(stranger, &text).await);
        self.the_host_looks(alice).await;
        self.house.nobody_can_be_accepted().await;
    }

    /// Whatever else a relay and a device can be asked.
    async fn the_host_looks(&self, alice: &User) {
        let (relay, number) = (&self.house.relay, Number::parse(self.private.number(0)).unwrap());
        let ours = relay.safety_number(SHOP, number.clone()).await.unwrap().unwrap();
        let theirs = alice.device.safety_number(SHOP).await.unwrap().unwrap();
        assert_eq!(ours.to_string(), theirs.to_string());
        let identity = relay.identity(SHOP, number.clone()).await.unwrap().unwrap();
        assert!(!relay.approve_identity(SHOP, number, identity).await.unwrap(), "none waits");
        relay.bill(SHOP).await.unwrap();
        let other = PhoneNumberId::new(106_540_352_242_923);
        let business = Business::new(other, BusinessAccountId::new(1), Number::parse("15550783882").unwrap());
        relay.add_business(business).await.unwrap();
        relay.remove_business(other).await.unwrap();
        relay.erase_business(other).await.unwrap();
        assert!(relay.resume(SuspendedPart::Business(SHOP)).await.is_err(), "it is not suspended");
        let nobody = UserId::from_bytes([7; 16]);
        assert!(relay.set_aside(SHOP, nobody).await.is_err(), "it is not suspended");
    }

    async fn requests_are_refused(&self) {
        let api = self.house.api;
        let refused = requests::refused(self.private);
        // The last is refused because of one before it.
        let (last, others) = refused.split_last().unwrap();
        for request in others {
            request.fail(api).await;
        }
        // Whether this one is refused is said elsewhere.
        drop(requests::to_itself(self.private).make(api).await);
        requests::same_key(last, self.private.number(0), self.private).succeed(api).await;
        last.fail(api).await;
    }

    async fn the_webhook_behaves_badly(&self, company: &Company, alice: &User) {
        let manners = [
            Manner::Status(500, ""),
            Manner::Status(302, "location: http://example.org/elsewhere\r\n"),
            Manner::Status(429, "retry-after: 1\r\n"),
            Manner::HangsUp,
            Manner::Nonsense,
        ];
        for manner in manners {
            self.shop.behave(manner);
            let text = says(self.private, alice).await;
            self.shop.turns_away().await;
            self.shop.behave(Manner::Well);
            self.shop.is_told(&[&text]).await;
        }
        company.outlet.breaks.store(true, Ordering::Relaxed);
        let text = says(self.private, alice).await;
        self.shop.turns_away().await;
        company.outlet.breaks.store(false, Ordering::Relaxed);
        self.shop.is_told(&[&text]).await;
    }

    async fn the_way_to_the_carrier_is_cut(&self, company: &Company, alice: &User) {
        company.way.cut.store(true, Ordering::Relaxed);
        let text = says(self.private, alice).await;
        let sent = write(self.private, 0).succeed(self.house.api).await;
        write(self.private, 1).fail(self.house.api).await;
        a_moment().await;
        company.way.cut.store(false, Ordering::Relaxed);
        self.shop.is_told(&[&text]).await;
        self.shop.is_told(&[&sent, "\"delivered\""]).await;
        company.way.garbles.store(true, Ordering::Relaxed);
        says(self.private, alice).await;
        drop(write(self.private, 0).make(self.house.api).await);
        a_moment().await;
        company.way.garbles.store(false, Ordering::Relaxed);
    }

    async fn nobody_is_there(&self) {
        let request = requests::text(self.private.stranger(), &self.private.text(), self.private);
        let sent = request.succeed(self.house.api).await;
        self.shop.is_told(&[&sent, "\"failed\""]).await;
    }

    /// A relay that keeps nothing for long, and a phone that is switched off.
    async fn a_message_comes_too_late(self, company: &mut Company) -> Self {
        let Self { private, shop, house } = self;
        User::open(company, private.number(2), "bob").await.close().await;
        house.close().await;
        let brief = Retention::new(Duration::from_millis(1)).unwrap();
        let usual = std::mem::take(&mut company.settings);
        company.settings = usual.clone().time_to_live(brief);
        let house = company.relay("relay").await.unwrap();
        let sent = write(private, 2).succeed(house.api).await;
        shop.is_told(&[&sent, "\"failed\""]).await;
        house.close().await;
        company.settings = usual;
        let house = company.relay("relay").await.unwrap();
        Self { private, shop, house }
    }

    /// The business does not take an event as often as the settings say.
    async fn an_event_is_given_up(self, company: &mut Company, alice: &User) -> Self {
        let Self { private, shop, house } = self;
        house.close().await;
        let usual = company.settings.clone();
        company.settings = usual.clone().event_tries(std::num::NonZeroU32::MIN);
        let house = company.relay("relay").await.unwrap();
        shop.behave(Manner::Status(500, ""));
        let texts = [says(private, alice).await, says(private, alice).await];
        let mut letters = Vec::new();
        while letters.len() < texts.len() {
            a_moment().await;
            letters = house.relay.dead_letters(SHOP, None).await.unwrap();
        }
        shop.behave(Manner::Well);
        assert!(house.relay.replay(SHOP, letters[0].id).await.unwrap());
        assert!(house.relay.discard(SHOP, letters[1].id).await.unwrap());
        shop.is_told(&[&texts[0]]).await;
        house.close().await;
        company.settings = usual;
        let house = company.relay("relay").await.unwrap();
        Self { private, shop, house }
    }

    /// The user has a new phone, with a new identity.
    async fn a_phone_is_lost(&self, company: &Company, alice: User) -> User {
        alice.close().await;
        // Queued for the phone that is lost.
        write(self.private, 0).succeed(self.house.api).await;
        a_moment().await;
        let alice = User::open(company, self.private.number(0), "alice-anew").await;
        // Sealed for the phone that is lost.
        drop(write(self.private, 0).make(self.house.api).await);
        let text = says(self.private, &alice).await;
        self.shop.is_told(&[&text]).await;
        drop(write(self.private, 0).make(self.house.api).await);
        a_moment().await;
        alice
    }

    async fn a_backup_is_put_back(self, company: &Company, alice: &User) -> Self {
        let Self { private, shop, house } = self;
        house.close().await;
        let (store, backup) = (company.folder("relay/store"), company.folder("backup"));
        copy(&store, &backup);
        let house = company.relay("relay").await.unwrap();
        let text = says(private, alice).await;
        shop.is_told(&[&text]).await;
        write(private, 0).succeed(house.api).await;
        a_moment().await;
        house.close().await;
        // Under way while the relay is down, in a session that the backup does not know.
        says(private, alice).await;
        std::fs::remove_dir_all(&store).unwrap();
        copy(&backup, &store);
        let house = company.relay("relay").await.unwrap();
        write(private, 0).succeed(house.api).await;
        a_moment().await;
        Self { private, shop, house }
    }

    /// An image of the machine is started beside it. One of the two is refused, and begins again until it is
    /// the later one.
    async fn a_copy_is_fenced(self, company: &Company) -> Self {
        let Self { private, shop, house } = self;
        copy(&company.folder("relay"), &company.folder("copy"));
        let other = company.relay("copy").await;
        for house in other.iter().chain([&house]) {
            drop(write(private, 0).make(house.api).await);
        }
        a_moment().await;
        if let Ok(other) = other {
            other.close().await;
        }
        house.close().await;
        for _ in 0..4 {
            match company.relay("relay").await {
                Ok(house) if house.relay.suspended().is_empty() => return Self { private, shop, house },
                Ok(house) => house.close().await,
                Err(error) => tracing::info!(error = &error as &dyn std::error::Error, "fenced"),
            }
        }
        panic!("it never becomes the later one");
    }

    async fn somebody_is_erased(&self, company: &Company) {
        let gone = Number::parse(self.private.number(2)).unwrap();
        self.house.relay.erase(&gone).await.unwrap();
        company.carrier.erase(&gone).await.unwrap();
    }

    async fn the_disk_fails(self, company: &Company) -> Self {
        let Self { private, shop, house } = self;
        house.room.engine().stop();
        let request = write(private, 0);
        request.fail(house.api).await;
        drop(house.relay.stopped().await);
        request.fail(house.api).await;
        house.close().await;
        let house = company.relay("relay").await.unwrap();
        Self { private, shop, house }
    }

    /// Everything of the business is lost, and it registers its number again.
    async fn the_business_begins_anew(self, company: &Company, alice: &User) {
        let Self { private, shop, house } = self;
        house.close().await;
        let house = company.relay("anew").await.unwrap();
        // Sealed for the business that was.
        says(private, alice).await;
        a_moment().await;
        let text = says(private, alice).await;
        shop.is_told(&[&text]).await;
        house.close().await;
        // Now there is none to seal it for.
        company.carrier.erase_business(SHOP).await.unwrap();
        says(private, alice).await;
        a_moment().await;
    }

    async fn rows_are_spoilt(&self, alice: &User) {
        // Of this relay alone: what it has not written is not spoilt.
        let text = says(self.private, alice).await;
        self.shop.is_told(&[&text]).await;
        write(self.private, 0).succeed(self.house.api).await;
        a_moment().await;
        assert!(self.house.room.engine().spoil().await > 0, "nothing was spoilt");
        let text = self.private.text();
        drop(alice.device.send(SHOP, &Content::text(Text::new(text).unwrap())).await);
        drop(write(self.private, 0).make(self.house.api).await);
        drop(write(self.private, 3).make(self.house.api).await);
        a_moment().await;
    }
}

/// The user writes something.
async fn says(private: &Private, user: &User) -> String {
    let text = private.text();
    user.say(Content::text(Text::new(&text).unwrap())).await;
    text
}

/// The business writes to user `place`.
fn write(private: &Private, place: usize) -> Request {
    requests::text(&private.spelled(place), &private.text(), private)
}

/// The message's id within a name of the Graph API: the first half of the bytes it stands for.
fn message_id(name: &str) -> bulla::base::MessageId {
    use base64::Engine;
    let handle =
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(name.strip_prefix("wamid.").unwrap());
    bulla::base::MessageId::from_bytes(&handle.unwrap()[..16]).unwrap()
}
