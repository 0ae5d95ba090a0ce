"""The person in front of a browser, when an app sends them to the log-in and consent pages: logged in, and allowing it."""

import html.parser
import urllib.error
import urllib.parse
import urllib.request

from product import Product


class Form(html.parser.HTMLParser):
    """The fields that a browser would send with the form that posts to an action."""

    def __init__(self, action: str):
        super().__init__()
        self.action, self.inside, self.found, self.fields = action, False, False, {}

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "form":
            self.inside = given.get("action") == self.action
            self.found = self.found or self.inside
        if tag == "input" and self.inside and (given.get("type") != "checkbox" or "checked" in given):
            self.fields[given["name"]] = given.get("value", "")

    def handle_endtag(self, tag):
        self.inside = self.inside and tag != "form"


class StayHere(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Person:
    def __init__(self, product: Product):
        self.product = product
        cookies = [handler for handler in product.browser.handlers if isinstance(handler, urllib.request.HTTPCookieProcessor)]
        self.browser = urllib.request.build_opener(StayHere(), *cookies)

    def allow(self, address: str) -> str:
        """Where the app's answer is sent."""
        with self.browser.open(address, timeout=30) as page:
            form = Form("/authorize")
            form.feed(page.read().decode())
        if not form.found:
            raise SystemExit("there is no form to consent with")
        answer = urllib.parse.urlencode(form.fields | {"answer": "allow"}).encode()
        request = urllib.request.Request(self.product.origin + "/authorize", answer, {"Origin": self.product.origin})
        try:
            with self.browser.open(request, timeout=30) as stayed:
                raise SystemExit(f"consent was answered with a page (HTTP {stayed.status})")
        except urllib.error.HTTPError as sent:
            if sent.code not in (302, 303):
                raise
            return sent.headers["Location"]

    @staticmethod
    def return_to(address: str) -> None:
        """The browser follows the redirect to the app's own callback server."""
        with urllib.request.urlopen(address, timeout=30) as page:
            page.read()
