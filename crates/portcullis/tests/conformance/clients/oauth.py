"""A client made with the official Python SDK that knows nothing but a URL: it prints where a person has to go, reads the address that
the person came back to, lists the tools and calls one.

usage: oauth.py URL
"""

import asyncio
import json
import sys
import urllib.parse

import httpx2
from mcp.client import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider, TokenStorage
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientMetadata


class Kept(TokenStorage):
    """Tokens and registration, for as long as the program runs."""

    tokens = client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client_info):
        self.client = client_info


async def visit(url: str) -> None:
    print(json.dumps({"visit": url}), flush=True)


async def came_back() -> AuthorizationCodeResult:
    address = await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address.strip()).query))
    return AuthorizationCodeResult(code=query["code"], state=query.get("state"), iss=query.get("iss"))


async def main(url: str) -> None:
    metadata = OAuthClientMetadata(client_name="Python SDK", redirect_uris=["http://127.0.0.1:41999/callback"])
    provider = OAuthClientProvider(url, metadata, Kept(), visit, came_back)
    async with httpx2.AsyncClient(auth=provider, timeout=60) as http:
        async with Client(streamable_http_client(url, http_client=http)) as client:
            tools = [tool.name for tool in (await client.list_tools()).tools]
            called = await client.call_tool("echo", {"message": "from nothing but a URL"})
            print(json.dumps({"tools": tools, "called": called.content[0].text}), flush=True)


asyncio.run(main(*sys.argv[1:]))
