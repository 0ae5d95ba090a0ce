use http::StatusCode;

use crate::testing::{Fill, Site};

#[tokio::test]
async fn everyone_sees_who_is_there_and_only_those_who_may_can_change_it() {
    let site = Site::new().await;
    let everyone = ["owner@ours.example", "admin@ours.example", "policy_manager@ours.example", "viewer@ours.example"];
    for person in [&site.ours().viewer, &site.ours().policy_manager] {
        let page = site.browser(person).open("/app/ours/members").await;
        let seen: Vec<_> = page.all("tbody th").iter().map(|text| text.trim_end_matches(" You").to_owned()).collect();
        assert_eq!(seen, everyone);
        assert_eq!(page.all("main form"), ["Leave"], "nothing is theirs to change but their own membership");
    }
}

#[tokio::test]
async fn an_admin_is_offered_no_owner_and_no_role_above_their_own() {
    let site = Site::new().await;
    let page = site.browser(&site.ours().admin).open("/app/ours/members").await;
    assert_eq!(page.all("tbody select").len(), 3, "all but the owner");
    assert!(!page.has("main option[value=owner]"));
    assert_eq!(page.all("tbody form[action$=remove]").len(), 2, "the policy manager and the viewer");
}

#[tokio::test]
async fn a_role_is_changed() {
    let site = Site::new().await;
    let mut browser = site.browser(&site.ours().owner);
    let page = browser.open("/app/ours/members").await;
    let fill = Fill::press("Save the role of viewer@ours.example").with("Role of viewer@ours.example", "Admin");
    let page = browser.fill(&page, &fill).await;
    assert_eq!(page.one(".flash"), "The role is changed.");
    let page = site.browser(&site.ours().viewer).open("/app/ours/members").await;
    assert!(page.has("#invite-head"), "who was a viewer can invite now");
}

#[tokio::test]
async fn the_last_owner_stays_and_is_told_why() {
    let site = Site::new().await;
    let mut browser = site.browser(&site.ours().owner);
    let page = browser.open("/app/ours/members").await;
    let fill = Fill::press("Save the role of owner@ours.example").with("Role of owner@ours.example", "Viewer");
    let page = browser.fill(&page, &fill).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.one(".summary li").contains("at least one owner"), "{}", page.one(".summary li"));
}

#[tokio::test]
async fn a_removed_member_finds_the_account_gone() {
    let site = Site::new().await;
    let mut browser = site.browser(&site.ours().admin);
    let path = format!("/app/ours/members/{}/remove", site.ours().viewer.visitor.user);
    assert_eq!(browser.post_once(&path, "").await.status, StatusCode::SEE_OTHER);
    assert_eq!(browser.open("/app/ours/members").await.all("tbody tr").len(), 3);
    let mut removed = site.browser(&site.ours().viewer);
    assert_eq!(removed.open("/app/ours/members").await.status, StatusCode::NOT_FOUND);
    assert_eq!(removed.open("/app").await.h1(), "Your accounts");
}

#[tokio::test]
async fn anybody_leaves_by_themselves_and_nobody_else_by_it() {
    let site = Site::new().await;
    let mut browser = site.browser(&site.ours().viewer);
    let others = format!("/app/ours/members/{}/leave", site.ours().admin.visitor.user);
    assert_eq!(browser.post_once(&others, "").await.status, StatusCode::NOT_FOUND);
    let page = browser.open("/app/ours/members").await;
    let page = browser.fill(&page, &Fill::press("Leave")).await;
    assert_eq!((page.path.as_str(), page.one(".flash").as_str()), ("/app", "You are no longer a member of Same name."));
    let mut browser = site.browser(&site.ours().owner);
    let page = browser.open("/app/ours/members").await;
    assert_eq!(page.all("tbody tr").len(), 3);
    let page = browser.fill(&page, &Fill::press("Leave")).await;
    assert!(page.one(".summary li").contains("at least one owner"));
}

#[tokio::test]
async fn an_invitation_is_shown_once_and_can_be_taken_back() {
    let site = Site::new().await;
    let mut browser = site.browser(&site.ours().admin);
    let page = browser.open("/app/ours/members").await;
    let fill = Fill::press("Create link").with("Role", "Policy manager").with("Team", "Data");
    let page = browser.fill(&page, &fill).await;
    assert_eq!(page.header("cache-control"), "no-store");
    let link = page.one(".copy.secret code");
    assert!(link.starts_with("http://127.0.0.1:8080/invite/pcl_invite_"), "{link}");
    let path = link.strip_prefix("http://127.0.0.1:8080").unwrap();
    assert_eq!(site.anonymous().open(path).await.h1(), "Join Same name");
    let page = browser.open("/app/ours/members").await;
    assert!(
        !page.text.contains("pcl_invite_") && page.one("section .list .main").starts_with("Policy manager · team data")
    );
    let page = browser.fill(&page, &Fill::press("Revoke the invitation for Policy manager")).await;
    assert!(!page.has("#pending-head"));
    assert_eq!(site.anonymous().open(path).await.status, StatusCode::NOT_FOUND);
}
