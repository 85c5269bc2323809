"""All playbooks, in the order of a customer's life."""

from campaigns.playbooks.beginnings import FIRST_COUPON, ONBOARDING
from campaigns.playbooks.playbook import Playbook
from campaigns.playbooks.purchases import CROSS_SELL, SECOND_PURCHASE, UP_SELL
from campaigns.playbooks.returning import FEEDBACK, LAPSING, STORE_EVENT, WIN_BACK
from campaigns.playbooks.standing import BIRTHDAY, COUPON_EXPIRING, RANK_DOWN, RANK_UP

PLAYBOOKS: tuple[Playbook, ...] = (
    ONBOARDING,
    FIRST_COUPON,
    SECOND_PURCHASE,
    CROSS_SELL,
    UP_SELL,
    RANK_UP,
    RANK_DOWN,
    COUPON_EXPIRING,
    BIRTHDAY,
    LAPSING,
    WIN_BACK,
    STORE_EVENT,
    FEEDBACK,
)

BY_SLUG = {playbook.slug: playbook for playbook in PLAYBOOKS}
