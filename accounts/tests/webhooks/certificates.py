"""A certificate authority of a test, and a server's certificate of it: made by OpenSSL."""

import subprocess
from pathlib import Path


def certificate_for(name: str, folder: Path) -> tuple[Path, Path]:
    """(what clients trust, what the server shows with its key): one self-signed certificate."""
    key, certificate, both = (folder / one for one in ("key.pem", "certificate.pem", "both.pem"))
    command = [
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
        *("-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"),
        *("-keyout", str(key), "-out", str(certificate)),
    ]
    subprocess.run(command, check=True, capture_output=True)
    both.write_text(key.read_text() + certificate.read_text())
    return certificate, both
