"""A page of HTML as the tests of the report read it."""

import re
from html.parser import HTMLParser

RUNNING = {"script", "iframe", "object", "embed", "link", "form", "base"}
LOADING = {"src", "href", "xlink:href", "action", "data", "poster", "srcset"}
WITHIN = re.compile(r"#|data:image/svg\+xml;base64,")


class Page(HTMLParser):
    """Every tag with its attributes, and the text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words += data

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]

    @property
    def live(self):
        """What would run, or be loaded from elsewhere."""
        return [tag for tag, _ in self.tags if tag in RUNNING] + [
            (tag, key, value)
            for tag, attrs in self.tags
            for key, value in attrs.items()
            if key.startswith("on") or (key in LOADING and value and not WITHIN.match(value))
        ]

    @property
    def policy(self):
        """What its header lets a browser load."""
        return next(m["content"] for m in self.all("meta") if m.get("http-equiv"))
