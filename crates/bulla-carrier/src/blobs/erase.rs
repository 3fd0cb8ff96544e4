use std::io;

use bulla_base::Partition;
use bulla_store::{BEFORE_ALL, Scan, Store, StoreError};

use super::{BlobName, BlobWork, disk_unavailable};
use crate::limits::ERASE_PAGE;
use crate::store_layout::BLOB;

impl<S: Store> BlobWork<S> {
    /// Removes the files of everything an uploader has uploaded, or begun to. The rows are needed for that,
    /// and go with the uploader's partition afterwards.
    ///
    /// To be called when the uploader may begin nothing more. What was under way is waited for.
    pub(crate) async fn erase_files(&self, uploader: Partition) -> Result<(), StoreError> {
        let _alone = self.hold_all(uploader).await;
        let everything = Scan::everything(BLOB).limit(ERASE_PAGE);
        let mut scan = everything.clone();
        loop {
            let page = self.store.keys(uploader, &scan, BEFORE_ALL).await?;
            let Some(last) = page.last() else { return Ok(()) };
            scan = everything.clone().after(last.clone());
            let named = page.iter().map(|key| {
                let name =
                    key.name()[..].try_into().map_err(|_| StoreError::Damaged { what: "name of a blob" });
                name.map(|name| (key.day(), BlobName::from_bytes(name)))
            });
            let named = named.collect::<Result<Vec<_>, _>>()?;
            let removed = self.on_disk(move |files| {
                let gone = |(day, name): &(_, _)| match files.remove(*day, name) {
                    // Its day was dropped meanwhile.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                    removed => removed,
                };
                named.iter().try_for_each(gone)
            });
            removed.await.map_err(disk_unavailable)?;
        }
    }
}
