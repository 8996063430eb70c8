import pytest

from jupyter_box import paths
from jupyter_box.errors import InvalidName


@pytest.mark.parametrize(
    ("path", "cwd", "absolute"),
    [
        pytest.param("/", "/", "/", id="root"),
        pytest.param(".", "/", "/", id="here"),
        pytest.param("", "/a", "/a", id="empty means here"),
        pytest.param("a/b", "/x", "/x/a/b", id="relative"),
        pytest.param("/a//b/", "/x", "/a/b", id="doubled and trailing slashes"),
        pytest.param("../y", "/x/z", "/x/y", id="up and down"),
        pytest.param("id:12", "/x", "id:12", id="id"),
        pytest.param("id:12/a/./b", "/x", "id:12/a/b", id="below an id"),
        pytest.param("k", "id:12", "id:12/k", id="relative to an id"),
        pytest.param("..", "id:12/a", "id:12", id="up to an id"),
        pytest.param("a:b", "/", "/a:b", id="a colon is no prefix"),
        pytest.param(" leading", "/", "/ leading", id="leading space is a name"),
    ],
)
def test_normalise(path, cwd, absolute):
    assert paths.normalise(path, cwd) == absolute


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        pytest.param("..", "climbs above", id="above the root"),
        pytest.param("/a/../../b", "climbs above", id="above the root, hidden"),
        pytest.param("id:12/..", "climbs above", id="above an id"),
        pytest.param("id:abc", "is not an id", id="an id that is none"),
        pytest.param("id:", "is not an id", id="an empty id"),
        pytest.param("a\\b", "backslash", id="backslash"),
        pytest.param("a" * 256, "256 characters", id="256 characters"),
        pytest.param("tail ", "ends with a space", id="trailing space"),
        pytest.param("bell\a", "cannot be printed", id="control character"),
        pytest.param("lone\ud800", "cannot be printed", id="lone surrogate"),
    ],
)
def test_bad_paths_say_what_is_wrong(path, complaint):
    with pytest.raises(InvalidName, match=complaint) as caught:
        paths.normalise(path)
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_name_of_255_characters_is_taken():
    assert paths.normalise("/" + "ä" * 255) == "/" + "ä" * 255


def test_split_and_join_are_each_others_inverse():
    for path in ("/a", "/a/b", "/a/b/c.csv", "id:1/x"):
        assert paths.join(*paths.split(path)) == path
    assert paths.split("/") == ("/", "")


def test_join_refuses_what_is_no_name():
    with pytest.raises(InvalidName):
        paths.join("/a", "b/c")


def test_case_does_not_count_and_unicode_forms_do():
    assert paths.key("Línea.CSV") == paths.key("LÍNEA.csv")
    assert paths.key("Straße") != paths.key("Strasse")
    assert paths.key("e\u0301") != paths.key("\xe9")


@pytest.mark.parametrize(
    ("name", "extension"), [("a.CSV", "csv"), ("a.tar.gz", "gz"), ("Makefile", ""), (".bashrc", "bashrc")]
)
def test_extension(name, extension):
    assert paths.extension(name) == extension


def test_is_id():
    assert paths.is_id("id:12")
    assert not paths.is_id("id:12/a")
    assert not paths.is_id("/id:12")


@pytest.mark.parametrize(
    ("name", "second"),
    [("a.csv", "a (2).csv"), ("a.tar.gz", "a.tar (2).gz"), ("Makefile", "Makefile (2)"), (".bashrc", ".bashrc (2)")],
)
def test_numbered_names_keep_their_extension(name, second):
    names = paths.numbered(name)
    next(names)
    assert next(names) == second
