"""The stock report as one HTML file that stands alone: for mails, and for printing or saving as PDF."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ml.reports.stock import SUMMARY, Line, Report

SHOWN = 200
"""Lines of a table at most; all of them are in the workbook."""
STYLE = """
body{font:14px/1.45 system-ui,sans-serif;color:#1c2733;margin:2rem auto;max-width:60rem;padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}p{margin:.25rem 0}
table{border-collapse:collapse;width:100%}th,td{padding:.25rem .5rem;border-bottom:1px solid #d8dee4;text-align:left}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}thead{display:table-header-group}tr{break-inside:avoid}
dl{display:flex;flex-wrap:wrap;gap:.5rem 2rem;margin:1rem 0}dt{color:#566270;font-size:.85rem}
dd{margin:0;font-size:1.2rem}
rect{fill:#1769aa}text{font-size:12px;fill:#1c2733}.muted{color:#566270}
@page{size:A4 landscape;margin:12mm}@media print{body{margin:0;max-width:none}h2{break-after:avoid}}
"""
HEAD = ("Product", "Place", "From", "Units", "Order on", "Value", "Cover", "Runs out")
NUMBERS = {"Units", "Value", "Cover"}
BAR, WIDTH, LABEL = 22, 720, 220


def write_page(report: Report) -> str:
    """The whole file."""
    figures = "".join(
        f"<div><dt>{escape(SUMMARY[name])}</dt><dd>{value:,.0f}</dd></div>" for name, value in report.summary.items()
    )
    parts = [
        f"<h1>Stock plan of {report.today}</h1><dl>{figures}</dl>",
        f"<h2>Value to order by supplier</h2>{bars(report)}" if report.by_supplier else "",
        "<h2>Urgent</h2>" + (table(report.urgent) if report.urgent else "<p>Nothing is urgent.</p>"),
        *(f"<h2>{escape(name or 'No supplier known')}</h2>{table(lines)}" for name, lines in report.by_supplier),
    ]
    title = f"<title>Stock plan of {report.today}</title>"
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width">{title}<style>{STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body><main>{"".join(parts)}</main></body></html>'


def table(lines: Sequence[Line]) -> str:
    """Lines with what they are worth together."""
    head = "".join(f'<th{number(name)} scope="col">{name}</th>' for name in HEAD)
    body = "".join(row(line) for line in lines[:SHOWN])
    more = len(lines) - SHOWN
    rest = f'<p class="muted">and {more:,} more in the workbook</p>' if more > 0 else ""
    total = sum(line.value for line in lines)
    said = f'<p class="muted">{len(lines):,} lines, {total:,.0f} in all</p>'
    return f"{said}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{rest}"


def row(line: Line) -> str:
    """A line of a table."""
    cover = "" if line.cover_days is None else f"{line.cover_days:,.1f}"
    cells = (
        f"{escape(line.name or line.code)} <span class=muted>{escape(line.code)}</span>", escape(line.area),
        escape(line.supplier), f"{line.quantity:,.0f}", f"{line.order_on}", f"{line.value:,.0f}", cover,
        f"{line.out_on or ''}",
    )  # fmt: skip
    return "<tr>" + "".join(f"<td{number(name)}>{cell}</td>" for name, cell in zip(HEAD, cells, strict=True)) + "</tr>"


def number(name: str) -> str:
    """The class of a column of numbers."""
    return " class=n" if name in NUMBERS else ""


def bars(report: Report) -> str:
    """What is to be ordered of each supplier, as bars with their values."""
    values = [(name or "no supplier known", sum(line.value for line in lines)) for name, lines in report.by_supplier]
    most = max(value for _, value in values) or 1.0
    drawn = "".join(
        f'<text x="{LABEL - 8}" y="{BAR * at + 15}" text-anchor="end">{escape(name)}</text>'
        f'<rect x="{LABEL}" y="{BAR * at + 4}" width="{value / most * (WIDTH - LABEL - 90):.0f}" height="{BAR - 8}"/>'
        f'<text x="{LABEL + value / most * (WIDTH - LABEL - 90) + 6:.0f}" y="{BAR * at + 15}">{value:,.0f}</text>'
        for at, (name, value) in enumerate(values)
    )
    return f'<svg viewBox="0 0 {WIDTH} {BAR * len(values)}" width="{WIDTH}" role="img" aria-label="Bars">{drawn}</svg>'
