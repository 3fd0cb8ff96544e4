//! What is wrong with a template, as clients know it.
//!
//! | code | said when |
//! |---|---|
//! | 132000 | more or fewer parameters are given than a part takes |
//! | 132001 | the account has no such template in this language, or it is not approved; the nearest is named |
//! | 132005 | filled in, it is too long |
//! | 132012 | something else is given than a part takes, or a place is named that it does not have |
//! | 132015, 132016 | the template is paused, or disabled |
//! | 131008 | a button lacks what it needs |

use axum::http::StatusCode;
use bulla_content::InvalidContent;
use bulla_relay::{TemplateError, TemplateRefusal, TemplateStatus};

use super::ApiError;

const NO_SUCH: &str = "Template name does not exist in the translation";

impl ApiError {
    fn of_template(code: u32, title: &'static str, details: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, title).because(details.into())
    }

    /// Something else is given than a part of a template takes.
    pub(crate) fn parameter_format(details: impl Into<String>) -> Self {
        Self::of_template(132_012, "Parameter format does not match format in the created template", details)
    }

    /// A template in a request to define one breaks a bound.
    fn definition(source: &InvalidContent) -> Self {
        match source {
            InvalidContent::Empty { field } => Self::missing(field),
            InvalidContent::TooLong { field, unit, actual, limit } => {
                Self::long(field, unit, *actual, *limit)
            }
            other => Self::unreadable(other.to_string()),
        }
    }
}

impl From<TemplateRefusal> for ApiError {
    fn from(source: TemplateRefusal) -> Self {
        let details = source.to_string();
        match source {
            TemplateRefusal::Unknown { nearest } => {
                let api_error = Self::of_template(132_001, NO_SUCH, details);
                let api_error = match nearest {
                    Some((name, language)) => {
                        api_error.quoting(&format!("the nearest is {name} in the language {language}"))
                    }
                    None => api_error,
                };
                Self { status: StatusCode::NOT_FOUND, ..api_error }
            }
            TemplateRefusal::NotApproved { status: TemplateStatus::Paused } => {
                Self::of_template(132_015, "Template is paused", details)
            }
            TemplateRefusal::NotApproved { status: TemplateStatus::Disabled } => {
                Self::of_template(132_016, "Template is disabled", details)
            }
            TemplateRefusal::NotApproved { .. } => {
                Self { status: StatusCode::NOT_FOUND, ..Self::of_template(132_001, NO_SUCH, details) }
            }
            TemplateRefusal::Count { .. } => Self::of_template(
                132_000,
                "Number of parameters does not match the expected number of params",
                details,
            ),
            TemplateRefusal::Missing { .. } => {
                Self::of_template(131_008, "Required parameter is missing", details)
            }
            TemplateRefusal::Format { .. } => Self::parameter_format(details),
            TemplateRefusal::Names { part: _, expected } => {
                Self::parameter_format(details).quoting(&format!("they are {}", expected.join(", ")))
            }
            TemplateRefusal::Rendered(source @ InvalidContent::TooLong { .. }) => {
                Self::of_template(132_005, "Translated text too long", source.to_string())
            }
            TemplateRefusal::Rendered(source) => source.into(),
            _ => Self::parameter_format(details),
        }
    }
}

impl From<TemplateError> for ApiError {
    fn from(source: TemplateError) -> Self {
        match source {
            TemplateError::Unknown | TemplateError::UnknownAccount => Self::number(),
            TemplateError::Exists => {
                let details = "name: the account has a template of this name in this language";
                Self { subcode: Some(2_388_024), ..Self::unreadable(details) }
            }
            TemplateError::TooMany { limit } => {
                let details = format!("the account has {limit} templates, which is as many as it may");
                Self { subcode: Some(2_388_019), ..Self::unreadable(details) }
            }
            TemplateError::Invalid(source) => Self::definition(&source),
            TemplateError::Submit(source) => source.into(),
            _ => Self::failed(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_business_has_named_is_told_to_its_client_and_not_to_the_log() {
        let nearest = Some(("order_update".to_owned(), "en_US".to_owned()));
        let api_error = ApiError::from(TemplateRefusal::Unknown { nearest });
        let details = api_error.details.as_deref().unwrap();
        assert!(details.ends_with("the nearest is order_update in the language en_US"), "{details}");
        let logged = format!("{api_error:?} {}", api_error.cause());
        assert!(!logged.contains("order_update") && logged.contains("132001"), "{logged}");
        assert_eq!(api_error.reason(), "template");
    }
}
