//! What the program is told.

use std::thread::available_parallelism;

/// Which seeds are run, by how many threads, and what is shown of them.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) first_seed: u64,
    pub(crate) seeds: u64,
    pub(crate) threads: usize,
    /// Whether every line of the traces is shown.
    pub(crate) trace: bool,
    /// Whether the planted bugs are looked for instead.
    pub(crate) planted: bool,
}

impl Options {
    pub(crate) const USAGE: &str = "\
usage: bulla-sim [--first-seed N] [--seeds N] [--threads N] [--trace]
       bulla-sim --planted [--threads N]

  --first-seed N   the first seed to run (0)
  --seeds N        how many seeds to run (1000)
  --threads N      how many seeds to run at once (as many as there are cores)
  --trace          shows all that happens: for one seed
  --planted        instead looks for each planted bug in the first thousand seeds";

    /// Reads the options of a command line.
    pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let cores = available_parallelism().map_or(1, usize::from);
        let (trace, planted) = (false, false);
        let mut options = Self { first_seed: 0, seeds: 1000, threads: cores, trace, planted };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--first-seed" => options.first_seed = number(&word, words.next())?,
                "--seeds" => options.seeds = number(&word, words.next())?,
                "--threads" => options.threads = number(&word, words.next())?,
                "--planted" => options.planted = true,
                "--trace" => options.trace = true,
                _ => return Err(format!("{word} is no option")),
            }
        }
        if options.seeds == 0 || options.threads == 0 {
            return Err("nothing would be run, and nothing shown".to_owned());
        }
        Ok(options)
    }
}

fn number<N: std::str::FromStr>(option: &str, word: Option<String>) -> Result<N, String> {
    let word = word.ok_or_else(|| format!("{option} wants a number after it"))?;
    word.parse().map_err(|_| format!("{option} wants a number, not {word}"))
}
