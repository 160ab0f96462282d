"""Asking a public source over HTTPS: patiently, within bounds, and telling nobody the password.

One value, `Client`, holds the rules: which host may be asked, how long to wait, how much may come.
A reply is whole and of the wanted kind, or it is refused with a sentence. Secret headers go to the
client's own host alone and are in no message, log line or kept file.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from ..errors import SourceError
from .addresses import joined, origin, place, split
from .replies import Again, Moved, Patience, Reply, asked_wait, length, misfit, unzipped

log = logging.getLogger("caucasus_forecast")

LOOPBACK = ("127.0.0.1", "localhost", "::1")
MOVED = (301, 302, 303, 307, 308)
PIECE = 65_536
HIDDEN = "***"


@dataclass(frozen=True)
class Client:
    """How one source is asked.

    Parameters
    ----------
    source
        Its name, for messages.
    base
        Its address; https, or http on this machine.
    hosts
        Further hosts that it may redirect to.
    secrets
        Headers whose values nobody may see; sent to the host of `base` alone.
    hidden
        Further texts that nobody may see.
    cures
        What to do about a status, such as ``{401: "get a token at ..."}``.
    burst
        The first wait in seconds where status 400 is this source's way to say *too fast*; None
        where a 400 is a mistake of ours.
    patience
        How long, and how often.
    largest
        The most bytes of a reply, before and after decompression.
    spend
        Called before every request that leaves, retries included: where a quota is kept.
    keep
        Given the name and the bytes of a reply that was refused; says where it is kept.
    kept
        What is said of a reply that was kept.
    session
        A `requests.Session`; None for one of its own each time.

    Raises
    ------
    SourceError
        If `base` is not https (nor on this machine), or a secret cannot be a header.

    Examples
    --------
    >>> Client("UCDP", "https://ucdp.uu.se/", secrets={"x-token": "abc"})
    Client(source='UCDP', base='https://ucdp.uu.se/')
    """

    source: str
    base: str
    hosts: tuple[str, ...] = field(default=(), repr=False)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    hidden: tuple[str, ...] = field(default=(), repr=False)
    cures: Mapping[int, str] = field(default_factory=dict, repr=False)
    burst: float | None = field(default=None, repr=False)
    patience: Patience = field(default=Patience(), repr=False)
    largest: int = field(default=300_000_000, repr=False)
    spend: Callable[[], None] = field(default=lambda: None, repr=False)
    keep: Callable[[str, bytes], Path | None] = field(default=lambda name, body: None, repr=False)
    kept: str = field(default="for a bug report", repr=False)
    session: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        parts = split(self.base)
        local = parts.scheme == "http" and parts.hostname in LOOPBACK
        if not (local or (parts.scheme == "https" and parts.hostname)):
            raise SourceError(f"{self.source}: {self.base!r} is not an https address; write https")
        for name, value in self.secrets.items():
            if not value or not all(" " <= c <= "~" for c in value) or value != value.strip():
                raise SourceError(
                    f"{self.source}: the secret for {name!r} is empty, or has spaces around it or "
                    "characters that no token has (a line break, an accent); set it again"
                )

    @contextmanager
    def opened(self) -> Iterator[Client]:
        """The same client with one connection for all requests of the block."""
        import requests

        with requests.Session() as session:
            yield replace(self, session=session)

    def get(
        self,
        address: str,
        wanted: str,
        *,
        params: Mapping[str, str] | None = None,
        accept: tuple[int, ...] = (200,),
        known: Mapping[str, str] | None = None,
    ) -> Reply:
        """Ask for one reply, again where that may help.

        Parameters
        ----------
        address
            Relative to `base`, or whole.
        wanted
            ``json``, ``csv``, ``zip`` or ``html``: what must come.
        params
            The query, nothing secret.
        accept
            Statuses that are an answer; a status but 200 has no body.
        known
            Conditions such as ``{"If-None-Match": tag}``.

        Raises
        ------
        SourceError
            Naming the address, what came, and what to do.
        """
        url = urljoin(self.base, address)
        return self._settled("GET", url, wanted, accept, known=known, params=params)

    def post(
        self,
        address: str,
        form: Mapping[str, str],
        secret: Mapping[str, str],
        *,
        accept: tuple[int, ...] = (200,),
    ) -> Reply:
        """Send a form and take JSON; it is never redirected, and a refused reply is not kept.

        Parameters
        ----------
        address
            Relative to `base`, or whole.
        form, secret
            The fields of the form, those that may be told and those that nobody may see.
        accept
            As in `get`.

        Raises
        ------
        SourceError
            As `get`.
        """
        private = replace(
            self, hidden=(*self.hidden, *secret.values()), keep=lambda name, body: None
        )
        data = {**form, **secret}
        return private._settled("POST", urljoin(self.base, address), "json", accept, data=data)

    def following(self, current: str, link: str) -> str:
        """The address of the next page, if it is on the same host.

        A link in plain http to an https host is asked for over https.

        Raises
        ------
        SourceError
            If it leads elsewhere.

        Examples
        --------
        >>> client = Client("UCDP", "https://example.org/api/")
        >>> client.following("https://example.org/api/x?page=1", "http://example.org/api/x?page=2")
        'https://example.org/api/x?page=2'
        """
        target = joined(current, link)
        base, parts = split(self.base), split(target)
        if (base.scheme, parts.scheme, parts.hostname) == ("https", "http", base.hostname):
            target = parts._replace(scheme="https", netloc=base.netloc).geturl()
        if not self._home(target):
            raise SourceError(
                f"{self.source}: {self.told(current)}: the next page is on another host "
                f"({self.told(place(target))}); refused, nothing was sent there"
            )
        return target

    def told(self, text: str) -> str:
        """A text with every secret taken out."""
        for secret in self._values():
            text = text.replace(secret, HIDDEN).replace(quote(secret, safe=""), HIDDEN)
        return text

    def refuse(self, url: str, body: bytes, why: str) -> SourceError:
        """The error for a reply that cannot be used; the reply is kept for a bug report."""
        for secret in self._values():
            body = body.replace(secret.encode(), HIDDEN.encode())
        name = Path(urlsplit(url).path).name or "reply"
        path = self.keep(name, body) if body else None
        kept = f"; what came is kept in {path}, {self.kept}" if path else ""
        return SourceError(f"{self.source}: {self.told(url)}: {why}{kept}")

    # ------------------------------------------------------------------ one reply, tried again

    def _settled(
        self,
        method: str,
        url: str,
        wanted: str,
        accept: tuple[int, ...],
        *,
        known: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
    ) -> Reply:
        waited, attempt, patience = 0.0, 0, self.patience
        while True:
            attempt += 1
            outcome = self._walked(method, url, known or {}, params, data)
            if isinstance(outcome, Reply):
                if outcome.status not in accept:
                    raise self._final(outcome)
                return self._checked(outcome, wanted) if outcome.status == 200 else outcome
            if attempt >= patience.tries:
                raise SourceError(
                    f"{self.source}: {self.told(url)}: {outcome.trouble}, {attempt} times over; "
                    "try again later, or work from what is in the cache"
                )
            wait = outcome.wait(attempt, patience.longest_wait)
            if wait > patience.longest_wait or waited + wait > patience.total_wait:
                raise SourceError(
                    f"{self.source}: {self.told(url)}: {outcome.trouble}; the wait would be "
                    f"{wait:.0f} s more, so nothing more was asked; try again after that"
                )
            log.info("%s: %s; again in %.0f s", self.source, outcome.trouble, wait)
            patience.sleep(wait)
            waited += wait

    def _walked(
        self,
        method: str,
        url: str,
        known: Mapping[str, str],
        params: Mapping[str, str] | None,
        data: Mapping[str, str] | None,
    ) -> Reply | Again:
        """One request and its redirects."""
        for _ in range(6):
            if not self._allowed(url):
                raise SourceError(
                    f"{self.source}: sent on to {self.told(place(url))}, which is not "
                    f"{split(self.base).hostname}; refused, nothing was asked there"
                )
            headers = {
                "User-Agent": "caucasus-forecast",
                "Accept-Encoding": "gzip",
                **known,
                **(self.secrets if self._home(url) else {}),
            }
            outcome = self._once(method, url, headers, params, data)
            if not isinstance(outcome, Moved):
                return outcome
            if method != "GET":
                raise SourceError(
                    f"{self.source}: {self.told(url)}: a redirect in answer to a login; refused"
                )
            url, params = joined(url, outcome.to), None
        raise SourceError(f"{self.source}: {self.told(url)}: redirected six times; refused")

    def _once(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        params: Mapping[str, str] | None,
        data: Mapping[str, str] | None,
    ) -> Reply | Moved | Again:
        import requests
        from urllib3.exceptions import HTTPError

        self.spend()
        log.info("%s: asking %s", self.source, self.told(url))
        session = self.session or requests.Session()
        try:
            with session.request(
                method, url, params=params, data=data, headers=dict(headers), stream=True,
                timeout=(self.patience.connect, self.patience.read), allow_redirects=False,
                auth=lambda request: request,  # what ~/.netrc says stays there
            ) as answer:  # fmt: skip
                return self._taken(answer)
        except SourceError:  # an OSError too, and not one that may pass
            raise
        except requests.exceptions.SSLError:
            raise SourceError(
                f"{self.source}: {self.told(url)}: the certificate of the host is not valid for "
                "this machine; check its clock, or a proxy that reads along"
            ) from None
        except requests.exceptions.ProxyError:
            return Again("the proxy did not answer (see HTTPS_PROXY)")
        except requests.exceptions.Timeout:
            return Again("no answer in time")
        except (requests.exceptions.RequestException, HTTPError, OSError) as error:
            return Again(f"the connection broke ({type(error).__name__})")
        except ValueError:  # requests reads the address in a redirect, followed or not
            raise SourceError(
                f"{self.source}: {self.told(url)}: sent on to no address; refused, nothing was "
                "asked there"
            ) from None
        finally:
            if self.session is None:
                session.close()

    def _taken(self, answer: Any) -> Reply | Moved | Again:
        status, got = int(answer.status_code), answer.headers
        url = self.told(str(answer.url))
        if status in MOVED:
            return Moved(str(got.get("Location", "")))
        if status == 429 or status >= 500:
            asked = asked_wait(got.get("Retry-After"), self.patience.now())
            return Again(f"status {status}", 2.0, asked)
        if status == 400 and self.burst is not None:
            return Again("status 400, this source's burst limit (or a mistake)", self.burst)
        if status != 200:
            return Reply(url, status)
        body = self._body(answer, url)
        return Reply(url, status, body, got.get("Last-Modified", ""), got.get("ETag", ""))

    def _body(self, answer: Any, url: str) -> bytes:
        too_much = f"{self.source}: {url}: more than {self.largest / 1e6:.0f} MB; refused"
        if length(answer.headers.get("Content-Length")) > self.largest:
            raise SourceError(too_much)
        patience, pieces, size = self.patience, [], 0
        began = patience.clock()
        for piece in answer.raw.stream(PIECE, decode_content=False):
            pieces.append(piece)
            size += len(piece)
            if size > self.largest:
                raise SourceError(too_much)
            if patience.clock() - began > patience.whole:
                raise SourceError(
                    f"{self.source}: {url}: still not whole after {patience.whole:.0f} s; "
                    "try again later"
                )
        body = b"".join(pieces)
        encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding in ("", "identity"):
            return body
        if encoding not in ("gzip", "x-gzip"):
            raise SourceError(f"{self.source}: {url}: compressed as {encoding[:20]!r}; refused")
        try:
            return unzipped(body, self.largest)
        except ValueError as error:
            raise self.refuse(url, body, f"the gzip data is {error}; try again") from None

    def _checked(self, reply: Reply, wanted: str) -> Reply:
        if why := misfit(reply.body, wanted):
            raise self.refuse(reply.url, reply.body, why)
        return reply

    def _final(self, reply: Reply) -> SourceError:
        cure = self.cures.get(reply.status) or {
            401: "the source does not know these credentials; check them",
            403: "these credentials may not read this; ask the source for access",
            404: "there is nothing at this address; is there a newer version of this library?",
        }.get(reply.status, "try again later")
        return SourceError(f"{self.source}: {reply.url}: status {reply.status}; {cure}")

    # ------------------------------------------------------------------ hosts and secrets

    def _home(self, url: str) -> bool:
        return origin(url) == origin(self.base)

    def _allowed(self, url: str) -> bool:
        parts = split(url)
        return self._home(url) or (parts.scheme == "https" and parts.hostname in self.hosts)

    def _values(self) -> list[str]:
        return sorted(filter(None, (*self.secrets.values(), *self.hidden)), key=len, reverse=True)


def as_json(client: Client, reply: Reply) -> Any:
    """What a reply says in JSON.

    Raises
    ------
    SourceError
        If it is cut off or not JSON; the reply is kept for a bug report.
    """
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError):
        why = "the JSON is cut off or damaged; try again later"
        raise client.refuse(reply.url, reply.body, why) from None
