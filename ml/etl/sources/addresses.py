"""Which hosts an HTTP source may reach: none of the inner network, unless the operator allows them.

The check is made where the connection is, on the address that is connected to: a name that is resolved once for
a check and again for the connection could give two answers.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.poolmanager import PoolManager

from ml.errors import SourceError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
NAT64 = ipaddress.ip_network("64:ff9b::/96")
OLD_IPV4 = ipaddress.ip_network("::/96")
"""IPv4 addresses as IPv6 wrote them before ::ffff:0:0/96."""

CREDENTIAL = re.compile(
    r"(?:(?:api|access|auth|secret|private|subscription)[_-]?)?key|(?:(?:api|access|auth|bearer|private)[_-]?)?token|"
    r"pwd|(?:\w+[_-])?(?:passw(?:or)?d|secret)|sig|signature",
    re.IGNORECASE,
)
"""Names of parameters that hold credentials."""


class BlockedAddressError(SourceError):
    """A source names a host that the operator did not allow."""

    code = "blocked-address"


def is_public(address: Address) -> bool:
    """Whether an address is of the internet, whatever it is wrapped in; shared, private and reserved ones are not."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is None and (address in NAT64 or address in OLD_IPV4):
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast


class Guard:
    """Resolves hosts, and refuses those that may not be reached."""

    def __init__(self, allowed: Iterable[str], resolve: Callable[..., Any] = socket.getaddrinfo) -> None:
        """`allowed` are hosts, or host:port, that may be reached wherever they are."""
        self._allowed, self._resolve = frozenset(allowed), resolve

    def address(self, host: str, port: int) -> str:
        """The address to connect to; raises BlockedAddressError, or OSError where the name is unknown."""
        host = host.strip("[]").lower()
        found = [entry[4][0] for entry in self._resolve(host, port, type=socket.SOCK_STREAM)]
        if {host, f"{host}:{port}"} & self._allowed:
            return str(found[0])
        for text in found:
            if not is_public(ipaddress.ip_address(text.partition("%")[0])):
                raise BlockedAddressError(
                    f"the host {host} leads to {text}, an address of an inner network, which sources may not reach. "
                    f"If it is meant, the operator adds {host}:{port} to FORECASTLE_ALLOWED_HOSTS."
                )
        return str(found[0])


def check_url(url: str) -> str:
    """The address of an API; raises SourceError unless it is http or https, with a host and without credentials."""
    try:
        parts = urlsplit(url)
        port_is_fine = parts.port != 0
    except ValueError:
        parts, port_is_fine = urlsplit(""), False
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_fine:
        raise SourceError(f"{url[:80]!r} is no address of an API; expected e.g. https://erp.example.com/api/sales.")
    if "@" in parts.netloc:
        raise SourceError("the address holds credentials; enter them as the source's credentials instead.")
    check_params(dict(parse_qsl(parts.query, keep_blank_values=True)))
    return url


def check_params(params: Mapping[str, Any]) -> None:
    """Raise SourceError for a parameter that holds a credential: settings are shown, and kept as they are."""
    for name in params:
        if CREDENTIAL.fullmatch(name):
            raise SourceError(
                f"the parameter {name!r} seems to hold a credential, which settings would show. Enter it as the token "
                f"of the source, with auth 'query' and auth_name {name!r}."
            )


def open_session(guard: Guard, opened: list[Any]) -> requests.Session:
    """A session all of whose connections `guard` checks; they are noted in `opened`. It follows no redirects by
    itself, and reads neither proxies nor .netrc from the environment."""
    session = requests.Session()
    session.trust_env = False
    for scheme in ("http://", "https://"):
        session.mount(scheme, _GuardedAdapter(guard, opened))
    return session


class _GuardedAdapter(HTTPAdapter):
    def __init__(self, guard: Guard, opened: list[Any]) -> None:
        self._guard, self._opened = guard, opened
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Let the pools make connections that ask the guard first."""
        self.poolmanager = PoolManager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {
            "http": _pool(HTTPConnectionPool, HTTPConnection, self._guard, self._opened),
            "https": _pool(HTTPSConnectionPool, HTTPSConnection, self._guard, self._opened),
        }


def _pool(pool: Any, connection: Any, guard: Guard, opened: list[Any]) -> Any:
    class Guarded(connection):  # type: ignore[misc]
        """Connects to the address that was checked; the certificate is still the host's."""

        _dns_host: str

        def _new_conn(self) -> Any:
            name: str = self._dns_host
            self._dns_host = guard.address(name, self.port)
            try:
                made = super()._new_conn()
            finally:
                self._dns_host = name
            opened.append(self)
            return made

    return type("GuardedPool", (pool,), {"ConnectionCls": Guarded})
