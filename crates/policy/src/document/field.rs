//! The tables that both the reader and the JSON Schema of the language are made from: which members an object has, which
//! words a member takes, and what to tell people about each. A member that is in no table is refused by the one and
//! unknown to the other.

use serde_json::Value as Json;

/// One member of an object of the language.
#[derive(Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) required: bool,
    /// Two or three words, for the head of a hover.
    pub(crate) title: &'static str,
    /// What it means, in sentences.
    pub(crate) text: &'static str,
    pub(crate) shape: Shape,
    /// JSON.
    pub(crate) default: Option<&'static str>,
    /// JSON, each.
    pub(crate) examples: &'static [&'static str],
}

/// What values a member takes.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    /// A string of up to so many characters.
    Text(Option<usize>),
    Boolean,
    /// A whole number between these.
    Whole(u32, u32),
    Choice(fn() -> Vec<Word>),
    List(&'static Shape),
    Object(&'static Object),
    /// What no other shape says.
    Other(fn() -> Json),
}

/// An object of the language.
pub(crate) struct Object {
    /// Its key in the schema's `$defs`.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) text: &'static str,
    pub(crate) fields: &'static [Field],
    /// Keywords for what members say about each other.
    pub(crate) together: Option<fn() -> Json>,
}

/// One word that a member takes, and what it stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice<T> {
    pub(crate) word: &'static str,
    pub(crate) value: T,
    pub(crate) text: &'static str,
}

/// A [`Choice`] without what it stands for.
pub(crate) type Word = (&'static str, &'static str);

/// Something that is allowed by its name.
pub(crate) trait Named {
    fn name(&self) -> &str;

    /// What is told when it is missing.
    fn wanted(&self) -> String {
        String::new()
    }
}

impl Named for Field {
    fn name(&self) -> &str {
        self.name
    }

    fn wanted(&self) -> String {
        let Shape::Choice(words) = self.shape else {
            let sentence = self.text.split(". ").next().unwrap_or_default().trim_end_matches('.');
            let mut letters = sentence.chars();
            return letters
                .next()
                .map(|first| format!(" ({}{})", first.to_lowercase(), letters.as_str()))
                .unwrap_or_default();
        };
        let words: Vec<String> = words().iter().map(|(word, _)| format!("{word:?}")).collect();
        format!(": {}", words.join(", "))
    }
}

impl Named for &str {
    fn name(&self) -> &str {
        self
    }
}

impl Field {
    pub(crate) const fn required(name: &'static str, title: &'static str, text: &'static str, shape: Shape) -> Self {
        Self { name, required: true, title, text, shape, default: None, examples: &[] }
    }

    pub(crate) const fn optional(name: &'static str, title: &'static str, text: &'static str, shape: Shape) -> Self {
        Self { required: false, ..Self::required(name, title, text, shape) }
    }

    pub(crate) const fn or(self, default: &'static str) -> Self {
        Self { default: Some(default), ..self }
    }

    pub(crate) const fn like(self, examples: &'static [&'static str]) -> Self {
        Self { examples, ..self }
    }
}

pub(crate) const fn choice<T: Copy>(word: &'static str, value: T, text: &'static str) -> Choice<T> {
    Choice { word, value, text }
}

pub(crate) fn words<T>(choices: &[Choice<T>]) -> Vec<Word> {
    choices.iter().map(|choice| (choice.word, choice.text)).collect()
}
