use std::path::Path;

use bulla_meter::{Leaf, Period, Statement, Tariff};

use crate::fault::Fault;
use crate::files;
use crate::options::Options;

/// What was billed in the same month before a statement's period: in which tier its first messages are
/// depends on that.
pub(crate) struct Earlier {
    /// By tag.
    pub(crate) leaves: Vec<Leaf>,
    pub(crate) standing: Standing,
}

/// What is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The period begins with a month: there is nothing.
    Nothing,
    /// It does not, and nothing was given.
    Missing,
    /// The leaves were given, and are believed.
    Given,
    /// They are those of the statements before, which this one names.
    Proved,
}

impl Earlier {
    pub(crate) fn read(options: &Options, statement: &Statement) -> Result<Self, Fault> {
        let given = options.files("--earlier").map(|file| Ok((file, files::leaves(file)?)));
        let given: Vec<_> = given.collect::<Result<_, Fault>>()?;
        let before = options.files("--before").map(|file| Ok(files::statement(file)?.statement().clone()));
        let before: Vec<_> = before.collect::<Result<_, Fault>>()?;
        let (zone, from) = (statement.zone(), statement.period().from());
        let month = zone.month(zone.date(from));
        let is_given = !given.is_empty() || !before.is_empty();
        if from <= month.from() {
            let nothing = Self { leaves: Vec::new(), standing: Standing::Nothing };
            return if is_given { Err(Fault::NothingEarlier) } else { Ok(nothing) };
        }
        if !is_given {
            return Ok(Self { leaves: Vec::new(), standing: Standing::Missing });
        }
        let part = Period::new(month.from(), from)?;
        given.iter().try_for_each(|(file, leaves)| is_earlier(file, leaves, part))?;
        let standing = if before.is_empty() { Standing::Given } else { Standing::Proved };
        let leaves: Vec<_> = given.into_iter().map(|(_, leaves)| leaves).collect();
        if !before.is_empty() {
            prove(statement, before, &leaves, part)?;
        }
        let mut leaves: Vec<_> =
            leaves.into_iter().flatten().filter(|leaf| part.contains(leaf.hour)).collect();
        leaves.sort_unstable_by_key(|leaf| leaf.tag);
        if leaves.windows(2).any(|pair| matches!(pair, [one, next] if one.tag == next.tag)) {
            return Err(Fault::EarlierTwice);
        }
        Ok(Self { leaves, standing })
    }

    /// Whether rates by `tariff` depend on what was not given.
    pub(crate) fn is_missing_for(&self, tariff: &Tariff) -> bool {
        self.standing == Standing::Missing && tariff.depends_on_volume()
    }
}

/// Leaves of `file` may be of the month before, but not all, and none of the period or later.
fn is_earlier(file: &Path, leaves: &[Leaf], part: Period) -> Result<(), Fault> {
    let is_one = leaves.is_empty() || leaves.iter().any(|leaf| part.contains(leaf.hour));
    if is_one && leaves.iter().all(|leaf| leaf.hour < part.to()) {
        return Ok(());
    }
    Err(Fault::NotEarlier { file: file.to_owned() })
}

/// That `before` are the statements which lead to `statement`, from the beginning of its month on, and that
/// `leaves` are theirs.
fn prove(
    statement: &Statement,
    mut before: Vec<Statement>,
    leaves: &[Vec<Leaf>],
    part: Period,
) -> Result<(), Fault> {
    before.sort_unstable_by_key(|it| std::cmp::Reverse(it.number()));
    let (mut next, mut proved) = (statement, vec![false; leaves.len()]);
    for it in &before {
        if next.previous() != Some(&it.hash()) {
            return Err(Fault::NotBefore { before: it.number(), after: next.number() });
        }
        if it.period().to() > part.from() {
            let of_it = leaves.iter().zip(&mut proved).find(|(leaves, _)| it.verify_leaves(leaves).is_ok());
            let (_, proved) = of_it.ok_or(Fault::NoEarlierLeaves(it.number()))?;
            *proved = true;
        }
        next = it;
    }
    if next.period().from() > part.from() && next.number() > 0 {
        return Err(Fault::BeforeMissing(next.number() - 1));
    }
    if proved.contains(&false) { Err(Fault::EarlierOfNone) } else { Ok(()) }
}
