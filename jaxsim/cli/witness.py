"""A small process beside each process of a distributed run, which tells the others when that one ends.

A process that is killed says nothing, one inside a collective hears nothing, and JAX itself ends a process without a
readable word. So each process has a witness. They talk over sockets: the witness of process 0 is connected with all
others. Run as a script with the standard library alone, so that it starts at once and no lock of the interpreter that
works holds it up.

On its standard input a witness reads lines from its process: `{"port": ..}` whom to connect to, `{"said": ..}` why it
is about to end, `{"done": true}` that it ends well. The end of the input is the end of the process.
"""

from __future__ import annotations

import json
import os
import secrets
import selectors
import signal
import socket
import sys
import time
from typing import Any

SILENT = "it was killed, crashed, or its machine is gone"

#: Seconds in which the reason of the own process's end may still come from another.
REASON_SECONDS = 2.0
#: Seconds that the own process has for ending by itself.
END_SECONDS = 3.0


class Witness:
    """Watches one process and the witnesses of the others.

    Args:
        index: Number of the own process.
        count: Number of processes.
        process: The own process's id.
    """

    def __init__(self, index: int, count: int, process: int) -> None:
        self.index, self.count, self.process = index, count, process
        self.selector = selectors.DefaultSelector()
        self.buffers: dict[int, bytes] = {}
        self.peers: dict[int, socket.socket] = {}
        self.numbers: dict[int, int] = {}
        self.done: set[int] = set()
        self.token = secrets.token_hex(16)
        self.selector.register(0, selectors.EVENT_READ, self._own)

    def listen(self) -> None:
        """Opens a port for the other witnesses and prints it with a secret word."""
        family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
        server = socket.create_server(
            ("", 0), family=family, dualstack_ipv6=family == socket.AF_INET6, backlog=self.count
        )
        self.selector.register(server, selectors.EVENT_READ, self._accept)
        self._to_process({"port": server.getsockname()[1], "token": self.token})

    def watch(self) -> None:
        """Serves until all is done or someone is lost."""
        while True:
            for key, _ in self.selector.select():
                key.data(key.fileobj)

    def _own(self, fd: int) -> None:
        for message in self._messages(fd, os.read(fd, 4096)):
            if message is None:
                self.selector.unregister(0)
                if self.index in self.done:
                    sys.exit(0)
                self._wait_for_a_reason()
                self._lost(self.index, SILENT)
            elif "port" in message:
                self._connect(**message)
            elif "said" in message:
                self._lost(self.index, message["said"])
            else:
                self.done.add(self.index)
                self._to_peers({"done": self.index})

    def _wait_for_a_reason(self) -> None:
        """JAX ends a process when another is lost: then that one is to be named."""
        # Process 0 is where JAX's service runs, so nobody else's end ends it: it need not wait as long.
        until = time.monotonic() + (REASON_SECONDS / 4 if self.index == 0 else REASON_SECONDS)
        while (left := until - time.monotonic()) > 0 and (self.peers or self.index == 0):
            for key, _ in self.selector.select(left):
                key.data(key.fileobj)

    def _connect(self, host: str, port: int, token: str) -> None:
        try:
            peer = socket.create_connection((host, port), timeout=10)
        except OSError as error:
            self._to_process({"connected": False, "why": str(error)})
            return
        peer.settimeout(None)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        peer.sendall(json.dumps({"token": token, "index": self.index}).encode() + b"\n")
        self._know(peer, 0)
        self._to_process({"connected": True})

    def _accept(self, server: socket.socket) -> None:
        peer, _ = server.accept()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.selector.register(peer, selectors.EVENT_READ, self._peer)

    def _know(self, peer: socket.socket, number: int) -> None:
        self.numbers[peer.fileno()] = number
        self.peers[number] = peer
        if peer.fileno() not in self.selector.get_map():
            self.selector.register(peer, selectors.EVENT_READ, self._peer)

    def _peer(self, peer: socket.socket) -> None:
        number = self.numbers.get(peer.fileno())
        try:
            data = peer.recv(4096)
        except OSError:
            data = b""
        for message in self._messages(peer.fileno(), data):
            if message is None or (number is None and message.get("token") != self.token):
                self._forget(peer, number)
                if number is not None and number not in self.done:
                    self._lost(number, SILENT)
                return
            if number is None:
                number = int(message["index"])
                self._know(peer, number)
            elif "done" in message:
                self.done.add(message["done"])
            elif "lost" in message:
                self._lost(message["lost"], message["why"])

    def _forget(self, peer: socket.socket, number: int | None) -> None:
        self.selector.unregister(peer)
        self.numbers.pop(peer.fileno(), None)
        self.peers.pop(number if number is not None else -1, None)
        peer.close()

    def _messages(self, fd: int, data: bytes) -> list[dict[str, Any] | None]:
        """The whole lines that came; None at the end."""
        lines = (self.buffers.pop(fd, b"") + data).split(b"\n")
        self.buffers[fd] = lines.pop()
        try:
            return [json.loads(line) for line in lines] + ([] if data else [None])
        except ValueError:
            return [None]

    def _lost(self, number: int, why: str) -> None:
        """Tells all that a process is lost, and ends the own one."""
        self._to_peers({"lost": number, "why": why})
        if number != self.index or why == SILENT:
            text = f"error: process {number} of {self.count} ended: {why}"
            if number != self.index:
                text += "; this process cannot go on without it. Start all processes again with the same command: "
                text += "finished features are reused"
            print(" ".join(text.split()), file=sys.stderr, flush=True)
        if number != self.index:
            self._to_process({"end": True})
            until = time.monotonic() + END_SECONDS
            while time.monotonic() < until and os.getppid() == self.process:
                time.sleep(0.05)
            if os.getppid() == self.process:
                os.kill(self.process, signal.SIGKILL)
        if self.index == 0:
            self._wait_for_peers()
        sys.exit(1)

    def _wait_for_peers(self) -> None:
        """Gives the others time to end: JAX's service ends with process 0, and would end them with its own words."""
        until = time.monotonic() + END_SECONDS
        for peer in self.peers.values():
            peer.settimeout(max(until - time.monotonic(), 0.01))
            try:
                while peer.recv(4096):
                    pass
            except OSError:
                continue

    def _to_peers(self, message: dict[str, Any]) -> None:
        for peer in self.peers.values():
            try:
                peer.sendall(json.dumps(message).encode() + b"\n")
            except OSError:
                continue  # it ended, too

    def _to_process(self, message: dict[str, Any]) -> None:
        try:
            os.write(1, json.dumps(message).encode() + b"\n")
        except OSError:
            return  # it ended; the end of its input tells


def main() -> None:
    """Watches the process whose number, number of processes and id are the arguments."""
    index, count, process = (int(each) for each in sys.argv[1:4])
    witness = Witness(index, count, process)
    if index == 0:
        witness.listen()
    witness.watch()


if __name__ == "__main__":
    main()
