"""The parameters of the tools, as models are told of them, and the checks of what models pass."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, ClassVar, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from ipymultichat.contents import INLINE, inline_picture
from ipymultichat.errors import ConfigError
from ipymultichat.model import Option, Question

MAX_TIMEOUT = 2**31 - 1


def markdown_of(value: Any) -> Any:
    """Return a text as it is, and a list of content blocks as Markdown: texts, images, and links to resources."""
    if not isinstance(value, list):
        return value
    return "\n\n".join(_block(block) for block in value)


def _block(block: Any) -> str:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind == "text" and isinstance(block.get("text"), str):
        return str(block["text"])
    if kind == "resource_link" and isinstance(block.get("uri"), str):
        label = str(block.get("title") or block.get("name") or block["uri"])
        for bracket in "\\[]":
            label = label.replace(bracket, f"\\{bracket}")
        uri = block["uri"].replace("<", "%3C").replace(">", "%3E").replace("`", "%60")
        # What a browser may not open is shown by its address.
        return f"[{label}](<{uri}>)" if uri.lower().startswith(("http:", "https:")) else f"{label} (`{uri}`)"
    if kind == "image" and block.get("mimeType") in INLINE and _is_base64(block.get("data")):
        return inline_picture(block["mimeType"], block["data"], "image")
    raise ValueError("a text (Markdown), or a list of blocks of type 'text', 'image' and 'resource_link'")


def _is_base64(data: object) -> bool:
    return isinstance(data, str) and re.fullmatch(r"[A-Za-z0-9+/]+=*", data) is not None


Markdown = Annotated[str, BeforeValidator(markdown_of)]


class _Arguments(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")


class Choice(_Arguments):
    """One choice of a question."""

    label: str = Field(min_length=1, description="The choice, a few words.")
    description: str = Field("", description="What it means, one sentence.")


class ChoiceQuestion(_Arguments):
    """A question with choices."""

    question: str = Field(min_length=1, description="The full question (Markdown).")
    header: str = Field("", description="A label of one or two words.")
    options: list[Choice] = Field([], description="The choices, best one first.")
    multiple: bool = Field(False, description="Whether several may be chosen.")
    custom: bool = Field(True, description="Whether the person may write an answer of their own.")

    def as_question(self) -> Question:
        """Return it as the rest of the package knows it."""
        options = tuple(Option(option.label, option.description) for option in self.options)
        return Question(self.question, self.header, options, self.multiple, self.custom)


class _Asking(_Arguments):
    project_directory: str = Field("", description="Absolute path of the project you work on.")
    timeout: float = Field(
        3600,
        gt=0,
        le=MAX_TIMEOUT,
        allow_inf_nan=False,
        description="Seconds the question waits for an answer. People may be away: an hour is a good value.",
    )
    agent_name: str = Field("", description="Your name, as people know you.")
    reasoning_model_name: str = Field("", description="The model you are.")

    @property
    def seconds(self) -> int:
        """The timeout in whole seconds, as the protocol has them."""
        return math.ceil(self.timeout)


class AskQuestion(_Asking):
    """Parameters of `ask_question`."""

    question: Markdown = Field(
        "",
        description="The question (Markdown), with all that is needed to answer it: people do not see your "
        "conversation. May be left out when `questions` is given.",
    )
    questions: list[ChoiceQuestion] = Field(
        [], description="Questions with choices to click, where you can name the choices. Several are answered at once."
    )

    @model_validator(mode="after")
    def _something_asked(self) -> AskQuestion:
        if not self.question.strip() and not self.questions:
            raise ValueError("pass a non-empty `question`, or `questions`")
        return self


class WorkReport(_Asking):
    """Parameters of `work_report`."""

    summary: Markdown = Field(description="What you did, what came out, what is open (Markdown).", min_length=1)


class AwaitAnswer(_Arguments):
    """Parameters of `await_answer`."""

    id: str = Field(
        "",
        description="The `id` that the call which ended with status `waiting` returned. Leave it out after a call that "
        "broke off and returned nothing: then the last one of this conversation is meant.",
    )
    timeout: float | None = Field(
        None,
        gt=0,
        le=MAX_TIMEOUT,
        allow_inf_nan=False,
        description="Seconds this call waits at most; the question itself waits on.",
    )


class Approve(_Asking):
    """Parameters of `approve`; those of other names, which a permission prompt may come to pass, are ignored."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="ignore")

    action: Markdown = Field(
        "", description="What you are about to do, and why (Markdown): people do not see your conversation."
    )
    tool_name: str = Field("", description="The tool you are about to call, if it is one.")
    arguments: dict[str, Any] | None = Field(None, description="The arguments of that call.")
    diff: str = Field("", description="The change you are about to make, as a unified diff.")
    input: dict[str, Any] | None = Field(None, description="Passed by permission prompts in place of `arguments`.")
    tool_use_id: str = Field("", description="Passed by permission prompts.")

    @property
    def given(self) -> dict[str, Any] | None:
        """The arguments, by whichever name."""
        return self.arguments if self.input is None else self.input

    @property
    def prompted(self) -> bool:
        """Whether a program asks, as a permission prompt, so that no model is there to come back with an id."""
        return self.input is not None

    @model_validator(mode="after")
    def _something_to_approve(self) -> Approve:
        if not self.action.strip() and not self.tool_name.strip():
            raise ValueError("pass a non-empty `action`, or `tool_name`")
        return self


def checked(model: type[BaseModel], tool: str, arguments: dict[str, Any] | None) -> Any:
    """Return the arguments of a call.

    Raises:
        ConfigError: naming what does not fit, and which parameters there are.
    """
    try:
        return model.model_validate(arguments or {})
    except ValidationError as error:
        faults = "; ".join(_fault(fault) for fault in error.errors(include_url=False, include_input=False))
        known = ", ".join(model.model_fields)
        raise ConfigError(f"{tool} was not called: {faults}. Its parameters are {known}.") from None


def _fault(fault: Any) -> str:
    where = ".".join(str(part) for part in fault["loc"])
    words = "there is no such parameter" if fault["type"] == "extra_forbidden" else fault["msg"]
    return f"{where}: {words}" if where else str(words)


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON schema of parameters, without the noise of titles."""
    return cast("dict[str, Any]", _untitled(model.model_json_schema()))


def _untitled(part: Any) -> Any:
    if isinstance(part, list):
        return [_untitled(item) for item in part]
    if not isinstance(part, dict):
        return part
    return {key: _untitled(value) for key, value in part.items() if not (key == "title" and isinstance(value, str))}
