//! Stand-ins for the relay: one that records what it is asked, one that blocks.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bulla_base::{BusinessAccountId, Category, MessageId, Number, PhoneNumberId, SeededRng, Timestamp};
use bulla_content::Template;
use bulla_graph::{
    Answering, CodeMethod, CodeNotSent, ConfigurationPage, ManagementApi, MediaApi, NumberCodes, RelayApi,
    TemplateApi,
};
use bulla_meter::{Period, UsageKey};
use bulla_relay::{
    BusinessStanding, ConfigurationError, ConfigurationKey, ConfigurationOwner, Configured, Counted,
    MAX_UPLOADS, MarkReadError, MediaDescription, MediaError, MediaId, MediaStream, MessageRef,
    MessageTemplate, Outgoing, OutgoingTemplate, PageStart, SubmitError, TemplateDefinition, TemplateError,
    TemplateId, TemplatePage, TemplateQuery, TemplateRefusal, TemplateStatus, TemplateText, Upload,
    UsagePage, UserId, Version,
};
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::Semaphore;

use crate::sockets::within;

/// The numbers the relay speaks for.
pub(crate) const NUMBER: PhoneNumberId = PhoneNumberId::new(106_540_352_242_922);
pub(crate) const OTHER_NUMBER: PhoneNumberId = PhoneNumberId::new(7);

/// The account of [`NUMBER`].
pub(crate) const ACCOUNT: BusinessAccountId = BusinessAccountId::new(102_290_129_340_398);

/// The account of [`OTHER_NUMBER`].
pub(crate) const OTHER_ACCOUNT: BusinessAccountId = BusinessAccountId::new(8);

/// What users see of the business.
pub(crate) fn own_number() -> Number {
    Number::parse("15550783881").unwrap()
}

/// What the relay was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a test makes a few")]
pub(crate) enum Asked {
    Submit(PhoneNumberId, Outgoing),
    MarkRead(PhoneNumberId, MessageRef),
    ShowTyping(PhoneNumberId, MessageRef),
}

/// A relay that writes down what it is asked, and fails when it was told to.
#[derive(Debug, Default)]
pub(crate) struct RecordingRelay {
    asked: Mutex<Vec<Asked>>,
    failure: Mutex<Option<MarkReadError>>,
    media: Mutex<BTreeMap<MediaId, Kept>>,
    templates: Mutex<BTreeMap<(String, String), MessageTemplate>>,
    configuration: Mutex<BTreeMap<(u8, Bytes), Configured>>,
    blocked: Mutex<BTreeSet<Number>>,
    is_deregistered: AtomicBool,
    /// What the carrier has said of it.
    pub(crate) standing: Mutex<Option<BusinessStanding>>,
    sent: Mutex<BTreeMap<UsageKey, u64>>,
    delivered: Mutex<BTreeMap<UsageKey, u64>>,
    /// How many counts it has told.
    pub(crate) counts_told: AtomicUsize,
    /// Whether it keeps how long chunks are, and not what is in them.
    pub(crate) forgets_bytes: AtomicBool,
}

/// What it keeps of media, in chunks; described once it is all there.
#[derive(Debug, Default, Clone)]
struct Kept {
    chunks: Vec<Bytes>,
    described: Option<MediaDescription>,
    /// What was said of one that comes in several parts.
    said: Option<Upload>,
}

impl RecordingRelay {
    /// Fails the next call.
    pub(crate) fn fail(&self, failure: impl Into<MarkReadError>) {
        *self.failure.lock().unwrap() = Some(failure.into());
    }

    /// Keeps a record, as a request leaves it that was broken off.
    pub(crate) fn configured_before(&self, (kind, name): (u8, String), value: &str) {
        let record = Configured::new(Bytes::copy_from_slice(value.as_bytes()), Version::new(1));
        self.configuration.lock().unwrap().insert((kind, name.into()), record);
    }

    /// How many records of a kind it keeps.
    pub(crate) fn configured_of(&self, kind: u8) -> usize {
        self.configuration.lock().unwrap().keys().filter(|(of, _)| *of == kind).count()
    }

    /// All that it keeps.
    pub(crate) fn all_configured(&self) -> String {
        let all = self.configuration.lock().unwrap();
        all.values().map(|record| String::from_utf8_lossy(&record.value).into_owned()).collect()
    }

    /// Counts messages.
    pub(crate) fn count(&self, of: Counted, key: UsageKey, units: u64) {
        *self.counted(of).lock().unwrap().entry(key).or_default() += units;
    }

    fn counted(&self, of: Counted) -> &Mutex<BTreeMap<UsageKey, u64>> {
        if of == Counted::Sent { &self.sent } else { &self.delivered }
    }

    /// What it was asked since last.
    pub(crate) fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

/// Ids go by the clock of nobody: each is one more than the one before.
impl MediaApi for RecordingRelay {
    fn begin_media(&self, _: PhoneNumberId) -> Result<MediaId, MediaError> {
        let mut kept = self.media.lock().unwrap();
        let id = media(kept.len() as u64);
        kept.insert(id, Kept::default());
        Ok(id)
    }

    async fn begin_upload(
        &self,
        of: PhoneNumberId,
        media_type: String,
        size: u64,
    ) -> Result<MediaId, MediaError> {
        let mut kept = self.media.lock().unwrap();
        let limit = MAX_UPLOADS;
        if kept.values().filter(|kept| kept.said.is_some()).count() == limit {
            return Err(MediaError::TooMany { limit });
        }
        assert_eq!(of, NUMBER);
        let id = media(kept.len() as u64);
        kept.insert(id, Kept { said: Some(Upload::new(media_type, size)), ..Kept::default() });
        Ok(id)
    }

    async fn upload(&self, of: PhoneNumberId, id: MediaId) -> Result<Upload, MediaError> {
        let kept = self.media.lock().unwrap();
        let kept = kept.get(&id).filter(|_| of == NUMBER).ok_or(MediaError::Unknown)?;
        if let Some(described) = &kept.described {
            return Ok(Upload::new(described.media_type(), described.size()).finished());
        }
        let received = kept.chunks.iter().map(|chunk| chunk.len() as u64).sum();
        Ok(kept.said.clone().ok_or(MediaError::Unknown)?.received(received))
    }

    async fn upload_chunk(&self, _: PhoneNumberId, id: MediaId, index: u32) -> Result<Bytes, MediaError> {
        let kept = self.media.lock().unwrap();
        let chunk = kept[&id].chunks.get(usize::try_from(index).unwrap());
        chunk.cloned().ok_or(MediaError::Unknown)
    }

    async fn put_media_chunk(
        &self,
        _: PhoneNumberId,
        id: MediaId,
        index: u32,
        chunk: Bytes,
    ) -> Result<(), MediaError> {
        let mut kept = self.media.lock().unwrap();
        let chunks = &mut kept.get_mut(&id).unwrap().chunks;
        let index = usize::try_from(index).unwrap();
        // The last one of an upload that broke off is put again, with more.
        assert!(index == chunks.len() || index + 1 == chunks.len());
        chunks.truncate(index);
        let forgets = self.forgets_bytes.load(Ordering::Relaxed);
        chunks.push(if forgets { Bytes::new() } else { chunk });
        Ok(())
    }

    async fn finish_media(
        &self,
        _: PhoneNumberId,
        id: MediaId,
        described: MediaDescription,
    ) -> Result<(), MediaError> {
        self.media.lock().unwrap().get_mut(&id).unwrap().described = Some(described);
        Ok(())
    }

    async fn abandon_media(&self, _: PhoneNumberId, id: MediaId) -> Result<(), MediaError> {
        self.media.lock().unwrap().insert(id, Kept::default());
        Ok(())
    }

    async fn media(&self, of: PhoneNumberId, id: MediaId) -> Result<MediaDescription, MediaError> {
        let kept = self.media.lock().unwrap();
        let described = kept.get(&id).and_then(|kept| kept.described.clone());
        described.filter(|_| of == NUMBER).ok_or(MediaError::Unknown)
    }

    async fn read_media(&self, of: PhoneNumberId, id: MediaId) -> Result<MediaStream, MediaError> {
        self.media(of, id).await?;
        let chunks = self.media.lock().unwrap()[&id].chunks.clone();
        Ok(MediaStream::new(stream::iter(chunks.into_iter().map(Ok))))
    }

    async fn delete_media(&self, of: PhoneNumberId, id: MediaId) -> Result<(), MediaError> {
        self.media(of, id).await?;
        self.abandon_media(of, id).await
    }
}

impl RecordingRelay {
    /// What the operator says of a template.
    pub(crate) fn review_template(&self, id: &str, status: TemplateStatus) {
        let mut templates = self.templates.lock().unwrap();
        let known = templates.values_mut().find(|known| known.id.to_string() == id);
        known.unwrap().status = status;
    }

    /// Keeps templates of these names, as if they had been created.
    pub(crate) async fn keep_templates(&self, names: [&str; 2]) {
        for name in names {
            let body = TemplateText::new("Hello");
            let definition = TemplateDefinition::new(name, "en_US", Category::Utility, body);
            self.create_template(NUMBER, definition).await.unwrap();
        }
    }

    /// Keeps a picture, as if it had been uploaded.
    pub(crate) async fn keep_media(&self, of: PhoneNumberId, bytes: &'static [u8]) {
        let id = self.begin_media(of).unwrap();
        self.put_media_chunk(of, id, 0, Bytes::from_static(bytes)).await.unwrap();
        let described = MediaDescription::new("image/png", bytes.len() as u64, [7; 32]).unwrap();
        self.finish_media(of, id, described).await.unwrap();
    }
}

/// Every template is approved, and its id counts up. One that is changed is looked at, unless it is paused.
impl TemplateApi for RecordingRelay {
    fn account(&self, business: PhoneNumberId) -> Option<BusinessAccountId> {
        match business {
            NUMBER => Some(ACCOUNT),
            OTHER_NUMBER => Some(OTHER_ACCOUNT),
            _ => None,
        }
    }

    async fn create_template(
        &self,
        _: PhoneNumberId,
        definition: TemplateDefinition,
    ) -> Result<MessageTemplate, TemplateError> {
        definition.check()?;
        let mut templates = self.templates.lock().unwrap();
        let key = (definition.name().to_owned(), definition.language().to_owned());
        if templates.contains_key(&key) {
            return Err(TemplateError::Exists);
        }
        let id = TemplateId::from_number(1_000_000_000_000_000 + templates.len() as u64).unwrap();
        let template = MessageTemplate::new(id, definition, TemplateStatus::Approved);
        templates.insert(key, template.clone());
        Ok(template)
    }

    async fn template(&self, of: PhoneNumberId, id: TemplateId) -> Result<MessageTemplate, TemplateError> {
        let templates = self.templates.lock().unwrap();
        let known = templates.values().find(|known| known.id == id && of == NUMBER);
        known.cloned().ok_or(TemplateError::Unknown)
    }

    async fn templates(&self, _: PhoneNumberId, query: TemplateQuery) -> Result<TemplatePage, TemplateError> {
        let templates = self.templates.lock().unwrap();
        let found = templates.iter().filter(|(_, known)| query.takes(known));
        let mut found = page(query.place(), found.map(|(key, known)| (key.clone(), known.clone())));
        let has_more = found.len() > query.limit();
        found.truncate(query.limit());
        let next = found.last().filter(|_| has_more).map(|(key, _)| key.clone());
        let found = in_order(query.place(), found).into_iter().map(|(_, known)| known).collect();
        Ok(TemplatePage::new(found, next, templates.len() as u64))
    }

    async fn edit_template(
        &self,
        of: PhoneNumberId,
        id: TemplateId,
        definition: TemplateDefinition,
    ) -> Result<MessageTemplate, TemplateError> {
        let mut known = self.template(of, id).await?;
        known.definition = definition;
        if known.status != TemplateStatus::Paused {
            known.status = TemplateStatus::Pending;
        }
        let key = (known.definition.name().to_owned(), known.definition.language().to_owned());
        self.templates.lock().unwrap().insert(key, known.clone());
        Ok(known)
    }

    async fn delete_template(&self, of: PhoneNumberId, id: TemplateId) -> Result<(), TemplateError> {
        self.template(of, id).await?;
        self.templates.lock().unwrap().retain(|_, known| known.id != id);
        Ok(())
    }

    async fn delete_templates(&self, _: PhoneNumberId, name: String) -> Result<usize, TemplateError> {
        let mut templates = self.templates.lock().unwrap();
        let before = templates.len();
        templates.retain(|(known, _), _| *known != name);
        match before - templates.len() {
            0 => Err(TemplateError::Unknown),
            count => Ok(count),
        }
    }

    /// None is called `unknown`, and no file that one has is known.
    async fn preview_template(
        &self,
        _: PhoneNumberId,
        message: OutgoingTemplate,
    ) -> Result<(Category, Template), SubmitError> {
        match message.name() {
            "unknown" => Err(TemplateRefusal::Unknown { nearest: None }.into()),
            _ => Err(SubmitError::UnknownMedia),
        }
    }
}

/// What is configured is kept as it is put, whosever it is; a user's id is their number.
impl ManagementApi for RecordingRelay {
    fn configured(
        &self,
        _: PhoneNumberId,
        key: ConfigurationKey,
    ) -> Answering<'_, Option<Configured>, ConfigurationError> {
        let known = self.configuration.lock().unwrap().get(&(key.kind(), key.name().clone())).cloned();
        Box::pin(async { Ok(known) })
    }

    fn configure(
        &self,
        _: PhoneNumberId,
        key: ConfigurationKey,
        since: Option<Version>,
        value: Option<Bytes>,
    ) -> Answering<'_, (), ConfigurationError> {
        let mut all = self.configuration.lock().unwrap();
        let key = (key.kind(), key.name().clone());
        let known = all.get(&key).map(|known| known.version);
        let next = Version::new(known.map_or(1, |known| known.number() + 1));
        let outcome = if known == since { Ok(()) } else { Err(ConfigurationError::Changed) };
        match value {
            _ if outcome.is_err() => {}
            Some(value) => drop(all.insert(key, Configured::new(value, next))),
            None => drop(all.remove(&key)),
        }
        Box::pin(async { outcome })
    }

    fn configuration(
        &self,
        _: PhoneNumberId,
        (owner, kind): (ConfigurationOwner, Option<u8>),
        start: PageStart<ConfigurationKey>,
        limit: usize,
    ) -> Answering<'_, ConfigurationPage, ConfigurationError> {
        let all = self.configuration.lock().unwrap();
        let start = start.map(|place| (place.kind(), place.name().clone()));
        let of_kind = all.iter().filter(|((of, _), _)| kind.is_none_or(|kind| kind == *of));
        let mut found = page(&start, of_kind.map(|(key, known)| (key.clone(), known.clone())));
        found.truncate(limit);
        let record =
            |((kind, name), known): ((u8, Bytes), _)| (ConfigurationKey::new(owner, kind, name), known);
        let page = in_order(&start, found).into_iter().map(record).collect();
        Box::pin(async { Ok(page) })
    }

    fn set_blocked(
        &self,
        _: PhoneNumberId,
        user: Number,
        is_blocked: bool,
    ) -> Answering<'_, bool, ConfigurationError> {
        let mut blocked = self.blocked.lock().unwrap();
        let has_changed = if is_blocked { blocked.insert(user) } else { blocked.remove(&user) };
        Box::pin(async move { Ok(has_changed) })
    }

    fn blocked(
        &self,
        _: PhoneNumberId,
        start: PageStart<UserId>,
        limit: usize,
    ) -> Answering<'_, Vec<(UserId, Number)>, ConfigurationError> {
        let blocked = self.blocked.lock().unwrap();
        let id = |number: &Number| UserId::from_bytes(number.digits().parse::<u128>().unwrap().to_be_bytes());
        let mut all: Vec<_> = blocked.iter().map(|number| (*id(number).as_bytes(), number.clone())).collect();
        all.sort();
        let start = start.map(|user| *user.as_bytes());
        let mut found = page(&start, all.into_iter());
        found.truncate(limit);
        let user = |(id, number)| (UserId::from_bytes(id), number);
        let page = in_order(&start, found).into_iter().map(user).collect();
        Box::pin(async { Ok(page) })
    }

    fn usage_page(
        &self,
        business: PhoneNumberId,
        of: Counted,
        period: Period,
        after: Option<UsageKey>,
    ) -> Answering<'_, UsagePage, ConfigurationError> {
        let all = self.counted(of).lock().unwrap();
        let begin = after.map_or(Bound::Unbounded, Bound::Excluded);
        let is_asked = |key: &UsageKey| key.number() == business && period.contains(key.hour());
        let found = all.range((begin, Bound::Unbounded)).filter(|(key, _)| is_asked(key));
        let page: UsagePage = found.take(4096).map(|(key, units)| (*key, *units)).collect();
        self.counts_told.fetch_add(page.len(), Ordering::Relaxed);
        Box::pin(async { Ok(page) })
    }

    fn numbers_of(&self, account: BusinessAccountId) -> Vec<PhoneNumberId> {
        if account == ACCOUNT { vec![NUMBER, OTHER_NUMBER] } else { Vec::new() }
    }

    fn set_registered(&self, _: PhoneNumberId, is_registered: bool) -> Answering<'_, (), ConfigurationError> {
        self.is_deregistered.store(!is_registered, Ordering::Relaxed);
        Box::pin(async { Ok(()) })
    }

    fn is_registered(&self, _: PhoneNumberId) -> Result<bool, SubmitError> {
        Ok(!self.is_deregistered.load(Ordering::Relaxed))
    }

    fn standing(&self, _: PhoneNumberId) -> Answering<'_, Option<BusinessStanding>, ConfigurationError> {
        let standing = *self.standing.lock().unwrap();
        Box::pin(async move { Ok(standing) })
    }
}

/// Of `all`, which are in order, those from `start`; the nearest first.
fn page<K: Ord, T>(start: &PageStart<K>, all: impl Iterator<Item = (K, T)>) -> Vec<(K, T)> {
    let is_asked = |(key, _): &(K, T)| match start {
        PageStart::First => true,
        PageStart::After(place) => key > place,
        PageStart::Before(place) => key < place,
    };
    in_order(start, all.filter(is_asked).collect())
}

fn in_order<K, T>(start: &PageStart<K>, mut page: Vec<T>) -> Vec<T> {
    if start.is_back() {
        page.reverse();
    }
    page
}

/// Tells codes to nobody but the test.
#[derive(Debug, Default)]
pub(crate) struct Codes {
    pub(crate) told: Mutex<Vec<(String, CodeMethod)>>,
    pub(crate) verified: Mutex<Vec<PhoneNumberId>>,
}

impl NumberCodes for Codes {
    fn send<'a>(
        &'a self,
        number: &'a Number,
        code: &'a str,
        by: CodeMethod,
        _: &'a str,
    ) -> Answering<'a, (), CodeNotSent> {
        assert_eq!(*number, own_number());
        self.told.lock().unwrap().push((code.to_owned(), by));
        Box::pin(async { Ok(()) })
    }

    fn verified(&self, business: PhoneNumberId) {
        self.verified.lock().unwrap().push(business);
    }
}

/// The name of the media of [`NUMBER`] that was begun after so many others. Written here anew, so that a
/// change of the form is noticed.
pub(crate) fn media_name(count: u64) -> String {
    format!("1{:0>20}{:0>39}", NUMBER.to_string(), u128::from_be_bytes(media(count).to_bytes()))
}

/// The id of the media that was begun after so many others.
pub(crate) fn media(count: u64) -> MediaId {
    let id = MessageId::new(Timestamp::from_millis(1_795_293_590_960 + count), &SeededRng::new(1));
    MediaId::from_bytes(*id.as_bytes()).unwrap()
}

impl RelayApi for RecordingRelay {
    fn number(&self, business: PhoneNumberId) -> Option<Number> {
        [NUMBER, OTHER_NUMBER].contains(&business).then(own_number)
    }

    async fn submit(&self, from: PhoneNumberId, message: Outgoing) -> Result<MessageRef, SubmitError> {
        if let Some(failure) = self.failure.lock().unwrap().take() {
            match failure {
                MarkReadError::Submit(failure) => return Err(failure),
                other => panic!("accept cannot fail so: {other}"),
            }
        }
        self.asked.lock().unwrap().push(Asked::Submit(from, message));
        Ok(reference(1))
    }

    async fn mark_read(&self, business: PhoneNumberId, message: MessageRef) -> Result<(), MarkReadError> {
        if let Some(failure) = self.failure.lock().unwrap().take() {
            return Err(failure);
        }
        self.asked.lock().unwrap().push(Asked::MarkRead(business, message));
        Ok(())
    }

    async fn mark_read_and_show_typing(
        &self,
        business: PhoneNumberId,
        message: MessageRef,
    ) -> Result<(), MarkReadError> {
        self.asked.lock().unwrap().push(Asked::ShowTyping(business, message));
        Ok(())
    }
}

/// A relay that lets messages wait until it is opened.
#[derive(Debug)]
pub(crate) struct BlockingRelay {
    entered: Semaphore,
    open: Semaphore,
    breaks_down: AtomicBool,
}

impl Default for BlockingRelay {
    fn default() -> Self {
        Self { entered: Semaphore::new(0), open: Semaphore::new(0), breaks_down: AtomicBool::new(false) }
    }
}

impl BlockingRelay {
    /// Lets `messages` through.
    pub(crate) fn open(&self, messages: usize) {
        self.open.add_permits(messages);
    }

    /// Waits for one more message to have come.
    pub(crate) async fn is_entered(&self) {
        within(self.entered.acquire()).await.unwrap().forget();
    }

    /// Whether one more message has come.
    pub(crate) fn is_entered_now(&self) -> bool {
        self.entered.try_acquire().is_ok()
    }

    /// Panics at the next message.
    pub(crate) fn break_down(&self) {
        self.breaks_down.store(true, Ordering::SeqCst);
    }
}

impl MediaApi for BlockingRelay {}

impl TemplateApi for BlockingRelay {}

impl ManagementApi for BlockingRelay {}

impl RelayApi for BlockingRelay {
    fn number(&self, _: PhoneNumberId) -> Option<Number> {
        Some(own_number())
    }

    async fn submit(&self, _: PhoneNumberId, _: Outgoing) -> Result<MessageRef, SubmitError> {
        assert!(!self.breaks_down.swap(false, Ordering::SeqCst), "the relay breaks down, as it was told");
        self.entered.add_permits(1);
        self.open.acquire().await.unwrap().forget();
        Ok(reference(1))
    }

    async fn mark_read(&self, _: PhoneNumberId, _: MessageRef) -> Result<(), MarkReadError> {
        Ok(())
    }
}

/// A message's reference; each `seed` has its own.
pub(crate) fn reference(seed: u64) -> MessageRef {
    let id = MessageId::new(Timestamp::from_millis(1_795_293_590_960), &SeededRng::new(seed));
    let mut bytes = [0xa5; MessageRef::BYTES];
    bytes[..16].copy_from_slice(id.as_bytes());
    MessageRef::from_bytes(bytes).unwrap()
}

/// The same reference, as clients name it. Written here anew, so that a change of the form is noticed.
pub(crate) fn wamid(seed: u64) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut name = String::from("wamid.");
    for chunk in reference(seed).to_bytes().chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for position in 0..=chunk.len() {
            let digit = bits >> (18 - 6 * position) & 63;
            name.push(char::from(DIGITS[usize::try_from(digit).unwrap()]));
        }
    }
    name
}
