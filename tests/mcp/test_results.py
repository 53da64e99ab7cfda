"""What of a large answer a result holds."""

from ipymultichat.mcp.results import MAX_RESULT, MAX_TEXT, fitting
from ipymultichat.model import AudioContent, ImageContent, ResourceContent, TextContent, UnknownContent


def test_an_answer_of_ordinary_size_stays_as_it_is() -> None:
    contents = (
        TextContent("x" * MAX_TEXT),
        ImageContent(bytes(2**20), "image/png"),
        AudioContent(b"a", "audio/wav"),
        UnknownContent(7),
    )
    assert fitting(contents) == contents


def test_what_does_not_fit_is_named_and_what_comes_after_it_stays() -> None:
    large, small = ResourceContent("file:///a", "a/b", bytes(MAX_RESULT + 1)), ImageContent(bytes(9), "image/png")
    named, stays = fitting((large, small))
    assert isinstance(named, TextContent)
    assert named.text.startswith(f"(a/b: {MAX_RESULT + 1:,} bytes, left out;")
    assert stays == small


def test_many_parts_do_not_add_up_to_more() -> None:
    parts = fitting((ImageContent(bytes(2**20), "image/png"),) * 5)
    assert [type(part) for part in parts] == [ImageContent] * 3 + [TextContent] * 2


def test_a_long_text_is_cut_and_says_so() -> None:
    (cut,) = fitting((TextContent("é" * (MAX_TEXT + 1)),))
    assert isinstance(cut, TextContent)
    assert cut.text == "é" * MAX_TEXT + "\n\n(cut here, of 200,001 characters)"
