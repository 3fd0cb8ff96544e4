//! Authentication templates: their words are fixed, and a business chooses which of them stand there.

use super::{ButtonDefinition, TemplateText};

/// What an authentication template says beside its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OneTimeCode {
    pub(crate) is_recommending: bool,
    pub(crate) minutes: Option<u8>,
}

impl OneTimeCode {
    /// The code alone.
    #[must_use]
    pub const fn new() -> Self {
        Self { is_recommending: false, minutes: None }
    }

    /// Says whether the user is asked not to share it.
    #[must_use]
    pub const fn recommending(mut self, is_recommending: bool) -> Self {
        self.is_recommending = is_recommending;
        self
    }

    /// Says after how many minutes it expires: 1 to 90.
    #[must_use]
    pub const fn expiring(mut self, minutes: u8) -> Self {
        self.minutes = Some(minutes);
        self
    }

    /// Whether the user is asked not to share it.
    #[must_use]
    pub const fn is_recommending(&self) -> bool {
        self.is_recommending
    }

    /// After how many minutes it expires, if that is said.
    #[must_use]
    pub const fn minutes(&self) -> Option<u8> {
        self.minutes
    }

    /// The body in `language`, if there are words in it.
    pub(crate) fn body(self, language: &str) -> Option<TemplateText> {
        let words = words(language)?;
        let recommended = if self.is_recommending { words.recommendation } else { "" };
        Some(TemplateText::new(format!("{}{recommended}", words.body)))
    }

    /// The footer in `language`.
    pub(crate) fn footer(self, language: &str) -> Option<String> {
        let (words, minutes) = (words(language)?, self.minutes?);
        Some(words.footer.replace("{}", &minutes.to_string()))
    }

    /// What stands on its button in `language`, if the business says nothing else.
    pub(crate) fn button(language: &str) -> Option<ButtonDefinition> {
        Some(ButtonDefinition::OneTimeCode { text: words(language)?.button.to_owned() })
    }
}

struct Words {
    language: &'static str,
    body: &'static str,
    recommendation: &'static str,
    footer: &'static str,
    button: &'static str,
}

/// In which languages there are words, and which.
const ALL: [Words; 6] = [
    Words {
        language: "en",
        body: "{{1}} is your verification code.",
        recommendation: " For your security, do not share this code.",
        footer: "This code expires in {} minutes.",
        button: "Copy code",
    },
    Words {
        language: "es",
        body: "Tu código de verificación es {{1}}.",
        recommendation: " Por tu seguridad, no lo compartas.",
        footer: "Este código caduca en {} minutos.",
        button: "Copiar código",
    },
    Words {
        language: "pt",
        body: "Seu código de verificação é {{1}}.",
        recommendation: " Para sua segurança, não o compartilhe.",
        footer: "Este código expira em {} minutos.",
        button: "Copiar código",
    },
    Words {
        language: "fr",
        body: "Votre code de vérification est {{1}}.",
        recommendation: " Pour votre sécurité, ne le partagez pas.",
        footer: "Ce code expire dans {} minutes.",
        button: "Copier le code",
    },
    Words {
        language: "de",
        body: "Ihr Bestätigungscode lautet {{1}}.",
        recommendation: " Geben Sie ihn zu Ihrer Sicherheit nicht weiter.",
        footer: "Dieser Code läuft in {} Minuten ab.",
        button: "Code kopieren",
    },
    Words {
        language: "it",
        body: "Il tuo codice di verifica è {{1}}.",
        recommendation: " Per la tua sicurezza, non condividerlo.",
        footer: "Questo codice scade tra {} minuti.",
        button: "Copia codice",
    },
];

/// The words in a language, whatever the country.
fn words(language: &str) -> Option<&'static Words> {
    let base = language.split('_').next()?;
    ALL.iter().find(|words| words.language == base)
}
