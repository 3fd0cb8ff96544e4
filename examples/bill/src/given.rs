use bulla_meter::{Leaf, RateCard, SignedStatement, Statement};

use crate::earlier::Earlier;
use crate::fault::Fault;
use crate::files;
use crate::keys::Keys;
use crate::options::Options;

/// A statement, and what was given to check it with.
pub(crate) struct Given {
    pub(crate) signed: SignedStatement,
    pub(crate) leaves: Option<Vec<Leaf>>,
    pub(crate) card: Option<RateCard>,
    pub(crate) earlier: Earlier,
    pub(crate) keys: Keys,
}

impl Given {
    pub(crate) fn read(options: &Options) -> Result<Self, Fault> {
        let signed = files::statement(options.needed("--statement")?)?;
        Ok(Self {
            leaves: options.file("--leaves").map(files::leaves).transpose()?,
            card: options.file("--card").map(files::card).transpose()?,
            earlier: Earlier::read(options, signed.statement())?,
            keys: Keys::read(options)?,
            signed,
        })
    }

    pub(crate) fn statement(&self) -> &Statement {
        self.signed.statement()
    }

    /// The leaves, which the command cannot do without.
    pub(crate) fn leaves(&self) -> Result<&[Leaf], Fault> {
        self.leaves.as_deref().ok_or(Fault::Missing("--leaves"))
    }

    /// Who signed what `key` signed, for a person.
    pub(crate) fn signer(&self, key: &bulla_meter::BillingKey) -> String {
        self.keys.describe(key, self.signed.issuer())
    }
}
