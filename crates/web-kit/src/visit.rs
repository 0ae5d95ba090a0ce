//! Who is asking, as what handlers take: a [`Visit`] by anyone, by someone signed in, or by a member of the account in the path.

use std::fmt;

use accounts::{Accounts, Caller, ClientAddress};
use axum::extract::{FromRef, FromRequestParts, RawPathParams};
use domain::{AccountSlug, Name, Permission};
use http::{Method, header, request::Parts};

use crate::{
    Kit, LocalPath, Problem, Stage, client_ip,
    cookies::{self, CookieName},
};

pub use accounts::Visitor;

/// One request, by someone. Only the extractor makes it.
#[derive(Clone)]
pub struct Visit<W> {
    kit: Kit,
    accounts: Accounts,
    stage: Stage,
    from: ClientAddress,
    who: W,
}

/// Signed in or not.
#[derive(Clone, Debug)]
pub struct Anyone(pub Option<Visitor>);

/// A member of the account that the path names.
#[derive(Clone, Debug)]
pub struct Member {
    /// The person.
    pub visitor: Visitor,
    /// The person in this account: what use cases take.
    pub caller: Caller,
    /// The account's name.
    pub name: Name,
}

impl<W: fmt::Debug> fmt::Debug for Visit<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visit").field("who", &self.who).finish_non_exhaustive()
    }
}

impl<W> Visit<W> {
    /// Who it is.
    pub fn who(&self) -> &W {
        &self.who
    }

    /// The use cases.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// The kit.
    pub fn kit(&self) -> &Kit {
        &self.kit
    }

    /// What belongs to this request.
    pub fn stage(&self) -> &Stage {
        &self.stage
    }

    /// Where it comes from.
    pub fn address(&self) -> &ClientAddress {
        &self.from
    }
}

impl Visit<Member> {
    /// The person in this account.
    pub fn caller(&self) -> &Caller {
        &self.who.caller
    }

    /// The address before all pages of the account: `/app/acme`.
    pub fn home(&self) -> String {
        format!("/app/{}", self.who.caller.slug())
    }

    /// Whether the caller's role gives this; for what a page offers. What is allowed is decided by the use case.
    pub fn may(&self, permission: Permission) -> bool {
        self.who.caller.role().may(permission)
    }
}

impl<S> FromRequestParts<S> for Visit<Anyone>
where
    S: Send + Sync,
    Kit: FromRef<S>,
    Accounts: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let kit = Kit::from_ref(state);
        let accounts = Accounts::from_ref(state);
        let stage = parts.extensions.get::<Stage>().cloned().ok_or(Problem::Internal)?;
        let visitor = match cookies::read(&parts.headers, CookieName::Session, &kit.config().public_origin) {
            Some(token) => accounts.visitor(&token).await?,
            None => None,
        };
        let from = client_address(parts);
        Ok(Self { kit, accounts, stage, from, who: Anyone(visitor) })
    }
}

impl<S> FromRequestParts<S> for Visit<Visitor>
where
    S: Send + Sync,
    Kit: FromRef<S>,
    Accounts: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Visit { kit, accounts, stage, from, who } = Visit::<Anyone>::from_request_parts(parts, state).await?;
        match who.0 {
            Some(who) => Ok(Self { kit, accounts, stage, from, who }),
            None => Err(Problem::LoggedOut { next: back_to(parts, &stage) }),
        }
    }
}

impl<S> FromRequestParts<S> for Visit<Member>
where
    S: Send + Sync,
    Kit: FromRef<S>,
    Accounts: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Visit { kit, accounts, stage, from, who: visitor } =
            Visit::<Visitor>::from_request_parts(parts, state).await?;
        let slug = account_in_path(parts, state).await.ok_or(Problem::NotFound)?;
        let caller = accounts.enter(&visitor, &slug).await?;
        let name = visitor.accounts.iter().find(|(of, _, _)| *of == slug).map(|(_, name, _)| name.clone());
        let name = name.ok_or(Problem::NotFound)?;
        Ok(Self { kit, accounts, stage, from, who: Member { visitor, caller, name } })
    }
}

async fn account_in_path<S: Send + Sync>(parts: &mut Parts, state: &S) -> Option<AccountSlug> {
    let params = RawPathParams::from_request_parts(parts, state).await.ok()?;
    params.iter().find(|(name, _)| *name == "account").and_then(|(_, text)| text.parse().ok())
}

/// Where to go on after log-in: the page asked for, or for a form the page it stood on (the `Referer`, of our own origin).
fn back_to(parts: &Parts, stage: &Stage) -> LocalPath {
    if parts.method == Method::GET {
        return stage.here.clone();
    }
    let referer = parts.headers.get(header::REFERER).and_then(|value| value.to_str().ok());
    let path = referer.and_then(|text| url::Url::parse(text).ok()).and_then(|url| LocalPath::parse(url.path()));
    path.unwrap_or_else(LocalPath::root)
}

fn client_address(parts: &Parts) -> ClientAddress {
    let agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    ClientAddress { ip: client_ip(&parts.extensions), user_agent: agent.chars().take(300).collect() }
}
