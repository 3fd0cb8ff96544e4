//! The engine as we set it up, with nothing left to what it would do by itself: its defaults change with the
//! features that anybody in the build turns on.

use std::path::Path;

use fjall::config::{CompressionPolicy, PartitioningPolicy};
use fjall::{CompressionType, Database, KeyspaceCreateOptions};

use crate::FjallOptions;
use crate::limits::{ENGINE_THREADS, MAX_CACHED_FILES};

/// The engine in the directory `path`.
pub(super) fn database(path: &Path, options: FjallOptions) -> fjall::Result<Database> {
    Database::builder(path)
        .cache_size(options.cache())
        .max_journaling_size(options.max_journal())
        // What `frame` knows to read. It costs disk, but what is sealed does not get smaller.
        .journal_compression(CompressionType::None)
        .max_cached_files(Some(MAX_CACHED_FILES))
        .worker_threads(ENGINE_THREADS)
        .open()
}

/// How a table is made. It keeps that for good.
pub(super) fn layout(options: FjallOptions) -> KeyspaceCreateOptions {
    // The index and the filter of a file in pieces, but for the files that were written last. With more data
    // than the cache holds, each look-up read and hashed them whole: with a cache of 4 MiB, 23 % of a
    // message's processor time after three minutes of the soak.
    let in_pieces = || PartitioningPolicy::new([false, true]);
    KeyspaceCreateOptions::default()
        .max_memtable_size(options.write_buffer())
        .data_block_compression_policy(CompressionPolicy::disabled())
        .index_block_compression_policy(CompressionPolicy::disabled())
        .index_block_partitioning_policy(in_pieces())
        .filter_block_partitioning_policy(in_pieces())
}
