"""Addresses as they come from a source: read without trust, compared host by host."""

from __future__ import annotations

from urllib.parse import SplitResult, urljoin, urlsplit

PORTS = {"https": 443, "http": 80}


def split(url: str) -> SplitResult:
    """The parts of an address; all empty where it is none."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def joined(url: str, link: str) -> str:
    """Where a link on a page leads; empty where it leads nowhere.

    Examples
    --------
    >>> joined("https://example.org/a/b", "../c"), joined("https://example.org/", "http://[")
    ('https://example.org/c', '')
    """
    try:
        return urljoin(url, link)
    except ValueError:
        return ""


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port: what two addresses share if one server answers for both.

    Examples
    --------
    >>> origin("https://Example.org/a") == origin("https://example.org:443/b")
    True
    """
    parts = split(url)
    try:
        port = parts.port or PORTS.get(parts.scheme)
    except ValueError:
        port = None
    return parts.scheme, parts.hostname, port


def place(url: str) -> str:
    """An address for a message: its scheme and host.

    Examples
    --------
    >>> place("https://me:secret@example.org/?token=secret")
    'https://example.org'
    """
    parts = split(url)
    return f"{parts.scheme}://{parts.hostname}" if parts.hostname else "no address"
