//! Uploads that come in several parts: they go on where they stopped, and are given up after a day.

use std::time::Duration;

use bulla_relay::{MAX_UPLOADS, MEDIA_CHUNK_BYTES, MediaError, Upload};
use bytes::Bytes;

use crate::media::{Place, business, described, picture};
use crate::world::{BAKERY, SHOP};

#[tokio::test(start_paused = true)]
async fn an_upload_goes_on_where_it_stopped_within_a_chunk_too() {
    let (place, file) = (Place::new().await, picture(2 * MEDIA_CHUNK_BYTES + 1000));
    let size = file.len() as u64;
    let media = place.relay.begin_upload(SHOP, "image/png".into(), size).await.unwrap();
    let chunk = |bytes: &[u8]| Bytes::copy_from_slice(bytes);
    let begun = Upload::new("image/png", size);
    assert_eq!(place.relay.upload(SHOP, media).await.unwrap(), begun);
    let (first, rest) = file.split_at(MEDIA_CHUNK_BYTES);
    place.relay.put_media_chunk(SHOP, media, 0, chunk(first)).await.unwrap();
    place.relay.put_media_chunk(SHOP, media, 1, chunk(&rest[..7])).await.unwrap();
    let received = MEDIA_CHUNK_BYTES as u64 + 7;
    assert_eq!(place.relay.upload(SHOP, media).await.unwrap(), begun.clone().received(received));
    assert!(matches!(place.relay.media(SHOP, media).await, Err(MediaError::Unknown)), "not yet");
    assert!(matches!(place.relay.upload(BAKERY, media).await, Err(MediaError::Unknown)), "of another");

    assert_eq!(place.relay.upload_chunk(SHOP, media, 1).await.unwrap(), chunk(&rest[..7]));
    for (index, bytes) in (1..).zip(rest.chunks(MEDIA_CHUNK_BYTES)) {
        place.relay.put_media_chunk(SHOP, media, index, chunk(bytes)).await.unwrap();
    }
    place.relay.finish_media(SHOP, media, described(&file, "image/png")).await.unwrap();
    assert_eq!(place.relay.upload(SHOP, media).await.unwrap(), begun.finished());
    assert!(place.read(media).await.unwrap() == file);
    place.relay.close().await;
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_is_not_finished_is_there_for_a_day_and_its_chunks_go_with_it() {
    let place = Place::new().await;
    let media = place.relay.begin_upload(SHOP, "image/png".into(), 10).await.unwrap();
    place.relay.put_media_chunk(SHOP, media, 0, Bytes::from_static(b"12345")).await.unwrap();
    place.world.pass(Duration::from_secs(86_400 - 1)).await;
    assert_eq!(place.relay.upload(SHOP, media).await.unwrap().received, 5);
    place.world.pass(Duration::from_secs(1)).await;
    assert!(matches!(place.relay.upload(SHOP, media).await, Err(MediaError::Unknown)));
    // Who is sending more of it is not disturbed for an hour.
    place.relay.begin_upload(SHOP, "image/png".into(), 10).await.unwrap();
    assert!(place.relay.upload_chunk(SHOP, media, 0).await.is_ok());
    place.world.pass(Duration::from_secs(3_600)).await;
    place.relay.begin_upload(SHOP, "image/png".into(), 10).await.unwrap();
    assert!(matches!(place.relay.upload_chunk(SHOP, media, 0).await, Err(MediaError::Unknown)));
    place.relay.close().await;
}

#[tokio::test(start_paused = true)]
async fn as_many_uploads_as_may_be_are_unfinished_and_one_more_is_refused() {
    let place = Place::new().await;
    let begin = || place.relay.begin_upload(SHOP, "image/png".into(), 5);
    let first = begin().await.unwrap();
    for _ in 1..MAX_UPLOADS {
        begin().await.unwrap();
    }
    let refused = begin().await;
    assert!(matches!(refused, Err(MediaError::TooMany { limit: MAX_UPLOADS })), "{refused:?}");
    place.relay.begin_upload(BAKERY, "image/png".into(), 5).await.unwrap();
    // One that is finished makes room, and one that is given up.
    place.relay.put_media_chunk(SHOP, first, 0, Bytes::from_static(b"12345")).await.unwrap();
    place.relay.finish_media(SHOP, first, described(b"12345", "image/png")).await.unwrap();
    let next = begin().await.unwrap();
    assert!(begin().await.is_err());
    place.relay.abandon_media(SHOP, next).await.unwrap();
    begin().await.unwrap();
    place.relay.close().await;
}

#[tokio::test(start_paused = true)]
async fn an_upload_is_erased_with_its_business() {
    let place = Place::new().await;
    let media = place.relay.begin_upload(SHOP, "image/png".into(), 10).await.unwrap();
    place.relay.put_media_chunk(SHOP, media, 0, Bytes::from_static(b"12345")).await.unwrap();
    place.relay.erase_business(SHOP).await.unwrap();
    place.relay.add_business(business(SHOP)).await.unwrap();
    assert!(matches!(place.relay.upload(SHOP, media).await, Err(MediaError::Unknown)));
    assert!(matches!(place.relay.upload_chunk(SHOP, media, 0).await, Err(MediaError::Unknown)));
    place.relay.close().await;
}
