use std::time::Duration;

use bulla_base::Timestamp;
use bulla_transport::{BlobError, Blobs, Transport};

use super::faulty_files::FaultyFiles;
use super::{BlobWorld, LARGE, SMALL, content, size};
use crate::erase::{number, rows};
use crate::{NOW, SHOP, alice, days, shop};

/// The beginning of the day on which everything is uploaded.
fn start() -> Timestamp {
    Timestamp::from_millis(0).after(days(u64::from(NOW.day().number())))
}

#[tokio::test]
async fn a_blob_is_there_for_thirty_days_of_the_calendar_and_not_a_moment_longer() {
    let world = BlobWorld::new().await;
    let id = world.uploaded(&world.us, SMALL).await;
    let rows_of_blobs = async || {
        let rows = rows(&world.store, &[&shop()]).await;
        rows.into_iter().filter(|(_, key, _)| [0x4d, 0x4e].contains(&key.space().number())).count()
    };
    assert_eq!(rows_of_blobs().await, 2);
    world.clock.set(start().after(days(30) - Duration::from_millis(1)));
    world.carrier.sweep().await.unwrap();
    assert!(world.download(&world.her, &id, 0).await.unwrap() == content(SMALL));
    world.clock.set(start().after(days(30)));
    let refused = world.download(&world.her, &id, 0).await;
    assert!(matches!(refused, Err(BlobError::Unknown)), "{refused:?}");
    assert_eq!(world.files_there(), [1, 0]);
    world.carrier.sweep().await.unwrap();
    assert_eq!(world.files_there(), [0, 0], "its day's folder is dropped");
    world.clock.set(start().after(days(32)));
    world.carrier.sweep().await.unwrap();
    assert_eq!(rows_of_blobs().await, 0);
}

#[tokio::test]
async fn an_upload_that_is_not_done_by_the_next_evening_is_forgotten() {
    let world = BlobWorld::new().await;
    let (id, bytes) = (world.id(), content(SMALL));
    world.blobs.begin_upload(&world.us, &id, size(SMALL)).await.unwrap();
    world.blobs.upload(&world.us, &id, 0, bytes.slice(..9)).await.unwrap();
    world.clock.set(start().after(days(2) - Duration::from_millis(1)));
    world.carrier.sweep().await.unwrap();
    assert_eq!(world.blobs.upload_progress(&world.us, &id).await.unwrap().stored(), 9);
    world.clock.set(start().after(days(2)));
    let refused = world.blobs.upload(&world.us, &id, 9, bytes.slice(9..)).await;
    assert!(matches!(refused, Err(BlobError::Unknown)), "{refused:?}");
    world.carrier.sweep().await.unwrap();
    assert_eq!(world.files_there(), [0, 0]);
    // It begins anew, under the same id.
    world.upload(&world.us, &id, &bytes, 1000).await;
    assert!(world.download(&world.her, &id, 0).await.unwrap() == bytes);
}

#[tokio::test]
async fn whoever_is_erased_leaves_no_blob_behind() {
    let world = BlobWorld::new().await;
    let (hers, ours) = (world.uploaded(&world.her, SMALL).await, world.uploaded(&world.us, LARGE).await);
    world.blobs.begin_upload(&world.her, &world.id(), size(SMALL)).await.unwrap();
    assert_eq!(world.files_there(), [2, 1]);
    world.carrier.erase(&number(&alice())).await.unwrap();
    assert_eq!(world.files_there(), [1, 0]);
    assert_eq!(rows(&world.store, &[&alice()]).await, rows(&world.store, &[]).await);
    let refused = world.download(&world.us, &hers, 0).await;
    assert!(matches!(refused, Err(BlobError::Unknown)), "{refused:?}");
    assert!(world.download(&world.us, &ours, 0).await.unwrap() == content(LARGE));
    world.carrier.erase_business(SHOP).await.unwrap();
    assert_eq!(world.files_there(), [0, 0]);
}

/// Else rows that were erased would leave files that nobody finds any more.
#[tokio::test]
async fn an_erasure_that_the_disk_refuses_is_carried_out_when_the_carrier_is_opened_again() {
    for whole_page in [false, true] {
        let world = BlobWorld::new().await;
        for _ in 0..3 {
            world.uploaded(&world.her, SMALL).await;
        }
        let faulty = FaultyFiles::over(world.files());
        let world = world.restart(faulty.clone()).await;
        faulty.fail_after(usize::from(whole_page));
        assert!(world.carrier.erase(&number(&alice())).await.is_err());
        assert_ne!(rows(&world.store, &[&alice()]).await, rows(&world.store, &[]).await);
        let files = world.files();
        let world = world.restart(files).await;
        assert_eq!(world.files_there(), [0, 0]);
        assert_eq!(rows(&world.store, &[&alice()]).await, rows(&world.store, &[]).await);
        world.carrier.connect(&world.her).await.unwrap();
        world.uploaded(&world.her, SMALL).await;
    }
}
