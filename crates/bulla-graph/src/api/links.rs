//! Files that a message has by their link: fetched once in a while, and then as if they had been uploaded.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};

use bulla_base::{PhoneNumberId, Timestamp};
use bulla_relay::MediaId;
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use super::GraphApi;
use super::upload::{File, UploadError};
use crate::api_error::ApiError;
use crate::limits::{CACHED_LINKS, LINK_CACHE_SPAN, MAX_FETCHES, MAX_LINK_CHARS, ROOM_TIMEOUT};
use crate::{RelayApi, TokenLookup};

/// Tells what is known of a link.
type IdOf<'a> = dyn FnMut(&'static str, &str) -> Result<Known, ApiError> + Send + 'a;

/// The links that stand in one request. Each gets the id that its file will have, or has already.
pub(crate) struct Links<'a> {
    id_of: Box<IdOf<'a>>,
    found: Vec<Link>,
}

/// What is known of a link.
pub(crate) enum Known {
    /// It was fetched a short while ago.
    Fetched(MediaId),
    /// Its file will be this.
    New(MediaId),
}

/// A link whose file is still to be fetched.
pub(crate) struct Link {
    field: &'static str,
    url: String,
    media: MediaId,
}

impl<'a> Links<'a> {
    pub(crate) fn new(id_of: impl FnMut(&'static str, &str) -> Result<Known, ApiError> + Send + 'a) -> Self {
        Self { id_of: Box::new(id_of), found: Vec::new() }
    }

    /// The id of what stands at `url`, which a request says in `field`.
    pub(crate) fn add(&mut self, field: &'static str, url: &str) -> Result<MediaId, ApiError> {
        let chars = url.chars().count();
        if chars > MAX_LINK_CHARS {
            return Err(ApiError::long(field, "characters", chars, MAX_LINK_CHARS));
        }
        // The same twice in one request.
        if let Some(known) = self.found.iter().find(|link| link.url == url) {
            return Ok(known.media);
        }
        Ok(match (self.id_of)(field, url)? {
            Known::Fetched(media) => media,
            Known::New(media) => {
                self.found.push(Link { field, url: url.to_owned(), media });
                media
            }
        })
    }

    pub(crate) fn into_found(self) -> Vec<Link> {
        self.found
    }
}

/// For whom something was fetched, and the digest of its link.
type Fetched = (PhoneNumberId, [u8; 32]);

/// Which links were fetched lately, for whom, and as what.
pub(crate) struct LinkCache {
    fetched: Mutex<HashMap<Fetched, (MediaId, Timestamp)>>,
    places: Semaphore,
}

impl Default for LinkCache {
    fn default() -> Self {
        Self { fetched: Mutex::default(), places: Semaphore::new(MAX_FETCHES) }
    }
}

impl LinkCache {
    fn find(&self, business: PhoneNumberId, url: &str, now: Timestamp) -> Option<MediaId> {
        let fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        let (media, until) = fetched.get(&(business, Sha256::digest(url).into()))?;
        (now < *until).then_some(*media)
    }

    fn put(&self, business: PhoneNumberId, url: &str, media: MediaId, now: Timestamp) {
        let mut fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        if fetched.len() >= CACHED_LINKS {
            fetched.retain(|_, (_, until)| now < *until);
        }
        if fetched.len() >= CACHED_LINKS {
            // They are fetched once more.
            fetched.clear();
        }
        fetched.insert((business, Sha256::digest(url).into()), (media, now.after(LINK_CACHE_SPAN)));
    }
}

impl<D: RelayApi, A: TokenLookup> GraphApi<D, A> {
    /// The links of a request of `business`, as they are found.
    pub(super) fn links_of(&self, business: PhoneNumberId) -> Links<'_> {
        Links::new(move |field, url| {
            if self.fetcher.is_none() {
                return Err(ApiError::unsupported(format!(
                    "{field}: files are not fetched from links here; upload the file and send its id"
                )));
            }
            if let Some(media) = self.fetched.find(business, url, self.clock.now()) {
                return Ok(Known::Fetched(media));
            }
            self.relay.begin_media(business).map(Known::New).map_err(|error| self.failed(error))
        })
    }

    /// Fetches what stands at the links, so that the relay has it.
    pub(super) async fn fetch_links(
        &self,
        business: PhoneNumberId,
        links: Vec<Link>,
    ) -> Result<(), ApiError> {
        for link in links {
            let place = pin!(self.fetched.places.acquire());
            let _place = match select(place, self.clock.sleep(ROOM_TIMEOUT)).await {
                Either::Left((Ok(place), _)) => place,
                _ => return Err(ApiError::busy()),
            };
            if let Err(error) = self.fetch_link(business, &link).await {
                // What came of it goes with its day if this fails, too.
                let _ = self.relay.abandon_media(business, link.media).await;
                return Err(error);
            }
            self.fetched.put(business, &link.url, link.media, self.clock.now());
        }
        Ok(())
    }

    async fn fetch_link(&self, business: PhoneNumberId, link: &Link) -> Result<(), ApiError> {
        let fetcher = self.fetcher.as_ref().ok_or_else(ApiError::busy)?;
        let failed = |error: crate::LinkError| ApiError::link(link.field, &error);
        let mut fetched = fetcher.fetch(&link.url).await.map_err(failed)?;
        let mut file = File::new(&*self.relay, business, link.media);
        let storing = |error| match error {
            UploadError::Refused(api_error) => api_error,
            UploadError::Media(error) => self.failed(error),
        };
        while let Some(piece) = fetched.bytes.next().await {
            file.push(piece.map_err(failed)?).await.map_err(storing)?;
        }
        if file.is_empty() {
            return Err(ApiError::media(format!("{}: there is nothing at it", link.field)));
        }
        // A server that does not know what it has says this.
        let declared =
            fetched.media_type.as_deref().filter(|kind| !kind.starts_with("application/octet-stream"));
        file.finish(declared).await.map_err(storing)
    }
}

#[cfg(test)]
mod tests {
    use bulla_base::{MessageId, SeededRng};

    use super::*;

    fn media(seed: u64) -> MediaId {
        let id = MessageId::new(Timestamp::from_millis(9), &SeededRng::new(seed));
        MediaId::from_bytes(*id.as_bytes()).unwrap()
    }

    #[test]
    fn a_link_is_remembered_for_ten_minutes_and_for_its_number_alone() {
        let (cache, at) = (LinkCache::default(), |secs: u64| Timestamp::from_millis(secs * 1000));
        let [one, other] = [1, 2].map(PhoneNumberId::new);
        cache.put(one, "a", media(1), at(0));
        assert_eq!(cache.find(one, "a", at(599)), Some(media(1)));
        assert_eq!(cache.find(one, "a", at(600)), None);
        assert_eq!(cache.find(other, "a", at(0)), None);
        assert_eq!(cache.find(one, "b", at(0)), None);
    }

    #[test]
    fn as_many_links_as_may_be_are_remembered_and_with_one_more_the_others_forgotten() {
        let (cache, at) = (LinkCache::default(), Timestamp::from_millis(0));
        let of = PhoneNumberId::new(1);
        for count in 0..CACHED_LINKS {
            cache.put(of, &count.to_string(), media(1), at);
        }
        assert!(cache.find(of, "0", at).is_some());
        cache.put(of, "more", media(2), at);
        assert_eq!((cache.find(of, "0", at), cache.find(of, "more", at)), (None, Some(media(2))));
    }
}
