//! What a server asks of the client in the middle of a request: a request of its own in the `initialize` era, a round in
//! the stateless one (2026-07-28 basic/patterns/mrtr).

use bytes::Bytes;
use serde_json::{Map, Value};

use super::object::Object;
use crate::answer;
use crate::id::Id;
use crate::json;
use crate::method::Method;

/// Most URLs of one error.
const MOST_URLS: usize = 32;

/// One thing that a server asks of the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputRequest {
    /// The server's name for it.
    pub key: String,
    /// What is asked for.
    pub kind: Method,
    /// The raw JSON object of its `params`, if it has any.
    pub params: Option<String>,
}

/// An answer that is not the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputRequired {
    /// What is asked for; nothing: the same request is to be sent again.
    pub requests: Vec<InputRequest>,
    /// The raw JSON of the state to give back, if there is one.
    pub state: Option<String>,
}

impl InputRequest {
    /// What a request of a server asks for, under a name for it. `None` if it is no request.
    #[must_use]
    pub fn of_request(message: &[u8], key: &str) -> Option<Self> {
        let text = std::str::from_utf8(message).ok()?;
        Self::read(text, key)
    }

    /// What an error asks for that wants URLs opened first (2025-11-25 client/elicitation "URL Elicitation Required
    /// Error"): elicitations without the names that later revisions do not have. Empty when it is no such error.
    #[must_use]
    pub fn urls_of_error(message: &[u8]) -> Vec<Self> {
        let mut message: Value = serde_json::from_slice(message).unwrap_or_default();
        let Value::Array(asked) = message["error"]["data"]["elicitations"].take() else { return Vec::new() };
        let named = asked.into_iter().take(MOST_URLS).enumerate().filter_map(|(index, asked)| {
            let Value::Object(mut params) = asked else { return None };
            params.remove("elicitationId");
            params.insert("mode".to_owned(), Value::from("url"));
            let params = Some(Value::Object(params).to_string());
            Some(Self { key: format!("url-{}", index + 1), kind: Method::ElicitationCreate, params })
        });
        named.collect()
    }

    /// The URL that an elicitation by URL wants opened.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        let url = json::member(self.params.as_deref()?, "url")?.as_string()?;
        Some(url.into_owned())
    }

    fn read(text: &str, key: &str) -> Option<Self> {
        let method = json::member(text, "method")?.as_string()?;
        let params = json::member(text, "params").map(|value| value.text.to_owned());
        Some(Self { key: key.to_owned(), kind: Method::of(&method), params })
    }

    /// It as a request to a client of the `initialize` era. An elicitation by URL gets the name that this era wants it
    /// to have (2025-11-25 client/elicitation).
    #[must_use]
    pub fn to_request(&self, id: &Id<'_>) -> Option<Bytes> {
        let method = self.kind.name()?;
        let params = match &self.params {
            Some(params) if self.asks_by_url() && json::member(params, "elicitationId").is_none() => {
                let mut edits = crate::edit::Edits::new(params);
                Object::whole(params)?.put(&mut edits, &[("elicitationId", &elicitation_id(id))]);
                Some(String::from_utf8(edits.apply().to_vec()).ok()?)
            }
            params => params.clone(),
        };
        let params = params.map_or(String::new(), |params| format!(r#","params":{params}"#));
        Some(Bytes::from(format!(r#"{{"jsonrpc":"2.0","id":{},"method":"{method}"{params}}}"#, id.raw())))
    }

    fn asks_by_url(&self) -> bool {
        let mode = self.params.as_deref().and_then(|params| json::member(params, "mode"));
        self.kind == Method::ElicitationCreate && mode.and_then(|mode| mode.as_string()).as_deref() == Some("url")
    }
}

fn elicitation_id(id: &Id<'_>) -> String {
    id.as_text().map_or_else(|| format!(r#""{}""#, id.raw()), |_| id.raw().to_owned())
}

impl InputRequired {
    /// Reads an `input_required` result. `None` when it is none, or asks for what no client can give.
    #[must_use]
    pub fn read(message: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(message).ok()?;
        let whole = Object::whole(text)?;
        let result = whole.inside(text, "result")?;
        let mut requests = Vec::new();
        if let Some(asked) = result.inside(text, "inputRequests") {
            for (key, at) in asked.entries() {
                requests.push(InputRequest::read(text.get(at)?, key)?);
            }
        }
        let state = result.value("requestState").map(|at| text[at].to_owned()).filter(|raw| raw != "null");
        (!requests.is_empty() || state.is_some()).then_some(Self { requests, state })
    }
}

/// The raw JSON of the state that an `input_required` result gives, if it gives one.
#[must_use]
pub fn request_state(message: &[u8]) -> Option<&str> {
    let result = json::member(std::str::from_utf8(message).ok()?, "result")?;
    Some(json::member(Some(result.text).filter(|raw| raw.starts_with('{'))?, "requestState")?.text)
}

/// An answer that asks the client for input, in the stateless era.
#[must_use]
pub fn input_required(id: &Id<'_>, requests: &[InputRequest], state: &str) -> Bytes {
    let mut out = String::from(r#"{"resultType":"input_required","inputRequests":{"#);
    for (index, request) in requests.iter().enumerate() {
        out.push_str(if index == 0 { "" } else { "," });
        json::push_quoted(&mut out, &request.key);
        out.push_str(r#":{"method":"#);
        json::push_quoted(&mut out, request.kind.name().unwrap_or_default());
        if let Some(params) = &request.params {
            out.push_str(r#","params":"#);
            out.push_str(params);
        }
        out.push('}');
    }
    out.push_str(r#"},"requestState":"#);
    json::push_quoted(&mut out, state);
    out.push('}');
    answer::result_response(id, &out)
}

/// Whether a client with these capabilities can give what is asked for. A form is what elicitation means unless it says
/// otherwise (2025-11-25 client/elicitation "Capabilities").
#[must_use]
pub fn is_supported(request: &InputRequest, capabilities: &str) -> bool {
    let declared: Map<String, Value> = serde_json::from_str(capabilities).unwrap_or_default();
    let has = |name: &str| declared.get(name).and_then(Value::as_object);
    match request.kind {
        Method::ElicitationCreate if request.asks_by_url() => {
            has("elicitation").is_some_and(|modes| modes.contains_key("url"))
        }
        Method::ElicitationCreate => {
            has("elicitation").is_some_and(|modes| modes.contains_key("form") || !modes.contains_key("url"))
        }
        Method::SamplingCreateMessage => {
            let with_tools = request.params.as_deref().is_some_and(|params| json::member(params, "tools").is_some());
            has("sampling").is_some_and(|modes| !with_tools || modes.contains_key("tools"))
        }
        Method::RootsList => has("roots").is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_read_and_written() {
        let form = r#"{"mode":"form","message":"sure?","requestedSchema":{"type":"object","x":1.0}}"#;
        let asked =
            InputRequest { key: "q\"1".to_owned(), kind: Method::ElicitationCreate, params: Some(form.to_owned()) };
        let written = input_required(&Id::number(3), std::slice::from_ref(&asked), "st\u{e4}te");
        let read = InputRequired::read(&written).unwrap();
        assert_eq!(request_state(&written), Some("\"st\u{e4}te\""));
        assert_eq!(request_state(br#"{"result":[1],"requestState":1}"#), None);
        assert_eq!(read, InputRequired { requests: vec![asked.clone()], state: Some("\"st\u{e4}te\"".to_owned()) });
        let request = asked.to_request(&Id::string("a")).unwrap();
        assert_eq!(
            request,
            format!(r#"{{"jsonrpc":"2.0","id":"a","method":"elicitation/create","params":{form}}}"#).as_bytes()
        );
        assert_eq!(InputRequest::of_request(&request, "q\"1"), Some(asked));
        for not in
            [r#"{"result":{"resultType":"input_required"}}"#, r#"{"error":{"code":1}}"#, "[]", r#"{"result":[]}"#]
        {
            assert_eq!(InputRequired::read(not.as_bytes()), None, "{not}");
        }
    }

    #[test]
    fn an_elicitation_by_url_has_a_name_in_the_older_era() {
        let asked = InputRequest {
            key: "k".to_owned(),
            kind: Method::ElicitationCreate,
            params: Some(r#"{"mode":"url","url":"https://a.example"}"#.to_owned()),
        };
        let request: Value = serde_json::from_slice(&asked.to_request(&Id::string("way")).unwrap()).unwrap();
        assert_eq!(request["params"]["elicitationId"], "way");
    }

    #[test]
    fn an_error_that_wants_urls_opened_is_as_much_as_questions() {
        let error = br#"{"jsonrpc":"2.0","id":1,"error":{"code":-32042,"message":"first","data":{"elicitations":[
            {"mode":"url","elicitationId":"e","url":"https://a.example/?x=1","message":"m"},{"url":"u"},7]}}}"#;
        let asked = InputRequest::urls_of_error(error);
        assert_eq!(asked.iter().map(|one| one.key.as_str()).collect::<Vec<_>>(), ["url-1", "url-2"]);
        assert_eq!(asked.iter().filter_map(InputRequest::url).collect::<Vec<_>>(), ["https://a.example/?x=1", "u"]);
        assert!(asked.iter().all(|one| is_supported(one, r#"{"elicitation":{"url":{}}}"#)));
        assert!(!asked.iter().any(|one| one.params.as_deref().unwrap().contains("elicitationId")));
        for not in [&b"{}"[..], b"", br#"{"error":{"code":-32042,"data":{}}}"#] {
            assert_eq!(InputRequest::urls_of_error(not), []);
        }
    }

    #[test]
    fn capabilities_say_what_can_be_asked() {
        let asks = |kind, params: &str| InputRequest { key: String::new(), kind, params: Some(params.to_owned()) };
        let form = asks(Method::ElicitationCreate, r#"{"message":"m"}"#);
        let url = asks(Method::ElicitationCreate, r#"{"mode":"url"}"#);
        let sampling = asks(Method::SamplingCreateMessage, "{}");
        let tools = asks(Method::SamplingCreateMessage, r#"{"tools":[]}"#);
        let roots = asks(Method::RootsList, "{}");
        let ping = asks(Method::Ping, "{}");
        let cases: [(&str, [bool; 6]); 7] = [
            ("{}", [false; 6]),
            (r#"{"elicitation":{}}"#, [true, false, false, false, false, false]),
            (r#"{"elicitation":{"url":{}}}"#, [false, true, false, false, false, false]),
            (r#"{"elicitation":{"url":{},"form":{}}}"#, [true, true, false, false, false, false]),
            (r#"{"sampling":{},"roots":{}}"#, [false, false, true, false, true, false]),
            (r#"{"sampling":{"tools":{}}}"#, [false, false, true, true, false, false]),
            ("not json", [false; 6]),
        ];
        for (capabilities, expected) in cases {
            let found = [&form, &url, &sampling, &tools, &roots, &ping].map(|asked| is_supported(asked, capabilities));
            assert_eq!(found, expected, "{capabilities}");
        }
    }
}
