"""A JSON API over a real socket: pages, failures, stalls, hosts that may not be reached."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from ml.errors import ForecastleError, ShapeError, SourceError, UpstreamError
from ml.etl.datasets import SALES
from ml.etl.sources import json_rows, pulled
from ml.etl.sources.addresses import BlockedAddressError, Guard, is_public
from ml.etl.sources.chunks import Connection, Watermark
from ml.etl.sources.pulled import checked_settings
from ml.secrets import Secret
from tests.source_helpers import Api, drip, engine_settings, rows_of, serving, stall

TOKEN = "tok-3n/of+secrets"


@pytest.fixture
def api() -> Iterator[Api]:
    with serving() as api:
        yield api


def records(first: int, last: int) -> list[dict[str, Any]]:
    return [{"id": n, "at": f"2024-01-{n:02}", "amount": 1.5 * n} for n in range(first, last + 1)]


def ids(connection: Connection, watermark: Watermark | None = None) -> list[str]:
    return [row["id"] for row in rows_of(connection, watermark)[0]]


def test_nested_records_come_flat_and_exact(api: Api, tmp_path: Path) -> None:
    api.answer = lambda _path, _params: (
        b'{"data": {"items": [{"id": 12345678901234567890, "price": 0.10, "big": 1e3, "paid": true, "note": null,'
        b' "customer": {"code": "C-1", "address": {"city": "K\\u00f6ln"}}, "tags": ["a"]}]}}'
    )
    rows, reading = rows_of(api.connection(tmp_path, records="data.items"))
    assert rows == [
        {"id": "12345678901234567890", "price": "0.10", "big": "1000", "paid": "true", "note": "",
         "customer.code": "C-1", "customer.address.city": "Köln", "tags": '["a"]'}
    ]  # fmt: skip
    assert reading.shape["price"] == "number"
    assert (reading.shape["note"], reading.shape["customer.code"]) == ("empty", "text")


def test_the_lines_of_an_order_become_rows(api: Api, tmp_path: Path) -> None:
    api.answer = lambda _path, _params: [
        {"no": "O-1", "lines": [{"sku": "A"}, {"sku": "B"}]},
        {"no": "O-2", "lines": []},
    ]
    rows, _ = rows_of(api.connection(tmp_path, expand="lines"))
    assert rows == [{"no": "O-1", "lines.sku": "A"}, {"no": "O-1", "lines.sku": "B"}]


def test_pages_are_read_until_one_is_empty_even_where_the_api_gives_less_than_asked(api: Api, tmp_path: Path) -> None:
    api.answer = lambda _path, params: {"data": records(1, 5)[2 * int(params["page"]) - 2 :][:2]}
    source = api.connection(tmp_path, records="data", pagination="page", page_size=100)
    assert ids(source) == ["1", "2", "3", "4", "5"]
    assert [params["page"] for _, params, _ in api.asked] == ["1", "2", "3", "4"]
    assert api.asked[0][1]["per_page"] == "100"


def test_the_last_page_is_believed_where_it_is_named(api: Api, tmp_path: Path) -> None:
    api.answer = lambda _path, params: {
        "data": records(int(params["page"]), int(params["page"])),
        "meta": {"last_page": 2},
    }
    assert ids(api.connection(tmp_path, records="data", pagination="page")) == ["1", "2"]
    assert len(api.asked) == 2


def test_an_api_that_knows_no_pages_is_found_out(api: Api, tmp_path: Path) -> None:
    api.answer = lambda _path, _params: records(1, 2)
    with pytest.raises(UpstreamError, match="same page again"):
        ids(api.connection(tmp_path, pagination="page"))


def test_cursors_and_links_are_followed(api: Api, tmp_path: Path) -> None:
    def answer(_path: str, params: dict[str, str]) -> Any:
        at = int(params.get("cursor", "1"))
        following = str(at + 1) if at < 3 else None
        link = f"/api/sales?cursor={following}" if following else None
        return {"data": records(at, at), "meta": {"next_cursor": following}, "links": {"next": link}}

    api.answer = answer
    for style in ("cursor", "next"):
        assert ids(api.connection(tmp_path, records="data", pagination=style)) == ["1", "2", "3"]


@pytest.mark.parametrize("link", ["http://evil.example/api", "https://127.0.0.1:1/x", "file:///etc/passwd"])
def test_a_link_or_redirect_to_another_host_is_not_followed(api: Api, tmp_path: Path, link: str) -> None:
    api.answer = lambda _path, _params: {"data": records(1, 1), "links": {"next": link}}
    with pytest.raises(UpstreamError, match="not followed"):
        ids(api.connection(tmp_path, TOKEN, auth="bearer", records="data", pagination="next"))
    api.answer = lambda _path, _params: (302, {"Location": link}, b"")
    with pytest.raises(UpstreamError, match="not followed"):
        ids(api.connection(tmp_path, TOKEN, auth="bearer"))


@pytest.mark.parametrize(("auth", "name"), [("bearer", ""), ("header", "X-Key"), ("query", "key")])
def test_credentials_are_sent_and_never_told(api: Api, tmp_path: Path, auth: str, name: str) -> None:
    api.answer = lambda _path, params: (403, {}, f"bad key {TOKEN} in {params}".encode())
    source = api.connection(tmp_path, TOKEN, auth=auth, **({"auth_name": name} if name else {}))
    with pytest.raises(UpstreamError, match="403") as caught:
        ids(source)
    _, params, headers = api.asked[0]
    assert TOKEN in (headers.get("Authorization", "").removeprefix("Bearer "), headers.get("X-Key"), params.get("key"))
    assert len(api.asked) == 1  # the same key would be refused again
    assert TOKEN not in str(caught.value)
    assert TOKEN not in repr(source)


def test_failures_are_tried_again_and_an_end_of_patience_is_told(api: Api, tmp_path: Path) -> None:
    statuses = iter([500, 429, 200])
    api.answer = lambda _path, _params: (next(statuses), {"Retry-After": "0"}, records(1, 1))
    assert ids(api.connection(tmp_path)) == ["1"]
    api.answer = lambda _path, _params: (503, {}, b"<h1>down for lunch</h1>")
    with pytest.raises(UpstreamError, match=r"GET http.*/api/sales was answered: 503 .*down for lunch.*try 2 of 2"):
        ids(api.connection(tmp_path, tries=2))


def test_a_wait_longer_than_the_time_that_is_left_is_not_begun(api: Api, tmp_path: Path) -> None:
    api.answer = lambda _path, _params: (429, {"Retry-After": "3600"}, b"slow down")
    began = time.monotonic()
    with pytest.raises(UpstreamError, match="429"):
        ids(api.connection(tmp_path, total_timeout=60))
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("body", [stall, drip])
def test_what_never_ends_is_broken_off(api: Api, tmp_path: Path, body: Any) -> None:
    api.answer = lambda _path, _params: (200, {}, body(api))
    began = time.monotonic()
    with pytest.raises(UpstreamError, match=r"nothing in time|not within the limit"):
        ids(api.connection(tmp_path, tries=1, read_timeout=0.5, total_timeout=1))
    assert time.monotonic() - began < 20


def test_nobody_there_is_told(tmp_path: Path) -> None:
    engine = engine_settings(tmp_path, "127.0.0.1:1")
    with pytest.raises(UpstreamError, match="no whole answer"):
        ids(Connection("http", {"url": "http://127.0.0.1:1/x", "tries": 1}, Secret(), engine))


def test_an_answer_too_large_is_broken_off_packed_or_not(api: Api, tmp_path: Path) -> None:
    bomb = gzip.compress(b" " * (8 << 20))
    for answer in ((200, {}, b" " * (2 << 20)), (200, {"Content-Encoding": "gzip"}, bomb)):
        api.answer = lambda _path, _params, answer=answer: answer
        with pytest.raises(UpstreamError, match="more than 1 MB"):
            ids(api.connection(tmp_path, max_answer_mb=1))


@pytest.mark.parametrize("body", [b"<html>", b"[" * 100_000, b'{"data": 3}', b'{"other": []}', b"[1, 2]"])
def test_an_answer_of_another_kind_is_told(api: Api, tmp_path: Path, body: bytes) -> None:
    api.answer = lambda _path, _params: body
    with pytest.raises(ForecastleError, match=r"no JSON|records"):
        ids(api.connection(tmp_path, records="data" if body.startswith(b"{") else ""))


def test_only_what_is_new_is_asked_for(api: Api, tmp_path: Path) -> None:
    api.answer = lambda _path, params: [row for row in records(1, 9) if row["at"] >= params.get("from", "")]
    source = api.connection(tmp_path, since_param="from", until_param="to", watermark_field="at", start="2024-01-08")
    rows, reading = rows_of(source)
    assert [row["id"] for row in rows] == ["8", "9"]
    assert reading.watermark == Watermark("date", "2024-01-09")
    assert ids(source, reading.watermark) == ["9"]
    overlapping = api.connection(tmp_path, since_param="from", watermark_field="at", overlap=2)
    assert ids(overlapping, reading.watermark) == ["7", "8", "9"]


def test_a_changed_shape_is_told_by_field() -> None:
    known = {"id": "number", "qty": "number", "amount": "number", "note": "text"}
    found = {"id": "number", "quantity": "number", "amount": "text", "note": "list"}
    with pytest.raises(
        ShapeError, match=r"qty is missing; amount was number and is text now.*New fields: quantity"
    ) as caught:
        json_rows.compare(known, found, {"id", "qty", "amount"})
    assert set(caught.value.changes) == {"qty", "amount"}
    assert json_rows.compare(known, {**known, "note": "list"}, {"id"}) == [
        "Field note was text and is list now; nothing is mapped to it."
    ]


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",  # noqa: S104
     "240.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1",
     "64:ff9b::7f00:1", "2002:7f00:1::", "fec0::1", "::7f00:1", "::a00:1"],
)  # fmt: skip
def test_inner_addresses_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "64:ff9b::808:808"])
def test_addresses_of_the_internet_are(address: str) -> None:
    assert is_public(ip_address(address))


def test_an_inner_host_is_refused_unless_it_is_allowed(api: Api, tmp_path: Path) -> None:
    api.answer = lambda _path, _params: records(1, 1)
    for url in (api.url, api.url.replace("127.0.0.1", "localhost"), api.url.replace("127.0.0.1", "2130706433")):
        with pytest.raises(BlockedAddressError, match="FORECASTLE_ALLOWED_HOSTS"):
            ids(Connection("http", {"url": url}, Secret(), engine_settings(tmp_path, "erp.example.com")))
    assert api.asked == []
    assert ids(Connection("http", {"url": api.url}, Secret(), engine_settings(tmp_path, "127.0.0.1"))) == ["1"]


def test_a_name_with_one_inner_address_is_refused_and_the_checked_address_is_the_one_that_is_used() -> None:
    def resolve(_host: str, port: int, **_: Any) -> list[Any]:
        return [(2, 1, 6, "", ("8.8.8.8", port)), (2, 1, 6, "", ("10.0.0.1", port))]

    with pytest.raises(BlockedAddressError, match=r"leads to 10\.0\.0\.1"):
        Guard((), resolve).address("rebind.example", 443)
    answers = iter(["8.8.8.8", "127.0.0.1"])
    guard = Guard((), lambda _host, port, **_: [(2, 1, 6, "", (next(answers), port))])
    assert guard.address("rebind.example", 443) == "8.8.8.8"  # an address, which nobody resolves again


@pytest.mark.parametrize(
    "settings",
    [{"url": "ftp://x/y"}, {"url": "https://u:p@x/y"}, {"url": "https://x/", "colour": 1}, {"url": "https:///x"},
     {"url": "https://x", "auth": "basic"}, {"url": "https://x", "page_size": "many"},
     {"url": "https://x", "since_param": "from"}, {}, {"url": "https://x", "params": {"api_key": "k"}},
     {"url": "https://x?page=1&access_token=t"}, {"url": "https://x", "params": {"client_secret": "k"}}],
)  # fmt: skip
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(SourceError):
        checked_settings("http", settings)


def test_parameters_that_are_no_credentials_pass() -> None:
    settings = {"url": "https://x?status=paid", "params": {"sort_key": "day", "keyword": "a", "tokens": "1"}}
    assert checked_settings("http", settings) == settings


def test_a_preview_waits_for_seconds_only(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody looks at a page meanwhile, whatever a pull may take."""
    monkeypatch.setattr(pulled, "PREVIEW_SECONDS", 0.3)
    api.answer = lambda _path, _params: (200, {}, stall(api))
    start = time.monotonic()
    with pytest.raises(UpstreamError, match=r"limit of 0\.3 s"):
        pulled.preview(api.connection(tmp_path, total_timeout=600, read_timeout=60), SALES, 20)
    assert time.monotonic() - start < 5
