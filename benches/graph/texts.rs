//! A text over HTTP, beside a server that takes the body and answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bulla_base::Number;
use bulla_store_fjall::FjallOptions;
use tokio::task::JoinSet;

use crate::Extent;
use crate::clock::spent;
use crate::speed::http::Server;
use crate::system_under_test::{Readers, System};

const USERS: usize = 1_000;

pub(crate) async fn measured(extent: Extent) -> Vec<String> {
    let system = System::with(USERS.min(extent.texts), Readers::None, FjallOptions::default()).await;
    let (api, empty) = (Arc::new(Server::of(&system).await), Arc::new(Server::empty().await));
    // Every user has a session.
    requested(&api, &system.users, extent).await;
    let mut samples = [(0.0, 0.0); 2];
    for (server, sample) in [&empty, &api].into_iter().zip(&mut samples) {
        *sample = requested(server, &system.users, extent).await;
    }
    let [(bare, bare_cpu), (ours, our_cpu)] = samples;
    drop((api, empty));
    system.close().await;
    vec![
        format!("a server that does nothing: {bare:.0} a second, {bare_cpu:.1} µs of processor time"),
        format!(
            "a text, sealed and durable: {ours:.0} a second, {our_cpu:.1} µs, {:.2} of the bare server",
            ours / bare
        ),
    ]
}

/// How many are answered in a second, and what each takes of the processor, the client's part as well.
async fn requested(server: &Arc<Server>, users: &[Number], extent: Extent) -> (f64, f64) {
    let (next, mut callers) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
    let (began, cpu) = (Instant::now(), spent());
    for _ in 0..extent.in_flight {
        let (server, users, next) = (Arc::clone(server), users.to_vec(), Arc::clone(&next));
        callers.spawn(async move {
            let mut connection = server.connect().await;
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                if place >= extent.texts {
                    return;
                }
                connection.post(&users[place % users.len()], place).await;
            }
        });
    }
    callers.join_all().await;
    let count = extent.texts as f64;
    (count / began.elapsed().as_secs_f64(), (spent() - cpu) * 1e6 / count)
}
