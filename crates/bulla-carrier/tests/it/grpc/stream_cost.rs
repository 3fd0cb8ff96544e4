//! What a stream takes of memory, on both sides together, while nothing happens on it.

use std::time::Duration;

use bulla_base::{Address, Number};
use bulla_transport::{Caller, Sequence, Transport};
use tokio::runtime::Builder;

use super::{Served, real_time};
use crate::{caller, shop};

/// How many bytes one that receives may take: both sides, their tasks, and what the carrier holds for who
/// waits. It was 17,712 when this was written.
const BUDGET: u64 = 20_000;

fn users(from: u64, count: u64) -> impl Iterator<Item = Caller> {
    let number = |user| Number::parse(&format!("{}", 16_505_580_000_u64 + user)).unwrap();
    (from..from + count).map(move |user| caller(Address::user(number(user)), 1))
}

#[test]
fn a_stream_that_waits_takes_no_more_than_it_may() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let served = runtime.block_on(Served::new());
    let transport = served.transport();
    let wait = |from, count| {
        runtime.block_on(async {
            let waiting = users(from, count).map(|user| {
                let transport = transport.clone();
                tokio::spawn(async move { transport.receive(&user, Sequence::START).await.unwrap().len() })
            });
            let waiting: Vec<_> = waiting.collect();
            for _ in 0..count * 20 {
                tokio::task::yield_now().await;
            }
            // What is still on its way over real sockets arrives.
            real_time(Duration::from_millis(300)).await;
            waiting
        })
    };
    let us = runtime.block_on(served.world.join(shop()));
    for user in users(0, 600) {
        runtime.block_on(served.world.carrier.connect(&user)).unwrap();
    }
    // What grows by doubling has grown.
    let mut waiting = wait(0, 100);
    let info = allocation_counter::measure(|| waiting.extend(wait(100, 500)));
    let each = u64::try_from(info.bytes_current).unwrap() / 500;
    eprintln!("{each} bytes a stream");
    assert!(each <= BUDGET, "{each} bytes a stream");

    // They were all there.
    for (user, waiting) in users(0, 600).zip(waiting) {
        assert!(!waiting.is_finished());
        let envelope = served.world.envelope(&us, &user);
        runtime.block_on(served.world.carrier.send(&us, envelope)).unwrap();
        assert_eq!(runtime.block_on(waiting).unwrap(), 1);
    }
}
