"""A campaign's states under any order of acts: nothing goes out that was not scheduled, and nothing large without its approval."""

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from campaigns.campaign import Action, State, next_state
from campaigns.errors import TransitionRefused
from campaigns.states import BEFORE_LAUNCH, ENDED, TRANSITIONS, allowed_actions


class OneCampaign(RuleBasedStateMachine):
    """Acts as the desk and the launcher do it: what is for many is submitted, what is for few is scheduled."""

    large = True

    def __init__(self) -> None:
        super().__init__()
        self.state = State.DRAFT
        self.approved = self.launched = False

    def act(self, action: Action) -> bool:
        """Whether the state allowed it; a refusal changes nothing."""
        allowed = (self.state, action) in TRANSITIONS
        try:
            after = next_state(self.state, action)
        except TransitionRefused:
            assert not allowed
            return False
        assert allowed
        assert self.state not in ENDED
        self.state = after
        return True

    @rule()
    def edit(self) -> None:
        if self.act(Action.EDIT):
            self.approved = False
            assert self.state is State.DRAFT

    @rule()
    def schedule(self) -> None:
        needs = self.large and not (self.approved and self.state is State.SCHEDULED)
        self.act(Action.SUBMIT if needs else Action.SCHEDULE)

    @rule()
    def approve(self) -> None:
        if self.act(Action.APPROVE):
            self.approved = True

    @rule()
    def reject(self) -> None:
        if self.act(Action.REJECT):
            assert self.state is State.DRAFT
            self.approved = False

    @rule()
    def launch(self) -> None:
        if self.act(Action.LAUNCH):
            assert self.approved or not self.large
            assert not self.launched
            self.launched = True

    @rule()
    def pause(self) -> None:
        self.act(Action.PAUSE)

    @rule()
    def resume(self) -> None:
        self.act(Action.RESUME)

    @rule()
    def publish(self) -> None:
        before = self.state
        if self.act(Action.PUBLISH):
            assert self.state is before

    @precondition(lambda self: self.launched)
    @rule()
    def end(self) -> None:
        for action in (Action.FINISH, Action.CANCEL):
            self.act(action)

    @rule()
    def fail(self) -> None:
        self.act(Action.FAIL)

    @invariant()
    def stands_where_it_can(self) -> None:
        assert self.launched or self.state in BEFORE_LAUNCH | ENDED
        assert not (self.launched and self.state in BEFORE_LAUNCH)
        shown = allowed_actions(self.state, runs_on=True)
        assert all((self.state, action) in TRANSITIONS for action in shown)
        assert not (self.state in ENDED and shown)


class SmallCampaign(OneCampaign):
    """For few: one person decides."""

    large = False


TestOneCampaign = OneCampaign.TestCase
TestOneCampaign.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestSmallCampaign = SmallCampaign.TestCase
TestSmallCampaign.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
