//! The business side: accept, seal, send, open, forward, expire
