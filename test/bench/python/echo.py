"""The least that two processes can do over the sockets of `load.py`: what comes in goes out. `python echo.py FOLDER`"""

import socket
import sys
from pathlib import Path


def main(folder: Path) -> None:
    source, sink = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    source.connect(str(folder / "in.sock"))
    sink.connect(str(folder / "out.sock"))
    while data := source.recv(1 << 20):
        sink.sendall(data)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
