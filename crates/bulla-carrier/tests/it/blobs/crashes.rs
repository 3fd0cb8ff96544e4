//! A disk or a store that fails anywhere, and a carrier that is gone in the middle.

use std::io;
use std::sync::Arc;

use bulla_base::SeededRng;
use bulla_carrier::{BlobSettings, BlobStorage, Carrier, TrustedHost};
use bulla_store::{BoxStore, Failure, FaultyStore, StoreError};
use bulla_transport::{BlobError, BlobId, Blobs, Caller, TransportError};
use bytes::Bytes;

use super::faulty_files::FaultyFiles;
use super::{BlobWorld, CHUNK, NINE_CHUNKS, SMALL, content, size};

/// Uploads three chunks at a time until something fails, and says how far that was acknowledged.
async fn as_far_as_it_goes(blobs: &impl Blobs, from: &Caller, id: &BlobId, bytes: &Bytes) -> (u64, bool) {
    let mut acknowledged = 0;
    loop {
        let start = usize::try_from(acknowledged).unwrap();
        let part = bytes.slice(start..bytes.len().min(start + 3 * CHUNK));
        let progress = match acknowledged {
            0 => match blobs.begin_upload(from, id, size(NINE_CHUNKS)).await {
                Ok(_) => blobs.upload(from, id, 0, part).await,
                refused => refused,
            },
            offset => blobs.upload(from, id, offset, part).await,
        };
        match progress {
            Ok(progress) if progress.is_complete() => return (progress.stored(), true),
            Ok(progress) => acknowledged = progress.stored(),
            Err(_) => return (acknowledged, false),
        }
    }
}

#[tokio::test]
async fn a_disk_that_fails_anywhere_loses_nothing_that_was_acknowledged() {
    let bytes = content(NINE_CHUNKS);
    for after_the_fact in [false, true] {
        for good in 0.. {
            let world = BlobWorld::new().await;
            let faulty = FaultyFiles::over(world.files());
            let faulty = if after_the_fact { faulty.after_the_fact() } else { faulty };
            let world = world.restart(faulty.clone()).await;
            faulty.fail_after(good);
            let id = world.id();
            let (acknowledged, done) = as_far_as_it_goes(&world.blobs, &world.us, &id, &bytes).await;
            let files = world.files();
            let world = world.restart(files).await;
            let begun = world.blobs.begin_upload(&world.us, &id, size(NINE_CHUNKS)).await.unwrap();
            assert!(begun.stored() >= acknowledged, "{good}: {} of {acknowledged}", begun.stored());
            world.upload(&world.us, &id, &bytes, CHUNK).await;
            assert!(world.download(&world.her, &id, 0).await.unwrap() == bytes, "{good}");
            assert_eq!(world.files_there(), [1, 0], "{good}");
            if done {
                // To make it, three parts, and to complete it.
                assert_eq!(good, 5);
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_store_that_fails_anywhere_loses_nothing_that_was_acknowledged() {
    let bytes = content(NINE_CHUNKS);
    let mut tried = 0;
    for operations in 0.. {
        let world = BlobWorld::new().await;
        let store = FaultyStore::new(Arc::clone(&world.store));
        let storage = BlobStorage::new(world.files(), BlobSettings::default());
        let (rng, verifier) = (SeededRng::new(1), Arc::new(TrustedHost));
        let clock = world.clock.clone();
        let carrier = Carrier::open_with_blobs(BoxStore::new(store.clone()), clock, &rng, verifier, storage)
            .await
            .unwrap();
        store.fail_after(operations, || Failure::Refused(StoreError::Poisoned { source: None }));
        let id = world.id();
        let (acknowledged, done) = as_far_as_it_goes(&carrier, &world.us, &id, &bytes).await;
        drop(carrier);
        let files = world.files();
        let world = world.restart(files).await;
        let begun = world.blobs.begin_upload(&world.us, &id, size(NINE_CHUNKS)).await.unwrap();
        assert!(begun.stored() >= acknowledged, "{operations}: {} of {acknowledged}", begun.stored());
        world.upload(&world.us, &id, &bytes, CHUNK).await;
        assert!(world.download(&world.her, &id, 0).await.unwrap() == bytes, "{operations}");
        tried += 1;
        if done {
            break;
        }
    }
    assert!(tried > 5, "{tried}");
}

/// What a disk holds behind what was acknowledged is of a write that was cut.
#[tokio::test]
async fn what_was_written_and_not_acknowledged_is_written_anew() {
    let (world, bytes) = (BlobWorld::new().await, content(NINE_CHUNKS));
    let id = world.id();
    world.blobs.begin_upload(&world.us, &id, size(NINE_CHUNKS)).await.unwrap();
    world.blobs.upload(&world.us, &id, 0, bytes.slice(..CHUNK)).await.unwrap();
    let day = std::fs::read_dir(world.folder.path().join("partial")).unwrap().next().unwrap().unwrap();
    let file = std::fs::read_dir(day.path()).unwrap().next().unwrap().unwrap().path();
    let mut torn = std::fs::read(&file).unwrap();
    torn.extend_from_slice(&[0xff; 5 * CHUNK]);
    std::fs::write(&file, torn).unwrap();
    let files = world.files();
    let world = world.restart(files).await;
    assert_eq!(world.blobs.upload_progress(&world.us, &id).await.unwrap().stored(), CHUNK as u64);
    world.upload(&world.us, &id, &bytes, CHUNK).await;
    assert!(world.download(&world.her, &id, 0).await.unwrap() == bytes);
    // What is missing of what was acknowledged is never taken for something else.
    let other = world.id();
    world.blobs.begin_upload(&world.us, &other, size(NINE_CHUNKS)).await.unwrap();
    world.blobs.upload(&world.us, &other, 0, bytes.slice(..CHUNK)).await.unwrap();
    let file = std::fs::read_dir(day.path()).unwrap().next().unwrap().unwrap().path();
    std::fs::write(file, [1, 2, 3]).unwrap();
    let refused = world.blobs.upload_progress(&world.us, &other).await;
    assert!(
        matches!(refused, Err(BlobError::Transport(TransportError::CarrierFailed { .. }))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_full_disk_is_said_to_be_and_the_upload_goes_on_when_it_has_room() {
    let (world, bytes) = (BlobWorld::new().await, content(SMALL));
    let faulty = FaultyFiles::over(world.files()).with(io::ErrorKind::StorageFull);
    let world = world.restart(faulty.clone()).await;
    let (id, us) = (world.id(), &world.us);
    faulty.fail_after(0);
    let refused = world.blobs.begin_upload(us, &id, size(SMALL)).await;
    assert!(matches!(&refused, Err(error @ BlobError::StorageFull) if error.may_pass()), "{refused:?}");
    faulty.recover();
    world.blobs.begin_upload(us, &id, size(SMALL)).await.unwrap();
    world.blobs.upload(us, &id, 0, bytes.slice(..1000)).await.unwrap();
    faulty.fail_after(0);
    let refused = world.blobs.upload(us, &id, 1000, bytes.slice(1000..)).await;
    assert!(matches!(refused, Err(BlobError::StorageFull)), "{refused:?}");
    assert_eq!(world.blobs.upload_progress(us, &id).await.unwrap().stored(), 1000);
    faulty.recover();
    world.upload(us, &id, &bytes, 1000).await;
    assert!(world.download(&world.her, &id, 0).await.unwrap() == bytes);
}

/// Who calls may leave at any moment: what was begun for them is carried through, or is not there.
#[tokio::test]
async fn a_caller_that_leaves_in_the_middle_of_a_part_goes_on_where_it_is_told() {
    let bytes = content(NINE_CHUNKS);
    for turns in 0..40 {
        let world = BlobWorld::new().await;
        let (id, us) = (world.id(), world.us.clone());
        world.blobs.begin_upload(&us, &id, size(NINE_CHUNKS)).await.unwrap();
        let (blobs, caller, part) = (world.blobs.clone(), us.clone(), bytes.slice(..3 * CHUNK));
        let named = id.clone();
        let leaving = tokio::spawn(async move { blobs.upload(&caller, &named, 0, part).await });
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        leaving.abort();
        let stored = world.blobs.upload_progress(&us, &id).await.unwrap().stored();
        assert!([0, 3 * CHUNK as u64].contains(&stored), "{stored}");
        world.upload(&us, &id, &bytes, CHUNK).await;
        assert!(world.download(&world.her, &id, 0).await.unwrap() == bytes);
    }
}
