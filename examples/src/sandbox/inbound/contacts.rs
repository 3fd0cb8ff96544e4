//! Contacts that users pass on.

use bulla::base::Number;
use bulla::content::{
    Body, Contact, ContactAddress, ContactEmail, ContactName, ContactOrganization, ContactPhone, ContactUrl,
    Contacts, InvalidContent,
};

use super::NoMessage;
use super::field::Field;

/// Sets what a field has, if it is there, by the method of the name.
macro_rules! set {
    ($of:expr, $field:ident, $($name:literal => $with:ident),+) => {{
        let mut of = $of;
        $(if let Some(text) = $field.optional_text($name)? {
            of = of.$with(text)?;
        })+
        of
    }};
}

pub(super) fn read(contacts: &Field<'_>) -> Result<Body, NoMessage> {
    let contacts = contacts.items()?.iter().map(contact).collect::<Result<_, _>>()?;
    Ok(Body::Contacts(Contacts::new(contacts)?))
}

fn contact(contact: &Field<'_>) -> Result<Contact, NoMessage> {
    let name = contact.required("name")?;
    let named = set!(
        ContactName::new(name.required("formatted_name")?.text()?)?, name,
        "first_name" => with_first, "last_name" => with_last, "middle_name" => with_middle,
        "suffix" => with_suffix, "prefix" => with_prefix
    );
    let mut read = Contact::new(named)?;
    for phone in list(contact, "phones")? {
        read = read.with_phone(self::phone(&phone)?)?;
    }
    for email in list(contact, "emails")? {
        let address = ContactEmail::new(email.required("email")?.text()?)?;
        read = read.with_email(set!(address, email, "type" => with_kind))?;
    }
    for address in list(contact, "addresses")? {
        read = read.with_address(set!(
            ContactAddress::new(), address,
            "street" => with_street, "city" => with_city, "state" => with_state, "zip" => with_zip,
            "country" => with_country, "country_code" => with_country_code, "type" => with_kind
        ))?;
    }
    for url in list(contact, "urls")? {
        let link = ContactUrl::new(url.required("url")?.text()?)?;
        read = read.with_url(set!(link, url, "type" => with_kind))?;
    }
    if let Some(org) = contact.optional("org") {
        read = read.with_organization(set!(
            ContactOrganization::new(), org,
            "company" => with_company, "department" => with_department, "title" => with_title
        ));
    }
    match contact.optional_text("birthday")? {
        Some(birthday) => Ok(read.with_birthday(birthday)?),
        None => Ok(read),
    }
}

fn phone(phone: &Field<'_>) -> Result<ContactPhone, NoMessage> {
    let user = phone.optional("wa_id");
    let user =
        user.map(|user| Number::parse(user.text()?).map_err(|error| user.because(error))).transpose()?;
    let shown = phone.optional_text("phone")?.map(ContactPhone::new).transpose()?;
    let read = match (shown, user) {
        (Some(shown), Some(user)) => shown.with_wa_id(user),
        (Some(shown), None) => shown,
        (None, Some(user)) => ContactPhone::of_user(user),
        (None, None) => return Err(phone.because("it has neither phone nor wa_id")),
    };
    let read: Result<ContactPhone, InvalidContent> = match phone.optional_text("type")? {
        Some(kind) => read.with_kind(kind),
        None => Ok(read),
    };
    Ok(read?)
}

fn list<'a>(contact: &Field<'a>, name: &str) -> Result<Vec<Field<'a>>, NoMessage> {
    contact.optional(name).map_or(Ok(Vec::new()), |list| list.items())
}
