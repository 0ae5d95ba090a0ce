//! A site and a browser for tests: the real router on a database of its own, pages parsed, checked and filled in as a person would.

mod browser;
mod page;
mod well_formed;
mod work;

use axum::Router;
use test_support::{Fixture, Person, Tenant};
use web_kit::{Config, Origin};

pub(crate) use self::{
    browser::{Browser, Fill},
    page::Seen,
    work::{POLICY, Work},
};
use crate::Dashboard;

/// Where the site is.
pub(crate) const ORIGIN: &str = "http://127.0.0.1:8080";

/// The pages over two accounts, `ours` and `neighbour`.
pub(crate) struct Site {
    pub(crate) fixture: Fixture,
    router: Router,
}

impl Site {
    pub(crate) async fn new() -> Self {
        let fixture = Fixture::new().await;
        let config = Config {
            public_origin: Origin::parse(ORIGIN).unwrap(),
            key: fixture.key.clone(),
            clock: fixture.clock.clone(),
            entropy: fixture.entropy.clone(),
        };
        let router = Dashboard::new(fixture.accounts.clone(), config).router();
        Self { fixture, router }
    }

    /// The account under test.
    pub(crate) fn ours(&self) -> &Tenant {
        &self.fixture.ours
    }

    /// A browser with nobody signed in.
    pub(crate) fn anonymous(&self) -> Browser {
        Browser::new(self.router.clone())
    }

    /// A browser in which this person is signed in.
    pub(crate) fn browser(&self, person: &Person) -> Browser {
        let mut browser = self.anonymous();
        browser.set_cookie("portcullis_session", person.session.expose());
        browser
    }
}
