//! Ninety days of the whole system on virtual time, the relay on a vault on disk: what is 30 days old is
//! gone.
//!
//! Every day people write and are written to. Some messages arrive; some never do, because the device stays
//! away; some are said to a business that takes nothing for weeks. Every text is a canary: it stands nowhere
//! else and tells when it was said. Who asks:
//!
//! | who | what counts as failure |
//! |---|---|
//! | the port, every day, of relay, carrier and devices | anything that was said 30 days ago or earlier |
//! | the port, at the edge | a record that is to be kept and is not read 1 ms before its 30 days are over; one that is read when they are |
//! | a thief with a copy of all files, the keyring and the operator's key, and the clock put back | anything that was said 30 days, an hour and a minute ago or earlier: keys end with the hour, at the next tick |
//! | who reads the tables on disk | the table of a day that is there an hour after the day that is 32 days later has begun: a day is whole until its last moment is 30 days past, and an id's day may lie one ahead |
//! | who reads all files after a compaction | a sealed byte of a table that is gone |
//!
//! What a business attached to a message is said again by each of its statuses, and so is the number it went
//! to; they go with the message, told or not.
//!
//! Until the journal in use is full, or a compaction moves it on, it holds the sealed bytes of what was
//! written: noise by then, as the thief shows, but how long it lies there is up to the traffic.

mod canaries;
mod disk;
mod parties;
mod scenario;

use std::time::Duration;

use self::scenario::Scenario;

const DAYS: u32 = 90;
const DAY: Duration = Duration::from_secs(24 * 3600);
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn what_is_thirty_days_old_is_gone() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut scenario = Scenario::begin().await;
        for day in 0..DAYS {
            let morning = scenario.clock.now();
            scenario.run_day(day).await;
            scenario.check_the_port().await;
            if day % 10 == 9 {
                scenario.check_the_disk();
                scenario.check_a_stolen_copy().await;
            }
            if day % 45 == 44 {
                scenario.compact().await;
            }
            scenario.clock.sleep(DAY - scenario.clock.now().since(morning)).await;
        }
        println!("{}", scenario.end().await);
    });
}
