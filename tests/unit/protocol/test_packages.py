"""What an administrator uploads as a package: read if a device would install it, else refused
with the reason, whatever its bytes are."""

from __future__ import annotations

import io
import plistlib
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zmdm_plugin.protocol.packages import manifest, tree, xar
from zmdm_plugin.protocol.packages.manifest import CHUNK, Hashes
from zmdm_plugin.protocol.packages.values import Bundle, Package, PackageError
from zmdm_simulator import packages, pki
from zmdm_simulator.packages import App

EDITOR = App("org.example.editor", "Example Editor", "4.2.1")
SIGNER = pki.self_signed(pki.name([("CN", "Developer ID Installer: Example")]), key=pki.new_key())
SIGNED = packages.pkg(EDITOR, signer=SIGNER, title="Editor")
NOTES = packages.ipa(App("org.example.notes", "Notes", "1.0"))


def read(data: bytes) -> Package:
    return manifest.read(io.BytesIO(data))


def refused(data: bytes) -> str:
    with pytest.raises(PackageError) as error:
        read(data)
    return str(error.value)


def archive(entries: dict[str, bytes]) -> bytes:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as found:
        for name, content in entries.items():
            found.writestr(name, content)
    return kept.getvalue()


def test_a_signed_installer_tells_product_bundles_title_and_signer() -> None:
    found = read(SIGNED)
    assert (found.kind, found.product_id, found.product_version, found.title) == (
        "pkg",
        "org.example.editor",
        "4.2.1",
        "Editor",
    )
    path = "Applications/Example Editor.app"
    assert found.bundles == (
        Bundle(identifier="org.example.editor", version="4.2.1", short_version="4.2.1", path=path),
    )
    assert found.platforms == ("macOS",)
    assert found.signer == "Developer ID Installer: Example"


@pytest.mark.parametrize(
    ("families", "platforms"),
    [((1,), ("iOS", "iPadOS")), ((2,), ("iPadOS",)), ((3,), ("tvOS",)), ((7,), ("visionOS",))],
)
def test_an_application_archive_tells_for_which_devices_it_is(
    families: tuple[int, ...], platforms: tuple[str, ...]
) -> None:
    found = read(packages.ipa(App("org.example.notes", "Notes", "1.0"), families=families))
    assert (found.kind, found.product_id, found.platforms) == (
        "ipa",
        "org.example.notes",
        platforms,
    )


def test_an_unsigned_installer_is_refused() -> None:
    assert "not signed" in refused(packages.pkg(EDITOR, signer=None))


def test_a_distribution_that_was_changed_after_signing_is_refused() -> None:
    header = packages.HEADER.unpack_from(SIGNED)
    broken = bytearray(SIGNED)
    broken[header[1] + header[3] + 20 + 256 + 40] ^= 0xFF
    assert "damaged" in refused(bytes(broken))


def test_a_signature_of_another_table_is_refused() -> None:
    header = packages.HEADER.unpack_from(SIGNED)
    heap = header[1] + header[3]
    broken = bytearray(SIGNED)
    broken[heap + 25] ^= 0xFF
    assert "signature is broken" in refused(bytes(broken))


def test_a_component_package_is_refused_with_what_to_do() -> None:
    assert "productbuild" in refused(packages.xar({"PackageInfo": b"<pkg-info/>"}, signer=SIGNER))


def test_an_archive_without_distribution_is_no_installer() -> None:
    assert "no Distribution" in refused(packages.xar({"Readme": b"hello"}, signer=SIGNER))


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.95])
def test_a_truncated_installer_is_refused(share: float) -> None:
    assert refused(SIGNED[: int(len(SIGNED) * share)])


def test_a_huge_table_of_contents_is_refused_before_it_is_read() -> None:
    header = packages.HEADER.pack(b"xar!", 28, 1, xar.MAX_PACKED_TOC + 1, 100, 1)
    assert "larger than" in refused(header + bytes(100))


def test_a_table_that_unpacks_to_more_than_it_says_is_refused() -> None:
    bomb = zlib.compress(bytes(50_000_000))
    header = packages.HEADER.pack(b"xar!", 28, 1, len(bomb), 1000, 1)
    assert "unpacks to more" in refused(header + bomb)


def test_a_distribution_that_unpacks_to_more_than_it_says_is_refused() -> None:
    bomb = zlib.compress(bytes(10_000_000))
    entry = (
        f"<file id='1'><data><length>{len(bomb)}</length><offset>{20 + 256}</offset><size>99</size>"
        "<encoding style='application/x-gzip'/></data><type>file</type><name>Distribution</name>"
        "</file>"
    )
    assert "unpacks to more" in refused(packages.sealed(entry, [bomb], signer=SIGNER))


@pytest.mark.parametrize("name", ["../evil", "..", "/etc/passwd", "a/b"])
def test_a_name_that_leads_out_of_the_archive_is_refused(name: str) -> None:
    assert "leads out" in refused(packages.xar({name: b"x", "Distribution": b"x"}, signer=SIGNER))
    assert "leads out" in refused(archive({f"Payload/../{name}": b"x"}))


def test_entities_are_refused() -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY a "aaaaaaaa">]><installer-gui-script>&a;</installer-gui-script>'
    assert "document type" in refused(packages.xar({"Distribution": bomb}, signer=SIGNER))


def test_a_distribution_that_names_no_version_is_refused() -> None:
    script = b"<installer-gui-script><product id='org.example'/></installer-gui-script>"
    assert "no product with a version" in refused(
        packages.xar({"Distribution": script}, signer=SIGNER)
    )


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(PackageError, match="nested"):
        tree.parse(b"<a>" * 5000 + b"</a>" * 5000, "it")


def test_a_zip_bomb_is_refused() -> None:
    info = plistlib.dumps({"CFBundleIdentifier": "a", "CFBundleVersion": "1"})
    bomb = archive({"Payload/A.app/Info.plist": info, "Payload/A.app/A": bytes(300_000_000)})
    assert "unpacks to more" in refused(bomb)


def test_a_zip_without_an_application_is_refused() -> None:
    assert "no application" in refused(archive({"Readme": b"hello"}))


def test_another_file_is_refused() -> None:
    assert "neither" in refused(b"MZ\x90\0 a program for another world")


@pytest.mark.parametrize("whole", [SIGNED, NOTES], ids=["pkg", "ipa"])
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_damage_is_refused_or_changes_nothing_that_counts(
    whole: bytes, data: st.DataObject
) -> None:
    broken = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(broken) - 1))
        broken[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(4, len(broken)))
    try:
        found = read(bytes(broken[:cut]))
    except PackageError as error:
        assert str(error)
    else:
        assert found.product_id


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 3 * CHUNK // 2), max_size=4))
def test_hashes_do_not_depend_on_how_a_file_comes(sizes: list[int]) -> None:
    pieces, whole = Hashes(), Hashes()
    for number in sizes:
        pieces.update(bytes(number))
    whole.update(bytes(sum(sizes)))
    assert pieces.finish() == whole.finish()
    assert (pieces.sha256s, pieces.md5s, pieces.size) == (whole.sha256s, whole.md5s, whole.size)
    assert len(whole.sha256s) == -(-whole.size // CHUNK)
