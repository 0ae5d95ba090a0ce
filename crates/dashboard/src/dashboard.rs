//! The state of the pages and their router.

use std::fmt;

use accounts::Accounts;
use axum::{Router, extract::FromRef};
use web_kit::{Config, Kit, Problem};

use crate::{
    assets, error_page, pages,
    routes::{Route, Routes, Who},
};

/// The pages: their state, cheap to clone.
#[derive(Clone)]
pub struct Dashboard {
    kit: Kit,
    accounts: Accounts,
}

impl Dashboard {
    /// Pages over these use cases.
    #[must_use]
    pub fn new(accounts: Accounts, config: Config) -> Self {
        Self { kit: Kit::new(config, error_page), accounts }
    }

    /// The router: all pages, the static files, and "not found" for every other address, behind the kit's layers.
    ///
    /// Serve it with `into_make_service_with_connect_info::<SocketAddr>()`, so that log-ins can be throttled by address.
    pub fn router(&self) -> Router {
        let router = listed().router;
        let router = router
            .fallback(|| async { Problem::NotFound })
            .method_not_allowed_fallback(|| async { Problem::WrongMethod });
        self.kit.protect(router).with_state(self.clone())
    }

    /// Every route the router has, for the guard test and for whoever must not collide with them.
    #[must_use]
    pub fn routes() -> Vec<Route> {
        listed().list
    }
}

fn listed() -> Routes {
    pages::routes(Routes::default().get("/static/{*name}", Who::Anyone, assets::serve))
}

impl fmt::Debug for Dashboard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dashboard").field("kit", &self.kit).finish_non_exhaustive()
    }
}

impl FromRef<Dashboard> for Kit {
    fn from_ref(dashboard: &Dashboard) -> Self {
        dashboard.kit.clone()
    }
}

impl FromRef<Dashboard> for Accounts {
    fn from_ref(dashboard: &Dashboard) -> Self {
        dashboard.accounts.clone()
    }
}
