use std::io::{self, Write};

use crate::attacks::Attack;
use crate::honest::Latencies;

/// What one attack came to.
pub(crate) struct Row {
    pub(crate) attack: Attack,
    pub(crate) before: Latencies,
    pub(crate) during: Latencies,
    /// The bytes the carrier held before, and the most it held during the attack.
    pub(crate) resting: u64,
    pub(crate) peak: u64,
    /// What the carrier has counted meanwhile.
    pub(crate) counters: String,
    /// What the attacker says that it did.
    pub(crate) told: String,
}

pub(crate) fn write(rows: &[Row], to: &mut impl Write) -> io::Result<()> {
    writeln!(
        to,
        "| attack | p50 ms | during | p99 ms | during | ratio | messages | failed | MB more | allowed |"
    )?;
    writeln!(to, "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")?;
    for row in rows {
        let Row { attack, before, during, .. } = row;
        let (p99_before, p99_during) = (before.quantile(990), during.quantile(990));
        writeln!(
            to,
            "| {} | {:.1} | {:.1} | {:.1} | {:.1} | {:.2} | {} | {} | {:.1} | {:.1} |",
            attack.name,
            before.quantile(500),
            during.quantile(500),
            p99_before,
            p99_during,
            p99_during / p99_before,
            during.count(),
            during.failures,
            megabytes(row.peak.saturating_sub(row.resting)),
            megabytes(attack.allowed_bytes()),
        )?;
    }
    writeln!(to)?;
    for row in rows {
        writeln!(to, "* {}: {}; the attacker: {}", row.attack.name, row.counters, row.told)?;
    }
    Ok(())
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
