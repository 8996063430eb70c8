import inspect
import pickle

import pytest

from jupyter_box import errors

CLASSES = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, errors.BoxError)]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_an_error_carries_its_facts_through_pickle(cls):
    error = cls("x.csv is there.", hint="Rename it.", request_id="r1", retry_after=3.0, item_id="12")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is cls
    assert copy.to_dict() == {"code": cls.code, "message": "x.csv is there.", "hint": "Rename it.", "request_id": "r1"}
    assert (copy.retry_after, copy.item_id) == (3.0, "12")
    assert str(copy) == "x.csv is there. Rename it."


@pytest.mark.parametrize(
    ("cls", "builtin", "status"),
    [
        (errors.BoxError, Exception, 502),
        (errors.NotConfigured, errors.BoxError, 503),
        (errors.NotAuthorized, PermissionError, 401),
        (errors.Denied, PermissionError, 403),
        (errors.NotFound, FileNotFoundError, 404),
        (errors.Exists, FileExistsError, 409),
        (errors.Changed, errors.BoxError, 412),
        (errors.TooLarge, errors.BoxError, 413),
        (errors.QuotaFull, errors.BoxError, 507),
        (errors.InvalidName, ValueError, 400),
        (errors.Busy, errors.BoxError, 503),
        (errors.Corrupted, OSError, 502),
        (errors.Cancelled, errors.BoxError, 499),
        (errors.Unreachable, ConnectionError, 504),
    ],
)
def test_each_error_is_pythons_own_too_and_has_its_status(cls, builtin, status):
    assert issubclass(cls, builtin)
    assert cls.status == status


def test_the_tree_in_the_docstring_names_every_class_and_status():
    drawn = errors.__doc__
    for cls in CLASSES:
        assert any(cls.__name__ in line and str(cls.status) in line for line in drawn.splitlines()), cls


def test_boxs_own_code_wins():
    assert errors.Exists("x", code="item_name_in_use").code == "item_name_in_use"
