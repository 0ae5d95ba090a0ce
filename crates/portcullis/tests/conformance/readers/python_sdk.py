"""A server made with the official Python SDK whose answers say what it read: which handler ran, with what.

usage: python_sdk.py PORT
"""

import contextlib
import json
import sys

import mcp_types as types
import uvicorn
from mcp.server.lowlevel.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.applications import Starlette
from starlette.routing import Mount


def read(method: str, named: str | None, arguments: object) -> str:
    return json.dumps({"method": method, "named": named, "arguments": arguments})


async def call_tool(_, params: types.CallToolRequestParams) -> types.CallToolResult:
    text = read("tools/call", params.name, params.arguments)
    return types.CallToolResult(content=[types.TextContent(type="text", text=text)])


async def get_prompt(_, params: types.GetPromptRequestParams) -> types.GetPromptResult:
    content = types.TextContent(type="text", text=read("prompts/get", params.name, params.arguments))
    return types.GetPromptResult(messages=[types.PromptMessage(role="user", content=content)])


async def read_resource(_, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
    text = read("resources/read", str(params.uri), None)
    return types.ReadResourceResult(contents=[types.TextResourceContents(uri="test://read", text=text)])


async def list_tools(_, __) -> types.ListToolsResult:
    return types.ListToolsResult(tools=[types.Tool(name="read", description=read("tools/list", None, None), input_schema={"type": "object"})])


server = Server("parser", on_call_tool=call_tool, on_get_prompt=get_prompt, on_read_resource=read_resource, on_list_tools=list_tools)
manager = StreamableHTTPSessionManager(app=server, json_response=True, stateless=True)


@contextlib.asynccontextmanager
async def lifespan(_):
    async with manager.run():
        yield


app = Starlette(routes=[Mount("/mcp", app=manager.handle_request)], lifespan=lifespan)
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
