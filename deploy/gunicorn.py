"""gunicorn's settings: gunicorn --config deploy/gunicorn.py config.wsgi"""

import multiprocessing
import os

# Behind a proxy on the same host, 127.0.0.1:8000 is enough; in a container it is not.
bind = os.environ.get("WEB_BIND", "0.0.0.0:8000")
workers = int(os.environ.get("WEB_WORKERS", min(2 * multiprocessing.cpu_count() + 1, 5)))
# Large imports and exports take a while.
timeout = 120
graceful_timeout = 30
# Not on a disk: a slow one would make a worker look dead.
worker_tmp_dir = "/dev/shm"  # noqa: S108
accesslog = None  # the proxy's; addresses of pages are nothing for our log
