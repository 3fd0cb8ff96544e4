//! What comes back when something of an interactive message was tapped.

use crate::limits::{
    MAX_BUTTON_CHARS, MAX_BUTTON_ID_CHARS, MAX_ID_CHARS, MAX_INTERACTIVE_BODY_CHARS, MAX_JSON_BYTES,
    MAX_ROW_DESCRIPTION_CHARS, MAX_ROW_ID_CHARS, MAX_ROW_TITLE_CHARS,
};
use crate::wire::{choice, codes, optional_text, record, silent, text};
use crate::{InvalidContent, bounded_text};

choice! {
    /// What a user has tapped, or filled in.
    pub enum InteractiveReply {
        /// A reply button.
        Button(ButtonReply) = 1,
        /// A row of a list.
        List(ListReply) = 2,
        /// A flow, or a form for an address.
        Form(FormReply) = 3,
        /// The question whether the business may call.
        CallPermission(CallPermissionReply) = 4,
    }
}

impl InteractiveReply {
    /// The name by which the API that is served knows it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Button(_) => "button_reply",
            Self::List(_) => "list_reply",
            Self::Form(_) => "nfm_reply",
            Self::CallPermission(_) => "call_permission_reply",
        }
    }
}

record! {
    /// A reply button that was tapped.
    pub struct ButtonReply {
        id: String = 1,
        title: String = 2,
    }
}

silent!(ButtonReply);

impl ButtonReply {
    /// The button `title`, which the business knows as `id`.
    ///
    /// # Errors
    /// When one of them is empty, `id` is longer than [`MAX_BUTTON_ID_CHARS`], or `title` than
    /// [`MAX_BUTTON_CHARS`].
    pub fn new(id: impl Into<String>, title: impl Into<String>) -> Result<Self, InvalidContent> {
        Self { id: id.into(), title: title.into() }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        bounded_text::filled("interactive.button_reply.id", MAX_BUTTON_ID_CHARS, &mut self.id)?;
        bounded_text::filled("interactive.button_reply.title", MAX_BUTTON_CHARS, &mut self.title)?;
        Ok(self)
    }

    text!(id, "What the business knows it as.");
    text!(title, "What stands on it.");
}

record! {
    /// A row of a list that was chosen.
    pub struct ListReply {
        id: String = 1,
        title: String = 2,
        description: Option<String> = 3,
    }
}

silent!(ListReply);

impl ListReply {
    /// The row `title`, which the business knows as `id`.
    ///
    /// # Errors
    /// When one of them is empty, `id` is longer than [`MAX_ROW_ID_CHARS`], or `title` than
    /// [`MAX_ROW_TITLE_CHARS`].
    pub fn new(id: impl Into<String>, title: impl Into<String>) -> Result<Self, InvalidContent> {
        Self { id: id.into(), title: title.into(), description: None }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        bounded_text::filled("interactive.list_reply.id", MAX_ROW_ID_CHARS, &mut self.id)?;
        bounded_text::filled("interactive.list_reply.title", MAX_ROW_TITLE_CHARS, &mut self.title)?;
        let (field, description) = ("interactive.list_reply.description", &mut self.description);
        bounded_text::optional(field, MAX_ROW_DESCRIPTION_CHARS, description)?;
        Ok(self)
    }

    text!(id, "What the business knows it as.");
    text!(title, "What stands in it.");
    optional_text!(description, with_description, "What stands below that.", MAX_ROW_DESCRIPTION_CHARS);
}

record! {
    /// A form that was filled in.
    pub struct FormReply {
        name: String = 1,
        body: Option<String> = 2,
        response_json: Option<String> = 3,
    }
}

silent!(FormReply);

impl FormReply {
    /// The answers `response_json` to the form `name`: `flow`, or `address_message`. They are JSON, which
    /// nobody here reads.
    ///
    /// # Errors
    /// When one of them is empty, `name` is longer than [`MAX_ID_CHARS`], or `response_json` than
    /// [`MAX_JSON_BYTES`].
    pub fn new(name: impl Into<String>, response_json: impl Into<String>) -> Result<Self, InvalidContent> {
        Self { name: name.into(), body: None, response_json: Some(response_json.into()) }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        bounded_text::filled("interactive.nfm_reply.name", MAX_ID_CHARS, &mut self.name)?;
        let body = &mut self.body;
        bounded_text::optional("interactive.nfm_reply.body", MAX_INTERACTIVE_BODY_CHARS, body)?;
        let field = "interactive.nfm_reply.response_json";
        bounded_text::json(field, MAX_JSON_BYTES, &mut self.response_json)?;
        if self.response_json.is_none() {
            return Err(InvalidContent::Empty { field });
        }
        Ok(self)
    }

    text!(name, "Which form it is.");
    optional_text!(body, with_body, "What the user sees of their answer.", MAX_INTERACTIVE_BODY_CHARS);

    /// The answers: JSON, unread.
    #[must_use]
    pub fn response_json(&self) -> &str {
        self.response_json.as_deref().unwrap_or_default()
    }
}

codes! {
    /// Whether the business may call.
    pub enum CallPermission {
        /// It may.
        Accepted = 1,
        /// It may not.
        Rejected = 2,
    }
}

record! {
    /// The answer to the question whether the business may call.
    #[derive(Debug, Copy)]
    pub struct CallPermissionReply {
        permission: CallPermission = 1,
        until: u64 = 2,
    }
}

impl CallPermissionReply {
    /// It may, or not: from now on.
    #[must_use]
    pub const fn new(permission: CallPermission) -> Self {
        Self { permission, until: 0 }
    }

    const fn checked(self) -> Result<Self, InvalidContent> {
        Ok(self)
    }

    /// Has it end, in seconds since 1970; 0 is never.
    #[must_use]
    pub const fn until(mut self, seconds: u64) -> Self {
        self.until = seconds;
        self
    }

    /// Whether it may.
    #[must_use]
    pub const fn permission(self) -> CallPermission {
        self.permission
    }

    /// When that ends, in seconds since 1970, if ever.
    #[must_use]
    pub const fn ends(self) -> Option<u64> {
        if self.until == 0 { None } else { Some(self.until) }
    }
}
