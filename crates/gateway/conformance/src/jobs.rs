//! Tools that may become tasks (the extension `io.modelcontextprotocol/tasks`).

use std::time::Duration;

use rmcp::{
    ErrorData, RoleServer,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, ContentBlock, CreateTaskResult,
        InputRequest,
    },
    service::RequestContext,
    task_manager::{TaskContext, TaskExit, TaskOptions},
};
use serde_json::{Value, json};

use crate::{
    asks::{given, input, one},
    calls::argument,
    server::{Fixture, typed},
};

/// A client is told to ask again after so long.
const POLL_MS: u64 = 100;
/// How long the failing jobs work.
const SHORT: Duration = Duration::from_secs(1);

#[derive(Clone, Debug)]
pub enum Job {
    Sleep,
    Fail,
    Break,
    Confirm,
    Two,
    Named,
}

pub fn job(name: &str) -> Option<Job> {
    Some(match name {
        "slow_compute" => Job::Sleep,
        "failing_job" => Job::Fail,
        "protocol_error_job" => Job::Break,
        "confirm_delete" => Job::Confirm,
        "multi_input" => Job::Two,
        "test_tool_with_task" => Job::Named,
        _ => return None,
    })
}

/// Starts a task, or answers at once where the client or the job does not want one.
pub async fn start(
    fixture: &Fixture,
    job: Job,
    request: CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    let able = context.client_capabilities().is_some_and(|capabilities| capabilities.supports_tasks());
    let seconds = argument(&request, "seconds").and_then(Value::as_f64).unwrap_or_default().max(0.0);
    if let Job::Sleep = job
        && (!able || seconds == 0.0)
    {
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        return Ok(done(format!("Computed {}", label(&request))).into());
    }
    if !able {
        let needed = ClientCapabilities::builder().enable_tasks().build();
        return Err(ErrorData::missing_required_client_capability(needed));
    }
    if let Job::Named = job
        && given(request.input_responses.as_ref(), "user_name").is_none()
    {
        let params = one("What is your name?", "name", "string");
        return Ok(input(json!({ "user_name": { "method": "elicitation/create", "params": params } }), None)?.into());
    }
    let options = TaskOptions::new().with_poll_interval_ms(POLL_MS);
    let task = fixture.tasks.spawn(options, move |task| Box::pin(work(job, request, seconds, task)));
    Ok(CreateTaskResult::new(task).into())
}

async fn work(
    job: Job,
    request: CallToolRequestParams,
    seconds: f64,
    task: TaskContext,
) -> Result<CallToolResult, TaskExit> {
    match job {
        Job::Sleep => tokio::select! {
            () = task.cancelled() => Err(TaskExit::Cancelled),
            () = tokio::time::sleep(Duration::from_secs_f64(seconds)) => Ok(done(format!("Computed {}", label(&request)))),
        },
        Job::Fail => {
            tokio::time::sleep(SHORT).await;
            Ok(CallToolResult::error(vec![ContentBlock::text("The job failed, as it always does")]))
        }
        Job::Break => {
            tokio::time::sleep(SHORT).await;
            Err(ErrorData::internal_error("The job broke, as it always does", None).into())
        }
        Job::Confirm => {
            let answer = task.request_input("confirm", question("Delete it?", "confirm", "boolean")?).await?;
            Ok(done(format!("Deleted: {}", answer["content"]["confirm"])))
        }
        Job::Two => {
            let (first, second) = tokio::join!(
                task.request_input("first", question("Your name?", "name", "string")?),
                task.request_input("second", question("Sure?", "confirm", "boolean")?),
            );
            Ok(done(format!("Given: {} and {}", first?["content"], second?["content"])))
        }
        Job::Named => {
            let answer = given(request.input_responses.as_ref(), "user_name").cloned().unwrap_or_default();
            Ok(done(format!("Worked for {}", answer["content"]["name"].as_str().unwrap_or_default())))
        }
    }
}

fn question(message: &str, field: &str, kind: &str) -> Result<InputRequest, ErrorData> {
    typed(json!({ "method": "elicitation/create", "params": one(message, field, kind) }))
}

fn done(text: String) -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::text(text)])
}

fn label(request: &CallToolRequestParams) -> &str {
    argument(request, "label").and_then(Value::as_str).unwrap_or("it")
}
