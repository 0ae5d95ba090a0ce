use http::StatusCode;

use crate::testing::{Fill, Seen, Site, Work};

fn path(work: &Work) -> String {
    format!("/app/ours/approvals/{}", work.approval)
}

fn badge(page: &Seen) -> Vec<String> {
    page.all(".waiting")
}

#[tokio::test]
async fn the_inbox_shows_what_waits_and_for_whom() {
    let site = Site::new().await;
    let work = Work::of(&site.fixture, site.ours()).await;
    let page = site.browser(&site.ours().admin).open("/app/ours/approvals").await;
    let row = page.one(".approvals li");
    assert!(
        row.contains("delete_run") && row.contains("ci-runner on MLflow") && row.contains("expires in 30 min"),
        "{row}"
    );
    assert!(page.has(&format!(".approvals .mine a.primary[href='{}']", path(&work))));
    assert_eq!(badge(&page), ["1 to answer"]);
    assert_eq!(badge(&site.browser(&site.ours().owner).open("/app/ours/calls").await), ["1 to answer"]);
    let page = site.browser(&site.ours().viewer).open("/app/ours/approvals").await;
    assert!(page.has(".approvals li") && !page.has(".approvals .mine") && badge(&page).is_empty());
    let part = site.browser(&site.ours().admin).open_once("/app/ours/approvals/live").await;
    assert!(part.text.contains("delete_run") && !part.text.contains("<html"), "{}", part.text);
    let page = site.browser(&site.fixture.neighbour.owner).open("/app/neighbour/approvals").await;
    assert!(page.one(".empty").contains("Nothing waits") && page.one(".empty").contains("require_approval"));
}

#[tokio::test]
async fn the_exact_arguments_are_text_and_hide_nothing() {
    let site = Site::new().await;
    let work = Work::of(&site.fixture, site.ours()).await;
    let page = site.browser(&site.ours().admin).open(&path(&work)).await;
    assert_eq!(page.h1(), "ci-runner asks to call delete_run");
    let shown = page.all("pre.exact");
    assert!(shown[0].contains("\"amount\": 1.50") && shown[0].contains("a⟨U+202E⟩b"), "{shown:?}");
    assert!(shown[0].contains("</pre><script>alert(1)</script>"));
    assert!(shown[1].contains("\"amount\":1.50}"), "the letters as they came: {shown:?}");
    assert!(!page.text.contains("<script>alert") && !page.text.contains('\u{202e}'));
    let facts = page.one(".facts");
    for fact in [
        "claude-code 2.1",
        "Destructive",
        "It deletes",
        "Careful, version 1",
        "/tools/delete_run/action",
        "An admin or owner",
    ] {
        assert!(facts.contains(fact), "{fact}: {facts}");
    }
}

#[tokio::test]
async fn who_may_not_answer_is_told_why_and_sees_no_arguments() {
    let site = Site::new().await;
    let work = Work::of(&site.fixture, site.ours()).await;
    let mut browser = site.browser(&site.ours().viewer);
    let page = browser.open(&path(&work)).await;
    assert!(page.one("main > .stack > .notice").contains("not among those who may answer"));
    assert!(!page.has("pre.exact") && !page.text.contains("1.50") && !page.has("button[name=answer]"));
    let seen = browser.post_once(&path(&work), "answer=approve").await;
    assert!(seen.status.is_client_error(), "{}", seen.status);
    let page = site.browser(&site.ours().admin).open(&path(&work)).await;
    assert!(page.has("button[name=answer]"), "it is still open");
    let other = site.browser(&site.fixture.neighbour.owner).open_once(&path(&work)).await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_approval_is_given_once_and_its_giver_is_named() {
    let site = Site::new().await;
    let work = Work::of(&site.fixture, site.ours()).await;
    let mut admin = site.browser(&site.ours().admin);
    let page = admin.open(&path(&work)).await;
    let page = admin.fill(&page, &Fill::press("Approve this call").with("Reason", "It is the old run")).await;
    assert!(page.one(".flash").starts_with("Approved."), "{}", page.text);
    let said = page.one("main > .stack > .notice");
    assert!(said.contains("Approved by admin@ours.example") && said.contains("It is the old run"), "{said}");
    assert!(!page.has("button[name=answer]") && badge(&page).is_empty());
    let mut owner = site.browser(&site.ours().owner);
    let late = owner.post_once(&path(&work), "answer=refuse&reason=no").await;
    assert_eq!(late.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(late.one("main").contains("Approved by admin@ours.example"), "the second is told who was first");
    let page = owner.open("/app/ours/approvals").await;
    assert!(page.has(".empty"));
    let page = owner.open("/app/ours/approvals?show=all").await;
    assert!(page.one(".approvals li").contains("answered by admin@ours.example"));
}

#[tokio::test]
async fn a_refusal_needs_a_reason_and_keeps_what_was_typed() {
    let site = Site::new().await;
    let work = Work::of(&site.fixture, site.ours()).await;
    let mut admin = site.browser(&site.ours().admin);
    let page = admin.open(&path(&work)).await;
    let page = admin.fill(&page, &Fill::press("Refuse")).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.has("#reason[aria-invalid=true]"), "{}", page.text);
    let page = admin.fill(&page, &Fill::press("Refuse").with("Reason", "Not this one <b>")).await;
    let said = page.one("main > .stack > .notice");
    assert!(said.contains("Refused by admin@ours.example") && said.contains("Not this one <b>"), "{said}");
}
