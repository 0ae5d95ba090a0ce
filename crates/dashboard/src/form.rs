//! What was wrong with a form, each message tied to its input.

use std::fmt::Write as _;

use accounts::{Error, Fault};
use web_kit::Problem;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldError {
    /// The input's name and id, or empty when it is about the form as a whole.
    pub(crate) field: &'static str,
    /// The words, as a sentence.
    pub(crate) message: String,
}

/// Which input a field of a use case came from, and what to call it in a message.
pub(crate) struct Input {
    pub(crate) field: &'static str,
    pub(crate) id: &'static str,
    pub(crate) called: &'static str,
}

impl Input {
    /// A field whose input has the same name.
    pub(crate) const fn same(field: &'static str, called: &'static str) -> Self {
        Self { field, id: field, called }
    }
}

/// The messages of one form, in the order of its inputs. Empty on a form that is shown for the first time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Errors(Vec<FieldError>);

/// One entry of a `<select>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) label: String,
    pub(crate) selected: bool,
}

impl Errors {
    /// Nothing is wrong.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// One message about one input.
    pub(crate) fn one(field: &'static str, message: impl Into<String>) -> Self {
        let mut errors = Self::none();
        errors.add(field, message);
        errors
    }

    /// One message about the form as a whole.
    pub(crate) fn whole(message: impl Into<String>) -> Self {
        Self::one("", message)
    }

    /// Adds a message. Messages begin in lower case inside, as errors do; a reader gets a sentence.
    pub(crate) fn add(&mut self, field: &'static str, message: impl Into<String>) {
        self.0.push(FieldError { field, message: sentence(&message.into()) });
    }

    /// What the use case could not take, or the rule that stood in the way: things the reader can mend. Other errors are problems.
    ///
    /// `inputs` gives, for each field of the use case, the input it came from and what to call it.
    pub(crate) fn of(refused: Error, inputs: &[Input]) -> Result<Self, Problem> {
        match refused {
            Error::Invalid(faults) => Ok(Self::faults(&faults, inputs)),
            Error::Rule(rule) => Ok(Self::whole(rule.to_string())),
            other => Err(other.into()),
        }
    }

    /// Faults of fields, each at its input.
    pub(crate) fn faults(faults: &[Fault], inputs: &[Input]) -> Self {
        let mut errors = Self::none();
        for fault in faults {
            match inputs.iter().find(|input| input.field == fault.field) {
                Some(input) => errors.add(input.id, format!("{} {}", input.called, fault.message)),
                None => errors.add("", format!("{} {}", fault.field, fault.message)),
            }
        }
        errors
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, FieldError> {
        self.0.iter()
    }

    /// The first message about this input.
    pub(crate) fn on(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|error| error.field == field).map(|error| error.message.as_str())
    }

    /// The heading of the summary.
    pub(crate) fn heading(&self) -> &'static str {
        if self.0.len() == 1 { "One thing needs your attention" } else { "Some things need your attention" }
    }

    /// The attributes that tie an input to its hint and its error. The names are ours, so this is markup.
    pub(crate) fn aria(&self, field: &str, hint: &str) -> String {
        let wrong = self.on(field).is_some();
        let mut ids = Vec::new();
        if !hint.is_empty() {
            ids.push(format!("{field}-hint"));
        }
        if wrong {
            ids.push(format!("{field}-error"));
        }
        let mut attributes = String::new();
        if !ids.is_empty() {
            let _ = write!(attributes, " aria-describedby=\"{}\"", ids.join(" "));
        }
        if wrong {
            attributes.push_str(" aria-invalid=\"true\"");
        }
        attributes
    }

    /// Whether this input is the first that is wrong.
    pub(crate) fn first(&self, field: &str) -> bool {
        self.0.iter().find(|error| !error.field.is_empty()).is_some_and(|error| error.field == field)
    }

    /// Whether this input is where the reader should be: the first that is wrong, else the one the page names by `otherwise`.
    pub(crate) fn focus(&self, field: &str, otherwise: &bool) -> bool {
        self.first(field) || (*otherwise && self.0.iter().all(|error| error.field.is_empty()))
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let start: String = letters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    let end = if text.ends_with(['.', '!', '?', ':']) { "" } else { "." };
    format!("{start}{}{end}", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_tied_to_its_input_and_draws_the_focus() {
        let mut errors = Errors::one("slug", "is taken");
        errors.add("password", "Too short.");
        assert_eq!(errors.aria("slug", "a hint"), " aria-describedby=\"slug-hint slug-error\" aria-invalid=\"true\"");
        assert_eq!(errors.aria("email", ""), "");
        assert_eq!(errors.on("slug"), Some("Is taken."));
        assert!(errors.focus("slug", &false) && !errors.focus("email", &true));
        assert!(Errors::none().focus("email", &true) && Errors::whole("x").focus("email", &true));
    }

    #[test]
    fn faults_are_said_at_the_input_they_came_from() {
        let inputs = [Input { field: "expires_at", id: "expires", called: "The end" }];
        let fault = |field, message: &str| Fault { field, message: message.to_owned() };
        let errors = Errors::faults(&[fault("expires_at", "must be in the future"), fault("other", "is odd")], &inputs);
        assert_eq!(errors.on("expires"), Some("The end must be in the future."));
        assert_eq!(errors.on(""), Some("Other is odd."), "a field without an input is still told");
    }
}
