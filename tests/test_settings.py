"""Settings: documented with their defaults, read from files where they are secret, refused where they are wrong."""

import base64
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from souk.settings import PREFIX, SECRETS, Settings, SettingsError, keys_of

ROOT = Path(__file__).parent.parent
READ_BY_SETTINGS = {"ad_hoc_documents", "env", "encryption_keys"}
"""What nobody else asks for: `development`, `key_spec()` answer for them."""
KEY = base64.b64encode(bytes(32)).decode()


def written(value: Any) -> str:
    if value is None:
        return ""
    return ",".join(value) if isinstance(value, tuple) else str(value)


def test_the_example_lists_every_setting_with_its_default_and_nothing_else() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    example = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    defaults = {f"{PREFIX}{name.upper()}": written(field.default) for name, field in Settings.model_fields.items()}
    assert example == defaults


def test_every_setting_of_the_example_is_explained_on_the_line_above() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    bare = [line for above, line in zip(["", *lines], lines) if re.match(r"\w+=", line) and not above.startswith("#")]
    assert bare == []


def test_a_secret_comes_from_the_file_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "url"
    file.write_text("postgresql://db/souk\n")
    monkeypatch.setenv("SOUK_DATABASE_URL_FILE", str(file))
    assert Settings().url() == "postgresql://db/souk"
    monkeypatch.setenv("SOUK_DATABASE_URL", "postgresql://other/souk")
    assert Settings().url() == "postgresql://other/souk"


def test_only_secrets_are_read_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "port"
    file.write_text("9000")
    monkeypatch.setenv("SOUK_PORT_FILE", str(file))
    assert Settings().port == 8000


def test_a_secret_file_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUK_ENCRYPTION_KEYS_FILE", str(tmp_path / "absent"))
    with pytest.raises(SettingsError, match="SOUK_ENCRYPTION_KEYS_FILE cannot be read: No such file"):
        Settings()


def test_the_runbook_says_how_each_secret_is_changed() -> None:
    page = (ROOT / "docs" / "runbooks" / "rotating-secrets.md").read_text(encoding="utf-8")
    table = page[: page.index("## ")]
    assert [name for name in SECRETS if f"`{PREFIX}{name.upper()}`" not in table] == []


def test_secrets_do_not_show() -> None:
    schemes = {"mail_url": "smtp", "redis_url": "redis"}
    given = Settings(
        **{n: SecretStr(f"{schemes.get(n, 'postgresql')}://hidden-value") for n in SECRETS if n != "encryption_keys"}
    )
    assert "hidden-value" not in repr(given)


def test_every_setting_is_asked_for_somewhere() -> None:
    sources = [path for path in (ROOT / "souk").rglob("*.py") if path.name != "settings.py"]
    told = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    unheard = {name for name in Settings.model_fields if not re.search(rf"\.{name}\b", told)}
    assert unheard == READ_BY_SETTINGS


def test_lists_are_comma_separated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUK_ALLOWED_HOSTS", "a.test, *.b.test,")
    assert Settings().allowed_hosts == ("a.test", "*.b.test")


@pytest.mark.parametrize("spec", ["", "abc123", "abc:", "abc:short", f"a:{KEY},a:{KEY}", f"a b:{KEY}", "a:" + KEY[:-4]])
def test_wrong_keys_are_refused_without_being_repeated(spec: str) -> None:
    with pytest.raises(ValueError, match=r"encryption key") as refusal:
        keys_of(spec)
    assert spec == "" or spec not in str(refusal.value)


def test_keys_keep_their_order() -> None:
    assert list(keys_of(f"new:{KEY}, old:{KEY}")) == ["new", "old"]


def test_production_refuses_to_start_without_keys(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="SOUK_ENCRYPTION_KEYS is required in production"):
        Settings(env="production", data_dir=tmp_path).key_spec()
    assert list(tmp_path.iterdir()) == []


def test_development_makes_one_key_and_keeps_it(tmp_path: Path) -> None:
    given = Settings(data_dir=tmp_path / "new")
    spec = given.key_spec()
    assert Settings(data_dir=tmp_path / "new").key_spec() == spec
    assert [len(key) for key in keys_of(spec).values()] == [32]
    assert [(path.name, path.stat().st_mode & 0o777) for path in (tmp_path / "new").iterdir()] == [
        ("encryption-keys", 0o600)
    ]


def test_a_lease_must_outlast_a_heartbeat() -> None:
    with pytest.raises(ValidationError, match="SOUK_HEARTBEAT must be shorter than SOUK_LEASE"):
        Settings(lease=10, heartbeat=10)
