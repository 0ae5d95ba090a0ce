"""The official Python SDK as a client: lists the tools, then calls one several times. Prints one JSON document.

usage: client_python.py URL KEY auto|legacy TOOL ARGUMENTS TIMES
"""

import asyncio
import json
import sys

import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client


async def main(url: str, key: str, mode: str, tool: str, arguments: str, times: str) -> None:
    calls = []
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=60) as http:
        async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
            tools, cursor = [], None
            while True:
                page = await client.list_tools(cursor=cursor) if cursor else await client.list_tools()
                tools += [tool.name for tool in page.tools]
                cursor = page.next_cursor
                if not cursor:
                    break
            for _ in range(int(times)):
                result = await client.call_tool(tool, json.loads(arguments))
                calls.append(result.model_dump(mode="json", by_alias=True))
    print(json.dumps({"tools": tools, "calls": calls}))


asyncio.run(main(*sys.argv[1:]))
