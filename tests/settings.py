"""Settings of the tests: the project's own, with what makes tests fast and self-contained."""

import tempfile
from pathlib import Path

from config.settings import *  # noqa: F403
from config.settings import DATABASES, Q_CLUSTER

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ALLOWED_HOSTS = ["*"]
LEAFLINK_REQUESTS_PER_MINUTE = 1_000_000
METRC_REQUESTS_PER_MINUTE = 1_000_000
DATABASES["default"]["CONN_MAX_AGE"] = 0
MEDIA_ROOT = Path(tempfile.gettempdir()) / "leafbridge-test-media"
# The tests say themselves when work is done; no worker runs beside them.
Q_CLUSTER["sync"] = False
LOGGING["root"]["level"] = "ERROR"  # noqa: F405
