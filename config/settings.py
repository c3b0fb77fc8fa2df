"""The one settings module. Everything that differs between machines comes from the environment.

`.env.example` lists every variable. LEAFBRIDGE_ENV is "development" (default: SQLite in `data/`,
secrets made on first use) or "production" (refuses to start without its secrets).
"""

from datetime import timedelta
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.urls import reverse_lazy

from config.error_reports import start_error_reports
from config.keep_days import keep_days
from config.logging import logging_config
from config.navigation import NAVIGATION
from config.secrets import development_secret, require

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
if (BASE_DIR / ".env").exists():
    env.read_env(str(BASE_DIR / ".env"))

ENVIRONMENT = env.str("LEAFBRIDGE_ENV", default="development")
if ENVIRONMENT not in ("development", "production"):
    raise ImproperlyConfigured(
        f"LEAFBRIDGE_ENV is {ENVIRONMENT!r}; it must be 'development' or 'production'."
    )
PRODUCTION = ENVIRONMENT == "production"
DATA_DIR = Path(env.str("LEAFBRIDGE_DATA_DIR", default=str(BASE_DIR / "data")))

if PRODUCTION:
    require(
        env, ["SECRET_KEY", "FIELD_ENCRYPTION_KEYS", "DATABASE_URL", "ALLOWED_HOSTS", "SITE_URL"]
    )
DEBUG = env.bool("DEBUG", default=False)
if PRODUCTION and DEBUG:
    raise ImproperlyConfigured("DEBUG must be off in production: its error pages show settings.")
SECRET_KEY = env.str("SECRET_KEY", default="") or development_secret(DATA_DIR, "secret_key")
# The first key encrypts, all decrypt: put a new one first to rotate.
FIELD_ENCRYPTION_KEYS = env.list("FIELD_ENCRYPTION_KEYS", default=[]) or [
    development_secret(DATA_DIR, "field_encryption_key")
]
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
# Where LeafLink and mail readers reach us; used in webhook addresses and links.
SITE_URL = env.str("SITE_URL", default="http://127.0.0.1:8000").rstrip("/")
CSRF_TRUSTED_ORIGINS = [SITE_URL]

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "unfold.contrib.import_export",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_filters",
    "django_htmx",
    "django_q",
    "axes",
    "import_export",
    "catalog",
    "customers",
    "orders",
    "integrations",
    "integrations.leaflink",
    "integrations.metrc",
    # Last, so that what it registers anew in the admin is there already.
    "config",
]
MIDDLEWARE = [
    "config.request_id.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "config.security_headers.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "config.logins.SessionLimitsMiddleware",
    "config.two_factor.SecondStepMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

SQLITE_OPTIONS = {
    # Measured: Django's defaults lose writes under one worker cluster; IMMEDIATE + WAL lost none.
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; "
        "PRAGMA cache_size=-32000; PRAGMA temp_store=MEMORY;"
    ),
}
if env.str("DATABASE_URL", default=""):
    DATABASES = {"default": env.db("DATABASE_URL")}
else:
    DATA_DIR.mkdir(parents=True, exist_ok=True)
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(DATA_DIR / "leafbridge.sqlite3"),
        }
    }
DATABASES["default"]["CONN_MAX_AGE"] = 60
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = SQLITE_OPTIONS
else:
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# The queue only carries hints; our own tables are the record. So losing a Redis message loses
# nothing, and Redis is a matter of taste: QUEUE_REDIS_URL switches to it.
QUEUE_REDIS_URL = env.str("QUEUE_REDIS_URL", default="")
Q_CLUSTER: dict[str, object] = {
    "name": "leafbridge",
    "label": "Task queue",
    "workers": env.int("QUEUE_WORKERS", default=2),
    "queue_limit": env.int("QUEUE_WORKERS", default=2),
    "bulk": 1,
    "timeout": 300,
    "retry": 1860,
    "max_attempts": 3,
    "ack_failures": False,
    "save_limit": 0,
    "catch_up": False,
    "recycle": env.int("QUEUE_RECYCLE", default=500),
    "poll": 0.5,
}
if QUEUE_REDIS_URL:
    Q_CLUSTER["redis"] = QUEUE_REDIS_URL
else:
    Q_CLUSTER["orm"] = "default"

# What /metrics asks for; empty: there is no such page.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in (
        ("UserAttributeSimilarityValidator", {}),
        ("MinimumLengthValidator", {"min_length": 12}),
        ("CommonPasswordValidator", {}),
        ("NumericPasswordValidator", {}),
    )
]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
# On: administrators can't log in without a code from their phone.
REQUIRE_TWO_FACTOR = env.bool("REQUIRE_TWO_FACTOR", default=False)
# Whether a proxy of ours stands before us, which notes where requests come from.
BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
# Failed logins of one name from one address.
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
# Trying on while blocked doesn't make it longer: that would let anybody keep a person out.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_CLIENT_IP_CALLABLE = "config.logins.address_of"
AXES_LOCKOUT_CALLABLE = "config.logins.tell_blocked"
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
AXES_ENABLE_ADMIN = False  # config.admin has the page
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "code", "csrfmiddlewaretoken"]
LOGIN_URL = "admin:login"
# Unfold's login page sends no `next`, and Django's default is a page that does not exist.
LOGIN_REDIRECT_URL = "admin:index"

# EMAIL_URL=smtp+tls://user:password@host:587. Any of Django's backends has its own kind of address.
# Without one, mails of a development machine are written to files.
EMAIL_URL = env.str("EMAIL_URL", default="")
if PRODUCTION or EMAIL_URL:
    vars().update(environ.Env.email_url_config(EMAIL_URL or "smtp://localhost:25"))
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = DATA_DIR / "mail"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("EMAIL_FROM", default="") or "Leafbridge <leafbridge@localhost>"

LANGUAGE_CODE = "en-us"
TIME_ZONE = env.str("TIME_ZONE", default="America/Denver")
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
if not PRODUCTION:
    STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = not PRODUCTION
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
MEDIA_ROOT = DATA_DIR / "media"

# A LeafLink webhook of an order with hundreds of lines is a few megabytes.
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
IMPORT_EXPORT_ESCAPE_FORMULAE_ON_EXPORT = True
IMPORT_EXPORT_EXPORT_PERMISSION_CODE = "export"
IMPORT_EXPORT_IMPORT_PERMISSION_CODE = "import"

# What no log line and no error report may hold, however it got there.
OUR_SECRETS = [
    SECRET_KEY,
    *FIELD_ENCRYPTION_KEYS,
    METRICS_TOKEN,
    str(DATABASES["default"].get("PASSWORD") or ""),
]
LOGGING = logging_config(
    json=PRODUCTION, level=env.str("LOG_LEVEL", default="INFO"), secrets=OUR_SECRETS
)
# Empty: errors are reported nowhere but in the log.
start_error_reports(env.str("SENTRY_DSN", default=""), ENVIRONMENT, OUR_SECRETS)

X_FRAME_OPTIONS = "DENY"
# A login lasts a working day at most, and ends when nobody has used it for this long.
SESSION_COOKIE_AGE = 60 * 60 * 12
SESSION_IDLE_MINUTES = env.int("SESSION_IDLE_MINUTES", default=60)
if PRODUCTION:
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
    SECURE_HSTS_SECONDS = 60 * 60 * 24 * 365
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    if BEHIND_PROXY:
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# LeafLink allows 300 requests a minute for each owner of keys.
LEAFLINK_REQUESTS_PER_MINUTE = env.int("LEAFLINK_REQUESTS_PER_MINUTE", default=300)
# How many of a push are on their way at the same time, so that slow answers waste no budget.
LEAFLINK_REQUESTS_AT_ONCE = env.int("LEAFLINK_REQUESTS_AT_ONCE", default=10)
# Metrc names no limit for a minute: integrators report 50 requests a second for each facility. This
# is far below it, counted for each vendor key and state.
METRC_REQUESTS_PER_MINUTE = env.int("METRC_REQUESTS_PER_MINUTE", default=600)

# How many days records of work are kept: see `integrations.retention`.
KEEP_RUNS_DAYS = keep_days(env, "KEEP_RUNS_DAYS", 30)
KEEP_QUIET_RUNS_DAYS = keep_days(env, "KEEP_QUIET_RUNS_DAYS", 2)
KEEP_CALLS_DAYS = keep_days(env, "KEEP_CALLS_DAYS", 30)
KEEP_WEBHOOKS_DAYS = keep_days(env, "KEEP_WEBHOOKS_DAYS", 30)
KEEP_NOTICES_DAYS = keep_days(env, "KEEP_NOTICES_DAYS", 30)
KEEP_ORDER_EVENTS_DAYS = keep_days(env, "KEEP_ORDER_EVENTS_DAYS", 400)

UNFOLD = {
    "SITE_TITLE": "Leafbridge",
    "SITE_HEADER": "Leafbridge",
    "SITE_SUBHEADER": "LeafLink back office",
    "SITE_SYMBOL": "potted_plant",
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda request: static("leafbridge/favicon.svg"),
        }
    ],
    "SITE_URL": reverse_lazy("admin:index"),
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "ENVIRONMENT": "config.navigation.environment_label",
    "DASHBOARD_CALLBACK": "config.today.today",
    "STYLES": [lambda request: static("leafbridge/admin.css")],
    "SCRIPTS": [lambda request: static("leafbridge/field_names.js")],
    "COMMAND": {"search_models": True, "show_history": False},
    "ACCOUNT": {
        "navigation": [
            {"title": "Change password", "link": reverse_lazy("admin:password_change")},
            {"title": "Two-factor sign-in", "link": reverse_lazy("two_factor")},
        ]
    },
    "COLORS": {
        "primary": {
            "50": "oklch(97.9% .021 166)",
            "100": "oklch(95% .052 163)",
            "200": "oklch(90.5% .093 164)",
            "300": "oklch(84.5% .143 165)",
            "400": "oklch(76.5% .177 163)",
            "500": "oklch(59.6% .145 163)",
            "600": "oklch(50.8% .118 165)",
            "700": "oklch(43.2% .095 167)",
            "800": "oklch(37.8% .077 169)",
            "900": "oklch(32.2% .062 169)",
            "950": "oklch(26.2% .051 173)",
        }
    },
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "show_all_applications": False,
        "navigation": NAVIGATION,
    },
}
