/// The methods with which something is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Methods {
    Get,
    GetOrDelete,
    GetOrPost,
    GetPostOrDelete,
    Post,
}

impl Methods {
    /// As the header `Allow` has them.
    pub(crate) const fn names(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::GetOrDelete => "GET, DELETE",
            Self::GetOrPost => "GET, POST",
            Self::GetPostOrDelete => "GET, POST, DELETE",
            Self::Post => "POST",
        }
    }
}
