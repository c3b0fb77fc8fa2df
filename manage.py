#!/usr/bin/env python
"""The command line: `manage.py demo`, `sync`, `leaflink_sandbox`, `worker` and Django's own."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
