use serde_json::Value;

use crate::api::parameters::Parameters;
use crate::limits::MAX_FIELD_ARGUMENTS;

/// How a field is asked for: `.start(1).limit(3)`, names with what stands in the brackets behind each.
#[derive(Debug, Default)]
pub(super) struct Arguments(Vec<(String, String)>);

impl Arguments {
    /// Begins another one. Nothing when there are too many.
    pub(super) fn open(&mut self) -> Option<()> {
        self.0.push(<(String, String)>::default());
        (self.0.len() <= MAX_FIELD_ARGUMENTS).then_some(())
    }

    /// Where a letter belongs that stands outside of brackets: to the name of the last one, if there is any.
    pub(super) fn last_name(&mut self) -> Option<&mut String> {
        self.0.last_mut().map(|(name, _)| name)
    }

    /// Reads what stands in round brackets, up to the one that closes them, of the last one; without any it
    /// is passed over. Nothing when none closes them.
    pub(super) fn close(&mut self, letters: &mut std::str::Chars<'_>) -> Option<()> {
        let (mut value, mut depth) = (String::new(), 1_usize);
        for letter in letters {
            match letter {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                if let Some((_, last)) = self.0.last_mut() {
                    *last = value;
                }
                return Some(());
            }
            value.push(letter);
        }
        None
    }

    /// They as the parameters of a request. Of two of one name the last counts.
    pub(super) fn to_parameters(&self) -> Parameters {
        let said = self.0.iter().map(|(name, value)| (name.trim().to_owned(), value.clone().into()));
        Parameters::of(Value::Object(said.collect()))
    }
}
