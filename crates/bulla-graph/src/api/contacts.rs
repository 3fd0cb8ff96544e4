//! Contacts that are passed on, as a request says them.

use std::borrow::Cow;

use bulla_base::Number;
use bulla_content::limits::MAX_CONTACT_ENTRIES;
use bulla_content::{
    Contact, ContactAddress, ContactEmail, ContactName, ContactOrganization, ContactPhone, ContactUrl,
    Contacts, InvalidContent,
};
use bulla_relay::OutgoingBody;

use super::json_field::{Field, List, Object, Text, fields};
use crate::api_error::ApiError;

type Entries<T> = List<Object<T>, MAX_CONTACT_ENTRIES>;

fields! {
    /// The fields of one of `contacts`.
    struct ContactFields<'de> {
        name: Object<NameFields<'de>> = "name",
        phones: Entries<PhoneFields<'de>> = "phones",
        emails: Entries<EmailFields<'de>> = "emails",
        addresses: Entries<AddressFields<'de>> = "addresses",
        org: Object<OrganizationFields<'de>> = "org",
        urls: Entries<UrlFields<'de>> = "urls",
        birthday: Text<'de> = "birthday",
    }
}

fields! {
    /// The fields of `name`.
    struct NameFields<'de> {
        formatted_name: Text<'de> = "formatted_name",
        first_name: Text<'de> = "first_name",
        last_name: Text<'de> = "last_name",
        middle_name: Text<'de> = "middle_name",
        suffix: Text<'de> = "suffix",
        prefix: Text<'de> = "prefix",
    }
}

fields! {
    /// The fields of one of `phones`.
    struct PhoneFields<'de> {
        phone: Text<'de> = "phone",
        kind: Text<'de> = "type",
        wa_id: Text<'de> = "wa_id",
    }
}

fields! {
    /// The fields of one of `emails`.
    struct EmailFields<'de> {
        email: Text<'de> = "email",
        kind: Text<'de> = "type",
    }
}

fields! {
    /// The fields of one of `addresses`.
    struct AddressFields<'de> {
        street: Text<'de> = "street",
        city: Text<'de> = "city",
        state: Text<'de> = "state",
        zip: Text<'de> = "zip",
        country: Text<'de> = "country",
        country_code: Text<'de> = "country_code",
        kind: Text<'de> = "type",
    }
}

fields! {
    /// The fields of `org`.
    struct OrganizationFields<'de> {
        company: Text<'de> = "company",
        department: Text<'de> = "department",
        title: Text<'de> = "title",
    }
}

fields! {
    /// The fields of one of `urls`.
    struct UrlFields<'de> {
        url: Text<'de> = "url",
        kind: Text<'de> = "type",
    }
}

/// The contacts.
pub(crate) fn read(contacts: Vec<ContactFields<'_>>) -> Result<OutgoingBody, ApiError> {
    let contacts = contacts.into_iter().map(contact).collect::<Result<_, _>>()?;
    Ok(OutgoingBody::Contacts(Contacts::new(contacts)?))
}

fn contact(fields: ContactFields<'_>) -> Result<Contact, ApiError> {
    let Object(named) = fields.name.required("contacts.name")?;
    let mut contact = Contact::new(name(named)?)?;
    for entry in fields.phones.objects("contacts.phones", "numbers")? {
        contact = contact.with_phone(phone(entry)?)?;
    }
    for entry in fields.emails.objects("contacts.emails", "addresses")? {
        let email = ContactEmail::new(entry.email.required_filled("contacts.emails.email")?)?;
        contact =
            contact.with_email(put(email, entry.kind, "contacts.emails.type", ContactEmail::with_kind)?)?;
    }
    for entry in fields.addresses.objects("contacts.addresses", "addresses")? {
        contact = contact.with_address(address(entry)?)?;
    }
    if let Some(Object(org)) = fields.org.optional("contacts.org")? {
        contact = contact.with_organization(organization(org)?);
    }
    for entry in fields.urls.objects("contacts.urls", "links")? {
        let url = ContactUrl::new(entry.url.required_filled("contacts.urls.url")?)?;
        contact = contact.with_url(put(url, entry.kind, "contacts.urls.type", ContactUrl::with_kind)?)?;
    }
    put(contact, fields.birthday, "contacts.birthday", Contact::with_birthday)
}

fn name(fields: NameFields<'_>) -> Result<ContactName, ApiError> {
    let name = ContactName::new(fields.formatted_name.required_filled("contacts.name.formatted_name")?)?;
    let name = put(name, fields.first_name, "contacts.name.first_name", ContactName::with_first)?;
    let name = put(name, fields.last_name, "contacts.name.last_name", ContactName::with_last)?;
    let name = put(name, fields.middle_name, "contacts.name.middle_name", ContactName::with_middle)?;
    let name = put(name, fields.suffix, "contacts.name.suffix", ContactName::with_suffix)?;
    put(name, fields.prefix, "contacts.name.prefix", ContactName::with_prefix)
}

fn phone(fields: PhoneFields<'_>) -> Result<ContactPhone, ApiError> {
    const WA_ID: &str = "contacts.phones.wa_id";
    let wa_id = fields.wa_id.filled(WA_ID)?;
    let wa_id = wa_id.map(|id| Number::parse(&id).map_err(|error| ApiError::value(WA_ID, error.why())));
    let phone = match (fields.phone.filled("contacts.phones.phone")?, wa_id.transpose()?) {
        (Some(phone), None) => ContactPhone::new(phone)?,
        (Some(phone), Some(wa_id)) => ContactPhone::new(phone)?.with_wa_id(wa_id),
        (None, Some(wa_id)) => ContactPhone::of_user(wa_id),
        (None, None) => return Err(ApiError::missing("contacts.phones.phone")),
    };
    put(phone, fields.kind, "contacts.phones.type", ContactPhone::with_kind)
}

fn address(fields: AddressFields<'_>) -> Result<ContactAddress, ApiError> {
    let address = ContactAddress::new();
    let address = put(address, fields.street, "contacts.addresses.street", ContactAddress::with_street)?;
    let address = put(address, fields.city, "contacts.addresses.city", ContactAddress::with_city)?;
    let address = put(address, fields.state, "contacts.addresses.state", ContactAddress::with_state)?;
    let address = put(address, fields.zip, "contacts.addresses.zip", ContactAddress::with_zip)?;
    let address = put(address, fields.country, "contacts.addresses.country", ContactAddress::with_country)?;
    let (code, field) = (fields.country_code, "contacts.addresses.country_code");
    let address = put(address, code, field, ContactAddress::with_country_code)?;
    put(address, fields.kind, "contacts.addresses.type", ContactAddress::with_kind)
}

fn organization(fields: OrganizationFields<'_>) -> Result<ContactOrganization, ApiError> {
    let org = ContactOrganization::new();
    let org = put(org, fields.company, "contacts.org.company", ContactOrganization::with_company)?;
    let org = put(org, fields.department, "contacts.org.department", ContactOrganization::with_department)?;
    put(org, fields.title, "contacts.org.title", ContactOrganization::with_title)
}

/// `to`, with what stands in `field` if anything does.
fn put<'de, T>(
    to: T,
    field: Field<Text<'de>>,
    path: &'static str,
    with: impl FnOnce(T, Cow<'de, str>) -> Result<T, InvalidContent>,
) -> Result<T, ApiError> {
    match field.filled(path)? {
        Some(text) => Ok(with(to, text)?),
        None => Ok(to),
    }
}
