"""How figures, dates and sizes are written on pages; each function is a filter of the templates."""

from __future__ import annotations

from datetime import date, datetime

from ml.grains import MONTHLY, Grain

NOTHING = "–"
MINUS = "\N{MINUS SIGN}"


def compact(value: float | None) -> str:
    """Three significant digits: 1.24M, 83.8K, 512; all digits of thousands of trillions."""
    if value is None:
        return NOTHING
    for limit, divisor, unit in ((999.5e9, 1e12, "T"), (999.5e6, 1e9, "B"), (999.5e3, 1e6, "M"), (999.5, 1e3, "K")):
        if abs(value) >= limit:
            places = max(0, 3 - digits_before_point(value / divisor))
            return signed(f"{value / divisor:,.{places}f}{unit}")
    return full(value)


def full(value: float | None) -> str:
    """Thousands separated; cents only where they matter."""
    if value is None:
        return NOTHING
    text = f"{value:,.0f}" if abs(value) >= 100 or value == round(value) else f"{value:,.2f}"
    return signed("0" if text == "-0" else text)


def plus(value: float | None) -> str:
    """An amount with its sign: +1,240."""
    return f"+{full(value)}" if value is not None and value > 0 else full(value)


def percent(share: float | None, digits: int = 0) -> str:
    """A share of one as percent: 0.184 is 18%."""
    if share is None:
        return NOTHING
    text = f"{share * 100:.{digits}f}"
    return signed(f"{text.lstrip('-') if float(text) == 0 else text}%")


def decimals(value: float | None) -> str:
    """Two places: 0.87."""
    return NOTHING if value is None else signed(f"{value:.2f}")


def change(share: float | None) -> str:
    """A relative change with its sign: +9.8%."""
    if share is None:
        return NOTHING
    digits = 0 if abs(share) >= 1 else 1
    return signed(f"{share * 100:+,.{digits}f}%")


def month(day: date | None) -> str:
    """A period that begins on the first of a month: Dec 2017."""
    return NOTHING if day is None else f"{day:%b} {day.year}"


def long_date(day: date | None) -> str:
    """30 Dec 2017."""
    return NOTHING if day is None else f"{day.day} {day:%b} {day.year}"


def period(day: date | None, grain: Grain = MONTHLY) -> str:
    """A period by its first day: Dec 2017, 4 Dec 2017 (a week), Mon 4 Dec 2017."""
    if day is None or grain.freq == "MS":
        return month(day)
    return f"{day:%a} {long_date(day)}" if grain.freq == "D" else long_date(day)


def iso_day(text: str) -> date:
    """A day as reports write it: 2024-01-31."""
    return date.fromisoformat(text)


def ago(day: date, today: date) -> str:
    """How long ago a day was: today, yesterday, 12 days ago, 3 months ago, 2 years ago."""
    days = (today - day).days
    if days < 0:
        return "in the future"
    if days < 2:
        return ("today", "yesterday")[days]
    for length, unit in ((365, "years"), (30, "months"), (1, "days")):
        if days >= 2 * length:
            return f"{days // length} {unit} ago"
    return f"{days} days ago"


def instant(moment: datetime | None) -> str:
    """An instant in UTC, which scripts turn into local time: 21 Nov 2026, 09:30 UTC."""
    return NOTHING if moment is None else f"{long_date(moment)}, {moment:%H:%M} UTC"


def duration(seconds: float | None) -> str:
    """4.2 s, 1 min 12 s, 2 h 5 min."""
    if seconds is None:
        return NOTHING
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def file_size(size: int | None) -> str:
    """Bytes as kB or MB."""
    if size is None:
        return NOTHING
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{max(size / 1e3, 0.1):.1f} kB"


def sentence(text: str) -> str:
    """With a capital letter in front, unless it begins with a name such as sales.csv."""
    first = text.partition(" ")[0]
    return text[:1].upper() + text[1:] if first.isalpha() else text


def digits_before_point(value: float) -> int:
    return len(str(int(abs(value))))


def signed(text: str) -> str:
    """With a true minus sign, which lines up with the plus sign and with digits."""
    return text.replace("-", MINUS)


FILTERS = (
    compact, full, plus, percent, decimals, change, month, period, long_date, iso_day, ago, instant, duration, file_size
)  # fmt: skip
