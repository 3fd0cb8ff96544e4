//! Which fields an answer is to have: `fields=id,throughput{level},items.limit(3){name}`.

mod arguments;

use axum::http::request::Parts;
use serde_json::{Map, Value};

use self::arguments::Arguments;
use super::parameters::Parameters;
use super::request_headers::query;
use crate::api_error::ApiError;
use crate::limits::{MAX_FIELD_DEPTH, MAX_FIELDS};

/// What is asked for of an object: names, and what is asked for of those that are objects themselves.
#[derive(Debug, Default)]
pub(crate) struct Selection(Vec<Wanted>);

/// One field: how it is asked for, and what of it.
#[derive(Debug, Default)]
struct Wanted {
    name: String,
    arguments: Arguments,
    inner: Option<Selection>,
}

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

    /// Reads a list of fields. What stands behind a point, such as a limit, says how each is asked for.
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
        let mut wanted = Wanted::default();
        loop {
            let letter = letters.next();
            match letter {
                Some('(') => wanted.arguments.close(letters)?,
                Some('{') => {
                    let mut inner = Self::default();
                    if !inner.read(letters, depth + 1, count)? {
                        return None;
                    }
                    wanted.inner = Some(inner);
                    self.add(&mut wanted, count)?;
                }
                Some('.') => wanted.arguments.open()?,
                None | Some(',' | '}') => {
                    self.add(&mut wanted, count)?;
                    match letter {
                        None => return Some(false),
                        Some('}') => return Some(true),
                        _ => {}
                    }
                }
                Some(letter) => wanted.arguments.last_name().unwrap_or(&mut wanted.name).push(letter),
            }
        }
    }

    fn add(&mut self, wanted: &mut Wanted, count: &mut usize) -> Option<()> {
        let mut wanted = std::mem::take(wanted);
        wanted.name = wanted.name.trim().to_owned();
        if !wanted.name.is_empty() {
            *count += 1;
            self.0.push(wanted);
        }
        (*count <= MAX_FIELDS).then_some(())
    }

    /// Whether something called `name` is asked for.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|wanted| wanted.name == name)
    }

    /// How `name` is asked for, if it is: what stands behind its points.
    pub(crate) fn arguments(&self, name: &str) -> Option<Parameters> {
        self.0.iter().find(|wanted| wanted.name == name).map(|wanted| wanted.arguments.to_parameters())
    }

    /// What is asked for of `whole`, and its id.
    pub(crate) fn pick(&self, whole: Value) -> Value {
        match whole {
            Value::Object(mut whole) => {
                let mut picked = Map::new();
                for Wanted { name, inner, .. } in &self.0 {
                    if let Some(value) = whole.remove(name) {
                        picked.insert(name.clone(), pick(inner.as_ref(), value));
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::limits::MAX_FIELD_ARGUMENTS;

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
        let asked = |count: usize| format!("a{}", ".b(1)".repeat(count));
        assert!(Selection::parse(&asked(MAX_FIELD_ARGUMENTS)).is_ok());
        assert!(Selection::parse(&asked(MAX_FIELD_ARGUMENTS + 1)).is_err());
    }

    #[test]
    fn what_stands_behind_points_says_how_a_field_is_asked_for() {
        let fields = r#"id,a.start(1).end( 2 ).list(["x","y(1)"]){data}, b.start(3)"#;
        let selection = Selection::parse(fields).unwrap();
        let of = |name: &str, argument: &'static str| {
            selection.arguments(name).unwrap().text(argument, 64).unwrap()
        };
        assert_eq!(of("a", "start").as_deref(), Some("1"));
        assert_eq!(of("a", "end").as_deref(), Some(" 2 "));
        assert_eq!(of("a", "list").as_deref(), Some(r#"["x","y(1)"]"#));
        assert_eq!((of("b", "start").as_deref(), of("b", "end")), (Some("3"), None));
        assert_eq!(of("id", "start"), None);
        assert!(selection.arguments("c").is_none());
    }

    proptest! {
        /// Whatever is asked, it is read or refused; and what was written is read back.
        #[test]
        fn any_words_are_read_or_refused(fields in "[a-c.(){},\\[\\]\" é]{0,64}") {
            let _ = Selection::parse(&fields);
        }

        #[test]
        fn arguments_are_read_as_they_were_written(start in "[^()]{0,16}", end in "[^()]{0,16}") {
            let selection = Selection::parse(&format!("id,x.start({start}).end({end}){{a}},y")).unwrap();
            let read = selection.arguments("x").unwrap();
            for (name, value) in [("start", start), ("end", end)] {
                prop_assert_eq!(read.text(name, 16).unwrap(), Some(value));
            }
            prop_assert!(selection.has("id") && selection.has("y"));
        }
    }
}
