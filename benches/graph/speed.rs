//! Of the bench of the whole way: its servers, its client, and who waits for what.

#[path = "../journey/speed/arrivals.rs"]
#[expect(dead_code, reason = "nobody is waited for here")]
mod arrivals;
#[path = "../journey/speed/http.rs"]
pub(crate) mod http;

pub(crate) use self::arrivals::{Arrivals, Stage};
