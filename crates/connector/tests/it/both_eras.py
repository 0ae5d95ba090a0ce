"""A server on the official Python SDK, which speaks both eras on its standard input and output."""

from mcp.server.mcpserver import Context, MCPServer

server = MCPServer("both-eras")


@server.tool()
def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


@server.tool()
async def count(to: int, ctx: Context) -> str:
    """Counts, and tells how far it is."""
    for done in range(to):
        await ctx.report_progress(done, to)
    return "done"


server.run("stdio")
