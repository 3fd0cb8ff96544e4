use bulla_meter::BillingKey;

use crate::fault::Fault;
use crate::files;
use crate::options::Options;

/// Who is believed.
pub(crate) struct Keys {
    /// Who has to have signed the statement.
    pub(crate) issuer: Option<BillingKey>,
    /// Who may sign corrections and answers besides.
    trusted: Vec<BillingKey>,
}

impl Keys {
    pub(crate) fn read(options: &Options) -> Result<Self, Fault> {
        let key = |text: &str, what| Ok::<_, Fault>(BillingKey::from_bytes(&files::hex(text.trim(), what)?)?);
        let trusted = options.texts("--trust")?;
        Ok(Self {
            issuer: options.text("--issuer")?.map(|text| key(text, "the key of --issuer")).transpose()?,
            trusted: trusted
                .into_iter()
                .map(|text| key(text, "the key of --trust"))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Whether it is one of those that were given.
    pub(crate) fn believes(&self, key: &BillingKey) -> bool {
        self.issuer.as_ref() == Some(key) || self.trusted.contains(key)
    }

    /// What a person reads of who signed a part of a statement that is `named`'s.
    pub(crate) fn describe(&self, key: &BillingKey, named: &BillingKey) -> String {
        if self.issuer.as_ref() == Some(key) {
            "the issuer".to_owned()
        } else if self.trusted.contains(key) {
            format!("{key}, who is trusted")
        } else if key == named {
            "the key that signed the statement".to_owned()
        } else {
            format!("another key, {key}")
        }
    }
}
