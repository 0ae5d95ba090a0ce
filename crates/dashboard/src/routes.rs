//! The list of routes: what the router is made of and what the guard test walks.

use axum::{
    Router,
    handler::Handler,
    routing::{get, post},
};
use domain::Permission;

use crate::Dashboard;

/// Who may ask for a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Everyone.
    Anyone,
    /// Who is signed in.
    Visitor,
    /// A member of the account in the path whose role gives this.
    Member(Permission),
}

/// One route. Its path is as axum writes it: `/app/{account}/teams`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The path.
    pub path: &'static str,
    /// Who may ask. The use case behind it is what enforces it; this is what the guard test expects of it.
    pub who: Who,
}

/// The router while it is being listed.
#[derive(Default)]
pub(crate) struct Routes {
    pub(crate) router: Router<Dashboard>,
    pub(crate) list: Vec<Route>,
}

impl Routes {
    /// A page.
    pub(crate) fn get<H, T>(mut self, path: &'static str, who: Who, handler: H) -> Self
    where
        H: Handler<T, Dashboard>,
        T: 'static,
    {
        self.router = self.router.route(path, get(handler));
        self.list.push(Route { method: "GET", path, who });
        self
    }

    /// A form's target.
    pub(crate) fn post<H, T>(mut self, path: &'static str, who: Who, handler: H) -> Self
    where
        H: Handler<T, Dashboard>,
        T: 'static,
    {
        self.router = self.router.route(path, post(handler));
        self.list.push(Route { method: "POST", path, who });
        self
    }
}

#[cfg(test)]
mod tests;
