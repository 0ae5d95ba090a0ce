use super::*;
use crate::testing::{Site, Work};

#[test]
fn a_filter_that_does_not_read_asks_for_nothing() {
    assert!(Filter::default().read(&[]).is_some());
    for odd in [
        Filter { server: "No Slug".into(), ..Filter::default() },
        Filter { grant: "grant_x".into(), ..Filter::default() },
        Filter { outcome: "maybe".into(), ..Filter::default() },
        Filter { principal: "someone".into(), ..Filter::default() },
        Filter { before: "7".into(), ..Filter::default() },
    ] {
        assert!(odd.read(&[]).is_none());
    }
}

#[test]
fn a_filter_is_kept_in_addresses() {
    let filter = Filter { tool: "a&b".into(), outcome: "deny".into(), before: "x".into(), ..Filter::default() };
    assert_eq!(filter.query(), "tool=a%26b&outcome=deny");
    assert_eq!(filter.read(&[]).map(|f| f.outcome), None, "the place does not read");
}

#[tokio::test]
async fn each_call_leads_to_the_rule_that_decided_it() {
    let site = Site::new().await;
    let work = Work::of(&site.fixture, site.ours()).await;
    let mut browser = site.browser(&site.ours().viewer);
    let page = browser.open("/app/ours/calls").await;
    assert_eq!(page.all("tbody td[data-label=Outcome]"), ["✕Denied default_deny", "✕Denied rate_limited", "✓Allowed"]);
    assert_eq!(page.all("tbody td[data-label=Tool]")[0], "delete_run⟨U+202E⟩");
    assert_eq!(page.all("tbody td.number")[4..], ["0.91 ms", "48 ms"]);
    let rule = page.attribute("tbody tr:nth-child(3) td[data-label=Rule] a", "href");
    let policy = browser.open(&rule).await;
    assert_eq!(policy.all(".source .marked .number"), ["7"]);
    let page = browser.open(&format!("/app/ours/calls/{}", work.calls[1])).await;
    assert!(page.one("main").contains("Try again in 12 s.") && page.one("main").contains("alias, name, version"));
    assert!(page.one("main").contains("not sent to the server"));
}

#[tokio::test]
async fn filters_stand_in_the_address_and_older_pages_stand_still() {
    let site = Site::new().await;
    let work = Work::of(&site.fixture, site.ours()).await;
    let mut browser = site.browser(&site.ours().viewer);
    for (query, found) in [
        ("outcome=deny", 2),
        ("outcome=allow&tool=set_model_alias", 1),
        ("code=rate_limited", 1),
        ("server=mlflow", 3),
        ("server=nowhere", 0),
        ("server=no%20slug", 0),
        ("outcome=maybe", 0),
        ("principal=nobody", 0),
        ("before=1.call_00000000000070008000000000000000", 0),
        (&format!("grant={}", work.grant), 3),
        (&format!("principal={}", site.ours().agent), 3),
        (&format!("principal={}", site.ours().owner.visitor.user), 0),
    ] {
        let page = browser.open(&format!("/app/ours/calls?{query}")).await;
        assert_eq!(page.all("#call-list tbody tr").len(), found, "{query}");
    }
    let page = browser.open("/app/ours/calls?outcome=deny").await;
    assert_eq!(page.attribute("#call-list", "data-live"), "/app/ours/calls/live?outcome=deny");
    assert_eq!(page.one("#outcome option[selected]"), "Denied");
    let part = browser.open_once("/app/ours/calls/live?outcome=deny").await;
    assert!(part.text.contains("rate_limited") && !part.text.contains("<html"));
}
