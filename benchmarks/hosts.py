"""Box's own host names on this machine alone, for rclone, in which they are compiled in.

The benchmark runs in a namespace of its own: its hosts file says that Box is on loopback, its network has nothing but
loopback, and a forwarder ends TLS there with a certificate made for the occasion. Outside, nothing changes.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

NAMES = ("api.box.com", "upload.box.com", "account.box.com")
UNSHARE = ("unshare", "--map-root-user", "--mount", "--net")
HOSTS = "/etc/hosts"
FORWARDER = Path(__file__).with_name("forwarder.py")
SIOCSIFFLAGS, IFF_UP = 0x8914, 0x1  # <linux/sockios.h>, <linux/if.h>


def can_be_private() -> bool:
    """Return whether the system lets us have a namespace and a hosts file in it, which containers often do not."""
    if shutil.which("unshare") is None:
        return False
    mount = ("mount", "--bind", HOSTS, HOSTS)
    return subprocess.run([*UNSHARE, *mount], check=False, capture_output=True).returncode == 0


def go_private(words: list[str]) -> None:
    """Become the same program in a namespace of its own, with these arguments; does not return."""
    os.execvp(UNSHARE[0], [*UNSHARE, sys.executable, "-m", __package__, *words])


@contextmanager
def of_box(port: int, scratch: Path) -> Iterator[Path]:
    """Have Box's names lead to the emulator at `port` while the block runs; give the certificate to trust.

    Only for a process in a namespace of its own.
    """
    hosts, certificate = scratch / "hosts", scratch / "certificate.pem"
    hosts.write_text(f"127.0.0.1 localhost {' '.join(NAMES)}\n")
    subprocess.run(["mount", "--bind", str(hosts), HOSTS], check=True)
    certificate.write_bytes(_certificate())
    words = [sys.executable, str(FORWARDER), str(certificate), str(port)]
    forwarder = subprocess.Popen(words, stdout=subprocess.PIPE)
    try:
        assert forwarder.stdout is not None
        assert forwarder.stdout.readline(), "the forwarder did not start"
        yield certificate
    finally:
        forwarder.terminate()
        forwarder.wait()


def start_loopback() -> None:
    """Start the loopback network, which a new namespace has but not running."""
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP))


def _certificate() -> bytes:
    """Return a key and a certificate for Box's names, valid for a day; it is its own authority."""
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.timezone.utc)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "jupyter-box benchmarks")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in NAMES]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, pkcs8, plain = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(pem, pkcs8, plain) + certificate.public_bytes(pem)
