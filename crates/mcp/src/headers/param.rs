//! `Mcp-Param-*`: arguments that a tool's schema asks to be mirrored ("Custom Headers from Tool Parameters").

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::value::{decoded, one};
use super::{HeaderError, HeaderView, PARAM_HEADER_PREFIX};
use crate::json::{self, Kind, Raw};

const ANNOTATION: &str = "x-mcp-header";

/// One argument that is mirrored into a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamHeader {
    /// The header's full name, `Mcp-Param-…`.
    pub header: String,
    /// The keys that lead to the argument.
    pub path: Vec<String>,
    /// Its type.
    pub kind: ParamKind,
}

/// What a mirrored argument may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamKind {
    /// `string`.
    String,
    /// `integer`.
    Integer,
    /// `boolean`.
    Boolean,
}

/// Why a schema's annotations cannot be used. Clients must leave such a tool out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// The schema is not a JSON object.
    #[error("the input schema is not an object")]
    NotAnObject,
    /// The annotation is not a header name part.
    #[error("`x-mcp-header` must be a non-empty token")]
    NotAToken,
    /// Two annotations differ at most in case.
    #[error("two properties have the same `x-mcp-header`")]
    NotUnique,
    /// The annotated property is not a string, integer or boolean.
    #[error("`x-mcp-header` needs a string, integer or boolean property")]
    WrongType,
    /// The annotated property is not reached through `properties` alone.
    #[error("`x-mcp-header` must be reached through `properties` only")]
    NotStatic,
}

/// The mirrored arguments of a tool, from the raw JSON of its input schema.
///
/// # Errors
/// When an annotation breaks the rules of "Schema Extension".
pub fn param_headers(input_schema: &str) -> Result<Vec<ParamHeader>, SchemaError> {
    let Ok(Value::Object(schema)) = serde_json::from_str(input_schema) else { return Err(SchemaError::NotAnObject) };
    let mut found = Vec::new();
    collect(&schema, &mut Vec::new(), &mut found)?;
    let mut names: Vec<_> = found.iter().map(|param| param.header.to_ascii_lowercase()).collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(SchemaError::NotUnique);
    }
    Ok(found)
}

/// Checks the headers of mirrored arguments against the raw JSON object of `arguments`. Other `Mcp-Param-*` headers are
/// none of our business and travel on.
///
/// # Errors
/// When one is missing, there twice, malformed or different; all are answered with -32020.
pub fn check_param_headers<H: HeaderView + ?Sized>(
    headers: &H,
    params: &[ParamHeader],
    arguments: Option<&str>,
) -> Result<(), HeaderError> {
    for param in params {
        check_one(headers, param, arguments)?;
    }
    Ok(())
}

fn check_one<H: HeaderView + ?Sized>(
    headers: &H,
    param: &ParamHeader,
    arguments: Option<&str>,
) -> Result<(), HeaderError> {
    let header: Cow<'static, str> = param.header.clone().into();
    let value = one(headers, &param.header)?.map(|value| decoded(&param.header, value)).transpose()?;
    let body = arguments.and_then(|arguments| argument(arguments, &param.path));
    match (value, body) {
        (None, None) => Ok(()),
        (None, Some(body)) if matches!(body.kind, Kind::Object | Kind::Array) => Ok(()),
        (None, Some(_)) => Err(HeaderError::Missing { header }),
        (Some(value), Some(body)) if mirrors(&value, &body) => Ok(()),
        (Some(_), _) => Err(HeaderError::Mismatch { header }),
    }
}

/// The argument at a path; none where it is missing or null.
fn argument<'a>(arguments: &'a str, path: &[String]) -> Option<Raw<'a>> {
    let (last, parents) = path.split_last()?;
    let mut object = arguments;
    for key in parents {
        object = json::member(object, key)?.text;
    }
    json::member(object, last).filter(|value| value.kind != Kind::Null)
}

fn mirrors(header: &str, body: &Raw<'_>) -> bool {
    match body.kind {
        Kind::String => body.as_string().as_deref() == Some(header),
        Kind::Number => json::is_number(header) && json::same_number(header, body.text),
        Kind::Bool => header == body.text,
        _ => false,
    }
}

/// Walks `properties` down from `schema`; an annotation anywhere else is an error.
fn collect(
    schema: &Map<String, Value>,
    path: &mut Vec<String>,
    found: &mut Vec<ParamHeader>,
) -> Result<(), SchemaError> {
    for (keyword, value) in schema {
        match (keyword.as_str(), value) {
            (ANNOTATION, annotation) => found.push(annotated(schema, annotation, path)?),
            ("properties", Value::Object(properties)) => {
                for (key, property) in properties {
                    let Value::Object(property) = property else { continue };
                    path.push(key.clone());
                    collect(property, path, found)?;
                    path.pop();
                }
            }
            ("default" | "const" | "enum" | "examples", _) => {}
            _ if is_annotated(value) => return Err(SchemaError::NotStatic),
            _ => {}
        }
    }
    Ok(())
}

fn annotated(schema: &Map<String, Value>, annotation: &Value, path: &[String]) -> Result<ParamHeader, SchemaError> {
    if path.is_empty() {
        return Err(SchemaError::NotStatic);
    }
    let token = annotation.as_str().filter(|name| !name.is_empty() && name.bytes().all(is_token));
    let name = token.ok_or(SchemaError::NotAToken)?;
    let kind = match schema.get("type").and_then(Value::as_str) {
        Some("string") => ParamKind::String,
        Some("integer") => ParamKind::Integer,
        Some("boolean") => ParamKind::Boolean,
        _ => return Err(SchemaError::WrongType),
    };
    Ok(ParamHeader { header: format!("{PARAM_HEADER_PREFIX}{name}"), path: path.to_vec(), kind })
}

fn is_annotated(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.contains_key(ANNOTATION) || members.values().any(is_annotated),
        Value::Array(items) => items.iter().any(is_annotated),
        _ => false,
    }
}

/// A `tchar` of RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
