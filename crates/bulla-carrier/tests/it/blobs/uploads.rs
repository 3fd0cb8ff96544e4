use bulla_carrier::BlobSettings;
use bulla_transport::{BlobError, BlobSize, Blobs, MAX_BLOB_BYTES, MAX_BLOB_PART_BYTES};
use bytes::Bytes;

use super::{BlobWorld, CHUNK, LARGE, NINE_CHUNKS, SMALL, content, size};

#[tokio::test]
async fn a_blob_comes_back_from_wherever_it_is_asked_for() {
    for world in BlobWorld::both(BlobSettings::default()).await {
        let (id, bytes) = (world.uploaded(&world.us, LARGE).await, content(LARGE));
        assert!(world.download(&world.her, &id, 0).await.unwrap() == bytes);
        assert!(world.download(&world.her, &id, 1_234_567).await.unwrap() == bytes[1_234_567..]);
        let part = world.blobs.download(&world.her, &id, 99, 70_001).await.unwrap();
        assert!(part.size == LARGE && part.bytes == bytes.slice(99..70_100));
        let end = world.blobs.download(&world.her, &id, LARGE, 1).await.unwrap();
        assert!(end.size == LARGE && end.bytes.is_empty());
        let past = world.blobs.download(&world.her, &id, LARGE + 1, 1).await.unwrap_err();
        assert_eq!(
            past.to_string(),
            format!("range (bytes) is {}, but at most {LARGE} is allowed", LARGE + 1)
        );
    }
}

/// A download holds a part of a blob, however much is asked for.
#[tokio::test]
async fn no_more_than_a_part_is_given_at_once() {
    for world in BlobWorld::both(BlobSettings::default()).await {
        let id = world.uploaded(&world.us, LARGE).await;
        let part = world.blobs.download(&world.her, &id, 0, usize::MAX).await.unwrap();
        assert_eq!(part.bytes.len(), MAX_BLOB_PART_BYTES);
    }
}

#[tokio::test]
async fn an_upload_that_is_cut_after_any_chunk_goes_on_there() {
    for world in BlobWorld::both(BlobSettings::default()).await {
        let (id, bytes) = (world.id(), content(NINE_CHUNKS));
        for chunk in 0..9 {
            // Who comes back knows nothing but the id and the size.
            let begun = world.blobs.begin_upload(&world.us, &id, size(NINE_CHUNKS)).await.unwrap();
            let told = world.blobs.upload_progress(&world.us, &id).await.unwrap();
            assert_eq!((begun, told.stored()), (told, (chunk * CHUNK) as u64));
            let refused = world.blobs.download(&world.her, &id, 0, 1).await.unwrap_err();
            assert!(matches!(refused, BlobError::Incomplete), "{refused:?}");
            let part = bytes.slice(chunk * CHUNK..(chunk + 1) * CHUNK);
            world.blobs.upload(&world.us, &id, told.stored(), part).await.unwrap();
        }
        assert!(world.download(&world.her, &id, 0).await.unwrap() == bytes);
        assert_eq!(world.files_there(), [1, 0]);
    }
}

/// A part whose answer was lost comes once more, alone or with what follows it.
#[tokio::test]
async fn what_is_durable_already_is_passed_over() {
    for world in BlobWorld::both(BlobSettings::default()).await {
        let (id, bytes) = (world.id(), content(NINE_CHUNKS));
        let put = async |start: usize, end: usize| {
            let part = bytes.slice(start..end);
            world.blobs.upload(&world.us, &id, start as u64, part).await.unwrap().stored()
        };
        world.blobs.begin_upload(&world.us, &id, size(NINE_CHUNKS)).await.unwrap();
        assert_eq!(put(0, 100_000).await, 100_000);
        assert_eq!(put(0, 100_000).await, 100_000);
        assert_eq!(put(50_000, 150_000).await, 150_000);
        assert_eq!(put(0, 0).await, 150_000);
        assert_eq!(put(150_000, bytes.len()).await, NINE_CHUNKS);
        assert_eq!(put(0, bytes.len()).await, NINE_CHUNKS);
        assert!(world.download(&world.her, &id, 0).await.unwrap() == bytes);
    }
}

#[tokio::test]
async fn bytes_out_of_place_are_refused_and_nothing_of_them_is_kept() {
    for world in BlobWorld::both(BlobSettings::default()).await {
        let (id, us) = (world.id(), &world.us);
        world.blobs.begin_upload(us, &id, size(SMALL)).await.unwrap();
        let put = async |offset: u64, bytes: usize| {
            world.blobs.upload(us, &id, offset, vec![7; bytes].into()).await.unwrap_err().to_string()
        };
        assert_eq!(put(1, 10).await, "the upload goes on at byte 0, not at 1");
        assert_eq!(put(0, 4113).await, "upload (bytes) is 4113, but at most 4112 is allowed");
        assert_eq!(
            put(u64::MAX, 1).await,
            format!("upload (bytes) is {}, but at most 4112 is allowed", u64::MAX)
        );
        assert_eq!(world.blobs.upload_progress(us, &id).await.unwrap().stored(), 0);
    }
    // Over the wire a longer part would come as two.
    let world = BlobWorld::new().await;
    let part = Bytes::from(vec![0; MAX_BLOB_PART_BYTES + 1]);
    let refused = world.blobs.upload(&world.us, &world.id(), 0, part).await.unwrap_err();
    assert_eq!(refused.to_string(), "part (bytes) is 1048577, but at most 1048576 is allowed");
}

#[tokio::test]
async fn the_largest_blob_is_taken_and_one_byte_more_is_not() {
    let world = BlobWorld::new().await;
    assert!(BlobSize::new(MAX_BLOB_BYTES + 1).is_err());
    let (id, part) = (world.id(), Bytes::from(vec![7; MAX_BLOB_PART_BYTES]));
    let mut progress = world.blobs.begin_upload(&world.us, &id, BlobSize::LARGEST).await.unwrap();
    while !progress.is_complete() {
        let left = usize::try_from(MAX_BLOB_BYTES - progress.stored()).unwrap();
        let next = part.slice(..left.min(part.len()));
        progress = world.blobs.upload(&world.us, &id, progress.stored(), next).await.unwrap();
    }
    let past = world.blobs.upload(&world.us, &id, MAX_BLOB_BYTES, part.slice(..1)).await.unwrap_err();
    assert_eq!(past.to_string(), "upload (bytes) is 104883201, but at most 104883200 is allowed");
    let end = world.blobs.download(&world.her, &id, MAX_BLOB_BYTES - 1, 9).await.unwrap();
    assert_eq!((end.size, &end.bytes[..]), (MAX_BLOB_BYTES, &[7][..]));
}
