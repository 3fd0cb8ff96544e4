use crate::wire::empty_record;

empty_record! {
    /// An answer is being written. It is shown until that comes, or for [`Typing::SHOWN`], and never kept.
    pub struct Typing;
}

impl Typing {
    /// For how long it is shown when nothing comes.
    pub const SHOWN: std::time::Duration = crate::limits::TYPING_SHOWN;
}
