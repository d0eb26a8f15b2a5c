"""An event loop whose time is what a test waits for: a sleep of an hour takes none, and begins the next moment."""

import asyncio
import selectors


class _NoWait(selectors.DefaultSelector):
    loop = None

    def select(self, timeout=None):
        assert timeout is not None, "everything waits and nothing would ever wake it"
        self.loop.now += max(0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Begins at 0; ``now`` are its seconds."""

    def __init__(self):
        self.now = 0.0
        selector = _NoWait()
        selector.loop = self
        super().__init__(selector)

    def time(self):
        return self.now


def run_virtually(start):
    """The value of a coroutine function, and the seconds that it took."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        value = runner.run(start())
        return value, round(runner.get_loop().time(), 6)
