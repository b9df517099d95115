"""Whether a query only reads. One of two locks: its transaction is read-only too, where a database knows that."""

from __future__ import annotations

import re

from ml.errors import SourceError

WRITES = frozenset(
    """
    insert update delete merge replace upsert drop alter create truncate rename exec execute call do into grant
    revoke deny attach detach pragma vacuum copy set lock unlock handler backup restore bulk dbcc shutdown kill waitfor
    declare begin commit rollback savepoint reconfigure writetext updatetext revert use print goto
    """.split()  # noqa: SIM905
)
"""Words that no reading query has, outside of quotes; SQL Server needs no semicolon between two statements.
`replace` and `truncate` are functions, too: followed by a bracket they pass."""

FUNCTIONS = re.compile(
    r"\b(?:pg_read_\w+|pg_ls_\w+|pg_file_\w+|pg_stat_file|pg_terminate_backend|pg_cancel_backend|pg_reload_conf|"
    r"pg_(?:try_)?advisory_\w+|pg_notify|pg_logical_\w+|pg_(?:create|drop|copy)_\w+|pg_switch_wal|pg_promote|"
    r"pg_rotate_logfile|lo_\w+|dblink\w*|query_to_xml\w*|ts_stat|ts_rewrite|crosstab\w*|connectby|setval|set_config|"
    r"load_file|load_extension|readfile|writefile|sys_exec|sys_eval|sleep|pg_sleep\w*|benchmark|get_lock|"
    r"openrowset|openquery|opendatasource|openxml|xp_\w+|sp_\w+|fn_xe_file_\w+|fn_get_audit_file\w*|fn_trace_\w+|"
    r"dm_os_file_exists|dm_os_enumerate_filesystem)\b"
    r"|\bnext\s+value\s+for\b|\bnextval\b|\bfor\s+(?:update|share|no\s+key|key\s+share)\b",
    re.IGNORECASE,
)
"""What reaches files, other servers, locks or sequences from within a SELECT, or runs a text as a query."""

TEXT, DOUBLE, BACKTICKS, BRACKETS = r"'(?:[^']|'')*'", r'"(?:[^"]|"")*"', r"`(?:[^`]|``)*`", r"\[(?:[^\]]|\]\])*\]"
QUOTES = {
    "sqlite": (TEXT, f"{DOUBLE}|{BACKTICKS}|{BRACKETS}"),
    "postgresql": (TEXT, DOUBLE),  # brackets hold expressions there
    "mysql": (f"{TEXT}|{DOUBLE}", BACKTICKS),
    "mariadb": (f"{TEXT}|{DOUBLE}", BACKTICKS),
    "mssql": (TEXT, f"{DOUBLE}|{BRACKETS}"),
}
"""How each database writes texts and quoted names."""

SPELLING = (
    r"(?P<comment>--[^\n]*|/\*.*?\*/)"
    r"|(?P<text>{text})"
    r"|(?P<called>(?:{name})(?=(?:\s|--[^\n]*|/\*.*?\*/)*\())"
    r"|(?P<name>{name})"
    r"|(?P<word>[^\W\d]\w*)"
    r"|(?P<open>/\*|['\"`])"
    r"|(?P<other>.)"
)
TOKENS = {
    dialect: re.compile(SPELLING.replace("{text}", text).replace("{name}", name), re.DOTALL)
    for dialect, (text, name) in QUOTES.items()
}
REMEDY = "A source takes one SELECT; give names that look like commands in the quotes of the database."


def check_query(query: str, dialect: str) -> str:
    """The query without a closing semicolon; raises SourceError unless it is one statement that only reads.

    What databases read differently (backslashes in texts, dollar quotes, nested or executable comments) is refused
    rather than understood: a query that hides nothing needs none of it. `dialect` is SQLAlchemy's name.
    """
    query = query.strip().rstrip(";").rstrip()
    _refuse_tricks(query, dialect)
    plain = _without_quotes(query, dialect)
    words = re.findall(r"[^\W\d]\w*", plain)
    if not words or words[0].lower() not in ("select", "with"):
        raise SourceError(
            f"the query begins with {words[0] if words else 'nothing'!r}; expected SELECT or WITH. {REMEDY}"
        )
    if ";" in plain:
        raise SourceError(f"the query holds more than one statement. {REMEDY}")
    for word in re.finditer(r"[^\W\d]\w*", plain):
        name = word.group().lower()
        called = name in ("replace", "truncate", "insert") and plain[word.end() :].lstrip().startswith("(")
        if name in WRITES and not called:
            raise SourceError(f"the query holds {word.group()!r}, which may change something. {REMEDY}")
    if found := FUNCTIONS.search(plain):
        raise SourceError(f"the query holds {found.group()!r}, which sources may not use. {REMEDY}")
    return query


def _refuse_tricks(query: str, dialect: str) -> None:
    for pattern, what in (
        (r"\x00", "a NUL character"),
        (r"/\*M?!", "a comment that MySQL carries out"),
        (r"/\*(?:(?!\*/).)*/\*", "a comment within a comment"),
        (r"\$\w*\$", "a dollar quote"),
        (r"\\", "a backslash"),
        (r"(?i)\bu&['\"]", "a name or text of escapes"),
    ):
        if re.search(pattern, query, re.DOTALL):
            raise SourceError(f"the query holds {what}, which sources may not use. {REMEDY}")
    if dialect in ("mysql", "mariadb") and re.search(r"--(?!\s|$)|#", query):
        raise SourceError(f"the query holds '#', or '--' without a blank behind it. {REMEDY}")


def _without_quotes(query: str, dialect: str) -> str:
    """The query with a blank for each comment, and nothing but quotation marks for each text and quoted name; the
    name of a function that is called stays, since quotes do not make it another one."""
    parts = []
    for token in TOKENS[dialect].finditer(query):
        if token.lastgroup == "open":
            raise SourceError(f"the query opens {token.group()} and never closes it. {REMEDY}")
        kept = f" {token.group()[1:-1]} " if token.lastgroup == "called" else token.group()
        parts.append({"comment": " ", "text": "''", "name": "''"}.get(token.lastgroup or "", kept))
    return "".join(parts)
