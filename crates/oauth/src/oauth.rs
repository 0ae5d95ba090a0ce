//! The state of this face and its router.

use std::fmt;

use accounts::Accounts;
use axum::{
    Router,
    extract::FromRef,
    routing::{get, post},
};
use web_kit::{Config, ErrorPage, Kit};

use crate::{authorize, cors, metadata, register, revoke, token};

/// The OAuth server: its state, cheap to clone.
#[derive(Clone)]
pub struct Oauth {
    kit: Kit,
    accounts: Accounts,
    look: Look,
}

/// What the pages of this face take from the face that has the most of them.
#[derive(Clone, Copy)]
pub struct Look {
    /// Makes the error page.
    pub error_page: ErrorPage,
    /// The address of a static file by its plain name: `css/portcullis.css`.
    pub asset: fn(&str) -> String,
}

impl Oauth {
    /// The server over these use cases, whose issuer is the public origin.
    #[must_use]
    pub fn new(accounts: Accounts, config: Config, look: Look) -> Self {
        Self { kit: Kit::new(config, look.error_page), accounts, look }
    }

    /// The routes. Everything else is the business of whoever they are merged with.
    ///
    /// Serve them with `into_make_service_with_connect_info::<SocketAddr>()`, so that registrations can be counted by address.
    pub fn routes(&self) -> Router {
        let people = Router::new().route("/authorize", get(authorize::ask).post(authorize::answer));
        self.kit.protect(people).merge(programs()).with_state(self.clone())
    }

    /// Who signs: the origin, without a path and without a slash at the end.
    pub(crate) fn issuer(&self) -> &str {
        self.accounts.issuer()
    }

    /// The use cases.
    pub(crate) fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// What the pages look like.
    pub(crate) fn look(&self) -> Look {
        self.look
    }
}

fn programs() -> Router<Oauth> {
    let mut router = Router::new()
        .route("/.well-known/jwks.json", get(metadata::keys))
        .route("/register", post(register::register))
        .route("/token", post(token::token))
        .route("/revoke", post(revoke::revoke));
    for name in ["oauth-authorization-server", "openid-configuration"] {
        router = router
            .route(&format!("/.well-known/{name}"), get(metadata::server))
            .route(&format!("/.well-known/{name}/{{*path}}"), get(metadata::server));
    }
    router.layer(axum::middleware::from_fn(cors::cors))
}

impl fmt::Debug for Oauth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Oauth").field("kit", &self.kit).finish_non_exhaustive()
    }
}

impl fmt::Debug for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Look").finish_non_exhaustive()
    }
}

impl FromRef<Oauth> for Kit {
    fn from_ref(oauth: &Oauth) -> Self {
        oauth.kit.clone()
    }
}

impl FromRef<Oauth> for Accounts {
    fn from_ref(oauth: &Oauth) -> Self {
        oauth.accounts.clone()
    }
}
