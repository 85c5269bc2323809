"""Keys that check customer tokens: which may, which tokens they let through, and how often they have to work."""

import asyncio
import base64
import hashlib
import hmac
import json
from datetime import timedelta
from itertools import product
from typing import Any

import asyncpg
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm

from backend.clock import FixedClock
from backend.errors import BadInput, Conflict, NotFound
from backend.services.customer_tokens.public_keys import read_public_key
from backend.services.customer_tokens.ring import MOST_CHECKS, KeyRing, RequestReader, RingKey
from backend.services.customer_tokens.tokens import MOST_KEYS, CustomerTokens
from backend.store import customer_tokens as store
from segments.tokens import Claims, Verdict
from tests.fixtures.customer_tokens import ALGORITHMS, NOW, Issuer, private_key, private_pem, public_pem

HOUR = timedelta(hours=1)


def ring_of(*issuers: Issuer, retired: tuple[Issuer, ...] = (), audience: str = "phone") -> KeyRing:
    keys = [RingKey(issuer.kid, issuer.algorithm, issuer.public, issuer in retired) for issuer in (*issuers, *retired)]
    return KeyRing(audience=audience, keys=keys)


def b64(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forged(header: Any, payload: Any, signature: bytes = b"x" * 64) -> str:
    return f"{b64(header)}.{b64(payload)}.{b64(signature)}"


CLAIMS = {"sub": "u1", "aud": "phone", "iat": int(NOW.timestamp()), "exp": int((NOW + HOUR).timestamp())}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_token_says_who_it_is_for_and_how_long(algorithm: str) -> None:
    issuer = Issuer(algorithm=algorithm)
    expected = Claims(subject="u1", begins=NOW, ends=NOW + HOUR)
    assert ring_of(issuer).check(issuer.token("u1")) == expected
    assert ring_of(issuer).check(issuer.token("u1", iat=..., nbf=int(NOW.timestamp()))) == expected
    assert ring_of(issuer).check(issuer.token("u1", aud=["web", "phone"])) == expected


@pytest.mark.parametrize(
    ("verdict", "changes"),
    [
        ("audience", {"aud": "other"}),
        ("audience", {"aud": []}),
        ("unreadable", {"aud": ...}),
        ("unreadable", {"sub": ...}),
        ("unreadable", {"sub": ""}),
        ("unreadable", {"sub": 42}),
        ("unreadable", {"exp": ...}),
        ("unreadable", {"exp": True}),
        ("unreadable", {"exp": "tomorrow"}),
        ("unreadable", {"exp": 1e300}),
        ("unreadable", {"iat": ...}),
        ("lifetime", {"exp": CLAIMS["iat"] + 86_401}),
        ("lifetime", {"iat": CLAIMS["iat"] - 90_000, "nbf": CLAIMS["iat"]}),
        ("lifetime", {"exp": 253_402_300_799}),
    ],
)
def test_claims_that_do_not_fit(verdict: str, changes: dict[str, Any]) -> None:
    issuer = Issuer()
    assert ring_of(issuer).check(issuer.token("u1", **changes)) == verdict


@pytest.mark.parametrize(
    ("verdict", "header"),
    [
        ("unreadable", {"crit": ["exp"]}),
        ("unreadable", {"typ": "at+jwt"}),
        ("unreadable", {"typ": 5}),
        ("unknown_key", {"kid": "k2"}),
        ("unknown_key", {"kid": "../../etc/passwd"}),
    ],
)
def test_headers_that_do_not_fit(verdict: str, header: dict[str, Any]) -> None:
    issuer = Issuer()
    signing = jwt.api_jws.PyJWS()
    token = signing.encode(json.dumps(CLAIMS).encode(), issuer.key, "ES256", headers={"kid": "k1", **header})
    assert ring_of(issuer).check(token) == verdict


def test_a_key_in_the_token_is_not_looked_at() -> None:
    """Signed with the stranger's own key, which the header offers in every way there is."""
    shop, stranger = Issuer(), Issuer(number=1)
    offered = json.loads(ECAlgorithm.to_jwk(stranger.key.public_key()))
    for header in ({"jwk": offered}, {"jku": "http://127.0.0.1:9/keys"}, {"x5u": "http://127.0.0.1:9/c"}):
        assert ring_of(shop).check(stranger.token("u1", header=header)) == "signature"
        unnamed = forged({"alg": "ES256", **header}, CLAIMS)
        assert ring_of(shop).check(unnamed) == "unreadable"


CLAIMED = ("none", "None", "HS256", "HS512", "RS256", "ES256", "EdDSA", "PS256", "", None, 5)


@pytest.mark.parametrize(
    ("algorithm", "claimed"), [pair for pair in product(ALGORITHMS, CLAIMED) if pair[0] != pair[1]]
)
def test_the_key_alone_says_by_which_algorithm(algorithm: str, claimed: Any) -> None:
    """The old trick: the public key, which everybody may know, as the secret of an HMAC; and no signature at all."""
    issuer = Issuer(algorithm=algorithm)
    head, body = b64({"alg": claimed, "kid": "k1", "typ": "JWT"}), b64(CLAIMS)
    mac = hmac.new(issuer.public.encode(), f"{head}.{body}".encode(), hashlib.sha256).digest()
    for signature in (b64(mac), ""):
        verdict = ring_of(issuer).check(f"{head}.{body}.{signature}")
        assert verdict in {"algorithm", "unreadable"}


def test_two_keys_hold_at_once_and_a_retired_one_does_not() -> None:
    old, new = Issuer(kid="old"), Issuer(kid="new", algorithm="EdDSA")
    both, later = ring_of(old, new), ring_of(new, retired=(old,))
    assert isinstance(both.check(old.token("u1")), Claims)
    assert isinstance(both.check(new.token("u1")), Claims)
    assert isinstance(later.check(new.token("u1")), Claims)
    assert later.check(old.token("u1")) == "retired_key"


@given(st.data())
def test_a_token_that_was_changed_anywhere_proves_nothing(data: st.DataObject) -> None:
    """Any other character at any place: never another customer's claims, and never a fault."""
    issuer = Issuer(algorithm=data.draw(st.sampled_from(["ES256", "EdDSA"])))
    token = issuer.token("u1")
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(min_codepoint=1, max_codepoint=0x2FF))
    changed = token[:place] + other + token[place + 1 :]
    claims = ring_of(issuer).check(changed)
    if changed != token:
        assert isinstance(claims, Verdict)


@given(st.text(max_size=500) | st.builds(lambda *parts: ".".join(parts), *[st.text("eyJabc_-=", max_size=40)] * 3))
def test_no_text_at_all_is_a_token_by_chance(text: str) -> None:
    assert isinstance(ring_of(Issuer()).check(text), Verdict)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
HEADERS = st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk", "zip"]), JSON | st.just("k1"))


@given(HEADERS, JSON)
def test_no_made_up_header_opens_the_door(header: Any, payload: Any) -> None:
    assert isinstance(ring_of(Issuer()).check(forged(header, payload)), Verdict)


@given(st.dictionaries(st.sampled_from(["sub", "aud", "exp", "iat", "nbf", "x"]), JSON))
def test_whatever_the_shop_signs_is_read_or_refused(payload: dict[str, Any]) -> None:
    issuer = Issuer(algorithm="EdDSA")
    token = jwt.api_jws.encode(json.dumps(payload).encode(), issuer.key, "EdDSA", headers={"kid": "k1"})
    claims = ring_of(issuer).check(token)
    if isinstance(claims, Claims):
        assert claims.subject == payload["sub"]
        assert claims.ends - claims.begins <= timedelta(hours=24)


class Counting(KeyRing):
    """A ring that counts how often it has to work."""

    checks = 0

    def check(self, token: str) -> Claims | Verdict:
        self.checks += 1
        return super().check(token)


def counting(issuer: Issuer) -> Counting:
    return Counting(audience="phone", keys=[RingKey(issuer.kid, issuer.algorithm, issuer.public, retired=False)])


def test_a_hundred_events_of_a_phone_cost_one_check() -> None:
    issuer = Issuer()
    ring, token = counting(issuer), issuer.token("u1")
    for _ in range(5):
        reader = RequestReader(ring)
        assert all(isinstance(reader(token), Claims) for _ in range(100))
    assert ring.checks == 1


def test_a_flood_of_tokens_is_cut_off_in_each_request() -> None:
    """Also forged ones are checked once a request, and a good one that is known costs nothing even then."""
    issuer = Issuer()
    ring, known = counting(issuer), issuer.token("u1")
    RequestReader(ring)(known)
    stranger = Issuer(number=1)
    flood = [stranger.token(f"u{n}") for n in range(MOST_CHECKS + 20)]
    reader = RequestReader(ring)
    verdicts = [reader(token) for token in flood + flood]
    assert ring.checks == 1 + MOST_CHECKS
    assert [*map(str, verdicts[: MOST_CHECKS + 1])] == ["signature"] * MOST_CHECKS + ["too_many"]
    assert isinstance(reader(known), Claims)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_public_key_is_read_as_pem_or_jwk(algorithm: str) -> None:
    key = private_key(algorithm)
    found = read_public_key(public_pem(key), kid="k9")
    assert (found.kid, found.algorithm) == ("k9", algorithm)
    jwk = json.loads(jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key()))
    assert read_public_key(json.dumps(jwk | {"kid": "from the jwk"})).kid == "from the jwk"
    assert read_public_key(json.dumps(jwk)) == read_public_key(public_pem(key))


def test_a_key_without_a_name_is_called_by_its_thumbprint() -> None:
    """The example of RFC 8037, appendix A.3."""
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    assert read_public_key(json.dumps(jwk)).kid == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_private_key_is_refused_whatever_its_form(algorithm: str) -> None:
    key = private_key(algorithm)
    for text in (private_pem(key), jwt.get_algorithm_by_name(algorithm).to_jwk(key), '{"kty":"oct","k":"c2VjcmV0"}'):
        with pytest.raises(BadInput) as refused:
            read_public_key(text)
        assert refused.value.code == "private_key"


def test_weak_and_unknown_kinds_of_keys_are_refused() -> None:
    weak = [
        rsa.generate_private_key(65537, 2048),
        ec.generate_private_key(ec.SECP384R1()),
        ed448.Ed448PrivateKey.generate(),
    ]
    for key in weak:
        with pytest.raises(BadInput) as refused:
            read_public_key(public_pem(key))
        assert refused.value.code == "weak_key"


@pytest.mark.parametrize(
    "text",
    ["", "key", "{", "{}", '{"kty":[]}', '{"kty":"EC","crv":"P-256"}', "-----BEGIN PUBLIC KEY-----\nx", "x" * 20_000],
)
def test_what_is_no_key_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_public_key(text)
    assert refused.value.code == "bad_public_key"


@pytest.mark.parametrize("kid", [" k", "k\n", "x" * 101, "\x00"])
def test_a_kid_that_no_header_could_carry_is_refused(kid: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_public_key(Issuer().public, kid=kid)
    assert refused.value.code == "bad_kid"


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def tokens(pool: asyncpg.Pool, clock: FixedClock) -> CustomerTokens:
    return CustomerTokens(pool, clock)


@pytest.fixture
async def source(pool: asyncpg.Pool) -> int:
    return int(await pool.fetchval("INSERT INTO sources (name, kind) VALUES ('phone', 'app') RETURNING source_id"))


async def read_with(tokens: CustomerTokens, source: int, token: str) -> Claims | Verdict | None:
    check = await tokens.check_for(source)
    return None if check is None else check.read(token)


async def test_keys_overlap_and_a_retired_one_is_refused_on_every_process(
    pool: asyncpg.Pool, tokens: CustomerTokens, source: int, clock: FixedClock
) -> None:
    old, new = Issuer(kid="old"), Issuer(kid="new", algorithm="EdDSA")
    other = CustomerTokens(pool, clock)
    await tokens.add_key(source, public_key=old.public, kid="old", actor="a@shop.example")
    await tokens.add_key(source, public_key=new.public, kid="new", actor="a@shop.example")
    await tokens.set_mode(source, mode="report", actor="a@shop.example")
    for issuer in (old, new):
        assert isinstance(await read_with(other, source, issuer.token("u1")), Claims)
    await tokens.retire_key(source, kid="old", actor="a@shop.example")
    assert await read_with(tokens, source, old.token("u1")) == "retired_key"
    clock.advance(timedelta(seconds=3))
    assert await read_with(other, source, old.token("u1")) == "retired_key"
    assert isinstance(await read_with(other, source, new.token("u1")), Claims)
    state = await tokens.state(source)
    assert [(key.kid, key.retired_by, key.last_used is not None) for key in state.keys] == [
        ("new", None, True),
        ("old", "a@shop.example", True),
    ]
    audit = await pool.fetch("SELECT actor, action, object FROM audit_log ORDER BY audit_id")
    assert {(row["actor"], row["object"]) for row in audit} == {("a@shop.example", "phone")}
    assert [row["action"] for row in audit] == [
        "source.add_token_key",
        "source.add_token_key",
        "source.set_token_mode",
        "source.retire_token_key",
    ]


async def test_the_ring_keeps_what_it_knows_while_its_keys_stay_the_same(
    tokens: CustomerTokens, source: int, clock: FixedClock
) -> None:
    issuer = Issuer()
    await tokens.add_key(source, public_key=issuer.public, kid="k1")
    await tokens.set_mode(source, mode="enforce")
    token = issuer.token("u1")
    assert isinstance(await read_with(tokens, source, token), Claims)
    ring = tokens._known[source].ring
    clock.advance(timedelta(seconds=3))
    await tokens.check_for(source)
    assert tokens._known[source].ring is ring
    assert ring.recall(token) is not None


async def test_off_asks_for_nothing(tokens: CustomerTokens, source: int) -> None:
    assert await tokens.check_for(source) is None
    assert await tokens.check_for(999_999) is None


async def test_nobody_locks_his_customers_out_by_mistake(tokens: CustomerTokens, source: int) -> None:
    with pytest.raises(Conflict) as refused:
        await tokens.set_mode(source, mode="enforce")
    assert refused.value.code == "no_token_key"
    await tokens.add_key(source, public_key=Issuer().public, kid="k1")
    await tokens.set_mode(source, mode="enforce")
    with pytest.raises(Conflict) as refused:
        await tokens.retire_key(source, kid="k1")
    assert refused.value.code == "last_token_key"
    assert [key.retired_at for key in (await tokens.state(source)).keys] == [None]


async def test_a_kid_is_given_once(tokens: CustomerTokens, source: int) -> None:
    await tokens.add_key(source, public_key=Issuer().public, kid="k1")
    await tokens.retire_key(source, kid="k1")
    with pytest.raises(Conflict) as refused:
        await tokens.add_key(source, public_key=Issuer(number=1).public, kid="k1")
    assert refused.value.code == "kid_taken"
    with pytest.raises(NotFound):
        await tokens.retire_key(source, kid="k1")


async def test_a_source_has_room_for_so_many_keys(tokens: CustomerTokens, source: int) -> None:
    for number in range(MOST_KEYS):
        await tokens.add_key(source, public_key=Issuer().public, kid=f"k{number}")
    with pytest.raises(Conflict) as refused:
        await tokens.add_key(source, public_key=Issuer().public, kid="one more")
    assert refused.value.code == "too_many_keys"


async def test_tokens_are_for_apps(pool: asyncpg.Pool, tokens: CustomerTokens, source: int) -> None:
    till = await pool.fetchval("INSERT INTO sources (name, kind) VALUES ('till', 'server') RETURNING source_id")
    with pytest.raises(BadInput) as refused:
        await tokens.set_mode(till, mode="report")
    assert refused.value.code == "not_an_app"
    with pytest.raises(BadInput):
        await tokens.set_mode(source, mode="perhaps")
    with pytest.raises(NotFound):
        await tokens.set_mode(999_999, mode="report")


async def test_whoever_changes_the_mode_bars_neither_the_intake_nor_readers(
    pool: asyncpg.Pool, tokens: CustomerTokens, source: int
) -> None:
    async with pool.acquire() as changing, changing.transaction():
        assert await store.lock_mode(changing, source_id=source) is not None
        async with pool.acquire() as intake, intake.transaction():
            await intake.execute("SELECT FROM sources WHERE source_id = $1 FOR KEY SHARE NOWAIT", source)
        async with asyncio.timeout(5):
            assert (await tokens.state(source)).mode == "off"
