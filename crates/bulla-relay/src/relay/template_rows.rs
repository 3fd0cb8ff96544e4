use std::sync::Arc;

use bulla_base::{
    BusinessAccountId, HASHING_STACK_BYTES, MessageId, Partition, PhoneNumberId, without_trace,
};
use bulla_content::InvalidContent;
use bulla_store::{BEFORE_ALL, Batch, Commit, Key, Scan, Store, StoreError, Version};
use bulla_transport::Transport;
use sha2::{Digest, Sha256};
use tracing::Instrument;

use super::attempts::Attempts;
use super::lease::taken_over;
use super::tell_accounts::put_news;
use super::{Inner, Relay, trace_span};
use crate::limits::{
    KEYED_NAME_BYTES, MAX_TEMPLATE_LANGUAGE_CHARS, MAX_TEMPLATES, MAX_TEMPLATES_EXAMINED,
    MAX_TEMPLATES_LISTED,
};
use crate::page_start::in_order;
use crate::row::StoredTemplate;
use crate::store_layout::{TEMPLATE, TEMPLATE_COUNT, TEMPLATE_ID};
use crate::{
    EventSink, MessageTemplate, Review, SubmitError, TemplateDefinition, TemplateError, TemplateId,
    TemplatePage, TemplateQuery, TemplateStatus,
};

/// Templates of the accounts that businesses belong to.
///
/// They stand in a partition of the account: all its numbers send them, and they go with the last of its
/// numbers that is [erased](Relay::erase_business). They are kept until they are deleted. Each call names one
/// of the account's numbers, for which the relay speaks.
impl<S: Store, T: Transport, K: EventSink> Relay<S, T, K> {
    /// Defines a template for the account of `business`. Whether it may be sent, the operator's
    /// [`TemplateReview`](crate::TemplateReview) says, or it is approved at once.
    ///
    /// # Errors
    /// When the definition breaks a bound, there is one of that name and language, or as many as may be.
    ///
    /// # Cost
    /// Three reads and a commit, however many templates there are.
    pub async fn create_template(
        &self,
        business: PhoneNumberId,
        definition: TemplateDefinition,
    ) -> Result<MessageTemplate, TemplateError> {
        let creating = async move |inner: Arc<Inner<S, T, K>>, account| {
            definition.check()?;
            inner.create(account, &definition).await
        };
        self.template_call(business, "create template", creating).await
    }

    /// The template with this id.
    ///
    /// # Errors
    /// [`TemplateError::Unknown`] when the account has none.
    ///
    /// # Cost
    /// Two reads.
    pub async fn template(
        &self,
        business: PhoneNumberId,
        id: TemplateId,
    ) -> Result<MessageTemplate, TemplateError> {
        let finding = async move |inner: Arc<Inner<S, T, K>>, account| {
            let home = inner.account_home(account);
            let (_, template, _) = inner.template_by_id(home, id).await?.ok_or(TemplateError::Unknown)?;
            Ok(template)
        };
        self.template_call(business, "templates", finding).await
    }

    /// Some of the account's templates, in the order of their names and languages: a page from where `query`
    /// says.
    ///
    /// # Errors
    /// When the relay does not speak for `business`, or the store fails.
    ///
    /// # Cost
    /// A scan of as many rows as are listed; with a filter, of up to 512. What is beyond, the next page has.
    pub async fn templates(
        &self,
        business: PhoneNumberId,
        query: TemplateQuery,
    ) -> Result<TemplatePage, TemplateError> {
        let listing = async move |inner: Arc<Inner<S, T, K>>, account| inner.list(account, &query).await;
        self.template_call(business, "templates", listing).await
    }

    /// Changes a template: what it is from now on, in the same name and language. It is reviewed again,
    /// unless it is paused or disabled: that it stays until [`review_template`](Self::review_template).
    /// Messages that were accepted with it are as they were.
    ///
    /// # Errors
    /// [`TemplateError::Unknown`] when the account has none with this id; when the definition breaks a bound,
    /// or has another name or language.
    ///
    /// # Cost
    /// Two reads and a commit.
    pub async fn edit_template(
        &self,
        business: PhoneNumberId,
        id: TemplateId,
        definition: TemplateDefinition,
    ) -> Result<MessageTemplate, TemplateError> {
        let editing = async move |inner: Arc<Inner<S, T, K>>, account| {
            definition.check()?;
            let change = |inner: &Inner<S, T, K>, template: &mut MessageTemplate| {
                let is_same = |old: &str, new: &str, field| match old == new {
                    true => Ok(()),
                    false => {
                        Err(InvalidContent::Unfit { field, expected: "what it was when it was created" })
                    }
                };
                is_same(template.definition.name(), definition.name(), "name")?;
                is_same(template.definition.language(), definition.language(), "language")?;
                template.definition = definition.clone();
                // Who took it away from the business gives it back.
                if !matches!(template.status, TemplateStatus::Paused | TemplateStatus::Disabled) {
                    inner.review(account, template);
                }
                Ok(())
            };
            inner.change_template(account, id, change).await
        };
        self.template_call(business, "edit template", editing).await
    }

    /// Says what a review has come to, or that a template is paused, disabled, or may be sent again. To be
    /// called by the operator.
    ///
    /// # Errors
    /// [`TemplateError::Unknown`] when the account has none with this id.
    ///
    /// # Cost
    /// Two reads and a commit.
    pub async fn review_template(
        &self,
        business: PhoneNumberId,
        id: TemplateId,
        review: Review,
    ) -> Result<MessageTemplate, TemplateError> {
        let reviewing = async move |inner: Arc<Inner<S, T, K>>, account| {
            let change = |_: &Inner<S, T, K>, template: &mut MessageTemplate| {
                review.clone().put(template);
                Ok(())
            };
            inner.change_template(account, id, change).await
        };
        self.template_call(business, "review template", reviewing).await
    }

    /// Deletes the template with this id. Messages that were accepted with it are as they were.
    ///
    /// # Errors
    /// [`TemplateError::Unknown`] when the account has none with this id.
    ///
    /// # Cost
    /// Three reads and a commit.
    pub async fn delete_template(
        &self,
        business: PhoneNumberId,
        id: TemplateId,
    ) -> Result<(), TemplateError> {
        let deleting = async move |inner: Arc<Inner<S, T, K>>, account| {
            let home = inner.account_home(account);
            let mut attempts = Attempts::new();
            loop {
                attempts.begin().map_err(SubmitError::from)?;
                let _lock = inner.keyed_mutex.lock(home).await;
                let known = inner.template_by_id(home, id).await?.ok_or(TemplateError::Unknown)?;
                if inner.delete_known(home, vec![known]).await? {
                    return Ok(());
                }
            }
        };
        self.template_call(business, "delete template", deleting).await
    }

    /// Deletes the templates with this name, in all languages. How many there were.
    ///
    /// # Errors
    /// [`TemplateError::Unknown`] when the account has none of this name.
    ///
    /// # Cost
    /// A scan of what has the name, a read and a commit.
    pub async fn delete_templates(
        &self,
        business: PhoneNumberId,
        name: String,
    ) -> Result<usize, TemplateError> {
        let deleting = async move |inner: Arc<Inner<S, T, K>>, account| {
            let home = inner.account_home(account);
            let mut attempts = Attempts::new();
            loop {
                attempts.begin().map_err(SubmitError::from)?;
                let _lock = inner.keyed_mutex.lock(home).await;
                let scan = Scan::undated(TEMPLATE).prefix(prefix_of(&name));
                let rows = inner.store.scan(home, &scan, inner.clock.now()).await?;
                let known = rows.into_iter().map(|(key, record)| {
                    let template = StoredTemplate::read(&record.value)?.template()?;
                    Ok::<_, StoreError>((key, template, record.version))
                });
                let known = known.collect::<Result<Vec<_>, _>>()?;
                let count = known.len();
                if count == 0 {
                    return Err(TemplateError::Unknown);
                }
                if inner.delete_known(home, known).await? {
                    return Ok(count);
                }
            }
        };
        self.template_call(business, "delete template", deleting).await
    }

    /// Carries out a call about templates of the account of `business`, which does not stop before that is
    /// done.
    pub(super) async fn template_call<R, F>(
        &self,
        business: PhoneNumberId,
        task: &'static str,
        call: impl FnOnce(Arc<Inner<S, T, K>>, BusinessAccountId) -> F,
    ) -> Result<R, TemplateError>
    where
        R: Send + 'static,
        F: Future<Output = Result<R, TemplateError>> + Send + 'static,
    {
        let tenant = self.0.tenant(business)?;
        let account = self.0.account(business)?;
        let calling = call(Arc::clone(&self.0), account).instrument(trace_span::call(task, Some(business)));
        let outcome = self.0.see_through_for(&tenant, calling).await?;
        outcome.map_err(|error| match error {
            TemplateError::Submit(SubmitError::Store(error)) => match self.0.survive(error) {
                Some(error) => error.into(),
                None => SubmitError::Stopped.into(),
            },
            error => error,
        })
    }
}

/// Where a template stands, what it is, and since which commit.
type Known = (Key, MessageTemplate, Version);

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// The account that `business` belongs to.
    pub(super) fn account(&self, business: PhoneNumberId) -> Result<BusinessAccountId, SubmitError> {
        let known = self.businesses.business(business);
        known.map(|known| known.account()).ok_or(SubmitError::UnknownBusiness { business })
    }

    /// The partition of what belongs to an account and to none of its numbers alone.
    pub(super) fn account_home(&self, account: BusinessAccountId) -> Partition {
        let tag: [u8; 32] = without_trace::<HASHING_STACK_BYTES, _>(|| {
            let tag = Sha256::new()
                .chain_update(b"bulla partition of an account")
                .chain_update(self.pepper.as_bytes())
                .chain_update(account.number().to_be_bytes());
            tag.finalize().into()
        });
        let mut partition = [0; 16];
        partition.copy_from_slice(&tag[..16]);
        Partition::from_bytes(partition)
    }

    /// The template with this name and language, if the account has it.
    pub(super) async fn template_named(
        &self,
        home: Partition,
        name: &str,
        language: &str,
    ) -> Result<Option<MessageTemplate>, StoreError> {
        let record = self.store.get(home, &key_of(name, language), self.clock.now()).await?;
        let template = record.map(|record| StoredTemplate::read(&record.value)?.template()).transpose()?;
        // What is longer than a language can be does not stand in a key as it is.
        Ok(template.filter(|template| template.definition.language() == language))
    }

    async fn template_by_id(&self, home: Partition, id: TemplateId) -> Result<Option<Known>, StoreError> {
        let now = self.clock.now();
        let Some(place) = self.store.get(home, &id_key(id), now).await? else { return Ok(None) };
        let key = Key::undated(TEMPLATE, place.value);
        let Some(record) = self.store.get(home, &key, now).await? else { return Ok(None) };
        let template = StoredTemplate::read(&record.value)?.template()?;
        Ok((template.id == id).then_some((key, template, record.version)))
    }

    /// How many templates the account has, and since which commit.
    async fn template_count(&self, home: Partition) -> Result<(u64, Option<Version>), StoreError> {
        let Some(record) = self.store.get(home, &count_key(), self.clock.now()).await? else {
            return Ok((0, None));
        };
        let damaged = StoreError::Damaged { what: "number of templates" };
        let count = record.value[..].try_into().map(u64::from_be_bytes).map_err(|_| damaged)?;
        Ok((count, Some(record.version)))
    }

    async fn create(
        &self,
        account: BusinessAccountId,
        definition: &TemplateDefinition,
    ) -> Result<MessageTemplate, TemplateError> {
        let (home, key) = (self.account_home(account), key_of(definition.name(), definition.language()));
        let mut attempts = Attempts::new();
        loop {
            attempts.begin().map_err(SubmitError::from)?;
            let _lock = self.keyed_mutex.lock(home).await;
            if self.store.get(home, &key, self.clock.now()).await?.is_some() {
                return Err(TemplateError::Exists);
            }
            let (count, version) = self.template_count(home).await?;
            if count >= MAX_TEMPLATES {
                return Err(TemplateError::TooMany { limit: MAX_TEMPLATES });
            }
            let review = self.reviewer.review(account, definition);
            let id = TemplateId::draw(&*self.rng);
            let mut template = MessageTemplate::new(id, definition.clone(), review.status);
            template.reason = review.reason;
            let mut batch = Batch::new(home);
            // An id that is taken is no other template's: another is drawn.
            batch.expect_absent(id_key(id));
            batch.expect_absent(key.clone());
            batch.expect(count_key(), version);
            batch.put(id_key(id), key.name().clone());
            batch.put(key.clone(), StoredTemplate::new(&template).to_bytes());
            batch.put(count_key(), (count + 1).to_be_bytes().to_vec());
            self.put_news(&mut batch, &template);
            if self.commit_template(batch).await? {
                self.account_news.note(account);
                tracing::info!(status = template.status.name(), "a template was created");
                return Ok(template);
            }
        }
    }

    /// Has the business be told of `template`, unless it is still being looked at.
    fn put_news(&self, batch: &mut Batch, template: &MessageTemplate) {
        if template.status != TemplateStatus::Pending {
            put_news(batch, template, MessageId::new(self.clock.now(), &*self.rng));
        }
    }

    fn review(&self, account: BusinessAccountId, template: &mut MessageTemplate) {
        self.reviewer.review(account, &template.definition).put(template);
    }

    async fn change_template(
        &self,
        account: BusinessAccountId,
        id: TemplateId,
        change: impl Fn(&Self, &mut MessageTemplate) -> Result<(), TemplateError>,
    ) -> Result<MessageTemplate, TemplateError> {
        let home = self.account_home(account);
        let mut attempts = Attempts::new();
        loop {
            attempts.begin().map_err(SubmitError::from)?;
            let _lock = self.keyed_mutex.lock(home).await;
            let known = self.template_by_id(home, id).await?.ok_or(TemplateError::Unknown)?;
            let (key, mut template, version) = known;
            change(self, &mut template)?;
            let mut batch = Batch::new(home);
            batch.expect_version(key.clone(), version);
            batch.put(key, StoredTemplate::new(&template).to_bytes());
            self.put_news(&mut batch, &template);
            if self.commit_template(batch).await? {
                self.account_news.note(account);
                tracing::info!(status = template.status.name(), "a template was changed");
                return Ok(template);
            }
        }
    }

    /// Deletes templates as they were read. False when one of them has changed since.
    async fn delete_known(&self, home: Partition, known: Vec<Known>) -> Result<bool, StoreError> {
        let (count, version) = self.template_count(home).await?;
        let mut batch = Batch::new(home);
        let deleted = known.len() as u64;
        for (key, template, version) in known {
            batch.expect_version(key.clone(), version);
            batch.delete(key);
            batch.delete(id_key(template.id));
        }
        batch.expect(count_key(), version);
        batch.put(count_key(), count.saturating_sub(deleted).to_be_bytes().to_vec());
        self.commit_template(batch).await
    }

    async fn list(
        &self,
        account: BusinessAccountId,
        query: &TemplateQuery,
    ) -> Result<TemplatePage, TemplateError> {
        let (home, limit) = (self.account_home(account), query.limit().clamp(1, MAX_TEMPLATES_LISTED));
        let (total, _) = self.template_count(home).await?;
        let named = query.name.as_deref().map(prefix_of).unwrap_or_default();
        let mut scan = Scan::undated(TEMPLATE).prefix(named).limit(limit + 1);
        let start = query.start.clone().map(|(name, language)| key_of(&name, &language));
        let (begin, is_back) = (scan.clone(), start.is_back());
        scan = start.clone().begin(scan);
        let (mut templates, mut examined, mut last) = (Vec::new(), 0, None);
        loop {
            let rows = self.store.scan(home, &scan, self.clock.now()).await?;
            let is_last = rows.len() <= limit;
            for (key, record) in rows {
                if templates.len() == limit || examined >= MAX_TEMPLATES_EXAMINED {
                    // This one is there, so there is a next page.
                    return Ok(TemplatePage::new(in_order(is_back, templates), last, total));
                }
                let template = StoredTemplate::read(&record.value)?.template()?;
                let definition = &template.definition;
                last = Some((definition.name().to_owned(), definition.language().to_owned()));
                scan = start.go_on(key).begin(begin.clone());
                examined += 1;
                if query.takes(&template) {
                    templates.push(template);
                }
            }
            if is_last {
                return Ok(TemplatePage::new(in_order(is_back, templates), None, total));
            }
        }
    }

    /// The names and languages of templates that begin with `prefix`, some of them.
    pub(super) async fn template_places(
        &self,
        home: Partition,
        prefix: Vec<u8>,
        limit: usize,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let scan = Scan::undated(TEMPLATE).prefix(prefix).limit(limit);
        let keys = self.store.keys(home, &scan, BEFORE_ALL).await?;
        Ok(keys.iter().filter_map(|key| place_of(key.name())).collect())
    }

    async fn commit_template(&self, batch: Batch) -> Result<bool, StoreError> {
        if !self.role.may_act() {
            return Err(taken_over());
        }
        Ok(matches!(self.store.commit(batch).await?, Commit::Committed(_)))
    }
}

impl Review {
    fn put(self, template: &mut MessageTemplate) {
        let Self { status, reason } = self;
        (template.status, template.reason) = (status, reason);
    }
}

/// What keys of templates called `name` begin with. What does not fit into a key stands there as its digest.
pub(super) fn prefix_of(name: &str) -> Vec<u8> {
    let mut prefix = Vec::with_capacity(name.len() + 1);
    match name.as_bytes().split_at_checked(KEYED_NAME_BYTES) {
        Some((start, rest)) if !rest.is_empty() => {
            prefix.extend_from_slice(start);
            prefix.push(1);
            prefix.extend_from_slice(&Sha256::digest(name.as_bytes()));
        }
        _ => prefix.extend_from_slice(name.as_bytes()),
    }
    prefix.push(0);
    prefix
}

fn key_of(name: &str, language: &str) -> Key {
    let mut key = prefix_of(name);
    key.extend(language.bytes().take(MAX_TEMPLATE_LANGUAGE_CHARS));
    Key::undated(TEMPLATE, key)
}

/// The name and the language that a key says; nothing of a name that does not stand in it whole.
fn place_of(key: &[u8]) -> Option<(String, String)> {
    let key = std::str::from_utf8(key).ok()?;
    let (name, language) = key.split_once('\0')?;
    Some((name.to_owned(), language.to_owned()))
}

fn id_key(id: TemplateId) -> Key {
    Key::undated(TEMPLATE_ID, id.number().to_be_bytes().to_vec())
}

fn count_key() -> Key {
    Key::undated(TEMPLATE_COUNT, "")
}
