use test_support::Person;

use crate::testing::{ORIGIN, REDIRECT, Seen, Site, query};

fn path(query: &str) -> String {
    format!("/authorize?{query}")
}

/// What every page of this face must be.
fn well_formed(page: &Seen) {
    assert_eq!(page.all("h1").len(), 1);
    assert!(page.one("title").ends_with(" · Portcullis"));
    assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"));
    assert_eq!((page.header("x-frame-options"), page.header("cache-control")), ("DENY", "no-store"));
    for input in ["input:not([type=hidden])", "button"] {
        for name in page.all(input) {
            assert!(input != "button" || !name.is_empty(), "a button says something");
        }
    }
}

#[tokio::test]
async fn who_is_not_signed_in_logs_in_and_comes_back_to_the_whole_request() {
    let site = Site::new().await;
    let query = query(&site.client().await, &[("scope", "mcp:read mcp:write")]);
    let sent = site.open(&path(&query), None).await;
    assert_eq!(sent.status.as_u16(), 303);
    let next = sent.header("location").strip_prefix("/login?next=").unwrap();
    let next = url::form_urlencoded::parse(format!("next={next}").as_bytes()).next().unwrap().1.into_owned();
    assert_eq!(next, path(&query));
    assert_eq!(site.open(&next, Some(&site.fixture.ours.viewer)).await.status.as_u16(), 200);
}

#[tokio::test]
async fn the_page_names_app_account_and_place_and_leads_only_there() {
    let site = Site::new().await;
    let page = site.open(&path(&query(&site.client().await, &[])), Some(&site.fixture.ours.viewer)).await;
    well_formed(&page);
    assert_eq!(page.one("h1"), "Let Test client use Same name?");
    assert!(page.text.contains("viewer@ours.example"));
    assert!(page.all("dd")[1].contains("nobody has checked it"));
    assert_eq!(page.all("dd")[2], "on this computer: localhost:8787");
    assert!(page.has(".notice.warn"));
    assert!(page.has("input#write[type=checkbox][checked][aria-describedby=write-hint]"));
    assert!(page.header("content-security-policy").contains("form-action 'self' http://localhost:8787;"));
    assert_eq!(page.header("cross-origin-opener-policy"), "unsafe-none");
}

#[tokio::test]
async fn what_is_allowed_goes_back_with_state_and_issuer_and_nothing_is_kept() {
    let site = Site::new().await;
    let sent = site.allow(&site.fixture.ours.viewer, &query(&site.client().await, &[])).await;
    assert_eq!((sent.status.as_u16(), sent.header("cache-control")), (303, "no-store"));
    assert!(sent.header("location").starts_with(&format!("{REDIRECT}?code=pcl_code_")), "{}", sent.header("location"));
    assert_eq!(sent.parameter("state").as_deref(), Some("the state"));
    assert_eq!(sent.parameter("iss").as_deref(), Some(ORIGIN));
}

#[tokio::test]
async fn who_does_not_allow_it_says_so_to_the_app() {
    let site = Site::new().await;
    let person = &site.fixture.ours.viewer;
    let page = site.open(&path(&query(&site.client().await, &[])), Some(person)).await;
    let sent = site.answer(Some(person), &with(&page.fields(), &[("answer", "deny")])).await;
    assert_eq!(sent.parameter("error").as_deref(), Some("access_denied"));
    assert_eq!(sent.parameter("state").as_deref(), Some("the state"));
    assert_eq!((sent.parameter("code"), sent.parameter("iss").as_deref()), (None, Some(ORIGIN)));
}

fn with<'a>(fields: &'a [(String, String)], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain(more.iter().copied()).collect()
}

#[tokio::test]
async fn until_the_client_is_certain_a_page_tells_what_is_wrong_and_nothing_is_sent_on() {
    let site = Site::new().await;
    let client = site.client().await;
    let twice = format!("{}&redirect_uri=https%3A%2F%2Fevil.example", query(&client, &[]));
    for (query, word) in [
        (query("client_nobody", &[]), "not known"),
        (query(&client, &[("client_id", "")]), "client_id"),
        (query(&client, &[("redirect_uri", "https://evil.example/callback")]), "https://evil.example/callback"),
        (query(&client, &[("redirect_uri", "http://localhost:8787/callback/../other")]), "/other"),
        (query(&client, &[("redirect_uri", "http://localhost:8787@evil.example/callback")]), "evil.example"),
        (twice, "more than once"),
        (query(&client, &[("state", &"x".repeat(9_000))]), "longer"),
    ] {
        for person in [None, Some(&site.fixture.ours.viewer)] {
            let page = site.open(&path(&query), person).await;
            assert_eq!((page.status.as_u16(), page.header("location")), (400, ""), "{query}");
            assert!(page.one("main").contains(word), "{query}: {}", page.one("main"));
            well_formed(&page);
            let posted = site.answer(person, &[("request", &query), ("answer", "allow")]).await;
            assert_eq!((posted.status.as_u16(), posted.header("location")), (400, ""), "{query}");
        }
    }
}

#[tokio::test]
async fn from_then_on_the_client_is_told() {
    let site = Site::new().await;
    let client = site.client().await;
    for (name, value, code) in [
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "", "invalid_request"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("resource", "", "invalid_target"),
        ("resource", "https://elsewhere.example/ours/mcp", "invalid_target"),
        ("resource", "https://gateway.example/", "invalid_target"),
        ("prompt", "none", "interaction_required"),
        ("request", "x", "request_not_supported"),
    ] {
        for person in [None, Some(&site.fixture.ours.viewer)] {
            let sent = site.open(&path(&query(&client, &[(name, value)])), person).await;
            assert!(sent.header("location").starts_with(&format!("{REDIRECT}?error=")), "{name}={value}");
            assert_eq!(sent.parameter("error").as_deref(), Some(code), "{name}={value}");
            assert_eq!(sent.parameter("state").as_deref(), Some("the state"), "{name}={value}");
            assert_eq!(sent.parameter("iss").as_deref(), Some(ORIGIN), "{name}={value}");
        }
    }
}

#[tokio::test]
async fn a_foreign_account_and_one_that_does_not_exist_are_the_same_page() {
    let site = Site::new().await;
    let client = site.client().await;
    let mut pages = Vec::new();
    for account in ["neighbour", "nobody-has-this"] {
        let url = format!("https://gateway.example/{account}/mcp");
        let page = site.open(&path(&query(&client, &[("resource", &url)])), Some(&site.fixture.ours.owner)).await;
        well_formed(&page);
        assert_eq!((page.status.as_u16(), page.one("h1").as_str()), (200, "You are not a member here"));
        pages.push(page.one("main").replace(account, "X"));
        let fields = with_answer(&page, "allow");
        let forced = site.answer(Some(&site.fixture.ours.owner), &with(&fields, &[])).await;
        assert_eq!((forced.status.as_u16(), forced.header("location")), (200, ""), "{account}");
    }
    assert_eq!(pages[0], pages[1]);
}

fn with_answer(page: &Seen, answer: &str) -> Vec<(String, String)> {
    let mut fields = page.fields();
    fields.push(("answer".to_owned(), answer.to_owned()));
    fields
}

#[tokio::test]
async fn who_was_invited_joins_and_is_asked() {
    let site = Site::new().await;
    let (us, stranger) = (&site.fixture.ours, &site.fixture.neighbour.viewer);
    let invite = site.fixture.accounts.create_invite(&us.owner.caller, domain::Role::Viewer, None).await.unwrap();
    let link = format!("https://gateway.example/invite/{}", invite.token.expose());
    let query = query(&site.client().await, &[]);
    let page = site.open(&path(&query), Some(stranger)).await;
    let joined = site.answer(Some(stranger), &with(&with_answer(&page, "join"), &[("invite", &link)])).await;
    assert_eq!((joined.status.as_u16(), joined.header("location")), (303, path(&query).as_str()));
    assert_eq!(site.open(&path(&query), Some(stranger)).await.one("h1"), "Let Test client use Same name?");
    let again = site.answer(Some(stranger), &with(&with_answer(&page, "join"), &[("invite", &link)])).await;
    assert!(again.one(".notice[role=status]").contains("used or revoked"), "the link works once");
}

#[tokio::test]
async fn an_answer_holds_only_for_whom_the_page_was_made_for() {
    let site = Site::new().await;
    let (asked, other) = (&site.fixture.ours.viewer, &site.fixture.ours.owner);
    let page = site.open(&path(&query(&site.client().await, &[])), Some(asked)).await;
    let fields = with_answer(&page, "allow");
    let seen = site.answer(Some(other), &with(&fields, &[])).await;
    assert_eq!((seen.status.as_u16(), seen.header("location")), (200, ""));
    assert!(seen.one(".notice[role=status]").contains("somebody else"));
    let out = site.answer(None, &with(&fields, &[])).await;
    assert!(out.header("location").starts_with("/login?next=%2Fauthorize%3F"), "who is logged out logs in first");
}

#[tokio::test]
async fn another_sites_form_allows_nothing() {
    let site = Site::new().await;
    let person = &site.fixture.ours.viewer;
    let page = site.open(&path(&query(&site.client().await, &[])), Some(person)).await;
    let fields = with_answer(&page, "allow");
    let body = crate::testing::encoded(&with(&fields, &[]));
    let cookie = format!("__Host-portcullis_session={}", person.session.expose());
    for site_says in ["cross-site", "same-site"] {
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("sec-fetch-site", site_says),
            ("origin", "https://evil.example"),
            ("cookie", cookie.as_str()),
        ];
        let seen = site.ask("POST", "/authorize", &headers, &body).await;
        assert_eq!((seen.status.as_u16(), seen.header("location")), (403, ""), "{site_says}");
    }
}

#[tokio::test]
async fn who_unticks_the_box_allows_looking_only_and_sees_later_what_is_new() {
    let site = Site::new().await;
    let (person, client) = (&site.fixture.ours.viewer, site.client().await);
    let first = allowed(&site, person, &client, &[]).await;
    assert_eq!(first, "mcp:read offline_access");
    let page = site.open(&path(&query(&client, &[])), Some(person)).await;
    assert_eq!(page.all(".may .badge"), ["as before", "new"]);
    assert_eq!(allowed(&site, person, &client, &[("write", "yes")]).await, "mcp:read mcp:write offline_access");
    let page = site.open(&path(&query(&client, &[])), Some(person)).await;
    assert_eq!(page.all(".may .badge"), ["as before", "as before"], "and is asked again all the same");
    let only_reads = site.open(&path(&query(&client, &[("scope", "mcp:read")])), Some(person)).await;
    assert!(!only_reads.has("#write"));
}

/// Allows with these fields, and exchanges the code; the scopes of the tokens.
async fn allowed(site: &Site, person: &Person, client: &str, more: &[(&str, &str)]) -> String {
    let page = site.open(&path(&query(client, &[])), Some(person)).await;
    let sent = site.answer(Some(person), &with(&with_answer(&page, "allow"), more)).await;
    let issued = site.exchange(&sent.parameter("code").unwrap(), client).await;
    issued.json()["scope"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn nobody_gets_more_than_the_client_asked_for() {
    let site = Site::new().await;
    let (person, client) = (&site.fixture.ours.viewer, site.client().await);
    let asked = query(&client, &[("scope", "mcp:read")]);
    let page = site.open(&path(&asked), Some(person)).await;
    let sent = site.answer(Some(person), &with(&with_answer(&page, "allow"), &[("write", "yes")])).await;
    let issued = site.exchange(&sent.parameter("code").unwrap(), &client).await;
    assert_eq!(issued.json()["scope"], "mcp:read offline_access");
}
