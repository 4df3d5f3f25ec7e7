"""Every setting of a process, read once from `SOUK_…` and, for secrets, from the file that `SOUK_…_FILE` names."""

import base64
import binascii
import ipaddress
import os
import secrets
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from souk.rules.client import ClientClass

PREFIX = "SOUK_"
NOBODY = "nobody"
SECRETS = (
    "database_url",
    "migrate_database_url",
    "encryption_keys",
    "mail_url",
    "sms_token",
    "redis_url",
    "metrics_token",
)

Seconds = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Words = Annotated[tuple[str, ...], NoDecode]


class SettingsError(Exception):
    """A process that must not start with the settings it has; the message says which and why."""


class _FromFiles(PydanticBaseSettingsSource):
    """`SOUK_DATABASE_URL_FILE=/run/secrets/url` stands for `SOUK_DATABASE_URL`, for secrets only."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"{PREFIX}{field_name.upper()}_FILE")
        if field_name not in SECRETS or not path:
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").strip(), field_name, False
        except OSError as error:
            raise SettingsError(f"{PREFIX}{field_name.upper()}_FILE cannot be read: {error.strerror}") from error

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


class Settings(BaseSettings):
    """Durations are seconds, sizes bytes, unless the name or `.env.example` says otherwise."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True)

    # Where and what
    env: Literal["development", "production"] = "development"
    data_dir: Path = Path(".souk")
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["console", "json"] = "console"

    # PostgreSQL
    database_url: SecretStr | None = None
    migrate_database_url: SecretStr | None = None
    read_pool_size: Count = 4
    read_share_below: Annotated[float, Field(ge=0)] = 0.001
    write_pool_size: Count = 6
    door_pool_size: Count = 2
    worker_pool_size: Count = 5
    pool_wait: Seconds = 1.0
    statement_timeout: Seconds = 5.0
    worker_statement_timeout: Seconds = 30.0
    lock_timeout: Seconds = 2.0
    migrate_lock_timeout: Seconds = 0.2
    idle_in_transaction_timeout: Seconds = 5.0
    transaction_timeout: Seconds = 30.0
    worker_transaction_timeout: Seconds = 300.0

    # Secrets
    encryption_keys: SecretStr | None = None

    # Who may talk to the server
    allowed_hosts: Words = ()
    allowed_origins: Words = ()
    trusted_proxies: Words = ()
    security_contact: str = ""
    metrics_token: SecretStr | None = None

    # Requests
    request_timeout: Seconds = 10.0
    sign_in_timeout: Seconds = 5.0
    commit_grace: Seconds = 1.5
    body_timeout: Seconds = 5.0
    body_limit: Count = 262_144
    send_timeout: Seconds = 30.0
    drain_timeout: Seconds = 20.0
    session_cache: Annotated[float, Field(ge=0, le=1)] = 1.0
    session_recheck: Annotated[float, Field(gt=0, le=5)] = 1.0

    # Files that are handed over
    upload_limit: Count = 52_428_800
    upload_timeout: Seconds = 120.0
    upload_days: Count = 30

    # Sockets and streams
    socket_init_timeout: Seconds = 5.0
    socket_ping: Seconds = 20.0
    socket_subscriptions: Count = 20
    sockets_per_session: Count = 5
    sockets_per_address: Count = 2_000
    stream_heartbeat: Seconds = 12.0
    stream_backlog: Count = 256

    # The guard in front of the schema
    max_depth: Count = 12
    max_introspection_depth: Count = 20
    max_aliases: Count = 30
    max_definitions: Count = 50
    max_fields: Count = 200
    max_tokens: Count = 4_000
    max_root_mutations: Count = 5
    max_nodes: Count = 10_000
    max_cost: Count = 1_000

    # How much may be asked in a time
    limit_scale: Annotated[float, Field(gt=0)] = 1.0
    api_processes: Count = 1
    redis_url: SecretStr | None = None

    # Documents that nobody registered
    ad_hoc_documents: Words = ()
    automatic_documents: Count = 1_000

    # Letters
    mail_url: SecretStr | None = None
    mail_from: str = "Souk <no-reply@localhost>"
    sms_url: str | None = None
    sms_token: SecretStr | None = None

    # Counts that the writes keep, instead of counting
    counters: bool = True

    # The documents that come with the program are made ready when a process starts to serve
    warm: bool = True

    # Background work
    lease: Seconds = 60.0
    heartbeat: Seconds = 10.0
    poll: Seconds = 2.0

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _FromFiles(settings_cls)

    @field_validator("allowed_hosts", "allowed_origins", "trusted_proxies", "ad_hoc_documents", mode="before")
    @classmethod
    def _words(cls, value: object) -> object:
        return tuple(word.strip() for word in value.split(",") if word.strip()) if isinstance(value, str) else value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """Anything else would be taken for a name and trust nobody, and a `*` would trust everybody."""
        for word in value:
            try:
                ipaddress.ip_network(word)
            except ValueError as error:
                raise ValueError("must be addresses or networks (10.0.0.0/8), comma separated") from error
        return value

    @field_validator("database_url", "migrate_database_url")
    @classmethod
    def _postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("must begin with postgresql://")
        return value

    @field_validator("mail_url")
    @classmethod
    def _smtp(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("smtp://", "smtps://")):
            raise ValueError("must begin with smtp:// or smtps://")
        return value

    @field_validator("sms_url")
    @classmethod
    def _http(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("https://", "http://127.0.0.1", "http://localhost")):
            raise ValueError("must begin with https://, or be on this machine")
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must begin with redis://")
        return value

    @field_validator("metrics_token")
    @classmethod
    def _long(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 16:
            raise ValueError("must have at least 16 characters")
        return value

    @field_validator("security_contact")
    @classmethod
    def _contact(cls, value: str) -> str:
        if value and not value.startswith(("mailto:", "https://", "tel:")):
            raise ValueError("must begin with mailto:, https:// or tel:")
        return value

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.heartbeat >= self.lease:
            raise ValueError("SOUK_HEARTBEAT must be shorter than SOUK_LEASE")
        if unknown := set(self.ad_hoc_documents) - {*ClientClass, NOBODY}:
            raise ValueError(f"SOUK_AD_HOC_DOCUMENTS: {', '.join(sorted(unknown))} is no class of clients")
        if self.encryption_keys is not None:
            keys_of(self.encryption_keys.get_secret_value())
        return self

    @property
    def development(self) -> bool:
        return self.env == "development"

    @property
    def ad_hoc(self) -> frozenset[ClientClass]:
        """The classes of clients that may send documents which nobody registered."""
        if not self.ad_hoc_documents:
            return frozenset(ClientClass) if self.development else frozenset({ClientClass.SERVICE})
        return frozenset(ClientClass(word) for word in self.ad_hoc_documents if word != NOBODY)

    @property
    def files_dir(self) -> Path:
        """Where uploads are kept; API and workers of one installation see the same directory."""
        return self.data_dir / "files"

    def key_spec(self) -> str:
        """The encryption keys as `id:base64,…`: the first encrypts, all decrypt. Raises SettingsError.

        A development installation without keys makes one and keeps it under `data_dir`; production refuses.
        """
        if self.encryption_keys is not None:
            return self.encryption_keys.get_secret_value()
        if not self.development:
            raise SettingsError(f"{PREFIX}ENCRYPTION_KEYS is required in production (id:base64 of 32 bytes)")
        path = self.data_dir / "encryption-keys"
        self.data_dir.mkdir(parents=True, exist_ok=True)
        made = f"local:{base64.b64encode(secrets.token_bytes(32)).decode()}\n"
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(made, encoding="ascii")
        try:
            os.link(draft, path)  # the first of several processes wins, and nobody reads half a key
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        return path.read_text(encoding="ascii").strip()

    def url(self) -> str:
        """Where the database is. Raises SettingsError when that is not set; `souk.db.embedded` knows of its own."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        raise SettingsError(f"{PREFIX}DATABASE_URL is required")

    def migrate_url(self) -> str:
        """Where `souk migrate` signs in."""
        given = self.migrate_database_url
        return self.url() if given is None else given.get_secret_value()


def keys_of(text: str) -> dict[str, bytes]:
    """Read `id:base64,id:base64` (AES-256 keys). Raises ValueError without repeating what it read."""
    keys: dict[str, bytes] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, encoded = part.partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            key = b""
        if not name.isidentifier() or len(key) != 32 or name in keys:
            raise ValueError("encryption keys are id:base64, comma separated, each id once, each key 32 bytes")
        keys[name] = key
    if not keys:
        raise ValueError("at least one encryption key is needed")
    return keys
