"""A certificate authority for one test run, and servers' TLS contexts with certificates of it."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
import subprocess
from functools import cached_property
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from program import need

if TYPE_CHECKING:
    from pathlib import Path

DAY = dt.timedelta(days=1)
UNUSED = ["content_commitment", "key_encipherment", "data_encipherment", "key_agreement"]
UNUSED += ["encipher_only", "decipher_only"]


class Authority:
    """An authority of one's own, whose files go into a folder; `bundle` is its certificate as a PEM file."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = {"digital_signature": True, "key_cert_sign": True, "crl_sign": True}
        made = (
            self._certificate(self._name, self._key, DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .add_extension(x509.KeyUsage(**{**dict.fromkeys(UNUSED, False), **usage}), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.bundle = folder / "ca.pem"
        self.bundle.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    @cached_property
    def hashed(self) -> Path:
        """A folder with the certificate under its subject's hash, as OpenSSL wants it."""
        need("openssl")
        folder = self._folder / "hashed"
        folder.mkdir()
        told = subprocess.run(
            ["openssl", "x509", "-hash", "-noout", "-in", str(self.bundle)], check=True, capture_output=True, text=True
        )
        (folder / f"{told.stdout.strip()}.0").write_bytes(self.bundle.read_bytes())
        return folder

    def _certificate(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, valid: dt.timedelta
    ) -> x509.CertificateBuilder:
        """What every certificate has; `valid` is until when, from now."""
        now = dt.datetime.now(dt.UTC)
        return x509.CertificateBuilder(
            self._name, name, key.public_key(), x509.random_serial_number(), now - 3 * DAY, now + valid
        )

    def server(self, host: str = "127.0.0.1", *, expired: bool = False) -> ssl.SSLContext:
        """A server's context with a certificate for a host name or address."""
        key = ec.generate_private_key(ec.SECP256R1())
        try:
            names: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address(host))]
        except ValueError:
            names = [x509.DNSName(host)]
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        made = (
            self._certificate(subject, key, -DAY if expired else DAY)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        path = self._folder / f"{host.replace(':', '_')}-{expired}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + made.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context
