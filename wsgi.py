"""The web app as gunicorn and `flask --app wsgi` find it."""

import gc

gc.disable()  # what is loaded stays: to look for garbage among it takes a seventh of the start

from webapp import create_app  # noqa: E402

app = create_app()
gc.freeze()  # nor is it looked through again while requests are served
gc.enable()
