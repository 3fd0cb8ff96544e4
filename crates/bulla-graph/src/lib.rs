//! The Graph API and its webhooks over a relay
