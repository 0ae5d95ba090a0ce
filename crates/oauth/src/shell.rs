//! What stands round the pages of this crate: the head and the masthead of all pages, and no navigation, because the one question is the
//! page's.

use std::sync::Arc;

use accounts::Visitor;
use web_kit::{Flash, Stage};

/// Round a page, as `shell`; its fields have the names that the shared parts of the templates read.
#[derive(Clone, Debug)]
pub(crate) struct Shell {
    pub(crate) title: String,
    pub(crate) nonce: Arc<str>,
    pub(crate) theme: &'static str,
    pub(crate) here: String,
    pub(crate) flash: Option<Flash>,
    pub(crate) visitor: Option<Person>,
    pub(crate) knows_who: bool,
    pub(crate) asset: fn(&str) -> String,
}

/// Who is signed in.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) email: String,
}

impl Shell {
    /// Round a page for this person, or for anybody.
    pub(crate) fn new(stage: &Stage, visitor: Option<&Visitor>, title: &str, asset: fn(&str) -> String) -> Self {
        Self {
            title: title.to_owned(),
            nonce: stage.nonce.clone(),
            theme: stage.theme.as_str(),
            here: stage.here.as_str().to_owned(),
            flash: stage.flash.clone(),
            visitor: visitor.map(|visitor| Person { email: visitor.email.as_str().to_owned() }),
            knows_who: true,
            asset,
        }
    }

    /// The log-in name of who is signed in.
    pub(crate) fn email(&self) -> &str {
        self.visitor.as_ref().map_or("", |person| &person.email)
    }

    /// The address of a static file.
    pub(crate) fn asset(&self, name: &str) -> String {
        (self.asset)(name)
    }
}
