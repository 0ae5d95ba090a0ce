//! A page as it was seen: status, headers, parsed markup.

use http::{HeaderMap, StatusCode, header};
use scraper::{ElementRef, Html, Selector};

/// A page, or another answer.
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(super) document: Html,
}

/// A form of a page.
pub(super) struct Form {
    pub(super) action: String,
    /// Name and value of all that it would send untouched.
    fields: Vec<(String, String)>,
    /// Label and name.
    labels: Vec<(String, String)>,
    /// What is chosen by its words: name, words, value.
    options: Vec<(String, String, String)>,
}

pub(super) fn selector(css: &str) -> Selector {
    Selector::parse(css).unwrap_or_else(|error| panic!("{css}: {error}"))
}

/// The text of an element, white space made single.
pub(super) fn text_of(element: ElementRef<'_>) -> String {
    element.text().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Seen {
    pub(super) fn new(path: &str, status: StatusCode, headers: HeaderMap, text: String) -> Self {
        let document = Html::parse_document(&text);
        Self { path: path.to_owned(), status, headers, text, document }
    }

    pub(super) fn redirect(&self) -> Option<String> {
        let to = self.headers.get(header::LOCATION)?.to_str().unwrap().to_owned();
        self.status.is_redirection().then_some(to)
    }

    pub(super) fn is_page(&self) -> bool {
        let kind = self.headers.get(header::CONTENT_TYPE).map_or("", |kind| kind.to_str().unwrap());
        kind.starts_with("text/html") && self.text.starts_with("<!doctype")
    }

    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The texts of all elements that match.
    pub(crate) fn all(&self, css: &str) -> Vec<String> {
        self.document.select(&selector(css)).map(text_of).collect()
    }

    /// The text of the one element that matches.
    pub(crate) fn one(&self, css: &str) -> String {
        let mut all = self.all(css);
        assert_eq!(all.len(), 1, "{css} on {}: {all:?}", self.path);
        all.remove(0)
    }

    /// Whether anything matches.
    pub(crate) fn has(&self, css: &str) -> bool {
        self.document.select(&selector(css)).next().is_some()
    }

    /// An attribute of the first element that matches.
    pub(crate) fn attribute(&self, css: &str, name: &str) -> String {
        let first = self.document.select(&selector(css)).next();
        first.and_then(|element| element.attr(name)).unwrap_or_default().to_owned()
    }

    /// The main heading.
    pub(crate) fn h1(&self) -> String {
        self.one("h1")
    }

    pub(super) fn form(&self, button: &str) -> Option<Form> {
        let named =
            |element: &ElementRef<'_>| element.attr("aria-label") == Some(button) || text_of(*element) == button;
        let (forms, buttons) = (selector("form"), selector("button"));
        self.document.select(&forms).find_map(|form| {
            let pressed = form.select(&buttons).find(named)?;
            Some(self.read_form(form, pressed))
        })
    }

    fn read_form(&self, form: ElementRef<'_>, pressed: ElementRef<'_>) -> Form {
        let mut fields = Vec::new();
        let mut labels = Vec::new();
        let mut options = Vec::new();
        for input in form.select(&selector("input, textarea, select")) {
            let name = input.attr("name").unwrap_or_default().to_owned();
            if let Some(label) = input.attr("id").and_then(|id| self.label(id)) {
                labels.push((label, name.clone()));
            }
            if input.value().name() == "select" {
                for option in input.select(&selector("option")) {
                    options.push((name.clone(), text_of(option), option.attr("value").unwrap_or_default().to_owned()));
                }
            }
            if let Some(value) = sent(input) {
                fields.push((name, value));
            }
        }
        if let Some(name) = pressed.attr("name") {
            fields.push((name.to_owned(), pressed.attr("value").unwrap_or_default().to_owned()));
        }
        let action = pressed.attr("formaction").or(form.attr("action")).unwrap_or(&self.path);
        Form { action: action.to_owned(), fields, labels, options }
    }

    fn label(&self, id: &str) -> Option<String> {
        self.document.select(&selector("label")).find(|label| label.attr("for") == Some(id)).map(text_of)
    }
}

/// What an untouched input sends.
fn sent(input: ElementRef<'_>) -> Option<String> {
    match input.value().name() {
        "textarea" => Some(input.text().collect()),
        "select" => {
            let options: Vec<_> = input.select(&selector("option")).collect();
            let chosen = options.iter().find(|option| option.attr("selected").is_some()).or(options.first())?;
            Some(chosen.attr("value").unwrap_or_default().to_owned())
        }
        _ => {
            let ticked = !matches!(input.attr("type"), Some("radio" | "checkbox")) || input.attr("checked").is_some();
            ticked.then(|| input.attr("value").unwrap_or_default().to_owned())
        }
    }
}

impl Form {
    pub(super) fn filled(&mut self, values: &[(String, String)]) -> String {
        for (label, value) in values {
            self.put(label, value);
        }
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(&self.fields);
        body.finish()
    }

    fn put(&mut self, label: &str, value: &str) {
        let labelled: Vec<_> = self.labels.iter().filter(|(of, _)| of == label).map(|(_, name)| name.clone()).collect();
        let name =
            labelled.first().unwrap_or_else(|| panic!("no input labelled {label:?} among {:?}", self.labels)).clone();
        let chosen = self.options.iter().find(|(of, words, _)| *of == name && words == value);
        let value = chosen.map_or(value, |(_, _, value)| value).to_owned();
        match self.fields.iter_mut().find(|(of, _)| *of == name) {
            Some(field) => field.1 = value,
            None => self.fields.push((name, value)),
        }
    }
}
