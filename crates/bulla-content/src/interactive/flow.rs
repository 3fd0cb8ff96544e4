use crate::limits::{MAX_FLOW_BUTTON_CHARS, MAX_FLOW_TOKEN_CHARS, MAX_ID_CHARS, MAX_JSON_BYTES};
use crate::wire::{codes, optional_text, record, silent, text};
use crate::{InvalidContent, bounded_text};

codes! {
    /// What a flow begins with.
    pub enum FlowMode {
        /// The page that the message names.
        Navigate = 1,
        /// What the business's server answers when it is asked.
        DataExchange = 2,
    }
}

record! {
    /// A button that opens a form of several pages.
    pub struct Flow {
        flow: String = 1,
        button: String = 2,
        mode: FlowMode = 3,
        token: Option<String> = 4,
        screen: Option<String> = 5,
        data: Option<String> = 6,
        draft: bool = 7,
    }
}

silent!(Flow);

impl Flow {
    /// The button `button`, which opens the flow with the id `flow`, beginning as `mode` says.
    ///
    /// # Errors
    /// When `flow` is empty or longer than [`MAX_ID_CHARS`], or `button` is empty or longer than
    /// [`MAX_FLOW_BUTTON_CHARS`].
    pub fn new(
        flow: impl Into<String>,
        button: impl Into<String>,
        mode: FlowMode,
    ) -> Result<Self, InvalidContent> {
        let (flow, button) = (flow.into(), button.into());
        Self { flow, button, mode, token: None, screen: None, data: None, draft: false }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        bounded_text::filled("interactive.action.parameters.flow_id", MAX_ID_CHARS, &mut self.flow)?;
        let button = &mut self.button;
        bounded_text::filled("interactive.action.parameters.flow_cta", MAX_FLOW_BUTTON_CHARS, button)?;
        let token = &mut self.token;
        bounded_text::optional("interactive.action.parameters.flow_token", MAX_FLOW_TOKEN_CHARS, token)?;
        let (field, screen) = ("interactive.action.parameters.flow_action_payload.screen", &mut self.screen);
        bounded_text::optional(field, MAX_ID_CHARS, screen)?;
        let (field, data) = ("interactive.action.parameters.flow_action_payload.data", &mut self.data);
        bounded_text::json(field, MAX_JSON_BYTES, data)?;
        Ok(self)
    }

    /// Says whether it is a draft, which only its authors can open.
    #[must_use]
    pub const fn with_draft(mut self, draft: bool) -> Self {
        self.draft = draft;
        self
    }

    text!(flow, "The flow's id.");
    text!(button, "The button that opens it.");

    /// What it begins with.
    #[must_use]
    pub const fn mode(&self) -> FlowMode {
        self.mode
    }

    optional_text!(token, with_token, "What comes back with the answers.", MAX_FLOW_TOKEN_CHARS);
    optional_text!(screen, with_screen, "The page it begins with.", MAX_ID_CHARS);
    optional_text!(data, with_data, "What that page is filled with: JSON, unread.", MAX_JSON_BYTES);

    /// Whether it is a draft.
    #[must_use]
    pub const fn is_draft(&self) -> bool {
        self.draft
    }
}
