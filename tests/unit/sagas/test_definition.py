import pytest

from tradesense.sagas import Await, Definition, Local, Remote
from tradesense.sagas.model import Sort


async def do(*_):
    return {}


async def ask(*_):
    return None


async def settle(*_):
    return {}


def a_definition(*steps, pivot="last"):
    return Definition(
        kind="test", version=2, steps=(*steps, Local(name="last", do=do)), pivot=pivot
    )


def test_a_shape_tells_the_steps_their_undos_and_the_pivot():
    definition = a_definition(
        Local(name="note", do=do, undo=Local(name="unnote", do=do)),
        Remote(name="call", ask=ask, settle=settle, tries_max=4),
        Await(name="wait", signal="said", within_s=60, judge=dict),
    )

    shape = definition.shape

    assert definition.pin == "test:2"
    assert [move.sort for move in shape.steps] == [Sort.LOCAL, Sort.REMOTE, Sort.AWAIT, Sort.LOCAL]
    assert [undo and undo.name for undo in shape.undos] == ["unnote", None, None, None]
    assert (shape.steps[1].tries_max, shape.pivot) == (4, 3)
    assert definition.find_step("unnote").name == "unnote"


def test_a_name_is_used_once_also_by_an_undo():
    with pytest.raises(ValueError, match="a name is used twice"):
        a_definition(Local(name="note", do=do, undo=Local(name="last", do=do)))


def test_the_pivot_is_one_of_the_steps():
    with pytest.raises(ValueError, match="pivot 'undo' is none of its steps"):
        a_definition(Local(name="note", do=do, undo=Local(name="undo", do=do)), pivot="undo")
