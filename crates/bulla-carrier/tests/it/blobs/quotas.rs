use bulla_carrier::{BlobQuota, BlobSettings};
use bulla_transport::{BlobError, Blobs};

use super::{BlobWorld, SMALL, size};
use crate::{NOW, days};

/// Begins so many uploads of a user's, and says why the next is refused.
async fn begun(world: &BlobWorld, count: usize) -> String {
    for _ in 0..count {
        world.blobs.begin_upload(&world.her, &world.id(), size(SMALL)).await.unwrap();
    }
    let refused = world.blobs.begin_upload(&world.her, &world.id(), size(SMALL)).await.unwrap_err();
    assert!(refused.may_pass() && matches!(refused, BlobError::Quota { .. }), "{refused:?}");
    refused.to_string()
}

#[tokio::test]
async fn an_uploader_has_a_share_of_bytes_of_blobs_and_of_uploads_under_way() {
    for (quota, why) in [
        (
            BlobQuota::new(3 * SMALL, 99, 99),
            "blobs (bytes) of today would be 16448, but at most 12336 are allowed",
        ),
        (BlobQuota::new(u64::MAX, 3, 99), "blobs of today would be 4, but at most 3 are allowed"),
        (BlobQuota::new(u64::MAX, 99, 3), "unfinished blobs of today would be 4, but at most 3 are allowed"),
    ] {
        for world in BlobWorld::both(BlobSettings::default().with_user_quota(quota)).await {
            assert_eq!(begun(&world, 3).await, why);
            // It is the user's share and nobody else's, and of the day.
            world.blobs.begin_upload(&world.us, &world.id(), size(SMALL)).await.unwrap();
            world.clock.set(NOW.after(days(1)));
            assert_eq!(begun(&world, 3).await, why);
            assert_eq!(world.files_there(), [0, 7], "nothing is made of what is refused");
        }
    }
}

#[tokio::test]
async fn what_is_done_is_under_way_no_more_and_what_is_deleted_is_not_counted() {
    let quota = BlobQuota::new(u64::MAX, 2, 1);
    let world = BlobWorld::with(BlobSettings::default().with_user_quota(quota)).await;
    let first = world.uploaded(&world.her, SMALL).await;
    let second = world.uploaded(&world.her, SMALL).await;
    assert_eq!(begun(&world, 0).await, "blobs of today would be 3, but at most 2 are allowed");
    // Not once more for being asked for again.
    assert!(world.blobs.begin_upload(&world.her, &first, size(SMALL)).await.unwrap().is_complete());
    for id in [&first, &first, &second] {
        world.blobs.delete(&world.her, id).await.unwrap();
    }
    assert_eq!(begun(&world, 1).await, "unfinished blobs of today would be 2, but at most 1 are allowed");
}

#[tokio::test]
async fn a_business_has_a_quota_of_its_own() {
    let quota = BlobQuota::new(0, 0, 0);
    let world = BlobWorld::with(BlobSettings::default().with_business_quota(quota)).await;
    assert!(world.blobs.begin_upload(&world.us, &world.id(), size(SMALL)).await.is_err());
    world.blobs.begin_upload(&world.her, &world.id(), size(SMALL)).await.unwrap();
}
