use accounts::{NewServer, NewTransport};
use http::StatusCode;
use test_support::{Authorization, CANARY, Knobs};

use crate::{
    page::escape,
    testing::{Browser, Fill, Seen, Site},
};

async fn registered(site: &Site, locked: &Authorization) {
    let form = NewServer {
        name: "Locked".to_owned(),
        slug: "locked".to_owned(),
        transport: NewTransport::Http { url: locked.url.clone() },
        headers: Vec::new(),
        kind: None,
    };
    site.fixture.accounts.register_server(&site.ours().owner.caller, &form).await.expect("registered");
    site.fixture.clock.advance_seconds(1);
}

/// Presses the button, consents, and comes back.
async fn through(browser: &mut Browser, locked: &Authorization, page: &Seen, button: &str) -> Seen {
    let go = browser.fill(page, &Fill::press(button)).await;
    assert!(go.h1().starts_with("On to 127.0.0.1"), "{}", go.text);
    let url = go.attribute("main a.button", "href");
    assert_eq!(go.header("refresh"), format!("0;url={url}"));
    assert_eq!(go.header("cache-control"), "no-store");
    let back = locked.consent(&url).into_iter().map(|(name, value)| format!("{name}={}", escape(&value)));
    browser.open(&format!("/oauth/callback?{}", back.collect::<Vec<_>>().join("&"))).await
}

#[tokio::test]
async fn a_server_that_wants_oauth_is_recognised_connected_and_disconnected() {
    let (site, locked) = (Site::new().await, Authorization::start(Knobs::default()).await);
    registered(&site, &locked).await;
    let mut browser = site.browser(&site.ours().owner);
    let page = browser.open("/app/ours/servers/locked").await;
    assert!(page.one("#oauth").contains("wants OAuth and is not connected"), "{}", page.one("#oauth"));

    let page = through(&mut browser, &locked, &page, "Connect").await;
    assert!(page.one(".flash").starts_with("Connected. Every gateway knows within seconds."));
    let panel = page.one("#oauth");
    assert!(
        panel.contains("Connected") && panel.contains(&locked.issuer) && panel.contains("owner@ours.example"),
        "{panel}"
    );
    assert!(page.one("#connect").contains("1 tool"), "its tools were read with the token");
    assert!(!page.text.contains(CANARY));

    let viewer = site.browser(&site.ours().viewer).open("/app/ours/servers/locked").await;
    assert!(viewer.one("#oauth").contains("Connected") && !viewer.has("#oauth button"));
    let page = through(&mut browser, &locked, &page, "Reconnect").await;
    let page = browser.fill(&page, &Fill::press("Disconnect")).await;
    assert!(page.one("#oauth").contains("is not connected"));
    assert_eq!(locked.count("/revoke"), 1);
}

#[tokio::test]
async fn an_ailing_connection_is_told_where_admins_look_first_and_to_nobody_else() {
    let knobs = Knobs { renewable: false, ..Knobs::default() };
    let (site, locked) = (Site::new().await, Authorization::start(knobs).await);
    registered(&site, &locked).await;
    let mut browser = site.browser(&site.ours().owner);
    let page = browser.open("/app/ours/servers/locked").await;
    through(&mut browser, &locked, &page, "Connect").await;
    let home = browser.open("/app/ours").await;
    assert!(home.text.contains("It cannot be renewed and ends at"), "{}", home.text);
    let home = site.browser(&site.ours().viewer).open("/app/ours").await;
    assert!(!home.text.contains("cannot be renewed"));
}

#[tokio::test]
async fn each_member_can_be_made_to_connect_themselves_and_what_goes_wrong_is_said() {
    let (site, locked) = (Site::new().await, Authorization::start(Knobs::default()).await);
    registered(&site, &locked).await;
    let mut browser = site.browser(&site.ours().owner);
    let page = browser.open("/app/ours/servers/locked/settings").await;
    assert!(page.text.contains("https://gateway.example/oauth/callback"));
    let refused = browser.post_once("/app/ours/servers/locked/oauth", "sharing=member&client_secret=canary-x").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.has("#client_id[aria-invalid=true]") && !refused.text.contains("canary-x"));
    let saved = browser.post_once("/app/ours/servers/locked/oauth", "sharing=member").await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER);

    let mut viewer = site.browser(&site.ours().viewer);
    let page = viewer.open("/app/ours/servers/locked").await;
    assert!(page.one("#oauth").contains("each member’s own sign-in"));
    locked.turn(|knobs| knobs.pkce = false);
    let page = viewer.fill(&page, &Fill::press("Connect")).await;
    assert!(
        page.one(".flash").starts_with("Not connected: the authorization server does not say"),
        "{}",
        page.one(".flash")
    );
    locked.turn(|knobs| knobs.pkce = true);
    let page = through(&mut viewer, &locked, &page, "Connect").await;
    assert!(page.one("#oauth").contains("by viewer@ours.example"), "{}", page.one("#oauth"));
    let admin = browser.open("/app/ours/servers/locked").await;
    assert!(
        admin.one("#oauth").contains("Connections of members") && admin.one("#oauth").contains("viewer@ours.example")
    );
}

#[tokio::test]
async fn who_is_sent_to_connect_sees_whether_that_is_for_them() {
    let (site, locked) = (Site::new().await, Authorization::start(Knobs::default()).await);
    registered(&site, &locked).await;
    let mut owner = site.browser(&site.ours().owner);
    owner.post_once("/app/ours/servers/locked/oauth", "sharing=member").await;
    let me = site.ours().viewer.visitor.user;
    let address = format!("/app/ours/servers/locked/connect?for={me}");

    let other = owner.open(&address).await;
    assert!(other.one(".notice").contains("for somebody else") && !other.has("#oauth"), "{}", other.text);
    let mut viewer = site.browser(&site.ours().viewer);
    let page = viewer.open(&address).await;
    assert_eq!(page.h1(), "Connect Locked");
    assert!(page.text.contains("You are viewer@ours.example"));
    let page = through(&mut viewer, &locked, &page, "Connect").await;
    assert!(page.one(".flash").contains("If an app sent you here"));
    assert!(viewer.open(&address).await.one("#oauth").contains("by viewer@ours.example"));

    owner.post_once("/app/ours/servers/locked/oauth", "sharing=").await;
    assert_eq!(viewer.open(&address).await.path, "/app/ours/servers/locked", "it wants no OAuth any more");
    assert_eq!(site.anonymous().open(&address).await.h1(), "Log in");
    let stranger = site.browser(&site.fixture.neighbour.owner).open(&address).await;
    assert_eq!(stranger.status, StatusCode::NOT_FOUND);
}
