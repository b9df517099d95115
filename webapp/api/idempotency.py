"""POST requests that may be sent again: under one `Idempotency-Key` a request is carried out once.

The claim of the key, all that the view writes, and the answer are one transaction: a process that is killed on the
way leaves nothing behind, and of several at once the later ones wait for the first, then give its answer. Only answers
that succeeded are kept; after an error the same key may be tried again. What is kept is encrypted with the key
itself, since answers may show a secret that is shown only once.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

from flask import Response, current_app, g, request

from ml.db.keys import hash_key
from webapp.auth import current_user
from webapp.errors import FieldError, InvalidRequestError
from webapp.extensions import db
from webapp.services.request_keys import KeptAnswer, KeyedTransaction, find_answer, keep_answer

HEADER = "Idempotency-Key"
LONGEST = 200
KEPT_HEADERS = ("Location", "ETag")
MARK = "idempotent_by_itself"
AFTERWARDS = "answer_kept_afterwards"

View = TypeVar("View", bound=Callable[..., Any])


def idempotent_by_itself(view: View) -> View:
    """Mark a POST view that tells repeated requests apart in a way of its own."""
    setattr(view, MARK, True)
    return view


def kept_afterwards(view: View) -> View:
    """Mark a POST view that calls other servers or waits for jobs, and so cannot run inside a transaction: its answer
    is kept when it is there. A repeat that comes before that is carried out again, which must do no harm."""
    setattr(view, AFTERWARDS, True)
    return view


def begin() -> Response | None:
    """Claim the key of a request, and let the view write within that transaction; or give the answer of before."""
    user = current_user()
    if request.method != "POST" or HEADER not in request.headers or user is None or is_exempt():
        return None
    key = request.headers[HEADER]
    if not 0 < len(key) <= LONGEST:
        raise InvalidRequestError([FieldError(HEADER, f"expected 1 to {LONGEST} characters, found {len(key)}")])
    sealing, hashed = cipher(user.email, key), hash_key("idempotency", user.email, key)
    db.session.remove()
    if has_mark(AFTERWARDS):
        return begin_afterwards(sealing, hashed)
    g.idempotency = transaction = KeyedTransaction(db.engine)
    earlier = transaction.claim(hashed, request_hash())
    if earlier is not None:
        return answer_again(earlier, sealing)
    g.idempotency_cipher = sealing
    db.session(bind=transaction.connection, join_transaction_mode="create_savepoint")
    return None


def is_exempt() -> bool:
    """Whether the view asked for it; signing in is no write that a caller would repeat by a key."""
    return request.blueprint == "api_auth" or has_mark(MARK)


def has_mark(mark: str) -> bool:
    """Whether the view of the present request has that mark."""
    return bool(getattr(current_app.view_functions[str(request.endpoint)], mark, False))


def begin_afterwards(sealing: Any, hashed: bytes) -> Response | None:
    """Give the answer of before, or note what the coming one is to be kept under."""
    asked = request_hash()
    earlier = find_answer(db.engine, hashed, asked)
    if earlier is not None:
        return answer_again(earlier, sealing)
    g.idempotency_later = (sealing, hashed, asked)
    return None


def answer_again(earlier: KeptAnswer, sealing: Any) -> Response:
    """The answer that was given under the key before."""
    kept = json.loads(sealing.decrypt(earlier.sealed.encode()))
    headers = {**kept["headers"], "Idempotency-Replayed": "true"}
    return Response(kept["body"], earlier.status, headers, content_type=kept["type"])


def finish(response: Response) -> Response:
    """Keep a success with all that was written; what fails is undone when the transaction is closed."""
    sealing, later = g.pop("idempotency_cipher", None), g.pop("idempotency_later", None)
    if response.status_code >= 400 or (sealing is None and later is None):
        return response
    db.session.remove()
    if later is not None:
        sealing, hashed, asked = later
        keep_answer(db.engine, hashed, asked, sealed(response, sealing))
    else:
        g.idempotency.keep(sealed(response, sealing))
    return response


def sealed(response: Response, sealing: Any) -> KeptAnswer:
    """An answer as it is kept."""
    headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    kept = {"body": response.get_data(as_text=True), "type": response.content_type, "headers": headers}
    return KeptAnswer(response.status_code, sealing.encrypt(json.dumps(kept).encode()).decode())


def close(_error: BaseException | None) -> None:
    """Give the connection back."""
    transaction = g.pop("idempotency", None)
    if transaction is not None:
        db.session.remove()
        transaction.close()


def request_hash() -> str:
    """What tells one request from another: method, address, and body."""
    digest = hashlib.sha256(f"{request.method} {request.full_path}".encode())
    for part in body_parts():
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


def body_parts() -> Iterator[bytes]:
    """The body in pieces; that of an upload field by field, since its boundary is another each time."""
    if not request.mimetype.startswith("multipart/"):
        yield request.get_data(cache=True)
        return
    for name, value in sorted(request.form.items(multi=True)):
        yield f"{name}={value}".encode()
    for name, file in sorted(request.files.items(multi=True)):
        yield f"{name}:{file.filename}".encode()
        yield hashlib.file_digest(cast("Any", file.stream), "sha256").digest()
        file.stream.seek(0)


def cipher(user: str, key: str) -> Any:
    """Encrypts with what neither the database nor another caller knows."""
    from cryptography.fernet import Fernet  # noqa: PLC0415  (loads a large library that few requests need)

    secret = hashlib.sha256("\x1f".join((current_app.config["SECRET_KEY"], user, key)).encode()).digest()
    return Fernet(base64.urlsafe_b64encode(secret))
