//! What stands round every page: title, colours, message, navigation.

use std::sync::Arc;

use domain::Role;
use web_kit::{Anyone, Flash, Member, Problem, Stage, Visit, Visitor};

use crate::{assets, show};

/// Round every page. Every page struct has one, as `shell`.
#[derive(Clone, Debug)]
pub(crate) struct Shell {
    pub(crate) title: String,
    pub(crate) nonce: Arc<str>,
    pub(crate) theme: &'static str,
    pub(crate) here: String,
    pub(crate) flash: Option<Flash>,
    pub(crate) visitor: Option<Person>,
    pub(crate) account: Option<Account>,
    /// Whether the head offers log-in or log-out; an error page does not know which.
    pub(crate) knows_who: bool,
}

/// Who is signed in.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) email: String,
    pub(crate) accounts: Vec<AccountLink>,
}

/// One of the accounts of who is signed in.
#[derive(Clone, Debug)]
pub(crate) struct AccountLink {
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) role: &'static str,
    pub(crate) home: String,
}

/// The account the page belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) home: String,
    pub(crate) nav: Vec<NavItem>,
}

/// An entry of the navigation.
#[derive(Clone, Debug)]
pub(crate) struct NavItem {
    pub(crate) href: String,
    pub(crate) label: &'static str,
    pub(crate) icon: &'static str,
    pub(crate) here: bool,
    /// How many things wait there for the reader.
    pub(crate) waiting: u64,
}

/// The places of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tab {
    Servers,
    Calls,
    Approvals,
    Grants,
    Teams,
    Members,
    Agents,
    Keys,
    Apps,
    /// None of them.
    Other,
}

impl Tab {
    const ALL: [Self; 9] = [
        Self::Servers,
        Self::Calls,
        Self::Approvals,
        Self::Grants,
        Self::Teams,
        Self::Members,
        Self::Agents,
        Self::Keys,
        Self::Apps,
    ];

    fn label(self) -> &'static str {
        match self {
            Self::Servers => "Servers",
            Self::Calls => "Calls",
            Self::Approvals => "Approvals",
            Self::Grants => "Grants",
            Self::Teams => "Teams",
            Self::Members => "Members",
            Self::Agents => "Agents",
            Self::Keys => "My keys",
            Self::Apps => "Connected apps",
            Self::Other => "",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Servers | Self::Other => "",
            Self::Calls => "/calls",
            Self::Approvals => "/approvals",
            Self::Grants => "/grants",
            Self::Teams => "/teams",
            Self::Members => "/members",
            Self::Agents => "/agents",
            Self::Keys => "/keys",
            Self::Apps => "/apps",
        }
    }

    /// The icon: a path in a 20 × 20 box, drawn as a line.
    fn icon(self) -> &'static str {
        match self {
            Self::Servers => "M3 4h14v5H3zM3 11h14v5H3zM6 6.5h.01M6 13.5h.01",
            Self::Calls => "M3 6h11m-3-3 3 3-3 3M17 14H6m3-3-3 3 3 3",
            Self::Approvals => "M4 4h12v12H4zM7 10l2.5 2.5L14 8",
            Self::Grants => "M3 17V9a7 7 0 0 1 14 0v8M3 10h14M7 3.5V15M13 3.5V15M10 2v13",
            Self::Teams => {
                "M7 9a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM2.5 16c0-3 2-4.5 4.5-4.5s4.5 1.5 4.5 4.5M13 9a2 2 0 1 0 0-4M14 11.5c2.2.2 3.5 1.8 3.5 4.5"
            }
            Self::Members => "M10 9.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM4 17c0-3.5 2.5-5 6-5s6 1.5 6 5",
            Self::Agents => "M4 8h12v8H4zM10 8V4.5M10 4.5h.01M7.5 11.5h.01M12.5 11.5h.01M8 14h4",
            Self::Keys => "M7 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM10 9l6-6m-3 3 2.5 2.5",
            Self::Apps => "M4 4h5v5H4zM4 12h5v4H4zM12 4h5v5h-5zM14 12v5M11.5 14.5h5",
            Self::Other => "",
        }
    }
}

impl Shell {
    /// Round a page that anyone sees.
    pub(crate) fn public(visit: &Visit<Anyone>, title: &str) -> Self {
        Self { visitor: visit.who().0.as_ref().map(Person::of), knows_who: true, ..Self::bare(visit.stage(), title) }
    }

    /// Round a page of someone signed in, outside of any account.
    pub(crate) fn personal(visit: &Visit<Visitor>, title: &str) -> Self {
        Self { visitor: Some(Person::of(visit.who())), knows_who: true, ..Self::bare(visit.stage(), title) }
    }

    /// Round a page of an account.
    pub(crate) async fn account(visit: &Visit<Member>, tab: Tab, title: &str) -> Result<Self, Problem> {
        let member = visit.who();
        let waiting = visit.accounts().approvals_to_answer(visit.caller()).await?;
        Ok(Self {
            visitor: Some(Person::of(&member.visitor)),
            account: Some(Account::new(member.caller.slug().as_str(), member.name.as_str(), tab, waiting)),
            knows_who: true,
            ..Self::bare(visit.stage(), title)
        })
    }

    /// Round a page with nobody signed in.
    pub(crate) fn bare(stage: &Stage, title: &str) -> Self {
        Self {
            title: title.to_owned(),
            nonce: stage.nonce.clone(),
            theme: stage.theme.as_str(),
            here: stage.here.as_str().to_owned(),
            flash: stage.flash.clone(),
            visitor: None,
            account: None,
            knows_who: false,
        }
    }

    /// The address of a static file.
    pub(crate) fn asset(&self, name: &str) -> String {
        assets::address(name)
    }

    /// The accounts of who is signed in.
    pub(crate) fn accounts(&self) -> &[AccountLink] {
        self.visitor.as_ref().map_or(&[], |person| &person.accounts)
    }

    /// The address of the account the page belongs to, before all addresses inside it: `/app/acme`.
    pub(crate) fn home(&self) -> &str {
        self.account.as_ref().map_or("/app", |account| &account.home)
    }
}

impl Person {
    fn of(visitor: &Visitor) -> Self {
        let accounts =
            visitor.accounts.iter().map(|(slug, name, role)| AccountLink::new(slug.as_str(), name.as_str(), *role));
        Self { email: visitor.email.as_str().to_owned(), accounts: accounts.collect() }
    }
}

impl AccountLink {
    fn new(slug: &str, name: &str, role: Role) -> Self {
        Self { slug: slug.to_owned(), name: name.to_owned(), role: show::role(role), home: home(slug) }
    }
}

impl Account {
    fn new(slug: &str, name: &str, tab: Tab, approvals: u64) -> Self {
        let home = home(slug);
        let item = |of: Tab| NavItem {
            href: format!("{home}{}", of.path()),
            label: of.label(),
            icon: of.icon(),
            here: of == tab,
            waiting: if of == Tab::Approvals { approvals } else { 0 },
        };
        Self { slug: slug.to_owned(), name: name.to_owned(), nav: Tab::ALL.map(item).into(), home: home.clone() }
    }
}

/// The address of an account's pages.
pub(crate) fn home(slug: &str) -> String {
    format!("/app/{slug}")
}
