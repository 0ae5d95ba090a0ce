//! Prompts, resources and completions.

use rmcp::{
    ErrorData,
    model::{
        CompleteRequestParams, CompleteResult, ErrorCode, GetPromptRequestParams, GetPromptResponse, GetPromptResult,
        ReadResourceResponse, ReadResourceResult,
    },
};
use serde_json::{Value, json};

use crate::{
    asks::{given, input, one},
    calls::{PNG, embedded, image},
    server::typed,
};

pub fn prompt(request: &GetPromptRequestParams) -> Result<GetPromptResponse, ErrorData> {
    let text = |name: &str| {
        let value = request.arguments.as_ref().and_then(|arguments| arguments.get(name));
        value.and_then(Value::as_str).unwrap_or_default()
    };
    let says = |text: &str| json!({ "type": "text", "text": text });
    match &*request.name {
        "test_simple_prompt" => messages(vec![says("This is a simple prompt for testing.")]),
        "test_prompt_with_arguments" => {
            messages(vec![says(&format!("Prompt with arguments: arg1='{}', arg2='{}'", text("arg1"), text("arg2")))])
        }
        "test_prompt_with_embedded_resource" => messages(vec![
            embedded(text("resourceUri"), "text/plain", "Embedded resource content for testing."),
            says("Please process the embedded resource above."),
        ]),
        "test_prompt_with_image" => messages(vec![image(), says("Please analyze the image above.")]),
        "test_input_required_result_prompt" => match given(request.input_responses.as_ref(), "user_context") {
            Some(answer) => messages(vec![says(answer["content"]["context"].as_str().unwrap_or_default())]),
            None => {
                let params = one("What context should the prompt use?", "context", "string");
                let asked = json!({ "user_context": { "method": "elicitation/create", "params": params } });
                Ok(input(asked, None)?.into())
            }
        },
        other => Err(ErrorData::invalid_params(format!("Unknown prompt: {other}"), None)),
    }
}

fn messages(contents: Vec<Value>) -> Result<GetPromptResponse, ErrorData> {
    let messages: Vec<Value> =
        contents.into_iter().map(|content| json!({ "role": "user", "content": content })).collect();
    Ok(typed::<GetPromptResult>(json!({ "resultType": "complete", "messages": messages }))?.into())
}

/// What a resource holds. A modern client is told of one that is not there by `-32602`, an older one by `-32002`.
pub fn resource(uri: &str, modern: bool) -> Result<ReadResourceResponse, ErrorData> {
    let content = match uri {
        "test://static-text" => {
            json!({ "uri": uri, "mimeType": "text/plain", "text": "This is the content of the static text resource." })
        }
        "test://static-binary" => json!({ "uri": uri, "mimeType": "image/png", "blob": PNG }),
        "test://watched-resource" => json!({ "uri": uri, "mimeType": "text/plain", "text": "Watched." }),
        _ => match uri.strip_prefix("test://template/").and_then(|rest| rest.strip_suffix("/data")) {
            Some(id) => {
                let data = json!({ "id": id, "templateTest": true, "data": format!("Data for ID: {id}") });
                json!({ "uri": uri, "mimeType": "application/json", "text": data.to_string() })
            }
            None => {
                let code = if modern { ErrorCode::INVALID_PARAMS } else { ErrorCode::RESOURCE_NOT_FOUND };
                return Err(ErrorData::new(code, "Resource not found", Some(json!({ "uri": uri }))));
            }
        },
    };
    Ok(typed::<ReadResourceResult>(json!({ "resultType": "complete", "contents": [content] }))?.into())
}

pub fn complete(request: &CompleteRequestParams) -> Result<CompleteResult, ErrorData> {
    let typed_so_far = &request.argument.value;
    let values: Vec<&str> =
        ["test", "testing", "test value"].into_iter().filter(|word| word.starts_with(typed_so_far.as_str())).collect();
    let total = values.len();
    typed(json!({ "resultType": "complete", "completion": { "values": values, "total": total, "hasMore": false } }))
}
