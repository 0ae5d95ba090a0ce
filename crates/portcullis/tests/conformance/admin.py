"""The admin who connects servers that want OAuth: through the pages, and through the authorization server's own."""

import re
import time
import urllib.error
import urllib.request

from product import Product

# A token that was refused is looked at again a minute after it was given.
LATEST_S = 150


class Admin:
    def __init__(self, product: Product):
        self.product = product

    def set_oauth(self, server: str, client_id: str = "", client_secret: str = "") -> None:
        """One connection for everyone; with a client that was registered by hand, if there is one."""
        self.product.post(self.product.path(f"/servers/{server}/oauth"), sharing="server", client_id=client_id,
                          client_secret=client_secret, scope="")

    def connect(self, server: str) -> str:
        """Presses "Connect" and follows the authorization server's answers; what the server's page says then."""
        address = self.product.origin + self.product.path(f"/servers/{server}/oauth/connect")
        request = urllib.request.Request(address, b"", {"Origin": self.product.origin})
        with self.product.browser.open(request, timeout=60) as page:
            onward = page.headers.get("Refresh", "").partition("url=")[2]
        if onward:
            try:
                self.product.browser.open(onward, timeout=60).close()
            except urllib.error.HTTPError as refused:
                refused.close()
        return self.says(server)

    def says(self, server: str) -> str:
        """The words about the server's connection."""
        page = self.product.get(self.product.path(f"/servers/{server}"))
        part = re.search(r'id="oauth">(.*?)</dl>|id="oauth">(.*?)<form', page, re.DOTALL)
        words = re.sub(r"<[^>]+>", " ", next(filter(None, part.groups()))) if part else "no connection"
        more = "asks for more" if "The server asked for more" in page else ""
        return " ".join(f"{words} {more}".split())

    def wait_until_needed(self, server: str) -> str:
        """Waits until the page tells that the server refused the connection; what it says."""
        end = time.monotonic() + LATEST_S
        while not re.search(r"asks for more|Calls are refused|refuses its tokens", says := self.says(server)):
            if time.monotonic() > end:
                raise SystemExit(f"nothing is told of {server}: {says}")
            time.sleep(0.3)
        return says
