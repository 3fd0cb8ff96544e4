//! What people say: text, reactions, receipts, padded and encoded
