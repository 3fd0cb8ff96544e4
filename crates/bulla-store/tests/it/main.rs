#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a test that fails should say so by panicking"
)]

mod cache;
mod checks;
mod conformance;
mod corpus;
mod model_walks;
mod planted_bugs;
mod test_stores;
mod upkeep;
mod wrong_engines;

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(test)
}
