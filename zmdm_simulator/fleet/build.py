"""Makes the devices of a fleet, each one drawn from the seed and its number."""

from __future__ import annotations

import argparse
import itertools
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa

from zmdm_simulator import cms, pki
from zmdm_simulator.core import DeviceCore
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.pki import DeviceCA, Identity
from zmdm_simulator.proof import Proof, Prover
from zmdm_simulator.scep import ScepOptions
from zmdm_simulator.script import Script
from zmdm_simulator.wire import Http

TIMEOUT = httpx.Timeout(30, connect=10)


class KeyPool:
    """Keys that devices share: making one costs 60 ms, which a thousand devices feel."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._keys: dict[int, itertools.cycle[rsa.RSAPrivateKey]] = {}
        self._lock = threading.Lock()

    def __call__(self, bits: int) -> rsa.RSAPrivateKey:
        """Return the next key of the pool."""
        with self._lock:
            if bits not in self._keys:
                self._keys[bits] = itertools.cycle([pki.new_key(bits) for _ in range(self._size)])
            return next(self._keys[bits])


class Clients:
    """One HTTP client for all, and one for each identity that shows itself in TLS."""

    def __init__(self, *, ca_file: str | None, insecure: bool, connections: int) -> None:
        self._ca_file, self._insecure = ca_file, insecure
        self._limits = httpx.Limits(max_connections=connections + 4)
        self._shared = self._make(None)
        self._own: dict[str, httpx.Client] = {}

    def __call__(self, identity: Identity | None) -> httpx.Client:
        """Return the client that shows this identity."""
        if identity is None:
            return self._shared
        if identity.fingerprint not in self._own:
            self._own[identity.fingerprint] = self._make(identity)
        return self._own[identity.fingerprint]

    def close(self) -> None:
        """Close every connection."""
        for client in (self._shared, *self._own.values()):
            client.close()

    def _make(self, identity: Identity | None) -> httpx.Client:
        context = ssl.create_default_context(cafile=self._ca_file)
        if self._insecure:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if identity is not None:
            # The ssl module loads identities from files only.
            with NamedTemporaryFile() as file:
                file.write(identity.to_pem().encode())
                file.flush()
                context.load_cert_chain(file.name)
        return httpx.Client(verify=context, timeout=TIMEOUT, limits=self._limits)


@dataclass(frozen=True)
class Hardware:
    """What the devices of this fleet are like."""

    count: int
    seed: str
    first: int
    models: Sequence[str]
    http: Http
    script: Script
    factory_ca: DeviceCA | None
    proof: Proof
    signature: str
    digest: str
    supervised: bool
    allow_http: bool
    clock_skew: timedelta
    make_key: Callable[[int], rsa.RSAPrivateKey]
    scep: dict[str, Any] = field(default_factory=dict)
    restart_seconds: float = 20
    lock_seconds: float = 60

    @classmethod
    def from_options(
        cls, options: argparse.Namespace, *, models: Sequence[str], script: Script
    ) -> Hardware:
        """Read the command line's options."""
        folder: Path | None = options.apple_dir
        clients = Clients(
            ca_file=options.ca_file, insecure=options.insecure, connections=options.concurrency
        )
        return cls(
            count=options.count,
            seed=options.seed,
            first=options.first,
            models=models,
            http=clients,
            script=script,
            factory_ca=DeviceCA.load(folder) if folder else None,
            proof=Proof(options.proof),
            signature=options.signature,
            digest=options.digest,
            supervised=not options.unsupervised,
            allow_http=options.allow_http,
            clock_skew=timedelta(seconds=options.clock_skew),
            make_key=KeyPool(options.key_pool) if options.key_pool else pki.new_key,
            scep={
                "cipher": options.scep_cipher,
                "digest": options.scep_digest,
                "method": options.scep_method,
                "get_alphabet": options.scep_alphabet,
                "csr_version_two": options.csr_version_2,
                "csr_unsorted": options.csr_unsorted,
            },
            restart_seconds=options.restart_seconds,
            lock_seconds=options.lock_seconds,
        )

    def devices(self, on_event: Callable[[DeviceCore, str], None]) -> list[SimulatedDevice]:
        """Make all devices."""
        numbers = range(self.first, self.first + self.count)
        devices = [self._device(number, on_event) for number in numbers]
        for device, other in itertools.pairwise([*devices, *devices[:1]]):
            device.neighbour = other
        return devices

    def _device(self, number: int, on_event: Callable[[DeviceCore, str], None]) -> SimulatedDevice:
        # Real devices send BER; every third one here does not, so that both are always played.
        der = self.signature == "der" or (self.signature == "mixed" and number % 3 == 2)
        style = cms.Style(ber=not der, attributes=der, digest=self.digest)
        device = SimulatedDevice(
            self.models[number % len(self.models)],
            f"{self.seed}/{number}",
            factory_ca=self.factory_ca,
            http=self.http,
            prover=Prover(self.proof, style),
            script=self.script,
            supervised=self.supervised,
            allow_http=self.allow_http,
            clock_skew=self.clock_skew,
            make_key=self.make_key,
            on_event=on_event,
        )
        device.scep = ScepOptions(clock=device.clock, **self.scep)
        device.restart_seconds, device.lock_seconds = self.restart_seconds, self.lock_seconds
        return device
