//! Contacts that users pass on.

use bulla_content::{
    Contact as Told, ContactAddress, ContactEmail, ContactName, ContactOrganization, ContactPhone, ContactUrl,
};
use serde::Serialize;

#[derive(Serialize)]
pub(in crate::payload) struct Contact<'a> {
    name: Name<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    phones: Vec<Phone<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    emails: Vec<Email<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    addresses: Vec<Address<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    org: Option<Organization<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    urls: Vec<Url<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    birthday: Option<&'a str>,
}

impl<'a> From<&'a Told> for Contact<'a> {
    fn from(contact: &'a Told) -> Self {
        Self {
            name: contact.name().into(),
            phones: contact.phones().iter().map(Phone::from).collect(),
            emails: contact.emails().iter().map(Email::from).collect(),
            addresses: contact.addresses().iter().map(Address::from).collect(),
            org: contact.organization().map(Organization::from),
            urls: contact.urls().iter().map(Url::from).collect(),
            birthday: contact.birthday(),
        }
    }
}

#[derive(Serialize)]
struct Name<'a> {
    formatted_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    middle_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suffix: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<&'a str>,
}

impl<'a> From<&'a ContactName> for Name<'a> {
    fn from(name: &'a ContactName) -> Self {
        Self {
            formatted_name: name.formatted(),
            first_name: name.first(),
            last_name: name.last(),
            middle_name: name.middle(),
            suffix: name.suffix(),
            prefix: name.prefix(),
        }
    }
}

#[derive(Serialize)]
struct Phone<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wa_id: Option<&'a str>,
}

impl<'a> From<&'a ContactPhone> for Phone<'a> {
    fn from(phone: &'a ContactPhone) -> Self {
        let wa_id = phone.wa_id().map(bulla_base::Number::digits);
        Self { phone: phone.phone(), kind: phone.kind(), wa_id }
    }
}

#[derive(Serialize)]
struct Email<'a> {
    email: &'a str,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
}

impl<'a> From<&'a ContactEmail> for Email<'a> {
    fn from(email: &'a ContactEmail) -> Self {
        Self { email: email.email(), kind: email.kind() }
    }
}

#[derive(Serialize)]
struct Address<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    street: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    city: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zip: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country_code: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
}

impl<'a> From<&'a ContactAddress> for Address<'a> {
    fn from(address: &'a ContactAddress) -> Self {
        Self {
            street: address.street(),
            city: address.city(),
            state: address.state(),
            zip: address.zip(),
            country: address.country(),
            country_code: address.country_code(),
            kind: address.kind(),
        }
    }
}

#[derive(Serialize)]
struct Organization<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    company: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    department: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
}

impl<'a> From<&'a ContactOrganization> for Organization<'a> {
    fn from(org: &'a ContactOrganization) -> Self {
        Self { company: org.company(), department: org.department(), title: org.title() }
    }
}

#[derive(Serialize)]
struct Url<'a> {
    url: &'a str,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
}

impl<'a> From<&'a ContactUrl> for Url<'a> {
    fn from(link: &'a ContactUrl) -> Self {
        Self { url: link.url(), kind: link.kind() }
    }
}
