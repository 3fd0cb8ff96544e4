use bulla_carrier::BlobSettings;
use bulla_transport::{BlobError, BlobId, Blobs, InProcess, TransportError};

use super::{BlobWorld, LARGE, SMALL, content, size};
use crate::erase::bob;
use crate::{World, alice, caller};

#[tokio::test]
async fn an_id_is_the_right_to_read_and_to_nothing_else() {
    for world in BlobWorld::both(BlobSettings::default()).await {
        let id = world.uploaded(&world.us, SMALL).await;
        assert!(world.download(&world.her, &id, 0).await.unwrap() == content(SMALL));
        let part = content(SMALL);
        for refused in [
            world.blobs.upload(&world.her, &id, 0, part).await.map(drop),
            world.blobs.upload_progress(&world.her, &id).await.map(drop),
            world.blobs.delete(&world.her, &id).await,
        ] {
            assert!(matches!(refused, Err(BlobError::Unknown)), "{refused:?}");
        }
        // Nor by another id, be it that under which it is kept.
        let other = BlobId::from_bytes(*bulla_carrier::BlobName::of(&id).as_bytes());
        let refused = world.download(&world.her, &other, 0).await;
        assert!(matches!(refused, Err(BlobError::Unknown)), "{refused:?}");
    }
}

#[tokio::test]
async fn an_id_that_is_in_use_is_refused_for_something_else() {
    for world in BlobWorld::both(BlobSettings::default()).await {
        let id = world.uploaded(&world.us, SMALL).await;
        for (who, bytes) in [(&world.her, SMALL), (&world.us, LARGE)] {
            let refused = world.blobs.begin_upload(who, &id, size(bytes)).await;
            assert!(matches!(refused, Err(BlobError::Taken)), "{refused:?}");
        }
        assert!(world.blobs.begin_upload(&world.us, &id, size(SMALL)).await.unwrap().is_complete());
    }
}

#[tokio::test]
async fn a_blob_that_was_deleted_is_gone_from_the_disk() {
    for world in BlobWorld::both(BlobSettings::default()).await {
        let (done, begun) = (world.uploaded(&world.us, SMALL).await, world.id());
        world.blobs.begin_upload(&world.us, &begun, size(SMALL)).await.unwrap();
        assert_eq!(world.files_there(), [1, 1]);
        for id in [&done, &begun, &done, &world.id()] {
            world.blobs.delete(&world.us, id).await.unwrap();
        }
        assert_eq!(world.files_there(), [0, 0]);
        let refused = world.download(&world.her, &done, 0).await;
        assert!(matches!(refused, Err(BlobError::Unknown)), "{refused:?}");
    }
}

#[tokio::test]
async fn who_has_not_connected_or_was_replaced_comes_to_no_blob() {
    for world in BlobWorld::both(BlobSettings::default()).await {
        let id = world.uploaded(&world.us, SMALL).await;
        let nobody = caller(bob(), 1);
        let refused = world.blobs.download(&nobody, &id, 0, 1).await.unwrap_err();
        assert!(refused.may_pass(), "it has to connect: {refused:?}");
        bulla_transport::Transport::connect(&*world.carrier, &caller(alice(), 2)).await.unwrap();
        for refused in [
            world.blobs.download(&world.her, &id, 0, 1).await.map(drop),
            world.blobs.begin_upload(&world.her, &world.id(), size(SMALL)).await.map(drop),
        ] {
            let fenced = matches!(refused, Err(BlobError::Transport(TransportError::Fenced { .. })));
            assert!(fenced, "{refused:?}");
        }
    }
}

#[tokio::test]
async fn a_carrier_without_blobs_says_so() {
    let world = World::new().await;
    let us = world.join(alice()).await;
    let blobs = InProcess::new(world.carrier);
    let refused = blobs.begin_upload(&us, &BlobId::from_bytes([1; 32]), size(SMALL)).await;
    assert!(matches!(refused, Err(BlobError::NotOffered)), "{refused:?}");
}
