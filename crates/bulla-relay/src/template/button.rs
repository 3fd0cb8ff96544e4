use std::fmt;

use bulla_base::Number;
use bulla_content::FlowMode;

use super::TemplateText;

/// A button below a template.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ButtonDefinition {
    /// Its text is sent back, with a payload that each message may bring.
    QuickReply {
        /// What stands on it.
        text: String,
    },
    /// It opens a link.
    Url {
        /// What stands on it.
        text: String,
        /// The link; at its end there may be a place.
        url: TemplateText,
    },
    /// It calls a number.
    PhoneNumber {
        /// What stands on it.
        text: String,
        /// Whom it calls.
        number: Number,
    },
    /// It copies a code that each message brings.
    CopyCode {
        /// A code, for whoever reviews it.
        example: String,
    },
    /// It copies the one-time code of an authentication template.
    OneTimeCode {
        /// What stands on it.
        text: String,
    },
    /// It opens a form of several pages.
    Flow {
        /// What stands on it.
        text: String,
        /// The flow's id.
        flow: String,
        /// What it begins with.
        mode: FlowMode,
        /// The page it begins with.
        screen: Option<String>,
    },
}

impl ButtonDefinition {
    /// What stands on it.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::QuickReply { text }
            | Self::Url { text, .. }
            | Self::PhoneNumber { text, .. }
            | Self::OneTimeCode { text }
            | Self::Flow { text, .. } => text,
            Self::CopyCode { .. } => COPY_CODE,
        }
    }

    /// The name that the API has for its sort.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::QuickReply { .. } => "QUICK_REPLY",
            Self::Url { .. } => "URL",
            Self::PhoneNumber { .. } => "PHONE_NUMBER",
            Self::CopyCode { .. } => "COPY_CODE",
            Self::OneTimeCode { .. } => "OTP",
            Self::Flow { .. } => "FLOW",
        }
    }
}

/// What stands on a button that copies an offer's code: its words are nobody's to choose.
const COPY_CODE: &str = "Copy offer code";

impl fmt::Debug for ButtonDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ButtonDefinition({}, {} bytes)", self.kind(), self.text().len())
    }
}
