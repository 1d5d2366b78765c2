"""Derived ids: equal causes, equal id."""

from functools import reduce
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradesense.kernel.ids import ROOT, derive

NAMES = st.lists(st.text() | st.integers() | st.uuids(), min_size=1, max_size=4)


@given(NAMES)
def test_the_same_names_give_the_same_id(names):
    assert derive(*names) == derive(*names)


@given(NAMES, NAMES)
def test_other_names_give_another_id(one, other):
    same = [str(name) for name in one] == [str(name) for name in other]
    assert (derive(*one) == derive(*other)) == same


@given(NAMES)
def test_it_is_what_uuid5_makes_of_one_name_after_the_other(names):
    assert derive(*names) == reduce(lambda made, name: uuid5(made, str(name)), names, ROOT)


def test_names_do_not_run_together():
    assert derive("ab", "c") != derive("a", "bc")


def test_is_a_version_5_uuid_that_never_changes():
    made = derive(UUID(int=7), "challenge")
    assert made.version == 5
    assert made == UUID("f1cb712b-6dc8-57a8-a735-9085eea124a5")


def test_needs_a_name():
    with pytest.raises(TypeError):
        derive()
