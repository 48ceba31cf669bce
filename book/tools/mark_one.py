"""Run one notebook for mark.py and write down what its checks say, a line of JSON at a time: what ran stays on record.

    python -P mark_one.py NOTEBOOK LOG SECONDS CELL_SECONDS GIGABYTES [--no-sockets]

A cell that fails, or takes too long, is noted, and the next one runs. Called in a folder that may be thrown away.
"""

import contextlib
import io
import json
import os
import re
import signal
import socket
import sys
import threading
from pathlib import Path

LATE = 124  # the exit code of a notebook that took too long


class Late(BaseException):
    """A cell has had its time. No Exception, so that `except Exception` in a cell does not swallow it."""


def limit_memory(gigabytes):
    """Hold this process to so much address space; Linux keeps to it, macOS does not, Windows has no such limit."""
    try:
        import resource
    except ImportError:
        return
    size = int(gigabytes * 2**30)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def refuse_sockets():
    """No connection from Python itself. A program that another language runs is not held by this."""

    def refuse(*_, **__):
        raise OSError("the network is not there while notebooks are marked")

    socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse


def recorded(answer, write):
    """`check.answer`, writing down when it begins and what it says."""

    def answer_and_tell(number, value):
        write(exercise=str(number), state="did not end")
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            right = answer(number, value)
        off = re.sub(r"^Exercise \S+: not yet\. | For help: .*", "", said.getvalue().strip())
        empty = off.startswith(("There is no answer here yet", "Your function returns nothing yet"))
        state = "right" if right else "no answer" if empty else "not yet"
        write(exercise=str(number), state=state, off="" if right else off)
        return right

    return answer_and_tell


def main(notebook, log, seconds, cell_seconds, gigabytes, *options):
    with open(log, "a", encoding="utf-8", buffering=1) as lines:

        def write(**what):
            lines.write(json.dumps(what) + "\n")

        cells = json.loads(Path(notebook).read_text(encoding="utf-8"))["cells"]
        sources = [(n, "".join(c["source"])) for n, c in enumerate(cells) if c["cell_type"] == "code"]
        from IPython.core.interactiveshell import InteractiveShell

        from paintlib import check

        check.answer = recorded(check.answer, write)
        limit_memory(float(gigabytes))
        if "--no-sockets" in options:
            refuse_sockets()
        sys.path.insert(0, "")

        def late(*_):
            raise Late(f"stopped after {cell_seconds} s")

        clock = hasattr(signal, "SIGALRM")
        if clock:
            signal.signal(signal.SIGALRM, late)
        whole = threading.Timer(float(seconds), os._exit, [LATE])  # from here on: reading the libraries is not counted
        whole.daemon = True
        whole.start()
        shell = InteractiveShell.instance()
        for n, source in sources:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                if clock:
                    signal.alarm(int(cell_seconds))
                try:
                    result = shell.run_cell(source)
                    error = result.error_before_exec or result.error_in_exec
                except Late as stopped:  # between two lines of IPython's own
                    error = stopped
                finally:
                    if clock:
                        signal.alarm(0)
            if error:
                kind = "" if isinstance(error, Late) else f"{type(error).__name__}: "
                said = re.sub(r"<ipython-input-[^>]*>, ", "", str(error).partition("\n")[0])
                write(cell=n, error=f"{kind}{said}"[:300])
        write(ended=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
