//! What clients read before they begin: the server's metadata (RFC 8414) and the keys that its tokens are signed with.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, header};
use serde_json::{Value, json};

use crate::Oauth;

/// A client may keep them for so long: signing keys are published a whole period before they sign.
const KEEP: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// `GET /.well-known/oauth-authorization-server`, with and without a path behind it, and `GET /.well-known/openid-configuration`.
///
/// Clients that are given a gateway URL look at several of these before the one that the protected resource names. All say the same: the
/// issuer is the origin, without a path and without a slash at the end, because clients compare it letter by letter (RFC 8414 §3.3).
pub(crate) async fn server(State(oauth): State<Oauth>) -> Response {
    kept(document(oauth.issuer()))
}

/// `GET /.well-known/jwks.json`
pub(crate) async fn keys(State(oauth): State<Oauth>) -> Response {
    kept(oauth.accounts().jwks())
}

fn kept(document: Value) -> Response {
    let mut response = Json(document).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, KEEP);
    response
}

fn document(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "registration_endpoint": format!("{issuer}/register"),
        "revocation_endpoint": format!("{issuer}/revoke"),
        "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
        "scopes_supported": ["mcp:read", "mcp:write", "offline_access"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        // Without it clients must refuse to go on; with "none" and the document flag Claude and ChatGPT need no registration.
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "client_id_metadata_document_supported": true,
        "authorization_response_iss_parameter_supported": true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_issuer_is_the_origin_and_every_endpoint_is_below_it() {
        let document = document("https://gate.example");
        assert_eq!(document["issuer"], "https://gate.example");
        for (name, value) in document.as_object().unwrap() {
            if name.ends_with("_endpoint") || name == "jwks_uri" {
                assert!(value.as_str().unwrap().starts_with("https://gate.example/"), "{name}");
            }
        }
        assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
    }
}
