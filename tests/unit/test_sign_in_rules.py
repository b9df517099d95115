"""Passwords, waiting times, and where one may go after signing in."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.urls import iri_to_uri

from webapp.auth import safe_next
from webapp.auth.passwords import generate_password, hash_password, needs_rehash, verify_password
from webapp.services.throttle import FREE_FAILURES, LONGEST_WAIT, wait_after
from webapp.services.users import normalise_email


def test_password_is_kept_as_argon2id_and_verified() -> None:
    hashed = hash_password("a good password")
    assert hashed.startswith("$argon2id$")
    assert len(hashed) <= 250
    assert verify_password(hashed, "a good password")
    assert not verify_password(hashed, "a bad password")
    assert not needs_rehash(hashed)


@pytest.mark.parametrize("stored", [None, "", "not a hash"])
def test_account_without_a_usable_hash_takes_no_password(stored: str | None) -> None:
    assert not verify_password(stored, "anything at all")


def test_unknown_account_costs_as_much_work_as_a_wrong_password() -> None:
    hashed = hash_password("a good password")
    verify_password(None, "a bad password")  # makes the decoy, once a process

    def work(stored: str | None) -> float:
        times = []
        for _ in range(3):
            start = time.process_time()
            verify_password(stored, "a bad password")
            times.append(time.process_time() - start)
        return min(times)

    assert work(None) > 0.5 * work(hashed)


@pytest.mark.parametrize("password", ["short", "x" * 201])
def test_password_of_wrong_length_is_refused(password: str) -> None:
    with pytest.raises(ValueError, match="characters"):
        hash_password(password)


def test_generated_passwords_are_long_and_differ() -> None:
    passwords = {generate_password() for _ in range(20)}
    assert len(passwords) == 20
    assert all(len(password) >= 16 for password in passwords)


def test_wait_doubles_after_the_free_failures_up_to_a_limit() -> None:
    assert wait_after(FREE_FAILURES - 1) == timedelta()
    waits = [wait_after(FREE_FAILURES + step).total_seconds() for step in range(4)]
    assert waits == [2, 4, 8, 16]
    assert wait_after(1000) == LONGEST_WAIT


def test_addresses_are_compared_without_case_and_spaces() -> None:
    assert normalise_email(" Planner@Example.COM ") == "planner@example.com"


@pytest.mark.parametrize("target", ["/", "/jobs?state=failed", "/series?region=New%20York#table"])
def test_paths_of_this_site_are_followed(target: str) -> None:
    assert safe_next(target) == target


@pytest.mark.parametrize(
    "target",
    [
        None,
        "",
        "jobs",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil",
        "https://evil.example",
        "/a\nb",
        "/\t/evil.example",
    ],
)
def test_everything_else_leads_home(target: str | None) -> None:
    assert safe_next(target) == "/"


@given(st.text(alphabet="/\\:.@?#ab\t\n\r \x00", max_size=12))
def test_no_text_leads_to_another_host(text: str) -> None:
    target = iri_to_uri(safe_next(text))
    assert target.startswith("/")
    assert not target.startswith("//")
