"""python -m benchmarks [NAME …] [--json] [--quick]"""

import argparse
import os
import tempfile

import django


def main() -> None:
    """Run the named benchmarks (all), each on a database of its own, and print their figures."""
    names = (
        "push_inventory",
        "plan_memory",
        "stock_to_leaflink",
        "two_pushers",
        "take_in_orders",
        "link_products",
    )
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"Which: {', '.join(names)}. None: all.")
    parser.add_argument("--json", action="store_true", help="One JSON object per line.")
    parser.add_argument("--quick", action="store_true", help="Smaller sizes.")
    options = parser.parse_args()
    unknown = sorted(set(options.name) - set(names))
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are: {', '.join(names)}")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LEAFBRIDGE_DATA_DIR"] = folder
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        os.environ["LEAFLINK_REQUESTS_PER_MINUTE"] = "1000000"
        os.environ.setdefault("LOG_LEVEL", "ERROR")
        django.setup()
        for name in options.name or names:
            _run(name, options, folder)


def _run(name: str, options: argparse.Namespace, folder: str) -> None:
    from importlib import import_module

    from django.db import connection

    from integrations import work

    # No worker runs beside a benchmark; hints would only pile up.
    work.wake_worker = lambda: None
    if connection.vendor == "sqlite":
        # In a file, as in real life; one in memory would outlive its benchmark.
        connection.settings_dict["TEST"]["NAME"] = f"{folder}/{name}.sqlite3"
    kept = connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        figures = import_module(f"benchmarks.{name}").run(options.quick)
    finally:
        connection.creation.destroy_test_db(kept, verbosity=0)
    print(figures.as_json() if options.json else figures.as_text(), flush=True)


if __name__ == "__main__":
    main()
