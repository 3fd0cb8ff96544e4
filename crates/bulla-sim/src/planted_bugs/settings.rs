//! Bugs of whoever opens a relay.

use super::PlantedBug;
use crate::business_plan::{BusinessPlan, Unbearable};

impl PlantedBug {
    /// What a relay that is opened in the process of this number takes the business to be held to.
    pub(crate) fn held_to(planted_bug: Option<Self>, process: u64, business: BusinessPlan) -> BusinessPlan {
        match planted_bug {
            Some(Self::RulesForgotten) if process > 1 => BusinessPlan { rule: None, ..business },
            Some(Self::SetAsideEarly) => {
                let unbearable = business.unbearable.map(|which| Unbearable { tries: 1, ..which });
                BusinessPlan { unbearable, ..business }
            }
            _ => business,
        }
    }
}
