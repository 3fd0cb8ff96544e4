//! Files that a message has by their link: fetched once in a while, and then as if they had been uploaded.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bulla_base::{Clock, PhoneNumberId, Timestamp};
use bulla_relay::MediaId;
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use super::upload::{File, UploadError};
use super::{GraphApi, upload};
use crate::api_error::ApiError;
use crate::limits::{
    CACHED_LINKS, LINK_CACHE_SPAN, LINKS_TIMEOUT, MAX_FETCHES, MAX_FETCHES_OF_NUMBER, MAX_LINK_CHARS,
    MAX_LINKS, ROOM_TIMEOUT,
};
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

/// A link, and what its file is known by.
pub(crate) struct Link {
    field: &'static str,
    url: String,
    media: MediaId,
    /// Whether it is still to be fetched.
    is_new: bool,
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
        // Whether they were fetched before makes no difference: a request is refused every time, or never.
        if self.found.len() >= MAX_LINKS {
            let why = format_args!("the request has more links than the {MAX_LINKS} allowed");
            return Err(ApiError::value(field, why));
        }
        let (media, is_new) = match (self.id_of)(field, url)? {
            Known::Fetched(media) => (media, false),
            Known::New(media) => (media, true),
        };
        self.found.push(Link { field, url: url.to_owned(), media, is_new });
        Ok(media)
    }

    /// Those whose files are still to be fetched.
    pub(crate) fn into_new(mut self) -> Vec<Link> {
        self.found.retain(|link| link.is_new);
        self.found
    }
}

/// For whom something was fetched, and the digest of its link.
type Fetched = (PhoneNumberId, [u8; 32]);

/// Which links were fetched lately, for whom, and as what.
pub(crate) struct LinkCache {
    fetched: Mutex<HashMap<Fetched, (MediaId, Timestamp)>>,
    places: Semaphore,
    /// Of each number for which something is being fetched.
    of_numbers: Mutex<HashMap<PhoneNumberId, Arc<Semaphore>>>,
}

/// A place among those who fetch: of the number's, and of everybody's.
struct Place<'a> {
    _of_number: OwnedSemaphorePermit,
    _of_all: SemaphorePermit<'a>,
}

impl Default for LinkCache {
    fn default() -> Self {
        let places = Semaphore::new(MAX_FETCHES);
        Self { fetched: Mutex::default(), places, of_numbers: Mutex::default() }
    }
}

impl LinkCache {
    /// A place, once there is one; nothing when none came within `longest`.
    async fn place(
        &self,
        business: PhoneNumberId,
        longest: Duration,
        clock: &dyn Clock,
    ) -> Option<Place<'_>> {
        let of_number = {
            let mut of_numbers = self.of_numbers.lock().unwrap_or_else(PoisonError::into_inner);
            // Who has a place, or waits for one, holds on to it.
            of_numbers.retain(|_, places| Arc::strong_count(places) > 1);
            let places = of_numbers.entry(business);
            Arc::clone(places.or_insert_with(|| Arc::new(Semaphore::new(MAX_FETCHES_OF_NUMBER))))
        };
        let taking = pin!(async {
            // The number's first: who waits for that takes no place from the others.
            let of_number = of_number.acquire_owned().await.ok()?;
            let of_all = self.places.acquire().await.ok()?;
            Some(Place { _of_number: of_number, _of_all: of_all })
        });
        match select(taking, clock.sleep(longest)).await {
            Either::Left((place, _)) => place,
            Either::Right(_) => None,
        }
    }

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

    /// Fetches what stands at the links, so that the relay has it, within one time for all of them.
    pub(super) async fn fetch_links(
        &self,
        business: PhoneNumberId,
        links: Vec<Link>,
    ) -> Result<(), ApiError> {
        let end = self.clock.now().after(LINKS_TIMEOUT);
        for link in links {
            let longest = ROOM_TIMEOUT.min(end.since(self.clock.now()));
            let _place =
                self.fetched.place(business, longest, &*self.clock).await.ok_or_else(ApiError::busy)?;
            let fetching = pin!(self.fetch_link(business, &link));
            let fetched = match select(fetching, self.clock.sleep(end.since(self.clock.now()))).await {
                Either::Left((fetched, _)) => fetched,
                Either::Right(_) => Err(ApiError::slow_link(link.field, LINKS_TIMEOUT)),
            };
            if let Err(error) = fetched {
                upload::abandon(&*self.relay, business, link.media).await;
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
