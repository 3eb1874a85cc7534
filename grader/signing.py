"""Signatures of reports: Ed25519 over canonical JSON, each view signed by itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nacl.encoding import HexEncoder
from nacl.exceptions import BadSignatureError, CryptoError
from nacl.signing import VerifyKey

from .keys import Key

INTEGRITY = "integrity"
ALGORITHM = "ed25519"
# What differs between two runs that say the same.
VOLATILE = ("report_id", "created_at", "run", INTEGRITY)
VOLATILE_IN_TEST = ("duration_s", "cpu_s", "peak_rss_bytes", "performance", "seed")


@dataclass(frozen=True, slots=True)
class Verified:
    """What a report's signature says; `problem` is empty when all is well."""

    key_id: str
    course: str
    problem: str

    @property
    def ok(self) -> bool:
        return not self.problem


def canonical(value: Any) -> bytes:
    """The one way to write `value` as JSON: sorted keys, no spaces, UTF-8, no NaN."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def sign(report: Mapping[str, Any], key: Key, *, previous: str | None = None) -> dict[str, Any]:
    """A copy of `report` with its digest and signature.

    Args:
        previous: the digest of the report that this one replaces.
    """
    content = {name: value for name, value in report.items() if name != INTEGRITY}
    integrity: dict[str, Any] = {"payload_sha256": hashlib.sha256(canonical(content)).hexdigest()}
    if previous is not None:
        integrity["previous_sha256"] = previous
    value = key.signing.sign(_signed_bytes(integrity)).signature.hex()
    integrity["signature"] = {"alg": ALGORITHM, "key_id": key.public, "value": value}
    return {**content, INTEGRITY: integrity}


def verify(report: Mapping[str, Any], trusted: Mapping[str, str]) -> Verified:
    """Hold a report against its own digest and signature, and its signer against `trusted`."""
    integrity = report.get(INTEGRITY)
    if not isinstance(integrity, Mapping) or not isinstance(integrity.get("signature"), Mapping):
        return Verified("", "", "it is not signed")
    if integrity["signature"].get("alg") != ALGORITHM:
        return Verified("", "", f"its signature is not {ALGORITHM}")
    key_id, value = (str(integrity["signature"].get(name, "")) for name in ("key_id", "value"))
    content = {name: part for name, part in report.items() if name != INTEGRITY}
    try:
        found = hashlib.sha256(canonical(content)).hexdigest()
    except ValueError:
        return Verified(key_id, "", "it holds numbers that JSON lacks")
    if found != integrity.get("payload_sha256"):
        return Verified(key_id, "", "it was changed after it was signed")
    try:
        VerifyKey(key_id.encode(), encoder=HexEncoder).verify(
            _signed_bytes({k: v for k, v in integrity.items() if k != "signature"}),
            bytes.fromhex(value),
        )
    except (BadSignatureError, CryptoError, ValueError, TypeError):
        return Verified(key_id, "", "its signature is wrong")
    course = trusted.get(key_id)
    if course is None:
        whose = "it is self-graded: " if report.get("authority") == "self" else ""
        return Verified(key_id, "", f"{whose}its signer {key_id[:16]} is no course that you trust")
    return Verified(key_id, course, "")


def graded_payload(report: Mapping[str, Any]) -> bytes:
    """What two runs with the same seed must agree on, byte for byte."""
    content = {name: part for name, part in report.items() if name not in VOLATILE}
    content["tests"] = [
        {name: part for name, part in test.items() if name not in VOLATILE_IN_TEST}
        for test in report.get("tests", ())
    ]
    return canonical(content)


def _signed_bytes(integrity: Mapping[str, Any]) -> bytes:
    return b"labgrade/1\n" + canonical(integrity)
