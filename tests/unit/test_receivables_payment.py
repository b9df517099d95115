"""Payment models: features know no future, the pick is honest, predictions hang together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from receivables_factory import invoice_rows, made_invoices, payment_rows

from ml.errors import NotEnoughHistoryError
from ml.receivables.features import FEATURES, FeatureMaker, Habits
from ml.receivables.history import History
from ml.receivables.ledger import build_ledger
from ml.receivables.payment import BASELINES, MODELS, PaymentModel, Training, backtest, train_payment
from ml.receivables.predictions import open_rows, predict_payments
from ml.receivables.segments import CLASSES, movements, risk_classes

FRAME = made_invoices()


def history_of(frame: pd.DataFrame, until: int | None = None) -> History:
    """With `until`, as it looked on the morning of that day: what was settled later is open."""
    if until is not None:
        day = pd.Timestamp(until, unit="D")
        frame = frame[frame["issued_on"] <= day]
        known = frame["settled_on"] < day
        frame = frame.assign(
            settled_on=frame["settled_on"].where(known), disputed=frame["disputed"].where(known, np.nan)
        )
    return History.of(build_ledger(frame))


@pytest.fixture(scope="module")
def history() -> History:
    return history_of(FRAME)


CUTOFF = int((FRAME["issued_on"].min() - pd.Timestamp(0)).days) + 420


@pytest.fixture(scope="module")
def model(history: History) -> PaymentModel:
    return train_payment(Training(history, CUTOFF))


def poisoned(day: int) -> pd.DataFrame:
    """The same invoices, but everything after a day is different: payments, disputes, and new invoices."""
    start = pd.Timestamp(day, unit="D")
    frame = FRAME.copy()
    later = frame["settled_on"] >= start
    frame.loc[later, "settled_on"] = frame.loc[later, "settled_on"].clip(lower=start) + pd.Timedelta(days=200)
    frame.loc[later, "disputed"] = 1.0 - frame.loc[later, "disputed"]
    new = frame["issued_on"] > start
    return frame.assign(amount=frame["amount"].where(~new, 9e6), paperless=frame["paperless"].where(~new, 0.0))


def test_a_poisoned_future_changes_no_feature_no_model_and_no_prediction(history: History, model: PaymentModel) -> None:
    other = history_of(poisoned(CUTOFF))
    rows = open_rows(history, CUTOFF)
    np.testing.assert_array_equal(rows, open_rows(other, CUTOFF))
    assert len(rows) > 20
    tables = [
        FeatureMaker(which, Habits.before(which, CUTOFF)).table(rows, np.full(len(rows), CUTOFF))
        for which in (history, other)
    ]
    pd.testing.assert_frame_equal(*tables)
    again = train_payment(Training(other, CUTOFF))
    pd.testing.assert_frame_equal(model.backtest, again.backtest)
    found, same = (predict_payments(which, past, CUTOFF) for which, past in ((model, history), (again, other)))
    pd.testing.assert_frame_equal(found, same)
    cut = predict_payments(model, history_of(FRAME, CUTOFF), CUTOFF)
    pd.testing.assert_frame_equal(found, cut)


def test_features_match_a_naive_loop(history: History) -> None:
    habits = Habits.before(history, CUTOFF)
    random = np.random.default_rng(0)
    rows = random.choice(np.flatnonzero(history.issued > CUTOFF - 100), 25, replace=False)
    days = history.issued[rows] + random.integers(0, 20, 25)
    table = FeatureMaker(history, habits).table(rows, days)
    own = history.invoices
    for place, (row, day) in enumerate(zip(rows, days, strict=True)):
        same = history.customer == history.customer[row]
        settled, issued = same & (history.settled < day), same & (history.issued <= day)
        others = issued & (history.settled >= day) & (np.arange(len(own)) != row)
        found = table.iloc[place]
        assert found["settled"] == settled.sum()
        assert found["own_delay"] == pytest.approx((history.settled - history.due)[settled].mean())
        assert found["own_late"] == pytest.approx(((history.settled - history.due)[settled] > 0).mean())
        assert found["open_count"] == (issued & (history.settled >= day)).sum() - 1
        overdue = others & (history.due < day)
        assert found["overdue_count"] == overdue.sum()
        if overdue.any():
            assert found["overdue_days"] == pytest.approx((day - history.due[overdue]).mean())
        assert found["amount_ratio"] == pytest.approx(
            own["log_amount"][row] - (own["log_amount"][settled].mean() if settled.any() else own["log_amount"][row])
        )


def test_the_model_with_the_lowest_pinball_is_served_and_beats_the_baselines(model: PaymentModel) -> None:
    table = model.backtest.set_index("model")
    assert set(MODELS) <= set(table.index)
    assert table.loc[list(MODELS), "pinball"].idxmin() == model.name
    assert model.name not in BASELINES
    assert table.loc[model.name, "mae"] < 0.85 * table.loc["customer average", "mae"]
    assert 0.7 <= table.loc[model.name, "coverage"] <= 0.9


@pytest.mark.parametrize("pause", [(190, 390), (280, 390)], ids=["both windows", "one window"])
def test_a_window_without_an_invoice_is_left_out_of_the_backtest(pause: tuple[int, int]) -> None:
    start = FRAME["issued_on"].min()
    age = (FRAME["issued_on"] - start).dt.days
    past = history_of(FRAME[~age.between(*pause)], CUTOFF)
    found = train_payment(Training(past, CUTOFF), ("habit", "hazard"))
    assert found.name in {"habit", "hazard"}
    assert found.backtest["pinball"].notna().all()


@pytest.mark.parametrize("name", MODELS)
def test_each_model_gives_curves_that_hang_together(history: History, name: str) -> None:
    training = Training(history, CUTOFF)
    served = PaymentModel(name, training.habits, training.fit(name), training.fit_on_time(), pd.DataFrame(), CUTOFF)
    for day in (CUTOFF, CUTOFF + 60):
        rows = open_rows(history_of(FRAME, CUTOFF), day)
        found = predict_payments(served, history_of(FRAME, CUTOFF), day, rows)
        assert found[["on_time", "late", "very_late"]].sum(axis=1).to_numpy() == pytest.approx(np.ones(len(found)))
        assert (found["default"] <= found["very_late"] + 1e-9).all()
        assert (found["p10"] >= pd.Timestamp(day, unit="D")).all()
        assert (found["p10"] <= found["p50"]).all()
        assert (found["p50"] <= found["p90"]).all()
        assert found["risk"].between(0, 100).all()
        assert (found["on_time"][found["due_on"] < pd.Timestamp(day, unit="D")] == 0).all()


def test_the_same_seed_gives_the_same_model(history: History, model: PaymentModel) -> None:
    again = train_payment(Training(history, CUTOFF))
    pd.testing.assert_frame_equal(predict_payments(model, history, CUTOFF), predict_payments(again, history, CUTOFF))


def test_open_invoices_count_as_censored(history: History) -> None:
    """A customer who stopped paying is in default for the model that sees open invoices; the other one sees nothing."""
    frame = FRAME.assign(settled_on=FRAME["settled_on"].where(FRAME["issued_on"] < "2023-10-01"))
    stopped = history_of(frame)
    expected = []
    for open_ones in (True, False):
        training = Training(stopped, CUTOFF, open_ones=open_ones)
        served = PaymentModel("habit", training.habits, training.fit("habit"), None, pd.DataFrame(), CUTOFF)
        rows = np.flatnonzero(stopped.issued > CUTOFF - 15)
        rows = rows[stopped.issued[rows] <= CUTOFF]
        expected.append(predict_payments(served, stopped, CUTOFF, rows)["default"].mean())
    assert expected[0] > 5 * expected[1]


def test_odd_customers_are_named() -> None:
    extra = invoice_rows(
        {"customer_code": "NEW", "invoice_ref": "N1", "issued_on": "2024-02-20", "due_on": None},
        {"customer_code": "ONE", "invoice_ref": "O1", "issued_on": "2023-12-01", "due_on": "2023-12-31"},
        {"customer_code": "ONE", "invoice_ref": "O2", "issued_on": "2024-02-20", "due_on": "2024-03-21"},
        *(
            {"customer_code": "LATE", "invoice_ref": f"L{number}", "issued_on": "2023-09-01", "due_on": "2023-10-01"}
            for number in range(4)
        ),
        {"customer_code": "LATE", "invoice_ref": "L9", "issued_on": "2024-01-01", "due_on": "2024-01-31"},
        {"customer_code": "NOTE", "invoice_ref": "CN", "amount": -5.0},
    )
    paid = payment_rows(("O1", "2023-12-20", 100), *((f"L{number}", "2023-12-01", 100) for number in range(4)))
    settled = FRAME[["invoice_ref", "settled_on", "amount"]].rename(columns={"settled_on": "paid_on"})
    ledger = build_ledger(pd.concat([FRAME.drop(columns="settled_on"), extra]), pd.concat([settled, paid]))
    past = History.of(ledger)
    found = predict_payments(train_payment(Training(past, CUTOFF), models=["habit"]), past, CUTOFF)
    by = found.set_index("invoice_ref")
    assert by.loc["N1", "basis"].startswith("no settled invoice")
    assert by.loc["N1", "due_from"] != "invoice"
    assert by.loc["O2", "basis"] == "one settled invoice"
    assert by.loc["L9", "basis"] == "all paid late so far"
    assert "usually pays late" in by.loc["L9", "reasons"]
    assert by.loc["L9", "risk"] > by.loc["O2", "risk"]
    assert "CN" not in by.index


def test_too_little_history_is_refused_and_a_short_one_served_without_backtest() -> None:
    short = history_of(made_invoices(40, 5, days=60))
    with pytest.raises(NotEnoughHistoryError, match="settled invoices"):
        train_payment(Training(short, int(short.issued.min()) + 20))
    end = int(short.issued.max()) + 1
    assert backtest(Training(short, end)).empty
    assert train_payment(Training(short, end)).name == MODELS[0]


def test_features_are_all_there(history: History) -> None:
    table = FeatureMaker(history, Habits.before(history, CUTOFF)).table(np.array([500]), history.issued[[500]])
    assert set(FEATURES) <= set(table.columns)


def test_customers_fall_into_risk_classes_and_move(history: History, model: PaymentModel) -> None:
    maker = model.maker(history)
    before, after = (risk_classes(maker, day) for day in (CUTOFF - 200, CUTOFF))
    assert set(after["risk_class"]) <= set(CLASSES)
    order = after[after["risk_class"] != "no history"].groupby("risk_class")["late_rate"].mean()
    assert order["prompt"] < order["slow"]
    moved = movements(before, after)
    assert (moved["before"] != moved["after"]).all()
    assert set(moved["direction"]) <= {"better", "worse", "new"}
    assert (after["overdue"] <= after["open"] + 1e-9).all()
