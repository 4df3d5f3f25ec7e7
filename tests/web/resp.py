"""The few words of Redis that the buckets use, for machines without `redis-server`: RESP over TCP, and Lua as Redis runs it."""

import hashlib
import math
import socketserver
import threading
from time import time

from lupa.lua51 import LuaRuntime  # Redis's own version


class Server(socketserver.ThreadingTCPServer):
    """One keyspace of hashes. One command at a time, like the real one."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, port):
        super().__init__(("127.0.0.1", port), Peer)
        self.lock = threading.RLock()
        self.hashes, self.until, self.scripts, self.open = {}, {}, {}, set()
        self.lua = LuaRuntime(encoding=None)
        self.lua.globals()[b"redis"] = self.lua.table_from({b"call": self.called})

    def called(self, name, *args):
        found = self.command(name.upper(), [self.text(each) for each in args])
        return (
            self.lua.table_from([False if each is None else each for each in found])
            if isinstance(found, list)
            else found
        )

    @staticmethod
    def text(value):
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return value if isinstance(value, bytes) else str(value).encode()

    def command(self, name, args):
        with self.lock:
            match name:
                case b"PING":
                    return "PONG"
                case b"HELLO":
                    return [b"server", b"redis", b"version", b"7.4.0", b"proto", 2]
                case b"CLIENT":
                    return "OK"
                case b"TIME":
                    now = time()
                    return [str(int(now)).encode(), str(int(now % 1 * 1e6)).encode()]
                case b"HMGET":
                    return [self.hashes.get(args[0], {}).get(each) for each in args[1:]]
                case b"HSET":
                    self.hashes.setdefault(args[0], {}).update(zip(args[1::2], args[2::2], strict=True))
                    return len(args) // 2
                case b"PEXPIRE":
                    self.until[args[0]] = time() * 1000 + int(args[1])
                    return 1
                case b"PTTL":
                    return math.ceil(self.until[args[0]] - time() * 1000)
                case b"SCRIPT":
                    digest = hashlib.sha1(args[1]).hexdigest().encode()
                    self.scripts[digest] = self.lua.execute(b"return function(KEYS, ARGV) " + args[1] + b" end")
                    return digest
                case b"EVALSHA":
                    if args[0] not in self.scripts:
                        return ValueError("NOSCRIPT No matching script.")
                    keys, count = args[2:], int(args[1])
                    table = self.lua.table_from
                    found = self.scripts[args[0]](table(keys[:count]), table(keys[count:]))
                    return [found[n] for n in range(1, len(found) + 1)]
        return ValueError("ERR unknown command")

    def stop(self):
        self.shutdown()
        self.server_close()
        for each in list(self.open):
            each.shutdown(2)


class Peer(socketserver.StreamRequestHandler):
    def handle(self):
        self.server.open.add(self.connection)
        try:
            while (head := self.rfile.readline()).startswith(b"*"):
                words = []
                for _ in range(int(head[1:])):
                    size = int(self.rfile.readline()[1:])
                    words.append(self.rfile.read(size + 2)[:-2])
                self.wfile.write(encoded(self.server.command(words[0].upper(), words[1:])))
        except OSError:
            pass
        finally:
            self.server.open.discard(self.connection)


def encoded(value):
    match value:
        case ValueError():
            return b"-%s\r\n" % str(value).encode()
        case str():
            return b"+%s\r\n" % value.encode()
        case int() | float():
            return b":%d\r\n" % value
        case bytes():
            return b"$%d\r\n%s\r\n" % (len(value), value)
        case list():
            return b"*%d\r\n" % len(value) + b"".join(map(encoded, value))
    return b"$-1\r\n"
