//! How many files and connections the program may have open at once, and who gets them.
//!
//! Everybody draws from one supply: the stores' files, the connections of businesses, and those to their
//! webhooks. A store that finds it empty cannot write, so strangers get a share, and the rest is the stores'.

/// What the stores, the webhooks, the terminal and the counters keep to themselves when there is enough.
const RESERVED: usize = 512;
/// The most connections to the Graph API, however many files there may be.
const MAX_CONNECTIONS: usize = 8_192;

/// Raises the number of files the program may have open to what the system allows it, and tells when that is
/// not enough.
pub fn allow_all() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        let before = limit.current;
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::warn!(%error, ?before, "the number of open files stays as it is");
        }
    }
}

/// How many connections to the Graph API may be open at once: what the stores do not need, and at least half.
#[must_use]
pub fn connections() -> usize {
    share(allowed())
}

fn share(allowed: usize) -> usize {
    allowed.saturating_sub(RESERVED).max(allowed / 2).clamp(1, MAX_CONNECTIONS)
}

/// How many files the program may have open.
fn allowed() -> usize {
    #[cfg(unix)]
    {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        limit.current.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX)
    }
    #[cfg(not(unix))]
    {
        usize::MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stores_keep_their_share_however_few_files_there_are() {
        assert_eq!([0, 64, 1_024, 4_096, usize::MAX].map(share), [1, 32, 512, 3_584, MAX_CONNECTIONS]);
    }

    #[test]
    fn as_many_files_are_allowed_as_the_system_lets_us_have() {
        allow_all();
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }
}
