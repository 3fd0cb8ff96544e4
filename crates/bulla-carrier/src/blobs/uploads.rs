use std::io;

use bulla_base::{Day, Partition};
use bulla_store::{Batch, Commit, Store, StoreError, Version};
use bulla_transport::{BlobError, BlobPart, BlobProgress, BlobSize, TransportError};
use bytes::Bytes;

use super::row::{UploadRow, Usage, upload_key, usage_key};
use super::work::{BlobWork, Held};
use super::{BlobName, BlobQuota, FoundBlob};
use crate::carrier::store_failed;

/// An upload as it was found: where, its row, and the version of that.
struct Upload {
    day: Day,
    file: FoundBlob,
    row: UploadRow,
    version: Version,
}

impl<S: Store> BlobWork<S> {
    /// Begins an upload, or says how far it has come. The row is first: what is counted for nothing is
    /// harmless and passes with the day, and an erasure finds by it what is about to be made.
    pub(super) async fn begin(
        &self,
        uploader: Partition,
        name: BlobName,
        size: BlobSize,
        quota: BlobQuota,
        _held: Held,
    ) -> Result<BlobProgress, BlobError> {
        if let Some((day, file)) = self.find(&name).await? {
            let upload = self.upload_row(uploader, &name, day, file).await?.ok_or(BlobError::Taken)?;
            if upload.row.size != size.bytes() {
                return Err(BlobError::Taken);
            }
            return self.settled(uploader, &name, upload).await;
        }
        let day = self.clock.now().day();
        let row = UploadRow::new(size.bytes());
        let before = self.row(uploader, day, &name).await?;
        self.change(uploader, day, &name, before, Some(row), Some(quota)).await?;
        self.on_disk(move |files| files.create(day, &name)).await?;
        Ok(BlobProgress::new(0, size))
    }

    /// Puts `part` at `offset`: the file first, and then the row, which makes it so.
    pub(super) async fn put(
        &self,
        uploader: Partition,
        name: BlobName,
        offset: u64,
        mut part: Bytes,
        _held: Held,
    ) -> Result<BlobProgress, BlobError> {
        let upload = self.own_upload(uploader, &name).await?;
        let Upload { day, row, version, .. } = upload;
        let (actual, limit) = (offset.saturating_add(part.len() as u64), row.size);
        if actual > limit {
            return Err(BlobError::TooLarge { field: "upload (bytes)", actual, limit });
        }
        let stored = row.stored;
        if offset > stored {
            return Err(BlobError::Gap { offset, stored });
        }
        if actual <= stored || upload.file.is_complete {
            return self.settled(uploader, &name, upload).await;
        }
        // What is durable already is passed over.
        let known = usize::try_from(stored - offset).unwrap_or(usize::MAX).min(part.len());
        let part = part.split_off(known);
        self.on_disk(move |files| files.write(day, &name, stored, &part)).await?;
        let now = UploadRow { stored: actual, ..row };
        self.change(uploader, day, &name, Some((row, version)), Some(now), None).await?;
        if now.is_complete() {
            self.on_disk(move |files| files.complete(day, &name)).await?;
        }
        self.told(now)
    }

    /// How far an upload is.
    pub(super) async fn progress(
        &self,
        uploader: Partition,
        name: BlobName,
        _held: Held,
    ) -> Result<BlobProgress, BlobError> {
        let upload = self.own_upload(uploader, &name).await?;
        self.settled(uploader, &name, upload).await
    }

    /// Deletes a blob: the file first, so that no file is left without a row to find it by.
    pub(super) async fn delete(
        &self,
        uploader: Partition,
        name: BlobName,
        _held: Held,
    ) -> Result<(), BlobError> {
        let Some((day, file)) = self.find(&name).await? else { return Ok(()) };
        let Some(upload) = self.upload_row(uploader, &name, day, file).await? else {
            return Err(BlobError::Unknown);
        };
        self.on_disk(move |files| files.remove(day, &name)).await?;
        self.change(uploader, day, &name, Some((upload.row, upload.version)), None, None).await
    }

    /// Bytes of a complete blob, whoever has uploaded it.
    pub(super) async fn read(
        &self,
        name: BlobName,
        offset: u64,
        at_most: usize,
    ) -> Result<BlobPart, BlobError> {
        let (day, file) = self.find(&name).await?.ok_or(BlobError::Unknown)?;
        if !file.is_complete {
            return Err(BlobError::Incomplete);
        }
        if offset > file.bytes {
            return Err(BlobError::TooLarge { field: "range (bytes)", actual: offset, limit: file.bytes });
        }
        let bytes = self.on_disk(move |files| files.read(day, &name, offset, at_most)).await?;
        Ok(BlobPart::new(file.bytes, bytes))
    }

    /// The upload with this name, if it is this uploader's.
    async fn own_upload(&self, uploader: Partition, name: &BlobName) -> Result<Upload, BlobError> {
        let (day, file) = self.find(name).await?.ok_or(BlobError::Unknown)?;
        self.upload_row(uploader, name, day, file).await?.ok_or(BlobError::Unknown)
    }

    async fn upload_row(
        &self,
        uploader: Partition,
        name: &BlobName,
        day: Day,
        file: FoundBlob,
    ) -> Result<Option<Upload>, BlobError> {
        let row = self.row(uploader, day, name).await?;
        let Some((row, version)) = row else { return Ok(None) };
        if file.bytes < row.stored {
            let lost = io::Error::other("a blob's file is shorter than what was acknowledged of it");
            return Err(TransportError::carrier_failed(lost).into());
        }
        Ok(Some(Upload { day, file, row, version }))
    }

    /// How far an upload is, once row and file say the same: a crash may have come in between.
    async fn settled(
        &self,
        uploader: Partition,
        name: &BlobName,
        upload: Upload,
    ) -> Result<BlobProgress, BlobError> {
        let Upload { day, file, row, version } = upload;
        let (now, name) = (if file.is_complete { row.size } else { row.stored }, *name);
        let now = UploadRow { stored: now, ..row };
        if now != row {
            self.change(uploader, day, &name, Some((row, version)), Some(now), None).await?;
        }
        if now.is_complete() && !file.is_complete {
            self.on_disk(move |files| files.complete(day, &name)).await?;
        }
        self.told(now)
    }

    fn told(&self, row: UploadRow) -> Result<BlobProgress, BlobError> {
        let size = BlobSize::new(row.size).map_err(|_| damaged("upload of a blob"))?;
        Ok(BlobProgress::new(row.stored, size))
    }

    async fn row(
        &self,
        uploader: Partition,
        day: Day,
        name: &BlobName,
    ) -> Result<Option<(UploadRow, Version)>, BlobError> {
        let record = self.store.get(uploader, &upload_key(day, name), self.clock.now()).await;
        let Some(record) = record.map_err(store_failed)? else { return Ok(None) };
        let row = UploadRow::read(&record.value).ok_or_else(|| damaged("upload of a blob"))?;
        Ok(Some((row, record.version)))
    }

    /// Makes of one row another, or none, and counts it in the same batch, if it is to be counted. With a
    /// `quota`, only if that allows it.
    async fn change(
        &self,
        uploader: Partition,
        day: Day,
        name: &BlobName,
        from: Option<(UploadRow, Version)>,
        to: Option<UploadRow>,
        quota: Option<BlobQuota>,
    ) -> Result<(), BlobError> {
        let (key, expiry) = (upload_key(day, name), self.storage.settings.expiry(day));
        let mut batch = Batch::new(uploader);
        batch.expect(key.clone(), from.map(|(_, version)| version));
        match to {
            Some(row) => batch.put_until(key, row.to_bytes(), expiry),
            None => batch.delete(key),
        }
        let from = from.map(|(row, _)| row);
        // Who counts is alone at it; a part in the middle of a blob counts nothing.
        let _lock = self.usage_lock(uploader).lock().await;
        if Usage::default().changed(None, from) != Usage::default().changed(None, to) {
            let held = self.store.get(uploader, &usage_key(day), self.clock.now()).await;
            let held = held.map_err(store_failed)?;
            let usage = match &held {
                Some(record) => Usage::read(&record.value).ok_or_else(|| damaged("usage of blobs"))?,
                None => Usage::default(),
            };
            let usage = usage.changed(from, to);
            if let Some(quota) = quota {
                quota.check(&usage)?;
            }
            batch.expect(usage_key(day), held.map(|record| record.version));
            batch.put_until(usage_key(day), usage.to_bytes(), expiry);
        }
        match self.store.commit(batch).await.map_err(store_failed)? {
            Commit::Committed(_) => Ok(()),
            // Not by this carrier, which holds the locks, unless one before it was still at it.
            _ => Err(TransportError::unavailable("the upload was changed meanwhile").into()),
        }
    }
}

fn damaged(what: &'static str) -> BlobError {
    store_failed(StoreError::Damaged { what }).into()
}
