//! Which fields an answer is to have: `fields=id,throughput{level},items.limit(3){name}`.

use axum::http::request::Parts;
use serde_json::{Map, Value};

use super::request_headers::query;
use crate::api_error::ApiError;
use crate::limits::{MAX_FIELD_DEPTH, MAX_FIELDS};

/// What is asked for of an object: names, and what is asked for of those that are objects themselves.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Selection(Vec<(String, Option<Selection>)>);

impl Selection {
    /// What a request asks for, if it says.
    ///
    /// # Errors
    /// When brackets do not match, or it asks for more than there is.
    pub(crate) fn of(head: &Parts) -> Result<Option<Self>, ApiError> {
        query(head, "fields")
            .filter(|fields| !fields.is_empty())
            .map(|fields| Self::parse(&fields))
            .transpose()
    }

    /// Reads a list of fields. Words in round brackets, such as a limit, are passed over.
    pub(crate) fn parse(fields: &str) -> Result<Self, ApiError> {
        let mut whole = Self::default();
        let mut letters = fields.chars();
        let mut count = 0;
        match whole.read(&mut letters, 0, &mut count) {
            Some(false) => Ok(whole),
            _ => Err(ApiError::unreadable("fields: it is no list of fields, or has too many")),
        }
    }

    /// Reads up to the end or a closing bracket; which of the two it was. Nothing when it cannot be read.
    fn read(&mut self, letters: &mut std::str::Chars<'_>, depth: usize, count: &mut usize) -> Option<bool> {
        if depth > MAX_FIELD_DEPTH {
            return None;
        }
        let (mut name, mut is_modifier) = (String::new(), false);
        loop {
            let letter = letters.next();
            match letter {
                Some('(') => skip(letters)?,
                Some('{') => {
                    let mut inner = Self::default();
                    if !inner.read(letters, depth + 1, count)? {
                        return None;
                    }
                    self.add(&mut name, Some(inner), count)?;
                }
                Some('.') => is_modifier = true,
                None | Some(',' | '}') => {
                    self.add(&mut name, None, count)?;
                    is_modifier = false;
                    match letter {
                        None => return Some(false),
                        Some('}') => return Some(true),
                        _ => {}
                    }
                }
                // What stands behind a point says how, and not what.
                Some(_) if is_modifier => {}
                Some(letter) => name.push(letter),
            }
        }
    }

    fn add(&mut self, name: &mut String, inner: Option<Self>, count: &mut usize) -> Option<()> {
        let name = std::mem::take(name).trim().to_owned();
        if !name.is_empty() {
            *count += 1;
            self.0.push((name, inner));
        }
        (*count <= MAX_FIELDS).then_some(())
    }

    /// Whether something called `name` is asked for.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// What is asked for of `whole`, and its id.
    pub(crate) fn pick(&self, whole: Value) -> Value {
        match whole {
            Value::Object(mut whole) => {
                let mut picked = Map::new();
                for (name, inner) in &self.0 {
                    if let Some(value) = whole.remove(name) {
                        let value =
                            inner.as_ref().map_or_else(|| value.clone(), |inner| inner.pick(value.clone()));
                        picked.insert(name.clone(), value);
                    }
                }
                if let Some(id) = whole.remove("id") {
                    picked.insert("id".into(), id);
                }
                Value::Object(picked)
            }
            Value::Array(items) => items.into_iter().map(|item| self.pick(item)).collect(),
            other => other,
        }
    }
}

/// What is asked for of `whole`; all of it when nothing is said.
pub(crate) fn pick(selection: Option<&Selection>, whole: Value) -> Value {
    match selection {
        Some(selection) => selection.pick(whole),
        None => whole,
    }
}

/// Passes over what stands in round brackets.
fn skip(letters: &mut std::str::Chars<'_>) -> Option<()> {
    let mut depth = 1_usize;
    for letter in letters {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_picked_with_those_of_their_own_and_the_id_is_always_there() {
        let whole = json!({
            "id": "1", "name": "n", "throughput": { "level": "STANDARD", "more": 1 },
            "items": [{ "id": "2", "a": 1, "b": 2 }],
        });
        let picked = |fields: &str| Selection::parse(fields).unwrap().pick(whole.clone());
        assert_eq!(picked("name"), json!({ "id": "1", "name": "n" }));
        assert_eq!(
            picked("throughput{level}, items.limit(3){a},gone,preview.invalidate(true)"),
            json!({ "id": "1", "throughput": { "level": "STANDARD" }, "items": [{ "a": 1, "id": "2" }] })
        );
        assert_eq!(picked("id,name,name"), json!({ "id": "1", "name": "n" }));
    }

    #[test]
    fn brackets_that_do_not_match_and_more_than_there_may_be_are_refused() {
        for bad in ["a{", "a}", "a(", "a{b", "a{b}}", "a.limit(3"] {
            assert!(Selection::parse(bad).is_err(), "{bad}");
        }
        let many = |count: usize| vec!["a"; count].join(",");
        assert!(Selection::parse(&many(MAX_FIELDS)).is_ok());
        assert!(Selection::parse(&many(MAX_FIELDS + 1)).is_err());
        let deep = |depth: usize| format!("{}a{}", "a{".repeat(depth), "}".repeat(depth));
        assert!(Selection::parse(&deep(MAX_FIELD_DEPTH)).is_ok());
        assert!(Selection::parse(&deep(MAX_FIELD_DEPTH + 1)).is_err());
    }
}
