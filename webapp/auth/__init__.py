"""Sign-in and permissions. Views need `requires` or `public`, and `current_user`."""

from webapp.auth.csrf import csrf_token
from webapp.auth.next_url import safe_next
from webapp.auth.permissions import SIGNED_IN, public, requires
from webapp.auth.user import CurrentUser, current_user, signed_in_user

__all__ = [
    "SIGNED_IN",
    "CurrentUser",
    "csrf_token",
    "current_user",
    "public",
    "requires",
    "safe_next",
    "signed_in_user",
]
