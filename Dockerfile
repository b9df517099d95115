# Two images: `app` for all processes of the product (docker-compose.yml says which of them a container runs), and
# `proxy`, nginx with the static files of the same version.

FROM python:3.11-slim-bookworm AS assets
WORKDIR /app
COPY requirements-node.txt ./
RUN pip install --no-cache-dir -r requirements-node.txt
COPY package.json package-lock.json ./
COPY ml/__init__.py ml/errors.py ml/
COPY webapp/assets.py webapp/
RUN python -m webapp.assets

FROM python:3.11-slim-bookworm AS packages
# Microsoft's ODBC driver comes in a wheel; pyodbc finds it through /etc/odbcinst.ini below.
ARG ODBC_DRIVER=mssql-python-odbc==18.6.2.2
RUN python -m venv /opt/venv
COPY requirements.txt requirements-observability.in ./
RUN /opt/venv/bin/pip install --no-cache-dir -r requirements.txt -r requirements-observability.in "$ODBC_DRIVER"

FROM nginxinc/nginx-unprivileged:1.29-alpine AS proxy
COPY deploy/nginx/nginx.conf /etc/nginx/nginx.conf
COPY deploy/nginx/*.conf /etc/nginx/forecastle/
COPY deploy/nginx/http.conf /etc/nginx/forecastle/active.conf
COPY webapp/static /srv/forecastle/static
COPY --from=assets /app/webapp/static/vendor /srv/forecastle/static/vendor

FROM python:3.11-slim-bookworm AS app
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 libgssapi-krb5-2 libltdl7 unixodbc \
    && rm -rf /var/lib/apt/lists/*
COPY --from=packages /opt/venv /opt/venv
RUN driver="$(find /opt/venv -path '*/debian_ubuntu/*' -name 'libmsodbcsql-18*')" \
    && test -n "$driver" \
    && printf '[ODBC Driver 18 for SQL Server]\nDriver=%s\n' "$driver" > /etc/odbcinst.ini \
    && useradd --create-home --uid 10001 forecastle \
    && install -d -o forecastle -g forecastle /data /var/cache/forecastle
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 FORECASTLE_ENV=production FORECASTLE_HOME=/data \
    NUMBA_CACHE_DIR=/var/cache/forecastle/numba
WORKDIR /app
COPY . .
COPY --from=assets /app/webapp/static/vendor webapp/static/vendor
USER forecastle
# Machine code of Prophet's loops. A container on another kind of processor compiles them once more when they are used.
RUN python -m ml.models.prophet_panel.warm
EXPOSE 8000
CMD ["python", "-m", "gunicorn", "--config", "webapp/serving.py", "--bind", "0.0.0.0:8000", "--graceful-timeout", "20", "wsgi:app"]
