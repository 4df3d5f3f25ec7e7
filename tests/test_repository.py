"""What must not stand in any file of the repository."""

import re
import subprocess
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

ROOT = Path(__file__).parent.parent

# Each word is broken by a class of one letter, so that this file does not find itself.
FORBIDDEN = {
    "a registry's or a package mirror's host": r"python[h]osted|py[p]i\.org|registry\.np[m]js|deb\.debia[n]|crates\.i[o]",
    "an index in the lock": r"^--(extra-)?index-ur[l]|^--find-link[s]",
    "a path of one machine": r"(?<![\w.])/(roo[t]|hom[e]|User[s]|tm[p]|wor[k])/\w",
    "a private key": r"BEGIN [A-Z ]*PRIVATE KE[Y]",
    "an access key": r"AKI[A][0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|xox[abpr]-[0-9]{8,}|sk_liv[e]_\w{8,}",
    "a mark of unfinished work": r"#\s*(TOD[O]|FIXM[E]|XX[X]|HAC[K])\b|pytest\.(mark\.)?(ski[p]|xfai[l])",
}
# Works of others, kept byte for byte, with their licences beside them.
OTHERS = (
    "souk/web/assets/graphiql.min",
    "souk/web/assets/react",
    "souk/web/assets/explorer",
    "souk/web/assets/LICENSES",
)


def tracked() -> list[Path]:
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0")
    return [ROOT / name.decode() for name in names if name]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what], re.MULTILINE)
    found = []
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(OTHERS) or not path.is_file():
            continue
        text = path.read_bytes().decode("utf-8", "replace")
        found += [f"{name}: {match[0]}" for match in pattern.finditer(text)]
    assert found == []


def test_each_forbidden_word_would_be_found() -> None:
    samples = {
        "a registry's or a package mirror's host": "https://files.python" + "hosted.org/x",
        "an index in the lock": "--index-" + "url https://example.com",
        "a path of one machine": "see /ro" + "ot/x",
        "a private key": "-----BEGIN RSA PRIVATE " + "KEY-----",
        "an access key": "AKI" + "A0123456789ABCDEF",
        "a mark of unfinished work": "# TO" + "DO later",
    }
    assert samples.keys() == FORBIDDEN.keys()
    for what, sample in samples.items():
        assert re.search(FORBIDDEN[what], sample, re.MULTILINE), what


def test_every_query_of_the_documents_is_one_of_the_schema() -> None:
    schema = build_schema((ROOT / "schema.graphql").read_text(encoding="utf-8"))
    texts = {
        path.name: path.read_text(encoding="utf-8") for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    }
    queries = [
        (name, each) for name, text in texts.items() for each in re.findall(r"```graphql\n(.*?)```", text, re.DOTALL)
    ]
    assert {"README.md", "stuck-batch.md"} <= {name for name, _ in queries}
    for name, query in queries:
        assert validate(schema, parse(query)) == [], name


def test_every_link_of_the_documents_leads_somewhere() -> None:
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text(encoding="utf-8")):
            assert (path.parent / link).exists(), f"{path.name}: {link}"


def test_no_source_file_is_longer_than_500_lines() -> None:
    long = {
        name: lines
        for path in tracked()
        if path.suffix == ".py" and path.is_file()
        if not (name := path.relative_to(ROOT).as_posix()).startswith("souk/migrations/versions/")  # never edited again
        if (lines := len(path.read_text().splitlines())) > 500
    }
    assert long == {}
