"""How large a message is: the quick look says what counting says."""

from random import Random

import pytest

from campaigns.message import PAYLOAD_LIMIT, AddressKind, Press, PushMessage, is_too_large, payload_bytes


def drawn(random: Random) -> PushMessage:
    """A message of any size about the limit, in letters of one to four bytes."""

    def text(most: int) -> str:
        return random.choice("aéあ😀") * random.randrange(most)

    return PushMessage(
        delivery_id=random.choice([1, 2**63 - 1]),
        address="a",
        address_kind=AddressKind.TOKEN,
        tag="t",
        title=text(300),
        body=text(1800),
        link=random.choice([None, "https://x.example/" + text(60)]),
        image=random.choice([None, "https://x.example/" + text(60)]),
        buttons=random.choice([(), (Press(id="a", label=text(40), link=None),)]),
        data={text(9): text(900) for _ in range(random.randrange(3))},
    )


@pytest.mark.parametrize("seed", range(20))
def test_a_message_is_too_large_where_its_bytes_are(seed: int) -> None:
    messages = [drawn(Random(1000 * seed + each)) for each in range(100)]
    said = [is_too_large(one) for one in messages]
    assert said == [payload_bytes(one) > PAYLOAD_LIMIT for one in messages]
    assert {*said} == {True, False}


def test_the_limit_itself_is_not_too_large() -> None:
    def saying(body: str) -> PushMessage:
        return PushMessage(delivery_id=1, address="a", address_kind=AddressKind.TOKEN, tag="t", title="", body=body)

    room = PAYLOAD_LIMIT - payload_bytes(saying("b"))
    assert [is_too_large(saying("b" * (1 + room + more))) for more in (0, 1)] == [False, True]
