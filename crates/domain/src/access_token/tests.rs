use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{EncodingKey, Header};

use super::*;
use crate::Scope;

const RESOURCE: &str = "https://gate.example/acme/mlflow/mcp";
const ISSUER: &str = "https://gate.example";

struct Case {
    tokens: AccessTokens,
    claims: AccessClaims,
    now: Timestamp,
}

fn case() -> Case {
    let now = Timestamp(0).plus_seconds(1_800_000_000);
    let (clock, entropy) = (Clock::fixed(now), Entropy::seeded(9));
    let claims = AccessClaims {
        account: AccountId::new(&clock, &entropy),
        app: AppId::new(&clock, &entropy),
        user: UserId::new(&clock, &entropy),
        client_id: "client-1".to_owned(),
        resource: RESOURCE.to_owned(),
        scopes: Scopes::READ.with(Scope::Write),
        issued_at: now,
        expires_at: now.plus_seconds(LIFE_SECONDS),
        id: AccessTokens::new_id(&clock, &entropy),
    };
    Case { tokens: AccessTokens::new(&DeploymentKey::new(&entropy), ISSUER), claims, now }
}

/// A token with this header over claims changed by `change`, signed by the deployment's own key.
fn forged(case: &Case, header: &Header, change: impl Fn(&mut Value)) -> String {
    let genuine = case.tokens.mint(&case.claims);
    let payload = genuine.split('.').nth(1).unwrap();
    let mut claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    change(&mut claims);
    jsonwebtoken::encode(header, &claims, &case.tokens.keys.of(case.now).signing()).unwrap()
}

fn header(case: &Case) -> Header {
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some(TYPE.to_owned());
    header.kid = Some(case.tokens.keys.of(case.now).id.clone());
    header
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[test]
fn reads_back_what_it_minted_and_says_what_it_must() {
    let case = case();
    let text = case.tokens.mint(&case.claims);
    assert_eq!(case.tokens.verify(&text, RESOURCE, case.now), Ok(case.claims.clone()));
    let unchanged = case.tokens.verify(&forged(&case, &header(&case), |_| {}), RESOURCE, case.now);
    assert_eq!(unchanged, Ok(case.claims.clone()), "what the forger starts from is a good token");
    let head: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text.split('.').next().unwrap()).unwrap()).unwrap();
    assert_eq!((head["alg"].as_str(), head["typ"].as_str()), (Some("EdDSA"), Some("at+jwt")));
    assert_eq!(head["kid"], case.tokens.jwks(case.now)["keys"][1]["kid"]);
}

#[test]
fn the_algorithm_is_not_the_tokens_to_choose() {
    let case = case();
    let text = case.tokens.mint(&case.claims);
    let (payload, signature) = (text.split('.').nth(1).unwrap(), text.split('.').nth(2).unwrap());
    let key = case.tokens.jwks(case.now)["keys"][1].clone();
    for alg in ["none", "None", "NONE", "HS256", "ES256", "RS256", ""] {
        let head = part(&json!({ "alg": alg, "typ": "at+jwt", "kid": key["kid"] }));
        for signature in ["", signature] {
            let forged = format!("{head}.{payload}.{signature}");
            assert_eq!(case.tokens.verify(&forged, RESOURCE, case.now), Err(AccessTokenError::Form), "{alg}");
        }
    }
    // The public key as the secret of a MAC.
    for secret in
        [key["x"].as_str().unwrap().as_bytes().to_vec(), URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap()]
    {
        let mut header = header(&case);
        header.alg = Algorithm::HS256;
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
        let forged = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(&secret)).unwrap();
        assert_eq!(case.tokens.verify(&forged, RESOURCE, case.now), Err(AccessTokenError::Form));
    }
}

#[test]
fn headers_that_are_not_ours_are_refused() {
    let case = case();
    let other_key =
        Header { kid: Some(case.tokens.keys.of(case.now.plus_seconds(90 * 86_400)).id.clone()), ..header(&case) };
    let no_key = Header { kid: None, ..header(&case) };
    let id_token = Header { typ: Some("JWT".to_owned()), ..header(&case) };
    let untyped = Header { typ: None, ..header(&case) };
    let critical = Header { crit: Some(vec!["b64".to_owned()]), ..header(&case) };
    for (header, error) in [
        (other_key, AccessTokenError::Key),
        (no_key, AccessTokenError::Form),
        (id_token, AccessTokenError::Form),
        (untyped, AccessTokenError::Form),
        (critical, AccessTokenError::Form),
    ] {
        assert_eq!(case.tokens.verify(&forged(&case, &header, |_| {}), RESOURCE, case.now), Err(error), "{header:?}");
    }
    let next = Header { kid: Some(case.tokens.keys.around(case.now)[2].id.clone()), ..header(&case) };
    let text = forged(&case, &next, |_| {});
    assert_eq!(case.tokens.verify(&text, RESOURCE, case.now), Err(AccessTokenError::Signature), "another key's name");
}

#[test]
fn claims_that_do_not_hold_are_refused() {
    let case = case();
    let now = seconds(case.now);
    type Change = Box<dyn Fn(&mut Value)>;
    let set = |name: &'static str, value: Value| -> Change { Box::new(move |claims| claims[name] = value.clone()) };
    let cases: Vec<(&str, Change, AccessTokenError)> = vec![
        ("issuer", set("iss", json!("https://evil.example")), AccessTokenError::Issuer),
        ("issuer with a slash", set("iss", json!("https://gate.example/")), AccessTokenError::Issuer),
        ("another server", set("aud", json!("https://gate.example/acme/other/mcp")), AccessTokenError::Audience),
        ("the account", set("aud", json!("https://gate.example/acme/mcp")), AccessTokenError::Audience),
        ("several audiences", set("aud", json!([RESOURCE, "https://evil.example"])), AccessTokenError::Signature),
        ("expired", set("exp", json!(now - LEEWAY_SECONDS)), AccessTokenError::Expired),
        ("of the future", set("iat", json!(now + LEEWAY_SECONDS + 1)), AccessTokenError::Expired),
        ("expiry as text", set("exp", json!("9999999999")), AccessTokenError::Signature),
        ("another kind of subject", set("sub", json!(case.claims.account)), AccessTokenError::Signature),
    ];
    for (name, change, error) in cases {
        let text = forged(&case, &header(&case), change);
        assert_eq!(case.tokens.verify(&text, RESOURCE, case.now), Err(error), "{name}");
    }
    for name in ["iss", "aud", "sub", "exp", "iat", "jti", "client_id", "scope", "account", "app"] {
        let text = forged(&case, &header(&case), |claims| _ = claims.as_object_mut().unwrap().remove(name));
        assert_eq!(case.tokens.verify(&text, RESOURCE, case.now), Err(AccessTokenError::Signature), "without {name}");
    }
}

#[test]
fn a_changed_or_foreign_token_is_refused() {
    let case = case();
    let text = case.tokens.mint(&case.claims);
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for at in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        let digit = alphabet.iter().position(|b| *b == bytes[at]).unwrap_or(0);
        bytes[at] = alphabet[(digit + 32) % 64];
        assert!(case.tokens.verify(&String::from_utf8(bytes).unwrap(), RESOURCE, case.now).is_err(), "at {at}");
    }
    let other = AccessTokens::new(&DeploymentKey::new(&Entropy::seeded(10)), ISSUER);
    assert_eq!(other.verify(&text, RESOURCE, case.now), Err(AccessTokenError::Key));
    for odd in ["", ".", "..", "...", "a.b.c", &text[1..], &format!("{text}."), &"a".repeat(MAX_TEXT + 1)] {
        assert!(case.tokens.verify(odd, RESOURCE, case.now).is_err(), "{odd}");
    }
}

#[test]
fn keys_rotate_without_a_gap() {
    let case = case();
    let text = case.tokens.mint(&case.claims);
    let ids = |at: Timestamp| -> Vec<String> {
        let keys = case.tokens.jwks(at)["keys"].as_array().unwrap().clone();
        keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    };
    let (before, after) = (ids(case.now), ids(case.now.plus_seconds(PERIOD_SECONDS)));
    assert_eq!(before[1..], after[..2], "the next key was published a period ahead, the last one stays for one more");
    assert_eq!(case.tokens.verify(&text, RESOURCE, case.now.plus_seconds(LIFE_SECONDS - 1)), Ok(case.claims.clone()));
    let late = case.now.plus_seconds(2 * PERIOD_SECONDS);
    assert_eq!(case.tokens.verify(&text, RESOURCE, late), Err(AccessTokenError::Key));
    assert!(!format!("{:?}", case.tokens).contains("key"), "its debug form holds no secret");
}
