"""The host as a child process: finding the ``anabranch`` command, calling it, and its errors as exceptions."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Self

from . import errors
from .errors import AnabranchError, PlanError, ProtocolError

_LINES_OF_LOG = 20


def call(words: Sequence[str], folder: Path) -> str:
    """Run the command and return what it wrote to stdout; a failure is raised as the error that it names."""
    env = {**os.environ, "NO_COLOR": "1"}
    # The transforms run in the interpreter that asks, with the packages that it has.
    env.setdefault("ANABRANCH_PYTHON", sys.executable)
    with tempfile.TemporaryFile() as log, _HeldInterrupts() as held:
        child = subprocess.Popen(
            [*command(folder), *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env=env,
            start_new_session=True,
        )
        out = _answer_of(child, held.listen)
        log.seek(0)
        said = log.read().decode("utf-8", "replace")
    if child.returncode != 0:
        raise error_of(out, said, child.returncode)
    return out


class _HeldInterrupts:
    """Ctrl-C while the host is being started is heard once it is known: else nobody would tell it."""

    def __init__(self) -> None:
        self._before: Callable[[int, FrameType | None], object] | int | None = None
        self._came = False

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is not None:
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()

    def listen(self) -> None:
        """From here on it is heard at once."""
        self._restore()
        if self._came:
            self._came = False
            signal.raise_signal(signal.SIGINT)

    def _restore(self) -> None:
        before, self._before = self._before, None
        if before is not None:
            signal.signal(signal.SIGINT, before)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self._came = True


def _answer_of(child: subprocess.Popen[bytes], listen: Callable[[], None]) -> str:
    """Ctrl-C goes on to the host as on the command line: the first asks to finish what was read, the second stops."""
    interrupted: BaseException | None = None
    while True:
        try:
            listen()
            out, _ = child.communicate()
            break
        except BaseException as error:
            interrupted = error
            child.send_signal(signal.SIGINT)
    if interrupted is not None:
        raise interrupted
    return out.decode("utf-8", "replace")


def command(folder: Path) -> list[str]:
    """``ANABRANCH_CLI`` where it is set, else the project's own command, else that of the clone we lie in."""
    chosen = os.environ.get("ANABRANCH_CLI", "")
    for path in [Path(chosen)] if chosen else _candidates(folder):
        if not path.is_file():
            continue
        if path.suffix not in (".js", ".mjs"):
            return [str(path)]
        node = shutil.which("node")
        if node is None:
            raise PlanError("node was not found", code="ANB8010", hint="install Node 20.19 or newer")
        return [node, str(path)]
    looked = f"ANABRANCH_CLI is {chosen}" if chosen else f"no node_modules with it in {folder} or above"
    raise PlanError(
        f"the anabranch command was not found: {looked}",
        code="ANB8010",
        hint="run npm install in the folder of the job, or set ANABRANCH_CLI to the command",
    )


def _candidates(folder: Path) -> Iterator[Path]:
    for start in (folder, Path.cwd()):
        for at in (start, *start.parents):
            yield at / "node_modules" / ".bin" / "anabranch"
    yield Path(__file__).resolve().parents[2] / "dist" / "cli" / "main.js"


def error_of(out: str, log: str, code: int) -> AnabranchError:
    """The error that the last line of stdout names, or what the end of the log says."""
    lines = out.strip().splitlines()
    try:
        said = json.loads(lines[-1])["error"] if lines else None
    except (ValueError, KeyError, TypeError):
        said = None
    tail = "\n".join(log.strip().splitlines()[-_LINES_OF_LOG:])
    kind = getattr(errors, str(said.get("class")), None) if isinstance(said, dict) else None
    if not isinstance(said, dict) or not isinstance(kind, type) or not issubclass(kind, AnabranchError):
        return ProtocolError(f"the host ended with exit code {code} and named no error", detail=tail)
    detail = "\n".join([str(said.get("detail", "")), *map(_fault, said.get("faults", []))]).strip()
    made = AnabranchError.__new__(kind)
    AnabranchError.__init__(
        made, str(said["message"]), code=str(said["code"]), hint=str(said.get("hint", "")), detail=detail
    )
    return made


def _fault(fault: dict[str, str]) -> str:
    return f"{fault['code']} {fault['message']}\n  at {fault['place']}: {fault['hint']}"
