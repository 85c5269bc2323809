"""What goes over the wire is what firebase-admin would send, though its encoder is asked once for many."""

import msgspec
import pytest
from firebase_admin._messaging_encoder import MessageEncoder
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import BadInput
from backend.push.messages import built, encoded_json
from campaigns.message import AddressKind, Press, PushMessage
from tests.fixtures.phones import push

_words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_names = st.sampled_from(["a", "b"])
_MESSAGES = st.builds(
    PushMessage,
    delivery_id=st.integers(1, 99),
    address=_words.filter(bool),
    address_kind=st.sampled_from(AddressKind),
    title=_words,
    body=_words,
    link=st.none() | st.sampled_from(["https://example.com/a", "shop://b"]),
    image=st.none() | st.sampled_from(["https://example.com/a.png", "https://example.com/b.png"]),
    buttons=st.lists(st.builds(Press, _names, _words, st.none() | _names), max_size=2).map(tuple),
    sound=st.none() | _names,
    badge=st.none() | st.integers(0, 9),
    channel=st.none() | _names,
    category=st.none() | _names,
    data=st.dictionaries(st.sampled_from(["campaign_id", "coupon_id"]), _words),
    ttl_seconds=st.sampled_from([-5, 0, 60, 10**9]),
    tag=_names,
    label=st.none() | _names,
)


@given(st.lists(_MESSAGES, min_size=1, max_size=4))
def test_every_message_is_what_firebase_admin_writes(messages: list[PushMessage]) -> None:
    for message in messages:
        ours, theirs = (
            msgspec.json.decode(encoded_json(message)),
            {"message": MessageEncoder().default(built(message))},
        )
        apple = [told["message"]["apns"]["headers"].pop("apns-expiration") for told in (ours, theirs)]
        assert abs(int(apple[0]) - int(apple[1])) <= 2, "the clock goes on between the two"
        assert ours == theirs


@pytest.mark.parametrize(
    "bad",
    [{"label": "not a label!"}, {"badge": "9"}, {"body": "x" * 5000}, {"body": "\ud800"}, {"data": {"a": 1}}],
)
def test_what_firebase_admin_or_fcm_would_refuse_is_refused_here(bad: dict[str, object]) -> None:
    encoded_json(push("phone-1"))
    with pytest.raises(BadInput):
        encoded_json(push("phone-1", **bad))


def test_a_message_for_nobody_is_refused() -> None:
    with pytest.raises(BadInput):
        encoded_json(push(""))
