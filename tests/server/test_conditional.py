from datetime import datetime, timezone

import pytest

from jupyter_box.server import conditional
from jupyter_box.server.conditional import Span, UnsatisfiableError, requested_span

SPANS = [
    ("", 10, None),
    ("bytes=0-4", 10, Span(0, 5)),
    ("bytes=5-", 10, Span(5, 10)),
    ("bytes=-3", 10, Span(7, 10)),
    ("bytes=-30", 10, Span(0, 10)),
    ("bytes=0-999", 10, Span(0, 10)),
    ("BYTES = 2 - 3", 10, Span(2, 4)),
    ("bytes=9-9", 10, Span(9, 10)),
    ("bytes=5-2", 10, None),
    ("bytes=0-1,4-5", 10, None),
    ("bytes=-", 10, None),
    ("lines=0-1", 10, None),
    ("bytes=a-b", 10, None),
    ("bytes=²-3", 10, None),
]


@pytest.mark.parametrize(("header", "size", "span"), SPANS, ids=[row[0] or "none" for row in SPANS])
def test_a_range_is_cut_at_the_end_and_ignored_where_it_is_none(header, size, span):
    assert requested_span(header, size) == span


@pytest.mark.parametrize(("header", "size"), [("bytes=10-", 10), ("bytes=0-", 0), ("bytes=-0", 10), ("bytes=-5", 0)])
def test_a_range_outside_the_file_cannot_be_satisfied(header, size):
    with pytest.raises(UnsatisfiableError):
        requested_span(header, size)


@pytest.mark.parametrize(
    ("header", "weak", "found"),
    [
        ('"7"', False, True),
        ('"6", "7"', False, True),
        ("*", False, True),
        ('"8"', False, False),
        ('W/"7"', False, False),
        ('W/"7"', True, True),
        ("", True, False),
        ("7", True, False),
    ],
)
def test_an_entity_tag_is_found_among_those_of_a_header(header, weak, found):
    assert conditional.matches(header, conditional.etag("7"), weak=weak) is found


def test_dates_compare_by_whole_seconds():
    moment = datetime(2026, 5, 4, 3, 2, 1, 999, tzinfo=timezone.utc)
    assert conditional.date(moment) == "Mon, 04 May 2026 03:02:01 GMT"
    assert not conditional.changed_since(conditional.date(moment), moment)
    assert conditional.changed_since("Mon, 04 May 2026 03:02:00 GMT", moment)
    assert conditional.changed_since("yesterday", moment)
