"""The plot of a stock projection, as coordinates and as a table."""

from __future__ import annotations

from datetime import date

from webapp.pages.stock_plot import HEIGHT, WIDTH, projection_plot

TODAY = date(2026, 11, 1)


def made(days: int = 21) -> dict[str, list[float]]:
    middle = [max(20.0 - 2 * day, 0.0) for day in range(days)]
    return {
        "p10": [value / 2 for value in middle],
        "p50": middle,
        "p90": [value * 2 for value in middle],
        "demand": [2.0] * days,
        "receipts": [0.0, 0.0, 0.0, 8.0, *[0.0] * (days - 4)],
    }


def test_all_points_lie_inside_and_the_band_is_closed() -> None:
    plot = projection_plot(made(), TODAY)
    assert plot is not None
    points = [pair.split() for pair in plot.band.removeprefix("M").removesuffix(" Z").split(" L")]
    assert len(points) == 42
    assert all(0 <= float(x) <= WIDTH and 0 <= float(y) <= HEIGHT for x, y in points)
    assert plot.band.endswith(" Z")


def test_what_arrives_is_marked_on_its_day() -> None:
    plot = projection_plot(made(), TODAY)
    assert plot is not None
    ((_, _, text),) = plot.receipts
    assert text == "8 arrive on 2026-11-04"


def test_the_table_has_a_row_a_week_with_its_sums() -> None:
    plot = projection_plot(made(), TODAY)
    assert plot is not None
    assert [week.day for week in plot.weeks] == [date(2026, 11, 7), date(2026, 11, 14), date(2026, 11, 21)]
    assert (plot.weeks[0].p50, plot.weeks[0].demand, plot.weeks[0].receipts) == (8.0, 14.0, 8.0)


def test_the_summary_says_when_it_runs_out() -> None:
    plot = projection_plot(made(), TODAY)
    assert plot is not None
    assert plot.summary.endswith("it is likely used up on 2026-11-11.")
    lasting = {**made(), "p50": [5.0] * 21}
    assert (projection_plot(lasting, TODAY) or plot).summary.endswith("it lasts through it.")


def test_a_single_day_makes_no_plot() -> None:
    assert projection_plot({name: values[:1] for name, values in made().items()}, TODAY) is None
