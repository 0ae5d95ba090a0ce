//! The pages, a file each: struct, handlers, tests. What is posted to a page is in its file too.

use domain::Permission;
use web_kit::{Member, Problem, Visit};

use crate::routes::Routes;

mod agent;
mod agents;
mod approvals;
mod apps;
mod calls;
mod catalogue;
mod chooser;
mod grant_form;
mod grant_new;
mod grants;
mod held;
mod invite;
mod key_form;
mod keys;
mod landing;
mod login;
mod members;
mod oauth_callback;
mod policy;
mod policy_form;
mod schema;
mod server;
mod server_new;
mod servers;
mod sessions;
mod signup;
mod standing;
mod team;
mod teams;
mod theme;

/// All of them.
pub(crate) fn routes(routes: Routes) -> Routes {
    let pages: [fn(Routes) -> Routes; 26] = [
        landing::routes,
        theme::routes,
        signup::routes,
        login::routes,
        invite::routes,
        chooser::routes,
        sessions::routes,
        members::routes,
        teams::routes,
        team::routes,
        agents::routes,
        agent::routes,
        keys::routes,
        apps::routes,
        servers::routes,
        server_new::routes,
        server::routes,
        oauth_callback::routes,
        policy_form::routes,
        policy::routes,
        grant_new::routes,
        grants::routes,
        calls::routes,
        approvals::routes,
        schema::routes,
        catalogue::routes,
    ];
    pages.into_iter().fold(routes, |routes, add| add(routes))
}

/// Stops who may not do what a page is for, before the page is made. What is done is checked again, by the use case.
fn needs(visit: &Visit<Member>, permission: Permission) -> Result<(), Problem> {
    if visit.may(permission) { Ok(()) } else { Err(accounts::Error::NotAllowed { needs: permission }.into()) }
}
