"""Manifests as the tools write them, and what is wrong with one."""

from hashlib import md5, sha1, sha256
from typing import Any

import pytest

from souk.rules.errors import Invalid, LimitExceeded, Refused, Required, TooLong
from souk.rules.manifest import MAX_DOCUMENTS, Listed, digest, document_id, read_id, read_manifest

DESK, SHOP = "query Desk { __typename }", "query Shop { __typename }"


def hex_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def apollo(*operations: Any, **more: Any) -> dict[str, Any]:
    return {"format": "apollo-persisted-query-manifest", "version": 1, "operations": list(operations)} | more


def test_a_map_of_codegen_or_relay_and_a_list_of_apollo_hold_the_same() -> None:
    map_ = {hex_of(DESK): DESK, "sha256:" + hex_of(SHOP).upper().lower(): SHOP}
    assert read_manifest(map_) == [Listed(digest(DESK), DESK), Listed(digest(SHOP), SHOP)]
    listed = [
        {"id": hex_of(each), "name": name, "type": "query", "body": each}
        for name, each in (("Desk", DESK), ("Shop", SHOP))
    ]
    assert read_manifest(apollo(*listed)) == [
        Listed(digest(DESK), DESK, "Desk"),
        Listed(digest(SHOP), SHOP, "Shop"),
    ]
    assert read_manifest(apollo(listed[0], listed[0])) == [Listed(digest(DESK), DESK, "Desk")]


@pytest.mark.parametrize(
    ("manifest", "refusal", "words"),
    [
        ([], Invalid, "A manifest is a JSON object."),
        ({}, Required, "The manifest has no documents."),
        (apollo(), Required, "The manifest has no documents."),
        (apollo(version=2), Invalid, "version 1"),
        ({"operations": []}, Invalid, "apollo-persisted-query-manifest"),
        (apollo("x"), Invalid, "an object with id, name and body"),
        (apollo({"id": hex_of(DESK), "name": "Desk"}), Invalid, "Desk: a document is a text"),
        ({hex_of(SHOP): DESK}, Invalid, "the hash is not the SHA-256 of the document"),
        ({hex_of(DESK): 7}, Invalid, "a document is a text under its hash"),
        ({sha1(DESK.encode()).hexdigest(): DESK}, Invalid, "this is SHA-1; set the tool's algorithm to SHA-256"),
        ({md5(DESK.encode()).hexdigest(): DESK}, Invalid, "this is MD5; set the tool's algorithm to SHA-256"),
        ({"desk": DESK}, Invalid, "this is none"),
        ({hex_of(DESK): "\ud800"}, Invalid, "the text is not Unicode"),
        ({hex_of("a" * 262_145): "a" * 262_145}, TooLong, "262144 bytes"),
        ({hex_of(str(n)): str(n) for n in range(MAX_DOCUMENTS + 1)}, LimitExceeded, "2000 documents"),
        (
            apollo(
                {"id": hex_of(DESK), "name": "A", "body": DESK},
                {"id": hex_of(DESK), "name": "B", "body": DESK},
            ),
            Invalid,
            "B: the same document stands there as A.",
        ),
    ],
)
def test_what_is_wrong_is_said(manifest: Any, refusal: type[Refused], words: str) -> None:
    with pytest.raises(refusal) as told:
        read_manifest(manifest)
    assert words in told.value.message
    assert told.value.field == ("manifest",)


def test_an_id_is_the_digest_with_or_without_its_prefix() -> None:
    found = digest(DESK)
    assert read_id(document_id(found)) == read_id(found.hex()) == found
    for wrong in ("", "sha256:", "sha256:" + "g" * 64, "a" * 63, "sha1:" + "a" * 40, found.hex().upper()):
        assert read_id(wrong) is None
