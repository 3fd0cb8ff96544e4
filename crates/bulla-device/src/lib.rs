//! The user's side: an endpoint, a mailbox and a transport
