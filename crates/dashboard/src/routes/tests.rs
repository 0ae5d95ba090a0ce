//! The guard: every route with every kind of caller. A new route is walked by itself; when it fails here, its `Who` says something else
//! than its use case does.

use domain::Role;
use http::StatusCode;

use super::*;
use crate::testing::{Browser, Seen, Site, Work};

/// A real thing of ours for each parameter that a path may have; what is not listed names nothing.
fn path(site: &Site, work: &Work, route: &Route) -> String {
    let ours = site.ours();
    let fill = |part: &str| match part {
        "{server}" => "mlflow".to_owned(),
        "{policy}" => work.policy.to_string(),
        "{call}" => work.calls[0].to_string(),
        "{approval}" => work.approval.to_string(),
        "{account}" => ours.slug.to_string(),
        "{team}" => "data".to_owned(),
        "{member}" => ours.viewer.visitor.user.to_string(),
        "{agent}" => ours.agent.to_string(),
        "{key}" if route.path.contains("{agent}") => ours.agent_key.to_string(),
        other if other.starts_with('{') => "nothing".to_owned(),
        other => other.to_owned(),
    };
    route.path.split('/').map(fill).collect::<Vec<_>>().join("/")
}

/// One body that every form can be read from.
fn body(site: &Site) -> String {
    let member = site.ours().policy_manager.visitor.user;
    format!("role=viewer&name=New+name&slug=new-name&label=x&expires=never&member={member}")
}

async fn ask(browser: &mut Browser, site: &Site, work: &Work, route: &Route) -> Seen {
    let path = path(site, work, route);
    if route.method == "POST" { browser.post_once(&path, &body(site)).await } else { browser.open_once(&path).await }
}

fn of_members() -> impl Iterator<Item = (Route, Permission)> {
    Dashboard::routes().into_iter().filter_map(|route| match route.who {
        Who::Member(permission) => Some((route, permission)),
        _ => None,
    })
}

#[tokio::test]
async fn nobody_signed_in_sees_public_pages_only() {
    let site = Site::new().await;
    let work = Work::of(&site.fixture, site.ours()).await;
    for route in Dashboard::routes() {
        let seen = ask(&mut site.anonymous(), &site, &work, &route).await;
        let sent_to_log_in =
            seen.status == StatusCode::UNAUTHORIZED || seen.header("location").starts_with("/login?next=");
        assert_eq!(sent_to_log_in, route.who != Who::Anyone, "{route:?}: {}", seen.status);
    }
}

#[tokio::test]
async fn the_neighbours_owner_finds_nothing() {
    let site = Site::new().await;
    let work = Work::of(&site.fixture, site.ours()).await;
    let mut browser = site.browser(&site.fixture.neighbour.owner);
    for (route, _) in of_members() {
        let seen = ask(&mut browser, &site, &work, &route).await;
        assert_eq!(seen.status, StatusCode::NOT_FOUND, "{route:?}");
        assert!(!seen.text.contains("@ours.example"), "{route:?} shows something of ours");
    }
}

#[tokio::test]
async fn each_role_may_what_the_routes_say() {
    let site = Site::new().await;
    let work = Work::of(&site.fixture, site.ours()).await;
    let mut odd = Vec::new();
    for role in Role::ALL {
        let mut browser = site.browser(site.ours().person(role));
        // What takes the server or the policy away comes last, or nothing would be there for the others.
        let mut routes: Vec<_> = of_members().collect();
        routes.sort_by_key(|(route, _)| route.path.ends_with("/remove"));
        for (route, permission) in routes {
            let seen = ask(&mut browser, &site, &work, &route).await;
            let refused = matches!(seen.status, StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED);
            let fine = if role.may(permission) {
                !refused && !seen.status.is_server_error()
            } else {
                refused || seen.status == StatusCode::NOT_FOUND
            };
            if !fine {
                odd.push(format!("{role} and {route:?}: {}", seen.status));
            }
        }
    }
    assert!(odd.is_empty(), "{odd:#?}");
}

#[tokio::test]
async fn no_page_answers_to_a_method_it_does_not_have() {
    let site = Site::new().await;
    let mut browser = site.browser(&site.ours().owner);
    let seen = browser.open_once("/theme").await;
    assert_eq!((seen.status, seen.h1().as_str()), (StatusCode::METHOD_NOT_ALLOWED, "Not found"));
    assert_eq!(browser.open_once("/no/such/page").await.status, StatusCode::NOT_FOUND);
}
