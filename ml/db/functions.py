"""SQL functions that mean the same on every database, compiled for each."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from ml.db.types import Day, Name


class week_start(GenericFunction[date]):  # noqa: N801 - named as it is called
    """The Monday of a date's week: `week_start(Sales.sale_date)`."""

    type = Day
    inherit_cache = True


class year_month(GenericFunction[str]):  # noqa: N801
    """A date's month as 'YYYY-MM'."""

    type = Name(7)
    inherit_cache = True


@compiles(week_start, "sqlite")
def _week_start_sqlite(element: week_start, compiler: SQLCompiler, **options: Any) -> str:
    return f"date({compiler.process(element.clauses, **options)}, 'weekday 0', '-6 days')"


@compiles(week_start, "postgresql")
def _week_start_postgresql(element: week_start, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST(date_trunc('week', {compiler.process(element.clauses, **options)}) AS DATE)"


@compiles(week_start, "mssql")
def _week_start_mssql(element: week_start, compiler: SQLCompiler, **options: Any) -> str:
    # DATEPART(weekday) hangs on the session's DATEFIRST; day 0, 1900-01-01, was a Monday.
    day = compiler.process(element.clauses, **options)
    return f"CAST(DATEADD(day, -(DATEDIFF(day, 0, {day}) % 7), {day}) AS DATE)"


@compiles(year_month, "sqlite")
def _year_month_sqlite(element: year_month, compiler: SQLCompiler, **options: Any) -> str:
    return f"strftime('%Y-%m', {compiler.process(element.clauses, **options)})"


@compiles(year_month, "postgresql")
def _year_month_postgresql(element: year_month, compiler: SQLCompiler, **options: Any) -> str:
    return f"to_char({compiler.process(element.clauses, **options)}, 'YYYY-MM')"


@compiles(year_month, "mssql")
def _year_month_mssql(element: year_month, compiler: SQLCompiler, **options: Any) -> str:
    return f"CONVERT(NVARCHAR(7), {compiler.process(element.clauses, **options)}, 126)"
