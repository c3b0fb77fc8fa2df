"""What the task queue's processes tell the watchdog about themselves, and that they end with it.

Inside the cluster only. The watchdog (`config.watchdog`) starts it with one end of a pipe, on which
each process writes short lines: `born`, `took`, `done` and `bye PID` from the workers, `kept PID`
from the process that keeps results.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing.util import Finalize
from typing import Any

from django_q.signals import post_execute, post_execute_in_worker, post_spawn, pre_execute

PIPE = "LEAFBRIDGE_WATCHDOG_PIPE"
PARENT = "LEAFBRIDGE_WATCHDOG_PID"
# <sys/prctl.h>: the signal that a process gets when its parent dies.
PR_SET_PDEATHSIG = 1


def end_with_the_watchdog() -> None:
    """Have the kernel end this process when its parent dies, and each one it forks likewise.

    So none of them is left over when the watchdog, the cluster's main process or its guard is
    killed, to work on beside the cluster that is started next. Linux only; elsewhere the process
    group, which the watchdog ends, must do.
    """
    if not sys.platform.startswith("linux"):
        return
    kernel = ctypes.CDLL(None)

    def die_with(parent: int) -> None:
        kernel.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        # It may have died before we asked.
        if os.getppid() != parent:
            os._exit(1)

    die_with(int(os.environ[PARENT]))
    forking = [0]
    # It is not handed down to forked processes, so each asks for it anew.
    os.register_at_fork(
        before=lambda: forking.__setitem__(0, os.getpid()),
        after_in_child=lambda: die_with(forking[0]),
    )


def give_signs() -> None:
    """Tell the watchdog of each task that is taken, done and kept, and of workers that retire."""
    pipe = int(os.environ[PIPE])
    os.set_blocking(pipe, False)

    def sign(word: str) -> Callable[..., None]:
        return lambda **_: _say(pipe, word)

    def spawned(**_: Any) -> None:
        _say(pipe, "born")
        # Runs when a worker ends by itself, having done its number of tasks; not when it is killed.
        Finalize(None, _say, args=(pipe, "bye"), exitpriority=1)

    signs = {"took": pre_execute, "done": post_execute_in_worker, "kept": post_execute}
    for word, event in signs.items():
        event.connect(sign(word), weak=False, dispatch_uid=f"watchdog-{word}")
    post_spawn.connect(spawned, weak=False, dispatch_uid="watchdog-spawned")


def _say(pipe: int, word: str) -> None:
    try:
        os.write(pipe, f"{word} {os.getpid()}\n".encode())
    except OSError:
        return  # nobody reads; a task must not fail for it
