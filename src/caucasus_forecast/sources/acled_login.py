"""The user's own account at ACLED: a password for a token, a token for replies.

Tokens live in the memory of one fetch and are written nowhere. A monthly fetch takes a minute and
needs one login; a saved token would spare that login and lie on the disk as a key for a fortnight.
The password comes from the user's environment (or an argument) and is only sent to ACLED.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..errors import SourceError, expect
from .cache import Cache
from .http import Client, as_json
from .replies import Patience, Reply

BASE = "https://acleddata.com/"
TOKEN = "oauth/token"  # noqa: S105 - an address, not a token
EMAIL, PASSWORD = "ACLED_EMAIL", "ACLED_PASSWORD"
GRANT = {"client_id": "acled"}
WRONG = (
    "wrong login: ACLED does not know this e-mail address with this password; set "
    f"{EMAIL} and {PASSWORD} to those with which you log in at https://acleddata.com"
)
REFUSED = {400: WRONG, 401: WRONG}
NO_ACCESS = (
    "no access: the login is right, but this account may not read this through the API; log in at "
    "https://acleddata.com, accept the terms, fill in the profile and ask for API access"
)
NOT_AGAIN = (
    "the token that ACLED has just given is refused; log in at https://acleddata.com, see whether "
    "the account is in order, and try again later"
)


@dataclass(frozen=True, slots=True)
class Account:
    """An e-mail address and a password."""

    email: str = field(repr=False)
    password: str = field(repr=False)


def account(email: str | None, password: str | None) -> Account:
    """The account of the arguments, or else of the environment.

    Raises
    ------
    SourceError
        If one of the two is not there, or no text.
    """
    for name, value in (("email", email), ("password", password)):
        expect(value, (str, type(None)), name, "give a text, or leave it out", SourceError)
    found = Account(
        email or os.environ.get(EMAIL, "").strip(), password or os.environ.get(PASSWORD, "")
    )
    lacking = [k for k, v in ((EMAIL, found.email), (PASSWORD, found.password)) if not v]
    if lacking:
        raise SourceError(
            f"ACLED: {' and '.join(lacking)} not set; set both to the e-mail address and the "
            "password with which you log in at https://acleddata.com"
        )
    return found


def website(cache: Cache) -> Client:
    """How ACLED is asked."""
    return Client(
        "ACLED",
        BASE,
        cures={
            400: "ACLED does not take this question; look for a newer version of this library",
            401: NOT_AGAIN,
            403: NO_ACCESS,
            404: "ACLED's API has moved; look for a newer version of this library",
        },
        patience=Patience(now=cache.now),
        keep=cache.keep_refused,
        kept="its rows are for your eyes alone, so do not send it on",
    )


@dataclass
class Login:
    """An account at work.

    Parameters
    ----------
    client
        Asks.
    account
        Whose.
    """

    client: Client
    account: Account
    access: str = field(default="", init=False, repr=False)
    refresh: str = field(default="", init=False, repr=False)

    def get(
        self, address: str, params: Mapping[str, str], accept: tuple[int, ...] = (200,)
    ) -> tuple[Client, Reply]:
        """A reply in JSON, and the client that got it.

        A token that is refused (it lasts a day) is renewed once, and the same is asked again.

        Parameters
        ----------
        address, params
            What is asked.
        accept
            Statuses that are an answer.

        Raises
        ------
        SourceError
            For a wrong login, an account that may not read, or a reply that cannot be used.
        """
        if not self.access:
            self._log_in()
        client = self._bearer()
        reply = client.get(address, "json", params=params, accept=(401, *accept))
        if reply.status == 401:
            self._renew()
            client = self._bearer()
            reply = client.get(address, "json", params=params, accept=accept)
        return client, reply

    def _bearer(self) -> Client:
        secrets = {"Authorization": f"Bearer {self.access}"}
        return replace(self.client, secrets=secrets, hidden=self._hidden())

    def _hidden(self) -> tuple[str, ...]:
        mine = (self.access, self.refresh, self.account.email, self.account.password)
        return tuple(filter(None, mine))

    def _log_in(self) -> None:
        form = {"grant_type": "password", **GRANT}
        self._take(form, {"username": self.account.email, "password": self.account.password})

    def _renew(self) -> None:
        """A new token for the refresh token; where that is over too, for the password."""
        token, self.access, self.refresh = self.refresh, "", ""
        if token:
            form, secret = {"grant_type": "refresh_token", **GRANT}, {"refresh_token": token}
            self._take(form, secret, accept=(200, *REFUSED))
        if not self.access:
            self._log_in()

    def _take(
        self, form: Mapping[str, str], secret: Mapping[str, str], accept: tuple[int, ...] = (200,)
    ) -> None:
        quiet = replace(
            self.client,
            hidden=(*self._hidden(), *secret.values()),
            cures={**self.client.cures, **REFUSED},
            keep=lambda name, body: None,
        )
        reply = quiet.post(TOKEN, form, secret, accept=accept)
        if reply.status != 200:
            return
        told = as_json(quiet, reply)
        token = told.get("access_token") if isinstance(told, dict) else None
        if not isinstance(token, str) or not token:
            raise SourceError(
                f"ACLED: {reply.url}: the login was answered without a token; look for a newer "
                "version of this library"
            )
        self.access, self.refresh = token, str(told.get("refresh_token") or "")
