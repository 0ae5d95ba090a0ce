"""One session of a client made with the official Python SDK: lists, calls, progress, cancel, elicit, sample, errors, a denied call, a
change of policy. Prints one JSON document per step: everything that the SDK gives, without what one of the eras adds for itself.

usage: session.py URL KEY legacy|modern; reads a line from standard input when the policy was changed.
"""

import asyncio
import json
import sys

import httpx2
import mcp_types as types
from mcp import MCPError
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

MODES = {"legacy": "legacy", "modern": "2026-07-28"}
LATEST = 20.0
OF_AN_ERA = {"resultType", "ttlMs", "cacheScope"}


def tell(step: str, seen: object) -> None:
    print(json.dumps({step: seen}), flush=True)


def plain(model) -> dict:
    """What is in it, in words of neither era."""
    dumped = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    meta = {name: value for name, value in dumped.pop("_meta", {}).items() if not is_of_the_protocol(name)}
    found = {name: value for name, value in dumped.items() if name not in OF_AN_ERA}
    # Of the elicitation modes the first era left "form" out.
    if found.get("mode") == "form":
        del found["mode"]
    return found | ({"_meta": meta} if meta else {})


def is_of_the_protocol(name: str) -> bool:
    return name == "progressToken" or name.startswith("io.modelcontextprotocol/")


def text(result) -> str:
    return " ".join(block.text for block in result.content if block.type == "text")


async def failing(call) -> object:
    """The error of a request that has to fail."""
    try:
        return ["no error", plain(await call)]
    except MCPError as error:
        return [error.error.code, error.error.message, error.error.data]


class Session:
    def __init__(self) -> None:
        self.changed, self.asked = asyncio.Event(), []

    async def elicit(self, _, params) -> types.ElicitResult:
        self.asked.append(plain(params))
        return types.ElicitResult(action="accept", content={"username": "ann", "email": "ann@acme.example"})

    async def sample(self, _, params) -> types.CreateMessageResult:
        self.asked.append(plain(params))
        return types.CreateMessageResult(role="assistant", content=types.TextContent(type="text", text="Something"), model="none")

    async def hear(self, message) -> None:
        if getattr(message, "method", "") == "notifications/tools/list_changed":
            self.changed.set()

    def seen_and_asked(self, result) -> list:
        asked, self.asked = self.asked, []
        return [plain(result), asked]

    async def steps(self, client: Client, mode: str) -> None:
        tell("list", await tools(client))
        tell("call", plain(await client.call_tool("echo", {"message": "as it was sent: é \u2028 1e400"})))
        tell("all kinds of content", plain(await client.call_tool("test_multiple_content_types", {})))
        tell("error of a tool", plain(await client.call_tool("test_error_handling", {})))
        tell("unknown tool", await failing(client.call_tool("not_there", {})))
        told: list[list] = []

        async def progress(*seen) -> None:
            told.append(seen)

        done = await client.call_tool("test_tool_with_progress", {}, progress_callback=progress)
        tell("progress", [plain(done), told])
        tell("cancel", await cancelled(client))
        tell("elicit", self.seen_and_asked(await client.call_tool("test_elicitation", {"message": "Who?"})))
        tell("sample", self.seen_and_asked(await client.call_tool("test_sampling", {"prompt": "Say something"})))
        await self.reads(client)
        tell("denied", plain(await client.call_tool("greet", {"name": "Ann"})))
        if mode == "modern":
            async with client.listen(tools_list_changed=True) as stream:
                await self.change(client, stream)
        else:
            await self.change(client, None)

    async def reads(self, client: Client) -> None:
        tell("resources", plain(await client.list_resources()))
        tell("templates", plain(await client.list_resource_templates()))
        tell("resource", plain(await client.read_resource("test://static-text")))
        tell("bytes of a resource", plain(await client.read_resource("test://static-binary")))
        tell("missing resource", await failing(client.read_resource("test://not-there")))
        tell("prompts", plain(await client.list_prompts()))
        tell("prompt", plain(await client.get_prompt("test_prompt_with_arguments", {"arg1": "a", "arg2": "b"})))
        tell("unknown prompt", await failing(client.get_prompt("not_there", {})))
        of_prompt = types.PromptReference(type="ref/prompt", name="test_prompt_with_arguments")
        tell("completion", plain(await client.complete(of_prompt, {"name": "arg1", "value": "a"})))

    async def change(self, client: Client, stream) -> None:
        tell("ready", True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        try:
            await asyncio.wait_for(anext(aiter(stream)) if stream else self.changed.wait(), LATEST)
            tell("told of the change", True)
        except (TimeoutError, StopAsyncIteration):
            tell("told of the change", False)
        tell("list after", await tools(client))


async def tools(client: Client) -> list[dict]:
    return [plain(tool) for tool in (await client.list_tools(cache_mode="bypass")).tools]


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


async def counts(client: Client) -> dict:
    return json.loads(text(await client.call_tool("seen")))


async def main(url: str, key: str, mode: str) -> None:
    session = Session()
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=120) as http:
        async with Client(streamable_http_client(url, http_client=http), mode=MODES[mode], elicitation_callback=session.elicit,
                          sampling_callback=session.sample, message_handler=session.hear) as client:
            await session.steps(client, mode)


asyncio.run(main(*sys.argv[1:]))
