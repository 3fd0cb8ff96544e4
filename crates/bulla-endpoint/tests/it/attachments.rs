//! Attachments on their way to a carrier and back, over a network that fails.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bulla_base::{Address, ManualClock, Number, Rng, SeededRng, Timestamp};
use bulla_content::attachment::{AttachmentError, AttachmentPointer};
use bulla_endpoint::{ATTACHMENT_PART_BYTES, AttachmentDownload, AttachmentUpload, TransferError};
use bulla_envelope::InstallationId;
use bulla_transport::{
    BlobError, BlobId, BlobPart, BlobProgress, BlobSize, Blobs, Caller, Incarnation, TransportError,
};
use bytes::Bytes;

/// One blob, at a carrier that does not answer so many of the next calls. Clones are the same.
#[derive(Clone, Default)]
struct OneBlob {
    kept: Arc<Mutex<(u64, Vec<u8>)>>,
    failing: Arc<AtomicUsize>,
    calls: Arc<AtomicUsize>,
}

impl OneBlob {
    fn answers(&self) -> Result<(), BlobError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let failing =
            self.failing.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        failing.map_or(Ok(()), |_| Err(TransportError::unavailable("cut").into()))
    }

    fn progress(&self) -> BlobProgress {
        let kept = self.kept.lock().unwrap();
        BlobProgress::new(kept.1.len() as u64, BlobSize::new(kept.0).unwrap())
    }
}

impl Blobs for OneBlob {
    async fn begin_upload(&self, _: &Caller, _: &BlobId, size: BlobSize) -> Result<BlobProgress, BlobError> {
        self.answers()?;
        self.kept.lock().unwrap().0 = size.bytes();
        Ok(self.progress())
    }

    /// It takes the part, also when the answer is lost.
    async fn upload(
        &self,
        _: &Caller,
        _: &BlobId,
        offset: u64,
        part: Bytes,
    ) -> Result<BlobProgress, BlobError> {
        {
            let mut kept = self.kept.lock().unwrap();
            let have = usize::try_from(kept.1.len() as u64 - offset).unwrap();
            let new = part.get(have..).unwrap_or_default();
            kept.1.extend_from_slice(new);
        }
        self.answers()?;
        Ok(self.progress())
    }

    async fn upload_progress(&self, _: &Caller, _: &BlobId) -> Result<BlobProgress, BlobError> {
        Ok(self.progress())
    }

    async fn download(
        &self,
        _: &Caller,
        _: &BlobId,
        offset: u64,
        at_most: usize,
    ) -> Result<BlobPart, BlobError> {
        self.answers()?;
        let kept = self.kept.lock().unwrap();
        let rest = &kept.1[usize::try_from(offset).unwrap()..];
        Ok(BlobPart::new(kept.0, Bytes::copy_from_slice(&rest[..at_most.min(rest.len())])))
    }

    async fn delete(&self, _: &Caller, _: &BlobId) -> Result<(), BlobError> {
        self.kept.lock().unwrap().1.clear();
        Ok(())
    }
}

fn caller() -> Caller {
    let address = Address::user(Number::parse("16505551234").unwrap());
    Caller::new(address, InstallationId::of_identity(b"identity"), Incarnation::new(1))
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::from_millis(1_795_293_590_960)))
}

async fn upload(blobs: &OneBlob, bytes: &[u8]) -> AttachmentPointer {
    let (size, rng) = (bytes.len() as u64, Arc::new(SeededRng::new(1)));
    let mut upload = AttachmentUpload::begin(blobs.clone(), caller(), size, clock(), rng).await.unwrap();
    for mut piece in bytes.chunks(10_000) {
        // After an error it goes on with what was not taken.
        while let Err(error) = upload.push(&mut piece).await {
            assert!(error.may_pass(), "{error:?}");
        }
    }
    while let Err(error) = upload.flush().await {
        assert!(error.may_pass(), "{error:?}");
    }
    upload.finish("image/png").await.unwrap()
}

async fn begin(
    blobs: &OneBlob,
    pointer: &AttachmentPointer,
) -> Result<AttachmentDownload<OneBlob>, TransferError> {
    AttachmentDownload::begin(blobs.clone(), caller(), pointer, clock(), Arc::new(SeededRng::new(2))).await
}

async fn shown(download: &mut AttachmentDownload<OneBlob>) -> Vec<u8> {
    let mut shown = Vec::new();
    loop {
        match download.next().await {
            Ok(Some(plaintext)) => shown.extend_from_slice(&plaintext),
            Ok(None) => return shown,
            Err(error) => assert!(error.may_pass(), "{error:?}"),
        }
    }
}

fn picture(bytes: usize) -> Vec<u8> {
    let mut picture = vec![0; bytes];
    SeededRng::new(3).fill(&mut picture);
    picture
}

#[tokio::test]
async fn of_any_size_it_arrives_and_the_carrier_has_it_sealed() {
    for bytes in [1, 65_535, 65_536, 65_537, ATTACHMENT_PART_BYTES, 700_000] {
        let (blobs, picture) = (OneBlob::default(), picture(bytes));
        let pointer = upload(&blobs, &picture).await;
        assert_eq!((pointer.size(), pointer.media_type()), (bytes as u64, "image/png"));
        if bytes > 64 {
            assert!(!blobs.kept.lock().unwrap().1.windows(64).any(|window| window == &picture[..64]));
        }
        let mut download = begin(&blobs, &pointer).await.unwrap();
        assert!(shown(&mut download).await == picture, "{bytes}");
        assert_eq!(download.next().await.unwrap(), None, "at its end it stays there");
    }
}

/// The network is away for longer than calls are repeated, at every one of them: nothing is sealed or
/// fetched twice, and nothing is missing.
#[tokio::test]
async fn it_goes_on_where_the_network_was_cut() {
    let (blobs, picture) = (OneBlob::default(), picture(1_000_000));
    let mut upload = {
        let rng = Arc::new(SeededRng::new(1));
        AttachmentUpload::begin(blobs.clone(), caller(), 1_000_000, clock(), rng).await.unwrap()
    };
    let mut failures = 0;
    for mut piece in picture.chunks(100_000) {
        blobs.failing.store(8, Ordering::Relaxed);
        while upload.push(&mut piece).await.is_err() {
            failures += 1;
        }
    }
    assert!(failures > 2, "{failures}");
    blobs.failing.store(0, Ordering::Relaxed);
    let pointer = upload.finish("image/png").await.unwrap();

    let mut download = begin(&blobs, &pointer).await.unwrap();
    blobs.failing.store(20, Ordering::Relaxed);
    assert!(shown(&mut download).await == picture);
    assert_eq!(blobs.failing.load(Ordering::Relaxed), 0, "it had to be asked for again");
}

#[tokio::test]
async fn nothing_is_shown_of_what_is_not_what_the_message_tells_of() {
    let (blobs, picture) = (OneBlob::default(), picture(300_000));
    let pointer = upload(&blobs, &picture).await;
    let changed = |at: usize| blobs.kept.lock().unwrap().1[at] ^= 1;

    // Its last byte, which would be opened last.
    let last = blobs.kept.lock().unwrap().1.len() - 1;
    changed(last);
    let refused = begin(&blobs, &pointer).await.unwrap_err();
    assert!(matches!(refused, TransferError::Attachment(AttachmentError::WrongDigest)), "{refused:?}");
    changed(last);

    // Between the two times that it is fetched.
    let mut download = begin(&blobs, &pointer).await.unwrap();
    changed(0);
    let refused = download.next().await.unwrap_err();
    assert!(matches!(refused, TransferError::Attachment(AttachmentError::WrongChunk { index: 0, .. })));
    changed(0);

    // Cut short.
    blobs.kept.lock().unwrap().1.truncate(last);
    let refused = begin(&blobs, &pointer).await.unwrap_err();
    assert!(matches!(refused, TransferError::Attachment(AttachmentError::TooShort { .. })), "{refused:?}");
}

#[tokio::test]
async fn what_is_not_all_there_is_not_told_of() {
    let (blobs, rng) = (OneBlob::default(), Arc::new(SeededRng::new(1)));
    let begin = |size| AttachmentUpload::begin(blobs.clone(), caller(), size, clock(), rng.clone());
    let mut upload = begin(10).await.unwrap();
    upload.push(&mut &[1; 9][..]).await.unwrap();
    let refused = upload.finish("image/png").await.unwrap_err();
    assert_eq!(refused.to_string(), "attachment has 9 of its 10 bytes");

    let mut upload = begin(10).await.unwrap();
    let refused = upload.push(&mut &[1; 11][..]).await.unwrap_err();
    assert_eq!(refused.to_string(), "attachment has more than its 10 bytes");
    upload.abandon().await.unwrap();
    for size in [0, 100 * 1024 * 1024 + 1] {
        assert!(matches!(begin(size).await, Err(TransferError::Attachment(_))), "{size}");
    }
}

/// What is held is bounded by parts and chunks: eight times the bytes take no more memory at any moment.
#[tokio::test]
async fn memory_does_not_grow_with_the_size() {
    let peak = |bytes: usize| {
        let (blobs, picture) = (OneBlob::default(), picture(bytes));
        blobs.kept.lock().unwrap().1.reserve(2 * bytes);
        let measured = allocation_counter::measure(|| {
            futures_executor(async {
                let pointer = upload(&blobs, &picture).await;
                let mut download = begin(&blobs, &pointer).await.unwrap();
                let mut count = 0;
                while let Some(plaintext) = download.next().await.unwrap() {
                    count += plaintext.len();
                }
                assert_eq!(count, bytes);
            });
        });
        measured.bytes_max
    };
    let (small, large) = (peak(512 << 10), peak(4 << 20));
    // 32 bytes for each chunk, of which there are 56 more.
    assert!(large <= small + 16 * 1024, "{small} and {large} bytes");
    assert!(large < 5 * ATTACHMENT_PART_BYTES as u64, "{large} bytes");
}

/// Nothing here waits for anything.
fn futures_executor(work: impl Future<Output = ()>) {
    let mut work = std::pin::pin!(work);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(work.as_mut().poll(&mut context).is_ready());
}
