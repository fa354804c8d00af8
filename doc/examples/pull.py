#!/usr/bin/env python3
"""Pulls all that a GuerillaBackup agent offers into a directory, as .data and .info files.

    pull.py --socket /run/guerillabackup/transfer.socket DIRECTORY
    socat EXEC:'ssh -T backup@host gb transfer serve --stdio --agent NAME' EXEC:'pull.py --stdio DIRECTORY'

An example for doc/transfer-protocol.md. It confirms what it holds durably: a sender that moves its elements deletes them
then. Exit code: 0 all is here, 1 some elements are not, 2 the conversation failed.
"""
import argparse, base64, collections, fcntl, hashlib, itertools, json, os, re, socket, sys, time

FRAME, OPEN, PAGE = 1 << 20, 16, 64  # bytes of a frame; streams on their way; elements of a page


class Broken(Exception): """The peer breaks the protocol, or the connection ended: nothing more can be said."""
class Unusable(Exception): """One element cannot be had; the others can."""


class Number:
    """A number as it was written: metadata go unchanged into the .info file."""
    def __init__(self, text): self.text = text

    def integer(self, most):
        if not re.fullmatch("[0-9]{1,19}", self.text) or int(self.text) > most: raise Unusable("a number is wrong")
        return int(self.text)


def parse(text):
    def once(pairs):
        if len(dict(pairs)) < len(pairs): raise ValueError("a key stands twice")
        return dict(pairs)
    def refuse(word): raise ValueError(word)
    return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=refuse, object_pairs_hook=once)


def canonical(value):
    if isinstance(value, Number): return value.text
    if isinstance(value, list): return "[" + ", ".join(map(canonical, value)) + "]"
    if not isinstance(value, dict): return json.dumps(value)
    return "{" + ", ".join(f"{json.dumps(key)}: {canonical(value[key])}" for key in sorted(value)) + "}"


def sha512(path):
    digest = hashlib.sha512()
    with open(path, "rb") as file:
        while data := file.read(1 << 20): digest.update(data)
    return digest.digest()


def sync(path):
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


class Peer:
    def __init__(self, incoming, outgoing):
        self.incoming, self.outgoing, self.version, self.is_done = incoming, outgoing, 1, False

    def send(self, kind, payload):
        self.outgoing.write(kind + len(payload).to_bytes(4, "little") + payload)
        self.outgoing.flush()

    def read(self, length):
        data = self.incoming.read(length)
        if len(data) < length: raise Broken("the connection ended too early")
        return data

    def frame(self):
        kind, length = self.read(1), int.from_bytes(self.read(4), "little")
        if length > FRAME: raise Broken("a frame is too long")
        return kind, self.read(length)

    def request(self, *items): self.send(b"S", json.dumps(items).encode())

    def answer(self, take=None):
        """The answer to the oldest open request: a stream for `take`, or one frame."""
        while True:
            kind, payload = self.frame()
            if kind == b"S": self.serve(payload)
            elif kind == b"P" and take: take(payload)
            elif kind == b"R" and not (take and payload): return payload
            elif kind == b"E" and self.version == 2: raise Unusable("the peer refused: " + ascii(payload.decode()))
            else: raise Broken(f"a frame {kind} where it must not be")

    def ask(self, *items):
        self.request(*items)
        return self.answer()

    def serve(self, payload):
        """The peer is a client too. Nothing can be fetched here, and so it is told."""
        if self.is_done: raise Broken("a request after the shutdown offer")
        if payload and parse(payload)[0] != "getPolicyInfo": raise Broken("a request for what is not offered")
        self.is_done = not payload
        self.send(b"R", b"null" if payload else b"")

    def shut_down(self):
        self.send(b"S", b"")
        if self.answer(): raise Broken("bytes in the answer to a shutdown offer")
        while not self.is_done:
            kind, payload = self.frame()
            if kind != b"S": raise Broken("an answer where nothing was asked")
            self.serve(payload)


class Element:
    def __init__(self, source, info, size=None, identity=None):
        if not isinstance(source, str) or not re.fullmatch(r"(/(?!\.\.?(/|\Z))[A-Za-z0-9%._-]+)+", source):
            raise Unusable("the source URL is wrong")
        if not isinstance(info, dict) or info.get("BackupType") not in ("full", "inc"):
            raise Unusable("the metadata are wrong")
        self.id, self.size, self.info = identity, size, canonical(info).encode()
        self.checksum = base64.b64decode(info.get("StorageFileChecksumSha512") or "", validate=True)
        if len(self.checksum) not in (0, 64): raise Unusable("the checksum is wrong")
        moment = time.gmtime(info["Timestamp"].integer(int(time.time()) + 86400))
        folder, last = source[1:].rpartition("/")[::2]
        self.name = (folder, time.strftime("%Y%m%d%H%M%S", moment), f"-{last}-{info['BackupType']}")
        self.key = hashlib.sha512(f"{source} {size} ".encode() + self.info).hexdigest()[:48]


class Store:
    """A directory that only this program writes. What is on its way lies in `incoming+`, which no source can be named."""
    def __init__(self, path):
        os.umask(0o077)
        self.root, self.failed = os.path.realpath(path), 0
        self.incoming = os.path.join(self.root, "incoming+")
        os.makedirs(self.incoming, exist_ok=True)
        self.lock = os.open(self.root, os.O_RDONLY)
        fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def close(self):
        """What broke waits in `incoming+` for the next time; if nothing did, no trace is left."""
        if not os.listdir(self.incoming): os.rmdir(self.incoming)

    def refuse(self, what, why):
        self.failed += 1
        print(f"{canonical(what)[:200]}: {type(why).__name__}: {why}", file=sys.stderr)

    def place(self, element):
        """The path of the element without suffix, and whether it is there already."""
        directory, moment, suffix = element.name
        directory = os.path.join(self.root, directory).rstrip("/")
        if os.path.realpath(directory) != directory: raise Unusable("a symbolic link is in the way")
        for serial in itertools.chain([""], itertools.count()):
            path = os.path.join(directory, f"{moment}{serial}{suffix}")
            try:
                with open(path + ".info", "rb") as file:
                    if file.read() == element.info: return path, True
            except FileNotFoundError: return path, False

    def present(self, element):
        """The SHA-512 of the copy here, if there is one: that is confirmed, not what the offer says."""
        path, is_there = self.place(element)
        digest = sha512(path + ".data") if is_there else None
        if is_there and element.checksum not in (b"", digest): raise Unusable("the copy here is damaged")
        return digest

    def keep(self, element, partial):
        path, _ = self.place(element)
        directory = os.path.dirname(path)
        os.makedirs(directory, exist_ok=True)
        os.replace(partial, path + ".data")
        with open(os.path.join(self.incoming, "info"), "wb") as file: file.write(element.info)
        sync(file.name)
        os.replace(file.name, path + ".info")
        while directory != os.path.dirname(self.root):
            sync(directory)
            directory = os.path.dirname(directory)


class Arrival:
    """An element on its way. With known size and checksum it goes on where it broke the last time."""
    def __init__(self, store, element):
        self.store, self.element = store, element
        self.file = open(os.path.join(store.incoming, element.key), "ab")
        if element.size is None or not element.checksum or self.file.tell() > element.size: self.file.truncate(0)
        self.count = self.offset = os.fstat(self.file.fileno()).st_size

    def take(self, data):
        self.count += len(data)
        if self.element.size is not None and self.count > self.element.size: raise Broken("too many bytes")
        self.file.write(data)

    def receive(self, peer):
        """Takes the stream and stores the element; gives its SHA-512. What came of a stream that broke stays."""
        with self.file: peer.answer(self.take)
        if self.element.size not in (None, self.count): raise Unusable("the stream ended early")
        sync(self.file.name)
        digest = sha512(self.file.name)
        if self.element.checksum not in (b"", digest):
            os.unlink(self.file.name)
            raise Unusable("the bytes are not those of the metadata")
        self.store.keep(self.element, self.file.name)
        return digest


def pull_in_version_1(peer, store):
    peer.ask("startTransaction", None)
    stored, count = True, 0
    while parse(peer.ask("nextDataElement", stored)) is True:
        info, stored = parse(peer.ask("getDataElementInfo")), False
        try:
            element = Element(info[0], parse(info[1]))
            if not store.present(element):
                arrival = Arrival(store, element)
                peer.request("getDataElementStream")
                arrival.receive(peer)
            stored, count = True, count + 1
        except (Unusable, LookupError, TypeError, ValueError, AttributeError) as error: store.refuse(info, error)
    return count


def pull_in_version_2(peer, store):
    cursor, count = None, 0
    while True:
        page = parse(peer.ask("listElements", {"after": cursor, "limit": PAGE}))
        held, waiting, keys = [], collections.deque(), set()

        def receive():
            arrival = waiting.popleft()
            try: held.append((arrival.element.id, arrival.receive(peer)))
            except Unusable as error: store.refuse(arrival.element.id, error)

        for entry in page["elements"]:
            try:
                element = Element(entry["source"], entry["info"], entry["size"].integer(2**63 - 1), entry["id"])
                if element.key in keys: raise Unusable("it is offered twice")
                keys.add(element.key)
                if digest := store.present(element): held.append((element.id, digest))
                else:
                    arrival = Arrival(store, element)
                    peer.request("readElement", {"id": element.id, "offset": arrival.offset})
                    waiting.append(arrival)
            except (Unusable, LookupError, TypeError, ValueError, AttributeError) as error: store.refuse(entry, error)
            if len(waiting) == OPEN: receive()
        while waiting: receive()
        if held:
            peer.ask("confirmElements", [
                {"id": i, "sha512": base64.b64encode(digest).decode(), "receipt": None} for i, digest in held])
        count += len(held)
        if page["next"] is None: return count
        if page["next"] == cursor or not page["elements"]: raise Broken("the listing does not go on")
        cursor = page["next"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--v1", action="store_true", help="speak version 1, as the Python toolkit does")
    stream = parser.add_mutually_exclusive_group(required=True)
    stream.add_argument("--socket", metavar="PATH", help="connect to this UNIX socket")
    stream.add_argument("--stdio", action="store_true", help="standard input and output are the stream")
    parser.add_argument("directory")
    options = parser.parse_args()
    try:
        store, peer = Store(options.directory), Peer(sys.stdin.buffer, sys.stdout.buffer)
        if options.socket:
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(options.socket)
            peer = Peer(connection.makefile("rb"), connection.makefile("wb"))
        greeting = [] if options.v1 else [{"protocol": 2, "features": ["listing"], "software": "pull.py"}]
        policy, count = parse(peer.ask("getPolicyInfo", *greeting)), 0
        if isinstance(policy, dict):
            peer.version = 2
            if policy["policy"]: count = pull_in_version_2(peer, store)
        elif policy: count = pull_in_version_1(peer, store)
        peer.shut_down()
        store.close()
    except (Broken, Unusable, OSError, LookupError, TypeError, ValueError, RecursionError) as error:
        print(f"pull.py: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    print(f"{count} elements are here, {store.failed} are not", file=sys.stderr)
    return 1 if store.failed else 0


sys.exit(main())
