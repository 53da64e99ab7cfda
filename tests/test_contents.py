"""What may be sent as an answer, and what of it a question can say."""

from __future__ import annotations

import base64
import io
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from IPython.display import HTML, SVG, Audio, Image, Latex, Markdown
from matplotlib.figure import Figure
from PIL import Image as Pictures

from ipymultichat.contents import MAX_INLINE, contents_of, text_from
from ipymultichat.errors import ConfigError
from ipymultichat.model import AudioContent, ImageContent, ResourceContent, TextContent

PNG = b"\x89PNG\r\n\x1a\n123"
TABLE = "| x | y |\n| --- | --- |\n| 1 | a\\|b |\n| 2 |  |"


def part(value: Any) -> Any:
    (made,) = contents_of((value,))
    return made


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.5"),
        (np.float64(0.5), "0.5"),
        (np.int64(3), "3"),
        (True, "True"),
        ({"lr": 1e-3, "ü": [1, 2]}, '```json\n{\n  "lr": 0.001,\n  "ü": [\n    1,\n    2\n  ]\n}\n```'),
        (Markdown("**yes**"), "**yes**"),
        (Latex("$x^2$"), "$x^2$"),
        (pd.DataFrame({"x": [1, 2], "y": ["a|b", None]}), TABLE),
        (pl.DataFrame({"x": [1, 2], "y": ["a|b", None]}), TABLE),
        (pa.table({"x": [1, 2], "y": ["a|b", None]}), TABLE),
        (pd.DataFrame({"y": [1]}, index=pd.Index(["a"], name="x")), "| x | y |\n| --- | --- |\n| a | 1 |"),
        (pd.DataFrame({("a", 1): [1], ("b", 2): [float("nan")]}), "| a 1 | b 2 |\n| --- | --- |\n| 1 |  |"),
        (pd.DataFrame({"x": [1, 2, 3]}).query("x > 2"), "| index | x |\n| --- | --- |\n| 2 | 3 |"),
        (pl.Series("x", [1]), "| x |\n| --- |\n| 1 |"),
        (pd.Series([1.5]), "| 0 |\n| --- |\n| 1.5 |"),
    ],
    ids=repr,
)
def test_what_can_be_said_in_text_is_text_in_answers_and_in_questions(value: Any, text: str) -> None:
    assert part(value) == TextContent(text)
    assert text_from(("Which?", value)) == f"Which?\n\n{text}"


def test_a_large_frame_is_a_file_with_its_first_rows_in_the_text() -> None:
    frame = pd.DataFrame({"x": range(1_000), "y": ["a,b"] * 1_000})
    for same in (frame, pl.DataFrame(frame.to_dict("list"))):
        text, file = contents_of((same,))
        assert text.text.startswith("1,000 rows and 2 columns, all of them in `table.csv`; the first 5:\n\n| x | y |")
        assert (file.name, file.mime_type) == ("table.csv", "text/csv")
        assert pd.read_csv(io.BytesIO(file.data)).equals(frame)


def test_large_json_is_a_file() -> None:
    file = part({"numbers": list(range(10_000))})
    assert (file.name, file.mime_type, file.data[:14]) == ("data.json", "application/json", b'{\n  "numbers":')


def test_figures_axes_and_images_are_pictures() -> None:
    axes = Figure().subplots()
    for value in (axes.figure, axes, Pictures.new("RGB", (2, 2)), Image(PNG)):
        made = part(value)
        assert (type(made), made.mime_type, made.data[:8]) == (ImageContent, "image/png", PNG[:8])


def test_what_shows_itself_in_a_notebook_is_sent_as_it_shows_itself() -> None:
    class Badge:
        def _repr_html_(self) -> str:
            return "<b>7</b>"

    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setparams((1, 2, 8_000, 0, "NONE", ""))
        file.writeframes(bytes(100))
    assert part(Badge()) == ResourceContent("file:///page.html", "text/html", b"<b>7</b>")
    assert part(HTML("<i>8</i>")) == ResourceContent("file:///page.html", "text/html", b"<i>8</i>")
    svg = part(SVG('<svg xmlns="http://www.w3.org/2000/svg"></svg>'))
    assert (svg.mime_type, svg.data[:4]) == ("image/svg+xml", b"<svg")
    audio = part(Audio(sound.getvalue()))
    assert (type(audio), audio.mime_type, audio.data) == (AudioContent, "audio/wav", sound.getvalue())


class Broken:
    def _repr_png_(self) -> bytes:
        raise ValueError("no canvas")


class Plot:
    def savefig(self, *_arguments: object, **_options: object) -> None:
        raise ValueError("no axes")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({1, 2}, "a set cannot be sent; send str, Path, bytes, a number, a dict or list, a data frame"),
        (object(), "a object cannot be sent"),
        (Image, "a type cannot be sent"),
        (Path("/no/such.csv"), r"the file '/no/such\.csv' cannot be read: No such file"),
        ({"when": object()}, "a dict is sent as JSON: Object of type object is not JSON serializable"),
        (["see", Path("a")], "a list is sent as JSON: .* several things are sent as several arguments"),
        (Broken(), "a Broken could not be shown: ValueError: no canvas"),
        (Plot(), "a Plot could not be drawn: ValueError: no axes"),
        (bytes(21 * 2**20), "a part has 22,020,096 bytes; at most 20,971,520 can be sent"),
        (pl.DataFrame({"x": ["y" * 2**20] * 21}), "a frame of 21 rows makes a CSV file of more than 20,971,520 bytes"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_sent_is_named_with_the_remedy(value: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        contents_of((value,))


def test_a_small_picture_stands_in_a_question_and_a_large_one_is_refused_with_the_remedy() -> None:
    encoded = base64.b64encode(PNG).decode()
    assert text_from(("Which?", PNG)) == f"Which?\n\n![picture](data:image/png;base64,{encoded})"
    with pytest.raises(ConfigError, match=r"a question has text only, and this bytes becomes a file \(image/png\)"):
        text_from(("Which?", PNG + bytes(MAX_INLINE)))
