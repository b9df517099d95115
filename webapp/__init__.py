"""The web app: pages for planners and operators, a JSON API for systems."""

from __future__ import annotations

from collections.abc import Mapping

from flask_openapi.openapi import OpenAPI
from werkzeug.middleware.proxy_fix import ProxyFix

from webapp import api, cli, cors, error_responses, extensions, metrics, pages, security, traffic
from webapp.auth import csrf_token, current_user, guard, public
from webapp.config import WebSettings


def create_app(env: Mapping[str, str] | None = None) -> OpenAPI:
    """Build the app from the settings in `env` (the process environment by default).

    Nothing is connected or written here; the first request or command does that.
    """
    settings = WebSettings.from_env(env)
    app = api.create_openapi(__name__)
    app.config.from_mapping(settings.flask_config())
    extensions.init_app(app, settings)
    metrics.init_app(app)
    security.init_app(app, settings)
    traffic.init_app(app)
    cors.init_app(app, settings.cors_origins)
    guard.init_app(app)
    error_responses.init_app(app)
    public(app.view_functions["static"])
    app.jinja_env.globals.update(csrf_token=csrf_token, current_user=current_user)
    api.register(app)
    pages.register(app)
    cli.register(app)
    if settings.proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=settings.proxies, x_proto=settings.proxies, x_host=settings.proxies
        )
    return app
