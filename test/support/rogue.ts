/**
 * A worker that lies, as Python to put into a fault job: functions that rows name, each of which makes the worker send
 * something else for the call that the row is in. The messages are made of the right one, byte by byte.
 */
export const rogue = `
from anabranch._protocol import kinds
from anabranch._protocol.frame import write_answer
from anabranch._worker.link import Link

honest = Link.answer
plots = []

def answer(link, asked, kind, body):
    if not plots:
        return honest(link, asked, kind, body)
    message = bytearray(kinds.ENVELOPE_BYTES + body.size)
    write_answer(message, asked.envelope, kind, body, None)
    body.write(memoryview(message), kinds.ENVELOPE_BYTES)
    plots.pop()(link._socket, message)
    plots.clear()

Link.answer = answer

def changed(message, at, value):
    """The message with the two bytes at this place of the envelope set."""
    other = bytearray(message)
    other[at : at + 2] = value.to_bytes(2, "little")
    return other

def plot(name):
    """Only the first row of a name in the whole run, over all processes: what is sent again is answered honestly."""
    def decorate(send):
        def fault():
            if once(name):
                plots.append(send)
        return fault
    return decorate

@plot("twice")
def twice(socket, right):
    socket.send(right)
    socket.send(right)

@plot("other_attempt")
def other_attempt(socket, right):
    socket.send(changed(right, 32, int.from_bytes(right[32:34], "little") + 1))
    socket.send(right)

@plot("other_incarnation")
def other_incarnation(socket, right):
    socket.send(changed(right, 16, int.from_bytes(right[16:18], "little") + 1))
    socket.send(right)

@plot("other_run")
def other_run(socket, right):
    socket.send(changed(right, 8, int.from_bytes(right[8:10], "little") ^ 1))
    socket.send(right)

@plot("unknown_call")
def unknown_call(socket, right):
    socket.send(changed(right, 24, 0xFFFF))
    socket.send(right)

@plot("kept")
def dies_with_its_reply(socket, right):
    with open("flags/reply", "wb") as file:
        file.write(right)
    os.kill(os.getpid(), signal.SIGKILL)

@plot("replayed")
def replays(socket, right):
    with open("flags/reply", "rb") as file:
        socket.send(file.read())
    socket.send(right)

@plot("truncated")
def truncated(socket, right):
    socket.send(right[:-1])

@plot("flipped")
def flipped(socket, right):
    right[64] ^= 4  # the kind of the first table
    socket.send(right)

@plot("giant")
def giant(socket, right):
    right[48:56] = (1 << 40).to_bytes(8, "little")
    socket.send(right)

@plot("empty")
def empty(socket, right):
    socket.send(b"")

@plot("extra")
def extra(socket, right):
    socket.send_multipart([right, b"more"])

@plot("half")
def half_sent(socket, right):
    size = 64 << 20
    right[48:56] = size.to_bytes(8, "little")
    socket.send(right + bytes(kinds.ENVELOPE_BYTES + size - len(right)), copy=False)
    os.kill(os.getpid(), signal.SIGKILL)
`
