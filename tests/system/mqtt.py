"""An MQTT 5 (or 3.1.1) client over a socket, as a stranger would write it, and a mosquitto of the test's own.

    with Mosquitto(folder) as broker, Client(broker.port) as client:
        client.subscribe("a/#")
        client.publish("a/b", b"1", qos=1)
        client.receive()  # Message(topic="a/b", ...)
"""
import collections
import os
import pathlib
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import time

PATIENCE_S = 30
CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, PINGRESP, DISCONNECT = 1, 2, 3, 4, 8, 9, 12, 13, 14
Message = collections.namedtuple("Message", "topic payload qos retained properties")


def program():
    found = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    if not pathlib.Path(found).exists():
        raise FileNotFoundError("mosquitto is not there: run configs/install check")
    return found


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Mosquitto:
    """`lines`: more of its configuration, for its one listener. It keeps its sessions on the disk, so that it can be killed."""

    def __init__(self, folder, lines=("allow_anonymous true",), port=None):
        self.folder, self.port = pathlib.Path(folder), port or free_port()
        self.folder.mkdir(exist_ok=True)
        self.configuration = self.folder / "mosquitto.conf"
        # As root it would otherwise become the user mosquitto, which cannot write here.
        self.configuration.write_text("\n".join([
            f"listener {self.port} 127.0.0.1", *(["user root"] if os.geteuid() == 0 else []), "persistence true", f"persistence_location {self.folder}/", "autosave_interval 1",
            "max_queued_messages 20000", "log_type all", *lines]) + "\n")
        self.popen = None
        self.start()

    def start(self, wait=True):
        with open(self.folder / "log", "ab") as log:
            self.popen = subprocess.Popen([program(), "-c", self.configuration], stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE_S
        while wait:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self.popen.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("mosquitto does not start: " + (self.folder / "log").read_text()) from None
                time.sleep(0.02)

    def kill(self):
        self.popen.kill()
        self.popen.wait()

    def stop(self):
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
            self.popen.wait(PATIENCE_S)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack(">H", len(data)) + data


def size_of(number):
    out = bytearray()
    while True:
        number, low = divmod(number, 128)
        out.append(low | (128 if number else 0))
        if not number:
            return bytes(out)


class Client:
    def __init__(self, port, name="tester", version=5, tls=None, host="127.0.0.1", user=None, password=None, keep_s=0):
        self.version, self.next_id = version, 0
        self.socket = socket.create_connection((host, port), PATIENCE_S)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.waiting, self.acknowledged = collections.deque(), set()
        flags = (0 if keep_s else 2) | (0x80 if user else 0) | (0x40 if password else 0)
        properties = (b"\x11" + struct.pack(">I", keep_s)) if keep_s and version == 5 else b""
        body = text("MQTT") + bytes([version, flags]) + struct.pack(">H", 0)
        body += (size_of(len(properties)) + properties if version == 5 else b"") + text(name)
        self.send(CONNECT, 0, body + (text(user) if user else b"") + (text(password) if password else b""))
        kind, _, body = self.packet()
        if kind != CONNACK or body[1] != 0:
            raise ConnectionRefusedError(f"CONNACK {body[1]}")

    def send(self, kind, flags, body):
        self.socket.sendall(bytes([kind << 4 | flags]) + size_of(len(body)) + body)

    def exactly(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise ConnectionResetError("the MQTT broker hung up")
            data += part
        return data

    def packet(self):
        first, size, shift = self.exactly(1)[0], 0, 0
        while True:
            byte = self.exactly(1)[0]
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return first >> 4, first & 15, self.exactly(size)

    def handle(self):
        kind, flags, body = self.packet()
        if kind == PUBLISH:
            self.take(flags, body)
        elif kind == PUBACK:
            self.acknowledged.add(struct.unpack(">H", body[:2])[0])
        elif kind == DISCONNECT:
            raise ConnectionResetError(f"DISCONNECT {body.hex()}")
        return kind, body

    def take(self, flags, body):
        length, = struct.unpack(">H", body[:2])
        topic, at, qos, properties = body[2:2 + length].decode(), 2 + length, flags >> 1 & 3, []
        if qos:
            self.send(PUBACK, 0, body[at:at + 2])
            at += 2
        if self.version == 5:
            size, at = body[at], at + 1
            assert size < 128
            properties, at = self.pairs(body[at:at + size]), at + size
        self.waiting.append(Message(topic, body[at:], qos, bool(flags & 1), properties))

    @staticmethod
    def pairs(data):
        """The user properties; others are skipped by knowing only those that mosquitto sends."""
        found, at = {}, 0
        while at < len(data):
            assert data[at] == 0x26, data.hex()
            words, at = [], at + 1
            for _ in range(2):
                length, = struct.unpack(">H", data[at:at + 2])
                words.append(data[at + 2:at + 2 + length].decode())
                at += 2 + length
            found[words[0]] = words[1]
        return found

    def subscribe(self, pattern, qos=1):
        self.next_id += 1
        self.send(SUBSCRIBE, 2, struct.pack(">H", self.next_id) + (b"\0" if self.version == 5 else b"") + text(pattern) + bytes([qos]))
        while self.handle()[0] != SUBACK:
            pass

    def publish(self, topic, payload, qos=0, retain=False, properties=None):
        body = text(topic)
        if qos:
            self.next_id = self.next_id % 65535 + 1
            body += struct.pack(">H", self.next_id)
        if self.version == 5:
            pairs = b"".join(b"\x26" + text(k) + text(v) for k, v in (properties or {}).items())
            body += size_of(len(pairs)) + pairs
        self.send(PUBLISH, qos << 1 | retain, body + (payload if isinstance(payload, bytes) else payload.encode()))
        while qos and self.next_id not in self.acknowledged:
            self.handle()

    def receive(self, wait_s=PATIENCE_S):
        """The next message; None when none comes in time."""
        deadline = time.monotonic() + wait_s
        while not self.waiting:
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self.socket.settimeout(left)
            try:
                self.handle()
            except TimeoutError:
                return None
            finally:
                self.socket.settimeout(PATIENCE_S)
        return self.waiting.popleft()

    def close(self):
        try:
            self.send(DISCONNECT, 0, b"")
        except OSError:
            pass
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def openssl(folder, *words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def certificates(folder):
    """ca.pem and other.pem, which signed nothing here; server.pem for localhost, client.pem; keys beside them."""
    for name in ("ca", "other"):
        openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-keyout",
                f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name} of the test")
    for name, subject in (("server", "localhost"), ("client", "mqtt-agent"), ("elsewhere", "elsewhere.example")):
        openssl(folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key", "-out",
                f"{name}.csr", "-subj", f"/CN={subject}", "-addext", f"subjectAltName=DNS:{subject}")
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                "-copy_extensions", "copy", "-out", f"{name}.pem")


def trusting(folder, name="client"):
    context = ssl.create_default_context(cafile=pathlib.Path(folder, "ca.pem"))
    context.load_cert_chain(pathlib.Path(folder, f"{name}.pem"), pathlib.Path(folder, f"{name}.key"))
    return context
