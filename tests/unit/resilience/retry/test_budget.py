"""Extra tries stay a share of the traffic."""

from hypothesis import given
from hypothesis import strategies as st

from tradesense.resilience.retry import Budget, BudgetSettings


def test_a_tenth_of_the_calls_may_be_tried_again():
    budget = Budget(BudgetSettings(share=0.1, per_s=0.0, saved_max=10))
    while budget.spend(0.0):
        pass
    for _ in range(1000):
        budget.earn()
    assert sum(budget.spend(0.0) for _ in range(1000)) == 10, "saved up to the most"
    spent = 0
    for _ in range(1000):
        budget.earn()
        spent += budget.spend(0.0)
    assert 99 <= spent <= 100


def test_a_quiet_dependency_may_be_tried_again_too():
    budget = Budget(BudgetSettings(share=0.0, per_s=2.0, saved_max=3))
    assert [budget.spend(0.0) for _ in range(4)] == [True, True, True, False]
    assert [budget.spend(0.5), budget.spend(0.6)] == [True, False]
    assert (budget.spent, budget.refused) == (4, 2)


@given(st.lists(st.sampled_from(["call", "spend", "wait"]), max_size=200))
def test_it_never_spends_more_than_was_earned(story):
    settings = BudgetSettings(share=0.2, per_s=0.5, saved_max=5)
    budget, now, earned = Budget(settings), 0.0, settings.saved_max
    for event in story:
        match event:
            case "call":
                budget.earn()
                earned += settings.share
            case "wait":
                now += 1.0
                earned += settings.per_s
            case "spend":
                budget.spend(now)
        assert budget.spent <= earned + 1e-9
        assert budget.left(now) <= settings.saved_max
