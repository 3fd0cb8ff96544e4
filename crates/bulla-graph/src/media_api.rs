use std::sync::Arc;

use bulla_base::PhoneNumberId;
use bulla_relay::{
    EventSink, MediaDescription, MediaError, MediaId, MediaStream, Relay, Store, SubmitError, Transport,
    Upload,
};
use bytes::Bytes;

use crate::{Answering, DynRelayApi};

/// The part of [`RelayApi`](crate::RelayApi) that is about media.
///
/// # For implementors
/// Each method is what the relay's of the same name is. Unless they are written, there is no media: uploads
/// are refused. A client may hang up at any time; the future is then dropped.
pub trait MediaApi: Send + Sync + 'static {
    /// Begins an upload: the id that the media will have.
    ///
    /// # Errors
    /// When there is no media, or none now.
    fn begin_media(&self, _business: PhoneNumberId) -> Result<MediaId, MediaError> {
        Err(no_media())
    }

    /// Begins an upload in several parts.
    ///
    /// # Errors
    /// [`MediaError::TooMany`] when as many as may be are not finished.
    fn begin_upload(
        &self,
        _business: PhoneNumberId,
        _media_type: String,
        _size: u64,
    ) -> impl Future<Output = Result<MediaId, MediaError>> + Send {
        async { Err(no_media()) }
    }

    /// What is known of one, and how much of it is there.
    ///
    /// # Errors
    /// [`MediaError::Unknown`] when there is none.
    fn upload(
        &self,
        _business: PhoneNumberId,
        _media: MediaId,
    ) -> impl Future<Output = Result<Upload, MediaError>> + Send {
        async { Err(no_media()) }
    }

    /// One chunk of it.
    ///
    /// # Errors
    /// [`MediaError::Unknown`] when it is not there.
    fn upload_chunk(
        &self,
        _business: PhoneNumberId,
        _media: MediaId,
        _index: u32,
    ) -> impl Future<Output = Result<Bytes, MediaError>> + Send {
        async { Err(no_media()) }
    }

    /// Makes one chunk of an upload durable.
    ///
    /// # Errors
    /// When it was not.
    fn put_media_chunk(
        &self,
        _business: PhoneNumberId,
        _media: MediaId,
        _index: u32,
        _chunk: Bytes,
    ) -> impl Future<Output = Result<(), MediaError>> + Send {
        async { Err(no_media()) }
    }

    /// Says that all chunks are there, and what they are.
    ///
    /// # Errors
    /// When it is not media yet.
    fn finish_media(
        &self,
        _business: PhoneNumberId,
        _media: MediaId,
        _described: MediaDescription,
    ) -> impl Future<Output = Result<(), MediaError>> + Send {
        async { Err(no_media()) }
    }

    /// Gives up an upload.
    ///
    /// # Errors
    /// When what was put stays for its time.
    fn abandon_media(
        &self,
        _business: PhoneNumberId,
        _media: MediaId,
    ) -> impl Future<Output = Result<(), MediaError>> + Send {
        async { Err(no_media()) }
    }

    /// What media is.
    ///
    /// # Errors
    /// [`MediaError::Unknown`] when there is none.
    fn media(
        &self,
        _business: PhoneNumberId,
        _media: MediaId,
    ) -> impl Future<Output = Result<MediaDescription, MediaError>> + Send {
        async { Err(no_media()) }
    }

    /// Its bytes.
    ///
    /// # Errors
    /// As [`media`](Self::media).
    fn read_media(
        &self,
        _business: PhoneNumberId,
        _media: MediaId,
    ) -> impl Future<Output = Result<MediaStream, MediaError>> + Send {
        async { Err(no_media()) }
    }

    /// Deletes it.
    ///
    /// # Errors
    /// As [`media`](Self::media).
    fn delete_media(
        &self,
        _business: PhoneNumberId,
        _media: MediaId,
    ) -> impl Future<Output = Result<(), MediaError>> + Send {
        async { Err(no_media()) }
    }
}

fn no_media() -> MediaError {
    SubmitError::NoBlobs.into()
}

/// Writes [`MediaApi`] for what has methods of the same names, or stands for it.
macro_rules! forward_media {
    ($from:ident => $to:expr) => {
        fn begin_media(&self, business: PhoneNumberId) -> Result<MediaId, MediaError> {
            let $from = self;
            $to.begin_media(business)
        }

        async fn begin_upload(
            &self,
            business: PhoneNumberId,
            media_type: String,
            size: u64,
        ) -> Result<MediaId, MediaError> {
            let $from = self;
            $to.begin_upload(business, media_type, size).await
        }

        async fn upload(&self, business: PhoneNumberId, media: MediaId) -> Result<Upload, MediaError> {
            let $from = self;
            $to.upload(business, media).await
        }

        async fn upload_chunk(
            &self,
            business: PhoneNumberId,
            media: MediaId,
            index: u32,
        ) -> Result<Bytes, MediaError> {
            let $from = self;
            $to.upload_chunk(business, media, index).await
        }

        async fn put_media_chunk(
            &self,
            business: PhoneNumberId,
            media: MediaId,
            index: u32,
            chunk: Bytes,
        ) -> Result<(), MediaError> {
            let $from = self;
            $to.put_media_chunk(business, media, index, chunk).await
        }

        async fn finish_media(
            &self,
            business: PhoneNumberId,
            media: MediaId,
            described: MediaDescription,
        ) -> Result<(), MediaError> {
            let $from = self;
            $to.finish_media(business, media, described).await
        }

        async fn abandon_media(&self, business: PhoneNumberId, media: MediaId) -> Result<(), MediaError> {
            let $from = self;
            $to.abandon_media(business, media).await
        }

        async fn media(
            &self,
            business: PhoneNumberId,
            media: MediaId,
        ) -> Result<MediaDescription, MediaError> {
            let $from = self;
            $to.media(business, media).await
        }

        async fn read_media(
            &self,
            business: PhoneNumberId,
            media: MediaId,
        ) -> Result<MediaStream, MediaError> {
            let $from = self;
            $to.read_media(business, media).await
        }

        async fn delete_media(&self, business: PhoneNumberId, media: MediaId) -> Result<(), MediaError> {
            let $from = self;
            $to.delete_media(business, media).await
        }
    };
}

impl<S: Store, T: Transport, K: EventSink> MediaApi for Relay<S, T, K> {
    // The relay's own methods come before the trait's.
    forward_media!(relay => relay);
}

impl<D: MediaApi + ?Sized> MediaApi for Arc<D> {
    forward_media!(shared => (**shared));
}

/// [`MediaApi`] in a form of which there can be a `dyn`. Every [`MediaApi`] is one.
pub trait DynMediaApi: Send + Sync + 'static {
    /// As [`MediaApi::begin_media`].
    ///
    /// # Errors
    /// As that.
    fn begin_media_now(&self, business: PhoneNumberId) -> Result<MediaId, MediaError>;

    /// As [`MediaApi::begin_upload`].
    fn begin_upload_boxed(
        &self,
        business: PhoneNumberId,
        media_type: String,
        size: u64,
    ) -> Answering<'_, MediaId, MediaError>;

    /// As [`MediaApi::upload`].
    fn upload_boxed(&self, business: PhoneNumberId, media: MediaId) -> Answering<'_, Upload, MediaError>;

    /// As [`MediaApi::upload_chunk`].
    fn upload_chunk_boxed(
        &self,
        business: PhoneNumberId,
        media: MediaId,
        index: u32,
    ) -> Answering<'_, Bytes, MediaError>;

    /// As [`MediaApi::put_media_chunk`].
    fn put_media_chunk_boxed(
        &self,
        business: PhoneNumberId,
        media: MediaId,
        index: u32,
        chunk: Bytes,
    ) -> Answering<'_, (), MediaError>;

    /// As [`MediaApi::finish_media`].
    fn finish_media_boxed(
        &self,
        business: PhoneNumberId,
        media: MediaId,
        described: MediaDescription,
    ) -> Answering<'_, (), MediaError>;

    /// As [`MediaApi::abandon_media`].
    fn abandon_media_boxed(&self, business: PhoneNumberId, media: MediaId) -> Answering<'_, (), MediaError>;

    /// As [`MediaApi::media`].
    fn media_boxed(
        &self,
        business: PhoneNumberId,
        media: MediaId,
    ) -> Answering<'_, MediaDescription, MediaError>;

    /// As [`MediaApi::read_media`].
    fn read_media_boxed(
        &self,
        business: PhoneNumberId,
        media: MediaId,
    ) -> Answering<'_, MediaStream, MediaError>;

    /// As [`MediaApi::delete_media`].
    fn delete_media_boxed(&self, business: PhoneNumberId, media: MediaId) -> Answering<'_, (), MediaError>;
}

impl<D: MediaApi> DynMediaApi for D {
    fn begin_media_now(&self, business: PhoneNumberId) -> Result<MediaId, MediaError> {
        self.begin_media(business)
    }

    fn begin_upload_boxed(
        &self,
        business: PhoneNumberId,
        media_type: String,
        size: u64,
    ) -> Answering<'_, MediaId, MediaError> {
        Box::pin(self.begin_upload(business, media_type, size))
    }

    fn upload_boxed(&self, business: PhoneNumberId, media: MediaId) -> Answering<'_, Upload, MediaError> {
        Box::pin(self.upload(business, media))
    }

    fn upload_chunk_boxed(
        &self,
        business: PhoneNumberId,
        media: MediaId,
        index: u32,
    ) -> Answering<'_, Bytes, MediaError> {
        Box::pin(self.upload_chunk(business, media, index))
    }

    fn put_media_chunk_boxed(
        &self,
        business: PhoneNumberId,
        media: MediaId,
        index: u32,
        chunk: Bytes,
    ) -> Answering<'_, (), MediaError> {
        Box::pin(self.put_media_chunk(business, media, index, chunk))
    }

    fn finish_media_boxed(
        &self,
        business: PhoneNumberId,
        media: MediaId,
        described: MediaDescription,
    ) -> Answering<'_, (), MediaError> {
        Box::pin(self.finish_media(business, media, described))
    }

    fn abandon_media_boxed(&self, business: PhoneNumberId, media: MediaId) -> Answering<'_, (), MediaError> {
        Box::pin(self.abandon_media(business, media))
    }

    fn media_boxed(
        &self,
        business: PhoneNumberId,
        media: MediaId,
    ) -> Answering<'_, MediaDescription, MediaError> {
        Box::pin(self.media(business, media))
    }

    fn read_media_boxed(
        &self,
        business: PhoneNumberId,
        media: MediaId,
    ) -> Answering<'_, MediaStream, MediaError> {
        Box::pin(self.read_media(business, media))
    }

    fn delete_media_boxed(&self, business: PhoneNumberId, media: MediaId) -> Answering<'_, (), MediaError> {
        Box::pin(self.delete_media(business, media))
    }
}

impl MediaApi for dyn DynRelayApi {
    fn begin_media(&self, business: PhoneNumberId) -> Result<MediaId, MediaError> {
        self.begin_media_now(business)
    }

    async fn begin_upload(
        &self,
        business: PhoneNumberId,
        media_type: String,
        size: u64,
    ) -> Result<MediaId, MediaError> {
        self.begin_upload_boxed(business, media_type, size).await
    }

    async fn upload(&self, business: PhoneNumberId, media: MediaId) -> Result<Upload, MediaError> {
        self.upload_boxed(business, media).await
    }

    async fn upload_chunk(
        &self,
        business: PhoneNumberId,
        media: MediaId,
        index: u32,
    ) -> Result<Bytes, MediaError> {
        self.upload_chunk_boxed(business, media, index).await
    }

    async fn put_media_chunk(
        &self,
        business: PhoneNumberId,
        media: MediaId,
        index: u32,
        chunk: Bytes,
    ) -> Result<(), MediaError> {
        self.put_media_chunk_boxed(business, media, index, chunk).await
    }

    async fn finish_media(
        &self,
        business: PhoneNumberId,
        media: MediaId,
        described: MediaDescription,
    ) -> Result<(), MediaError> {
        self.finish_media_boxed(business, media, described).await
    }

    async fn abandon_media(&self, business: PhoneNumberId, media: MediaId) -> Result<(), MediaError> {
        self.abandon_media_boxed(business, media).await
    }

    async fn media(&self, business: PhoneNumberId, media: MediaId) -> Result<MediaDescription, MediaError> {
        self.media_boxed(business, media).await
    }

    async fn read_media(&self, business: PhoneNumberId, media: MediaId) -> Result<MediaStream, MediaError> {
        self.read_media_boxed(business, media).await
    }

    async fn delete_media(&self, business: PhoneNumberId, media: MediaId) -> Result<(), MediaError> {
        self.delete_media_boxed(business, media).await
    }
}
