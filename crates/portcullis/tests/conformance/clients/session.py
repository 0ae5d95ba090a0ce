"""One session of a client made with the official Python SDK: list, call, progress, cancel, elicit, a denied call, a change of
policy. Prints one JSON document per step, each told in words of neither era.

usage: session.py URL KEY legacy|modern; reads a line from standard input when the policy was changed.
"""

import asyncio
import json
import sys

import httpx2
import mcp_types as types
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

MODES = {"legacy": "legacy", "modern": "2026-07-28"}
LATEST = 20.0


def tell(step: str, seen: object) -> None:
    print(json.dumps({step: seen}), flush=True)


def text(result) -> str:
    return " ".join(block.text for block in result.content if block.type == "text")


async def counts(client: Client) -> dict:
    return json.loads(text(await client.call_tool("seen")))


async def cancelled(client: Client) -> bool:
    """Whether the server hears that a call was given up while it ran."""
    before, told = await counts(client), asyncio.Event()

    async def progress(*_) -> None:
        told.set()

    call = asyncio.create_task(client.call_tool("wait", {"tenths": 600}, progress_callback=progress))
    await asyncio.wait_for(told.wait(), LATEST)
    call.cancel()
    for _ in range(100):
        if (await counts(client))["cancelled"] > before["cancelled"]:
            return True
        await asyncio.sleep(0.1)
    return False


async def tools(client: Client) -> list[str]:
    return sorted(tool.name for tool in (await client.list_tools(cache_mode="bypass")).tools)


async def steps(client: Client, changed: asyncio.Event, mode: str) -> None:
    tell("list", await tools(client))
    tell("call", text(await client.call_tool("echo", {"message": "as it was sent: é \u2028 1e400"})))
    told: list[float] = []

    async def progress(done: float, total: float | None, _: str | None) -> None:
        told.append(done)

    await client.call_tool("test_tool_with_progress", {}, progress_callback=progress)
    tell("progress", told)
    tell("cancel", await cancelled(client))
    tell("elicit", text(await client.call_tool("test_elicitation", {"message": "Who?"})))
    sampled = await client.call_tool("test_sampling", {"prompt": "Say something"})
    tell("sample", text(sampled))
    missing = await asyncio.gather(client.read_resource("test://not-there"), return_exceptions=True)
    tell("missing resource", isinstance(missing[0], Exception))
    tell("resource", (await client.read_resource("test://static-text")).contents[0].text)
    tell("prompt", (await client.get_prompt("test_prompt_with_arguments", {"arg1": "a", "arg2": "b"})).messages[0].content.text)
    denied = await client.call_tool("greet", {"name": "Ann"})
    tell("denied", [denied.is_error, ((denied.meta or {}).get("dev.portcullis/decision") or {}).get("code")])
    if mode == "modern":
        async with client.listen(tools_list_changed=True) as stream:
            await change(client, changed, stream)
    else:
        await change(client, changed, None)


async def change(client: Client, changed: asyncio.Event, stream) -> None:
    tell("ready", True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    try:
        await asyncio.wait_for(anext(aiter(stream)) if stream else changed.wait(), LATEST)
        tell("told of the change", True)
    except (TimeoutError, StopAsyncIteration):
        tell("told of the change", False)
    tell("list after", await tools(client))


async def elicit(_, params) -> types.ElicitResult:
    return types.ElicitResult(action="accept", content={"username": "ann", "email": "ann@acme.example"})


async def sample(_, params) -> types.CreateMessageResult:
    return types.CreateMessageResult(role="assistant", content=types.TextContent(type="text", text="Something"), model="none")


async def main(url: str, key: str, mode: str) -> None:
    changed = asyncio.Event()

    async def hear(message) -> None:
        if getattr(message, "method", "") == "notifications/tools/list_changed":
            changed.set()

    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=120) as http:
        async with Client(streamable_http_client(url, http_client=http), mode=MODES[mode], elicitation_callback=elicit,
                          sampling_callback=sample, message_handler=hear) as client:
            await steps(client, changed, mode)


asyncio.run(main(*sys.argv[1:]))
