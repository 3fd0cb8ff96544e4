//! Opening a large store after its process was killed, and what memory filling it took.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use bulla_base::Partition;
use bulla_store::{Batch, Commit, Key, MAX_BATCH_ROWS, Space, Store};
use bulla_store_fjall::{FjallOptions, FjallStore};
use tempfile::TempDir;

use crate::clock::most_memory_kib;
use crate::measurements::Measurements;
use crate::submit_batch::NOW;

/// Tells a child where to load, and how much.
pub(crate) const FOLDER: &str = "BULLA_BENCH_FOLDER";
const RECORDS: &str = "BULLA_BENCH_RECORDS";
const SETTINGS: &str = "BULLA_BENCH_SETTINGS";

pub(crate) const TIME: &str = "s to open after a kill";
pub(crate) const MEMORY: &str = "MiB of memory at most while loading";
pub(crate) const LOAD: &str = "records/s loaded";

/// The settings tried, in MiB: the cache, the journals, one write buffer.
pub(crate) const TRIED: [(&str, [u64; 3]); 2] = [
    ("cache 32, journals 64, write buffer 16", [32, 64, 16]),
    ("cache 2, journals 64, write buffer 2", [2, 64, 2]),
];

const ROWS: u64 = MAX_BATCH_ROWS as u64;
const TABLES: u64 = 4;

pub(crate) fn run(records: u64, board: &mut Measurements) {
    for (name, settings) in TRIED {
        let folder = TempDir::new().unwrap();
        let words: Vec<String> = settings.iter().map(u64::to_string).collect();
        let mut child = Command::new(env::current_exe().unwrap())
            .env(FOLDER, folder.path())
            .env(RECORDS, records.to_string())
            .env(SETTINGS, words.join(" "))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let began = Instant::now();
        let mut told = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut told).unwrap();
        board.add(LOAD, name, records as f64 / began.elapsed().as_secs_f64());
        // It is writing still.
        std::thread::sleep(std::time::Duration::from_millis(50));
        child.kill().unwrap();
        child.wait().unwrap();
        board.add(MEMORY, name, told.trim().parse::<f64>().unwrap() / 1024.0);

        let began = Instant::now();
        let store = FjallStore::open(folder.path(), options(settings)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let read = async |number| store.get(partition(number), &key(number), NOW).await.unwrap();
            for number in [0, records / 2, records - 1] {
                assert!(read(number).await.is_some(), "record {number} is gone");
            }
            board.add(TIME, name, began.elapsed().as_secs_f64());
            store.close().await.unwrap();
        });
    }
}

fn options([cache, journals, buffer]: [u64; 3]) -> FjallOptions {
    FjallOptions::default()
        .cache_bytes(cache << 20)
        .max_journal_bytes(journals << 20)
        .write_buffer_bytes(buffer << 20)
}

fn partition(number: u64) -> Partition {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&(number / ROWS).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    Partition::from_bytes(bytes)
}

fn key(number: u64) -> Key {
    let day = NOW.day().minus(u32::try_from(number / ROWS % TABLES).unwrap());
    Key::dated(Space::new(1), day, number.to_be_bytes().to_vec())
}

/// Loads small records over four days, says how much memory it took, and goes on.
pub(crate) fn load_until_killed(folder: &Path) -> io::Result<()> {
    let number = |name: &str| env::var(name).unwrap().parse::<u64>().unwrap();
    let words: Vec<u64> = env::var(SETTINGS).unwrap().split(' ').map(|word| word.parse().unwrap()).collect();
    let records = number(RECORDS);
    let store = FjallStore::open(folder, options([words[0], words[1], words[2]])).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let mut told = false;
        for start in (0_u64..).step_by(MAX_BATCH_ROWS) {
            let mut batch = Batch::new(partition(start));
            for number in start..start + ROWS {
                batch.put(key(number), vec![7; 32]);
            }
            assert!(matches!(store.commit(batch).await, Ok(Commit::Committed(_))));
            if start + ROWS >= records && !told {
                writeln!(io::stdout(), "{}", most_memory_kib())?;
                io::stdout().flush()?;
                told = true;
            }
        }
        Ok(())
    })
}
