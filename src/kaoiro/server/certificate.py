"""A certificate of our own, for clients that speak HTTPS only."""

from __future__ import annotations

import datetime
import ipaddress
import os
import socket
from pathlib import Path
from typing import Any, NamedTuple

from kaoiro.core.errors import MissingExtra, OutputError

YEARS = 2


class Certificate(NamedTuple):
    """Where it lies."""

    certificate: Path
    key: Path


def self_signed(folder: Path, host: str) -> Certificate:
    """Return the certificate in a folder, made if there is none or it has (nearly) expired.

    It is for localhost, the loopback addresses, this machine's name and `host`; clients must be told to trust it.

    Raises:
        MissingExtra: the library that makes certificates is not installed.
        OutputError: the folder cannot be written.
    """
    found = Certificate(folder / "certificate.pem", folder / "key.pem")
    named = {"localhost", "127.0.0.1", "::1", socket.gethostname(), host} - {"0.0.0.0", "::", ""}
    names = sorted(name for name in named if name.isascii())
    try:
        if not _holds(found, names):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _make(found, names)
    except OSError as error:
        raise OutputError(f"{folder}: the certificate cannot be written: {error.strerror or error}") from error
    return found


def _holds(found: Certificate, names: list[str]) -> bool:
    """Whether there is a certificate for these names that is good for another month."""
    x509 = _library()
    from cryptography.hazmat.primitives import serialization

    if not (found.certificate.is_file() and found.key.is_file()):
        return False
    try:
        certificate = x509.load_pem_x509_certificate(found.certificate.read_bytes())
        key = serialization.load_pem_private_key(found.key.read_bytes(), None)
        said = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, x509.ExtensionNotFound):
        return False
    if certificate.public_key() != key.public_key():
        return False  # one of the two was renewed, the other not
    there = {str(name.value) for name in said}
    month = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=30)
    return set(names) <= there and certificate.not_valid_after_utc > month


def _library() -> Any:
    try:
        from cryptography import x509
    except ImportError as error:
        raise MissingExtra("kaoiro serve --self-signed", "serve") from error
    return x509


def _make(found: Certificate, names: list[str]) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "kaoiro on this machine")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365 * YEARS))
        .add_extension(x509.SubjectAlternativeName(list(map(_general, names))), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with os.fdopen(os.open(found.key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(secret)
    found.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _general(name: str) -> Any:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
