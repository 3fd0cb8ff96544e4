//! What a request that configures something says: in JSON, in a form of words, or in its query.

use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use bulla_base::Clock;
use serde_json::{Map, Value};

use super::GraphApi;
use super::body::Incoming;
use super::form::Form;
use crate::api_error::ApiError;
use crate::limits::{MAX_BODY_BYTES, MAX_PARAMETERS_BYTES};
use crate::{RelayApi, TokenLookup};

/// The parameters of a request, by name. What clients write for nothing is nothing.
#[derive(Debug, Default)]
pub(crate) struct Parameters(Map<String, Value>);

impl<D: RelayApi, A: TokenLookup> GraphApi<D, A> {
    /// Reads what a request says.
    pub(super) async fn parameters(&self, head: &Parts, body: &mut Incoming) -> Result<Parameters, ApiError> {
        let is_form = body.is_urlencoded();
        if body.is_multipart() {
            body.check_form()?;
        } else if is_form {
            body.check_length()?;
        } else {
            body.check()?;
        }
        // No more of a form is in memory at once, however long it says it is.
        let admission = self.admission.take(body.most().min(MAX_BODY_BYTES), &*self.clock).await;
        let _admission =
            admission.inspect_err(|api_error| self.failures.tell(api_error, "no room", &*self.clock))?;
        let query = head.uri.query().unwrap_or_default();
        if body.is_multipart() {
            let mut all = Parameters::read(query, &[], false)?;
            all.read_form(head, body, &*self.clock).await?;
            return Ok(all);
        }
        let bytes = body.read(&*self.clock).await?;
        if bytes.len() > MAX_PARAMETERS_BYTES {
            return Err(ApiError::too_long(MAX_PARAMETERS_BYTES));
        }
        Parameters::read(query, &bytes, is_form)
    }
}

impl Parameters {
    /// What the query says, and the body, which counts where both say something.
    pub(crate) fn read(query: &str, body: &[u8], is_form: bool) -> Result<Self, ApiError> {
        let words = |words: &[u8]| {
            let pairs = form_urlencoded::parse(words);
            pairs
                .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
                .collect::<Vec<_>>()
        };
        let mut all = Map::from_iter(words(query.as_bytes()));
        if is_form {
            all.extend(words(body));
        } else if !body.is_empty() {
            match serde_json::from_slice(body) {
                Ok(Value::Object(fields)) => all.extend(fields),
                Ok(_) => return Err(ApiError::unreadable("the request's body must be a JSON object")),
                Err(error) => {
                    let (line, column) = (error.line(), error.column());
                    let why = format!("the request's body is not JSON at line {line}, column {column}");
                    return Err(ApiError::unreadable(why));
                }
            }
        }
        all.retain(|_, value| !value.is_null());
        Ok(Self(all))
    }

    /// Those that an object of them has.
    pub(crate) fn of(value: Value) -> Self {
        match value {
            Value::Object(fields) => Self(fields),
            _ => Self::default(),
        }
    }

    /// Adds what a form with parts says; a file in it, too, which is text.
    async fn read_form(
        &mut self,
        head: &Parts,
        body: &mut Incoming,
        clock: &dyn Clock,
    ) -> Result<(), ApiError> {
        let content_type = head.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let mut form = Form::new(content_type.unwrap_or_default(), body, clock)?;
        let mut room = MAX_PARAMETERS_BYTES;
        while let Some(mut field) = form.next().await? {
            let (name, mut text) = (field.name().to_owned(), Vec::new());
            room = room.saturating_sub(name.len() + 1);
            while let Some(bytes) = form.bytes_of(&mut field).await? {
                room =
                    room.checked_sub(bytes.len()).ok_or_else(|| ApiError::too_long(MAX_PARAMETERS_BYTES))?;
                text.extend_from_slice(&bytes);
            }
            if room == 0 {
                return Err(ApiError::too_long(MAX_PARAMETERS_BYTES));
            }
            let text = String::from_utf8(text)
                .map_err(|_| ApiError::unreadable("a field of the form is not UTF-8"))?;
            self.0.insert(name, Value::String(text));
        }
        Ok(())
    }

    /// Whether anything is said of `name`, even that it is empty.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A text of at most `most` characters; an empty one, too.
    pub(crate) fn text(&self, name: &'static str, most: usize) -> Result<Option<String>, ApiError> {
        let text = match self.0.get(name) {
            None => return Ok(None),
            Some(Value::String(text)) => text.clone(),
            // Some clients write codes as numbers.
            Some(Value::Number(number)) => number.to_string(),
            Some(_) => return Err(ApiError::mistyped(name, "a string")),
        };
        let actual = text.chars().count();
        if actual > most { Err(ApiError::long(name, "characters", actual, most)) } else { Ok(Some(text)) }
    }

    /// A text that must be there and not be empty.
    pub(crate) fn required(&self, name: &'static str, most: usize) -> Result<String, ApiError> {
        self.text(name, most)?.filter(|text| !text.is_empty()).ok_or_else(|| ApiError::missing(name))
    }

    /// Yes or no.
    pub(crate) fn flag(&self, name: &'static str) -> Result<Option<bool>, ApiError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(Value::String(word)) if word.is_empty() => Ok(None),
            // As programs write it that put it there as they have it.
            Some(Value::String(word)) if word.eq_ignore_ascii_case("true") || word == "1" => Ok(Some(true)),
            Some(Value::String(word)) if word.eq_ignore_ascii_case("false") || word == "0" => Ok(Some(false)),
            Some(_) => Err(ApiError::mistyped(name, "true or false")),
        }
    }

    /// A list, which in a query or a form is JSON.
    pub(crate) fn list(&self, name: &'static str) -> Result<Option<Vec<Value>>, ApiError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items.clone())),
            Some(Value::String(json)) => match serde_json::from_str(json) {
                Ok(Value::Array(items)) => Ok(Some(items)),
                _ => Err(ApiError::mistyped(name, "a list")),
            },
            Some(_) => Err(ApiError::mistyped(name, "a list")),
        }
    }

    /// Words, in a list or with commas between them, of at most `most` characters then.
    pub(crate) fn words(&self, name: &'static str, most: usize) -> Result<Option<Vec<String>>, ApiError> {
        let is_list = match self.0.get(name) {
            None => return Ok(None),
            Some(Value::String(text)) => text.trim_start().starts_with('['),
            Some(_) => true,
        };
        if !is_list {
            let text = self.text(name, most)?.unwrap_or_default();
            return Ok(Some(text.split(',').map(|word| word.trim().to_owned()).collect()));
        }
        let words = self.list(name)?.unwrap_or_default().into_iter().map(|word| match word {
            Value::String(word) => Ok(word),
            Value::Number(word) => Ok(word.to_string()),
            _ => Err(ApiError::mistyped(name, "a list of words")),
        });
        words.collect::<Result<_, _>>().map(Some)
    }

    /// An object, which in a query or a form is JSON.
    pub(crate) fn object(&self, name: &'static str) -> Result<Option<Self>, ApiError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Object(fields)) => Ok(Some(Self(fields.clone()))),
            Some(Value::String(json)) => match serde_json::from_str(json) {
                Ok(Value::Object(fields)) => Ok(Some(Self(fields))),
                _ => Err(ApiError::mistyped(name, "an object")),
            },
            Some(_) => Err(ApiError::mistyped(name, "an object")),
        }
    }

    /// Refuses a request that is about another product.
    pub(crate) fn check_product(&self) -> Result<(), ApiError> {
        match self.text("messaging_product", 32)? {
            Some(product) if !product.eq_ignore_ascii_case("whatsapp") => {
                Err(ApiError::one_of("messaging_product", "WHATSAPP"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_counts_before_the_query_and_nothing_is_nothing() {
        let said =
            Parameters::read("pin=1&code=007&flag=true", br#"{"pin":"123456","x":null}"#, false).unwrap();
        assert_eq!(said.text("pin", 6).unwrap().as_deref(), Some("123456"));
        assert_eq!(said.text("code", 6).unwrap().as_deref(), Some("007"));
        assert_eq!(said.flag("flag").unwrap(), Some(true));
        let spelt = Parameters::read("a=False&b=TRUE&c=yes", b"", false).unwrap();
        assert_eq!((spelt.flag("a").unwrap(), spelt.flag("b").unwrap()), (Some(false), Some(true)));
        assert!(spelt.flag("c").is_err());
        assert!(!said.has("x"));
        assert!(said.text("pin", 5).is_err() && said.required("gone", 5).is_err());
        let form = Parameters::read("", br#"list=%5B1%5D&pin=9"#, true).unwrap();
        assert_eq!(form.list("list").unwrap().unwrap().len(), 1);
        assert_eq!(form.text("pin", 6).unwrap().as_deref(), Some("9"));
        assert!(Parameters::read("", b"[1]", false).is_err());
        assert!(Parameters::read("", b"{", false).is_err());
    }
}
