"""The web app as gunicorn and `flask --app wsgi` find it."""

from webapp import create_app

app = create_app()
