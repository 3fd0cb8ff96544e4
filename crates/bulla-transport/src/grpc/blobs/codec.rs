//! Which fields of the messages about blobs are messages.

use bulla_base::Nested;

use crate::grpc::codec::{Bounded, CALLER, with};
use crate::grpc::proto::{
    BeginUploadRequest, BlobRefusal, BlobRequest, DeleteBlobResponse, DownloadFrame, DownloadRequest,
    UploadFrame, UploadProgress,
};

impl Bounded for BlobRequest {
    const NESTED: &'static [Nested] = CALLER;
}

impl Bounded for BeginUploadRequest {
    const NESTED: &'static [Nested] = CALLER;
}

impl Bounded for DownloadRequest {
    const NESTED: &'static [Nested] = CALLER;
}

impl Bounded for UploadFrame {
    const NESTED: &'static [Nested] = &[with(1, CALLER)];
}

impl Bounded for UploadProgress {
    const NESTED: &'static [Nested] = &[];
}

impl Bounded for DownloadFrame {
    const NESTED: &'static [Nested] = &[];
}

impl Bounded for DeleteBlobResponse {
    const NESTED: &'static [Nested] = &[];
}

impl Bounded for BlobRefusal {
    const NESTED: &'static [Nested] = &[];
}
