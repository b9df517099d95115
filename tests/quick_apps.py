"""What each app of a test would compile anew, kept: the builders of its addresses, and its templates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule


class KeptBytecode(BytecodeCache):
    """Templates by name and content, for all apps of this process."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Jinja compares the content's checksum itself."""
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a template that was compiled."""
        self._kept[bucket.key] = bucket.bytecode_to_string()


_templates = KeptBytecode()


def keep_templates(app: Flask) -> None:
    """Let an app take compiled templates from others."""
    app.jinja_env.bytecode_cache = _templates


def keep_builders(patch: pytest.MonkeyPatch) -> None:
    """Let equal rules of all apps share the code that builds their addresses: it gets its rule as an argument."""
    build: Callable[..., Any] = Rule._compile_builder
    kept: dict[tuple[object, ...], Any] = {}

    def once(rule: Rule, append_unknown: bool = True) -> Any:
        key = (rule.rule, rule.subdomain, rule.host, repr(rule.defaults), append_unknown)
        if key not in kept:
            kept[key] = build(rule, append_unknown)
        return kept[key]

    patch.setattr(Rule, "_compile_builder", once)
