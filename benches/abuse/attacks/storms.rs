//! Those who do what is allowed, all at once or without an end.

use std::net::SocketAddr;
use std::sync::Arc;

use bulla_base::Clock;
use bulla_transport::{Caller, Sequence, Transport};
use tokio::sync::Semaphore;

use super::{CONNECTED, CUT, DONE, more};
use crate::clock::Machine;
use crate::parties::{business, client_config, envelope, keys, transport, user};

/// Leaves the carrier alone, and computes: what the attacker's processor time alone costs the others.
pub(super) async fn idle_work(_: SocketAddr) {
    let mut bytes = vec![0; 4096];
    loop {
        bulla_base::Rng::fill(&Machine, &mut bytes);
        more(&DONE, 1);
        tokio::task::yield_now().await;
    }
}

/// Ten thousand devices that come back together, prove who they are and connect. One thread is all of them:
/// so many at a time are what it has under way.
pub(super) async fn ten_thousand(carrier: SocketAddr) {
    let (config, under_way) = (client_config(), Arc::new(Semaphore::new(64)));
    for number in 0..10_000 {
        let turn = Arc::clone(&under_way).acquire_owned().await.unwrap();
        let config = config.clone();
        tokio::spawn(async move {
            let (way, caller) = (transport(carrier, config), user(100_000 + number));
            while way.connect(&caller).await.is_err() {
                more(&CUT, 1);
            }
            more(&CONNECTED, 1);
            drop(turn);
            // The connection stays.
            std::future::pending::<()>().await;
            drop(way);
        });
    }
}

const READERS: u64 = 32;

fn reader(number: u64) -> Caller {
    user(200_000 + number)
}

/// Leaves 1.4 MB of mail for each of those who will not acknowledge it, before anything is measured.
pub(crate) async fn leave_mail(carrier: SocketAddr) {
    let (way, shop) = (transport(carrier, client_config()), business(5000));
    way.connect(&shop).await.unwrap();
    way.publish(&shop, keys()).await.unwrap();
    for her in (0..READERS).map(reader) {
        way.connect(&her).await.unwrap();
        way.publish(&her, keys()).await.unwrap();
        for _ in 0..16 {
            way.send(&shop, envelope(Machine.now(), &shop, &her, vec![0; 90_000])).await.unwrap();
        }
    }
}

/// Thirty-two who read their mail again and again, and never acknowledge any.
pub(super) async fn never_acknowledged(carrier: SocketAddr) {
    let config = client_config();
    for her in (0..READERS).map(reader) {
        let way = transport(carrier, config.clone());
        tokio::spawn(async move {
            way.connect(&her).await.unwrap();
            more(&CONNECTED, 1);
            loop {
                match way.receive(&her, Sequence::START).await {
                    Ok(deliveries) => more(&DONE, deliveries.len()),
                    Err(_) => more(&CUT, 1),
                }
            }
        });
    }
}
