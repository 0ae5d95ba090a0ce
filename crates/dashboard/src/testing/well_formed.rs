//! What every page must be: checked on each page that any test sees.

use std::collections::BTreeSet;

use scraper::ElementRef;

use super::page::{Seen, selector, text_of};
use crate::{Dashboard, assets};

/// Checks a page.
///
/// # Panics
/// With what is wrong and on which page.
pub(super) fn check(page: &Seen) {
    assert_eq!(page.all("h1").len(), 1, "{} has one h1", page.path);
    let title = page.one("title");
    assert!(title.ends_with(" · Portcullis") && title.len() > " · Portcullis".len(), "{}: title {title:?}", page.path);
    let elements: Vec<ElementRef<'_>> = page.document.select(&selector("*")).collect();
    let ids = unique_ids(page, &elements);
    for element in elements {
        no_inline(page, element);
        names_exist(page, element, &ids);
        match element.value().name() {
            "input" | "select" | "textarea" => labelled(page, element),
            "summary" => said(page, element),
            "button" => {
                said(page, element);
                sends_somewhere(page, element);
            }
            "a" => {
                said(page, element);
                leads_somewhere(page, element);
            }
            "form" => goes_somewhere(page, element),
            _ => {}
        }
    }
    assert!(page.document.select(&selector("[autofocus]")).count() <= 1, "{} draws the focus to one place", page.path);
}

fn unique_ids(page: &Seen, elements: &[ElementRef<'_>]) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for id in elements.iter().filter_map(|element| element.attr("id")) {
        assert!(ids.insert(id.to_owned()), "{}: id {id:?} is there twice", page.path);
    }
    ids
}

fn no_inline(page: &Seen, element: ElementRef<'_>) {
    let name = element.value().name();
    assert_ne!(name, "style", "{}: a <style>", page.path);
    for (attribute, _) in element.value().attrs() {
        let inline = attribute == "style" || attribute.starts_with("on");
        assert!(!inline, "{}: <{name} {attribute}=…>", page.path);
    }
    if name == "script" && element.attr("type") == Some("application/json") {
        let data = element.text().collect::<String>();
        assert!(serde_json::from_str::<serde_json::Value>(&data).is_ok(), "{}: data that does not read", page.path);
    } else if name == "script" {
        let fine = element.attr("nonce").is_some_and(|nonce| !nonce.is_empty()) && element.attr("src").is_some();
        assert!(fine && text_of(element).is_empty(), "{}: a script without nonce or address", page.path);
    }
    for address in [element.attr("src"), element.attr("href")].into_iter().flatten() {
        let known = !address.starts_with(assets::PREFIX) || assets::is_there(address);
        assert!(known, "{}: no file behind {address}", page.path);
        assert!(!address.starts_with("javascript:"), "{}: {address}", page.path);
    }
}

fn names_exist(page: &Seen, element: ElementRef<'_>, ids: &BTreeSet<String>) {
    for attribute in ["aria-describedby", "aria-labelledby", "for", "data-slug-from", "data-reveal"] {
        for id in element.attr(attribute).unwrap_or_default().split_whitespace() {
            assert!(ids.contains(id), "{}: {attribute}={id:?} leads nowhere", page.path);
        }
    }
    if element.attr("aria-invalid") == Some("true") {
        let described = element.attr("aria-describedby").unwrap_or_default();
        assert!(described.contains("-error"), "{}: an invalid input without its error", page.path);
    }
}

fn labelled(page: &Seen, input: ElementRef<'_>) {
    if input.attr("type") == Some("hidden") {
        return;
    }
    let labelled = input.attr("id").is_some_and(|id| page.has(&format!("label[for=\"{id}\"]")));
    let wrapped = input.ancestors().filter_map(ElementRef::wrap).any(|around| around.value().name() == "label");
    let named = input.attr("aria-label").is_some() || input.attr("aria-labelledby").is_some();
    assert!(labelled || wrapped || named, "{}: {} has no label", page.path, input.html());
    assert!(input.attr("name").is_some_and(|name| !name.is_empty()), "{}: {} has no name", page.path, input.html());
}

fn said(page: &Seen, element: ElementRef<'_>) {
    let named = !text_of(element).is_empty() || element.attr("aria-label").is_some();
    assert!(named, "{}: {} says nothing", page.path, element.html());
}

fn goes_somewhere(page: &Seen, form: ElementRef<'_>) {
    let method = form.attr("method").unwrap_or("get").to_uppercase();
    let action = form.attr("action").unwrap_or(&page.path);
    assert!(is_routed(&method, action), "{}: no route for {method} {action}", page.path);
}

fn sends_somewhere(page: &Seen, button: ElementRef<'_>) {
    if let Some(action) = button.attr("formaction") {
        assert!(is_routed("POST", action), "{}: no route for {action}", page.path);
    }
    if let Some(form) = button.attr("form") {
        assert!(page.has(&format!("form[id=\"{form}\"]")), "{}: no form {form:?}", page.path);
    }
}

fn leads_somewhere(page: &Seen, link: ElementRef<'_>) {
    let address = link.attr("href").unwrap_or_default();
    assert!(!address.starts_with('/') || is_routed("GET", address), "{}: no page behind {address}", page.path);
}

fn is_routed(method: &str, address: &str) -> bool {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    Dashboard::routes().iter().any(|route| route.method == method && matches(route.path, path))
}

/// Whether a path is one of a route's, as axum writes routes.
pub(crate) fn matches(route: &str, path: &str) -> bool {
    let mut parts = path.split('/');
    for expected in route.split('/') {
        if expected.starts_with("{*") {
            return parts.next().is_some_and(|part| !part.is_empty());
        }
        let Some(part) = parts.next() else { return false };
        let fits = if expected.starts_with('{') { !part.is_empty() } else { expected == part };
        if !fits {
            return false;
        }
    }
    parts.next().is_none()
}
