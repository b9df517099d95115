"""The pages: one module a concern, each a blueprint of function views."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, request

from webapp.auth import current_user
from webapp.pages import assets, formats, plots, words
from webapp.pages.account import theme
from webapp.pages.accuracy import blueprint as accuracy
from webapp.pages.admin_tokens import blueprint as admin
from webapp.pages.alerts import blueprint as alerts
from webapp.pages.anomalies import blueprint as anomalies
from webapp.pages.cash import blueprint as cash
from webapp.pages.customers import blueprint as customers
from webapp.pages.data_quality import blueprint as quality
from webapp.pages.explore import blueprint as explore
from webapp.pages.ids import IdConverter
from webapp.pages.imports_undo import blueprint as imports
from webapp.pages.jobs_events import blueprint as jobs
from webapp.pages.models import blueprint as models
from webapp.pages.navigation import NAVIGATION
from webapp.pages.next_orders import blueprint as next_orders
from webapp.pages.overrides import blueprint as overrides
from webapp.pages.overview import blueprint as overview
from webapp.pages.products import blueprint as products
from webapp.pages.receivables import blueprint as receivables
from webapp.pages.registration import blueprint as account
from webapp.pages.scenarios import blueprint as scenarios
from webapp.pages.series import blueprint as series
from webapp.pages.sources import blueprint as sources
from webapp.pages.stock_simulations import blueprint as stock
from webapp.pages.webhooks import blueprint as webhooks

BLUEPRINTS = (
    account,
    overview,
    explore,
    series,
    accuracy,
    anomalies,
    overrides,
    stock,
    scenarios,
    imports,
    sources,
    quality,
    products,
    customers,
    receivables,
    cash,
    next_orders,
    jobs,
    alerts,
    models,
    admin,
    webhooks,
)


def register(app: Flask) -> None:
    """Add the pages to `app`, with what their templates need."""
    app.url_map.converters["id"] = IdConverter
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    for function in (*formats.FILTERS, *words.FILTERS, plots.sparkline):
        app.add_template_filter(function)
    app.jinja_env.globals.update(asset=assets.asset, navigation=NAVIGATION)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.context_processor(about_reader)
    app.after_request(assets.read_whole)
    app.after_request(assets.keep_for_good)
    app.after_request(vary_by_fragment)


def about_reader() -> dict[str, Any]:
    """What every template may ask about the person who reads the page."""
    return {"user": current_user(), "theme": theme()}


def vary_by_fragment(response: Response) -> Response:
    """Page and fragment share a URL, so caches must tell them apart."""
    if request.endpoint != "static" and response.mimetype == "text/html":
        response.vary.add("HX-Request-Type")
    return response
