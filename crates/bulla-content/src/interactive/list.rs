use crate::limits::{
    MAX_BUTTON_CHARS, MAX_ROW_DESCRIPTION_CHARS, MAX_ROW_ID_CHARS, MAX_ROW_TITLE_CHARS, MAX_ROWS,
    MAX_SECTIONS,
};
use crate::wire::{Listed, optional_text, record, silent, text};
use crate::{InvalidContent, bounded_text};

record! {
    /// A list that opens at the tap of a button, to choose from.
    pub struct List {
        button: String = 1,
        sections: Vec<ListSection> = 2,
    }
}

record! {
    /// Rows of a list that belong together.
    pub struct ListSection {
        title: Option<String> = 1,
        rows: Vec<ListRow> = 2,
    }
}

record! {
    /// One thing to choose.
    pub struct ListRow {
        id: String = 1,
        title: String = 2,
        description: Option<String> = 3,
    }
}

silent!(List);
silent!(ListSection);
silent!(ListRow);

impl Listed for ListSection {
    const LIST: (&'static str, &'static str, usize) =
        ("interactive.action.sections", "sections", MAX_SECTIONS);
}

impl Listed for ListRow {
    const LIST: (&'static str, &'static str, usize) = ("interactive.action.sections.rows", "rows", MAX_ROWS);
}

impl List {
    /// The list of `sections`, behind the button `button`.
    ///
    /// # Errors
    /// When `button` is empty or longer than [`MAX_BUTTON_CHARS`]; when there are no sections, more than
    /// [`MAX_SECTIONS`], or several of which one has no title; when all together have more than [`MAX_ROWS`]
    /// rows, or two rows have one id.
    pub fn new(button: impl Into<String>, sections: Vec<ListSection>) -> Result<Self, InvalidContent> {
        Self { button: button.into(), sections }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        bounded_text::filled("interactive.action.button", MAX_BUTTON_CHARS, &mut self.button)?;
        InvalidContent::some_of(ListSection::LIST, &self.sections)?;
        if self.sections.len() > 1 && self.sections.iter().any(|section| section.title.is_none()) {
            return Err(InvalidContent::Empty { field: "interactive.action.sections.title" });
        }
        let rows: Vec<_> = self.sections.iter().flat_map(|section| &section.rows).collect();
        InvalidContent::some_of(ListRow::LIST, &rows)?;
        if (1..rows.len()).any(|place| rows[..place].iter().any(|other| other.id == rows[place].id)) {
            return Err(InvalidContent::Repeated { field: "interactive.action.sections.rows.id" });
        }
        Ok(self)
    }

    text!(button, "The button that opens it.");

    /// Its sections.
    #[must_use]
    pub fn sections(&self) -> &[ListSection] {
        &self.sections
    }
}

impl ListSection {
    /// The section of `rows`.
    ///
    /// # Errors
    /// When there are none, or more than [`MAX_ROWS`].
    pub fn new(rows: Vec<ListRow>) -> Result<Self, InvalidContent> {
        Self { title: None, rows }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        let title = &mut self.title;
        bounded_text::optional("interactive.action.sections.title", MAX_ROW_TITLE_CHARS, title)?;
        InvalidContent::some_of(ListRow::LIST, &self.rows)?;
        Ok(self)
    }

    optional_text!(title, with_title, "What stands above it.", MAX_ROW_TITLE_CHARS);

    /// Its rows.
    #[must_use]
    pub fn rows(&self) -> &[ListRow] {
        &self.rows
    }
}

impl ListRow {
    /// The row `title`, which the business knows as `id`.
    ///
    /// # Errors
    /// When one of them is empty, `id` is longer than [`MAX_ROW_ID_CHARS`], or `title` than
    /// [`MAX_ROW_TITLE_CHARS`].
    pub fn new(id: impl Into<String>, title: impl Into<String>) -> Result<Self, InvalidContent> {
        Self { id: id.into(), title: title.into(), description: None }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        bounded_text::filled("interactive.action.sections.rows.id", MAX_ROW_ID_CHARS, &mut self.id)?;
        bounded_text::filled("interactive.action.sections.rows.title", MAX_ROW_TITLE_CHARS, &mut self.title)?;
        let (field, description) = ("interactive.action.sections.rows.description", &mut self.description);
        bounded_text::optional(field, MAX_ROW_DESCRIPTION_CHARS, description)?;
        Ok(self)
    }

    text!(id, "What the business knows it as.");
    text!(title, "What stands in it.");
    optional_text!(
        description,
        with_description,
        "What stands below that in small letters.",
        MAX_ROW_DESCRIPTION_CHARS
    );
}
