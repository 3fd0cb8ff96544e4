//! The program is killed again and again while messages go both ways, and started again on what it left.
//!
//! Would count as failure: a message acknowledged to its sender and not delivered; a message under two ids,
//! to anybody; messages of one sender out of order; a status that goes backwards; a place in a ratchet used
//! for two different ciphertexts. The same message or status again, under the same id, is no failure.

mod carrier_log;
mod conversation;
mod planted_faults;
mod process;
mod traffic;

use std::sync::Arc;
use std::time::Duration;

use bulla::SystemClock;
use bulla::base::{Clock, Rng, SeededRng};
use bulla_example_program::timing::{Stopwatch, within};
use bulla_examples::webhook_receiver::WebhookReceiver;

use self::process::RelayProcess;
use self::traffic::Traffic;

const USERS: [&str; 2] = ["16505551234", "442079460958"];
const KILLS: u64 = 60;
const TIMEOUT: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn kills_lose_double_and_reorder_nothing() {
    let seed =
        std::env::var("KILL_SEED").map_or_else(|_| draw(&bulla::SystemRng), |seed| seed.parse().unwrap());
    println!("KILL_SEED={seed} chooses the same moments again");
    let rng = SeededRng::new(seed);
    let began = Stopwatch::start();
    let folder = tempfile::tempdir().unwrap();
    let (webhook, updates) =
        WebhookReceiver::start(process::VERIFY_TOKEN, process::APP_SECRET).await.unwrap();
    let traffic = Arc::new(Traffic::new(&USERS));
    let talkers = traffic::begin(&traffic, updates);

    let (mut in_traffic, mut while_opening) = (0, 0);
    for kill in 0..KILLS {
        let process = RelayProcess::begin(folder.path(), &webhook.url(), &USERS, &traffic);
        // One in six is killed while it still opens its stores.
        if kill % 6 == 5 {
            SystemClock.sleep(Duration::from_millis(draw(&rng) % 60)).await;
        } else {
            within(TIMEOUT, "ready", traffic.until(|all| all.api.is_some())).await.unwrap();
            SystemClock.sleep(Duration::from_millis(20 + draw(&rng) % 480)).await;
        }
        let (ready, under_way) = traffic.read(|all| (all.api.is_some(), all.messages_under_way()));
        while_opening += u64::from(!ready);
        in_traffic += u64::from(ready && under_way > 0);
        process.kill();
    }

    let process = RelayProcess::begin(folder.path(), &webhook.url(), &USERS, &traffic);
    within(TIMEOUT, "ready", traffic.until(|all| all.api.is_some())).await.unwrap();
    traffic.note(|all| all.ending = true);
    within(TIMEOUT, "the last words", talkers.join_all()).await.unwrap();
    let drained = within(
        TIMEOUT,
        "drained",
        traffic.until(|all| all.conversations.values().all(conversation::Conversation::is_settled)),
    );
    if drained.await.is_err() {
        traffic.read(|all| {
            all.conversations
                .iter()
                .for_each(|(user, conversation)| println!("{user}: {}", conversation.what_is_missing()))
        });
        panic!("something that was acknowledged has not been delivered");
    }
    assert_eq!(process.interrupt().code(), Some(0));

    let mut totals = conversation::Totals::default();
    traffic.read(|all| {
        all.conversations.iter().for_each(|(user, conversation)| totals += conversation.check(user))
    });
    let log = carrier_log::check(&folder.path().join(process::CARRIER_LOG), KILLS);
    println!("{KILLS} kills: {in_traffic} with messages under way, {while_opening} while it was opening");
    println!("{totals}");
    println!("{log}");
    println!("{:.1} s", began.span().as_secs_f64());
    assert!(in_traffic >= KILLS / 2, "only {in_traffic} kills came with messages under way");
    assert!(totals.accepted > KILLS && totals.acknowledged > KILLS, "hardly anything was said");
}

fn draw(rng: &dyn Rng) -> u64 {
    let mut bytes = [0; 8];
    rng.fill(&mut bytes);
    u64::from_be_bytes(bytes)
}
