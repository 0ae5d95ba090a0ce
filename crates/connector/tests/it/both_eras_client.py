"""The official Python SDK as a client: calls the tools of `both_eras.py`. Prints one JSON document.

usage: both_eras_client.py URL auto|legacy|2026-07-28
"""

import asyncio
import json
import sys

from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client


async def main(url: str, mode: str) -> None:
    progress = []

    async def on_progress(done: float, total: float | None, message: str | None) -> None:
        progress.append(done)

    async with Client(streamable_http_client(url), mode=mode) as client:
        tools = [tool.name for tool in (await client.list_tools()).tools]
        sums = await asyncio.gather(*(client.call_tool("add", {"a": n, "b": 1}) for n in range(20)))
        await client.call_tool("count", {"to": 3}, progress_callback=on_progress)
        version = client.protocol_version
    answers = [result.structured_content["result"] for result in sums]
    print(json.dumps({"version": version, "tools": tools, "sums": answers, "progress": progress}))


asyncio.run(main(*sys.argv[1:]))
