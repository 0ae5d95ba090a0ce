//! Static files: in the binary, under names that carry a hash of their content, kept by browsers for ever.

use std::{borrow::Cow, collections::BTreeMap, sync::LazyLock};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderValue, header};
use rust_embed::RustEmbed;
use web_kit::{Path, Problem};

/// Where they are.
pub(crate) const PREFIX: &str = "/static/";

#[derive(RustEmbed)]
#[folder = "../../web/static"]
struct Files;

struct Asset {
    bytes: Cow<'static, [u8]>,
    mime: String,
}

struct Assets {
    by_hashed_name: BTreeMap<String, Asset>,
    hashed_names: BTreeMap<String, String>,
}

static ASSETS: LazyLock<Assets> = LazyLock::new(load);

fn load() -> Assets {
    let mut assets = Assets { by_hashed_name: BTreeMap::new(), hashed_names: BTreeMap::new() };
    // Style sheets last: they name other files, by addresses that have to be the hashed ones.
    let (sheets, others): (Vec<_>, Vec<_>) = Files::iter().partition(|name| name.ends_with(".css"));
    for name in others.into_iter().chain(sheets) {
        let Some(file) = Files::get(&name) else { continue };
        let mut hash = URL_SAFE_NO_PAD.encode(&file.metadata.sha256_hash()[..9]);
        let mime = file.metadata.mimetype().to_owned();
        let bytes = if name.ends_with(".css") { with_hashed_names(&file.data, &mut hash, &assets) } else { file.data };
        assets.put(name.into_owned(), &hash, Asset { bytes, mime });
    }
    assets
}

impl Assets {
    fn put(&mut self, name: String, hash: &str, asset: Asset) {
        let hashed = hashed_name(&name, hash);
        self.by_hashed_name.insert(hashed.clone(), asset);
        self.hashed_names.insert(name, hashed);
    }
}

/// Puts the hashed names into a style sheet; its own hash then covers them too, so that a new font is a new style sheet.
fn with_hashed_names(sheet: &[u8], hash: &mut String, assets: &Assets) -> Cow<'static, [u8]> {
    let mut text = String::from_utf8_lossy(sheet).into_owned();
    for (name, hashed) in &assets.hashed_names {
        let plain = format!("\"{PREFIX}{name}\"");
        if text.contains(&plain) {
            text = text.replace(&plain, &format!("\"{PREFIX}{hashed}\""));
            hash.extend(hashed.split('.').rev().nth(1).into_iter().flat_map(|hash| hash.chars().take(4)));
        }
    }
    Cow::Owned(text.into_bytes())
}

/// `css/a.css` → `css/a.<hash>.css`.
fn hashed_name(name: &str, hash: &str) -> String {
    match name.rsplit_once('.') {
        Some((stem, ending)) => format!("{stem}.{hash}.{ending}"),
        None => format!("{name}.{hash}"),
    }
}

/// The address of a static file by its plain name (`css/portcullis.css`), for all pages of the control plane. A name that no file has gives
/// an address that is not found; a test looks for those.
#[must_use]
pub fn address(name: &str) -> String {
    let hashed = ASSETS.hashed_names.get(name).map_or(name, String::as_str);
    format!("{PREFIX}{hashed}")
}

/// Whether a file stands behind an address.
#[cfg(test)]
pub(crate) fn is_there(address: &str) -> bool {
    address.strip_prefix(PREFIX).is_some_and(|name| ASSETS.by_hashed_name.contains_key(name))
}

/// `GET /static/{*name}`
pub(crate) async fn serve(Path(name): Path<String>) -> Result<Response, Problem> {
    let asset = ASSETS.by_hashed_name.get(&name).ok_or(Problem::NotFound)?;
    let body = match &asset.bytes {
        Cow::Borrowed(bytes) => Body::from(*bytes),
        Cow::Owned(bytes) => Body::from(bytes.clone()),
    };
    let mut response = body.into_response();
    let headers = response.headers_mut();
    if let Ok(mime) = HeaderValue::from_str(&with_charset(&asset.mime)) {
        headers.insert(header::CONTENT_TYPE, mime);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    Ok(response)
}

fn with_charset(mime: &str) -> String {
    if mime.starts_with("text/") { format!("{mime}; charset=utf-8") } else { mime.to_owned() }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn a_file_is_served_by_its_hashed_name_only_and_for_ever() {
        let address = address("css/portcullis.css");
        let hashed = address.strip_prefix(PREFIX).unwrap();
        assert!(hashed.starts_with("css/portcullis.") && hashed.ends_with(".css") && hashed.len() > 30, "{hashed}");
        let served = serve(Path(hashed.to_owned())).await.unwrap();
        assert_eq!(served.headers()[header::CONTENT_TYPE], "text/css; charset=utf-8");
        assert_eq!(served.headers()[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
        let text = served.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(text.to_vec()).unwrap();
        let fonts: Vec<_> = text.split("url(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(fonts.len() == 2 && fonts.iter().all(|address| is_there(address)), "{fonts:?}");
        for other in ["css/portcullis.css", "css/portcullis.AAAAAAAAAAAA.css", "../Cargo.toml", ""] {
            assert_eq!(serve(Path(other.to_owned())).await.unwrap_err(), Problem::NotFound, "{other}");
        }
    }
}
