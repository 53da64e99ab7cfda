"""Content parts ⇄ `McpResultContent`; structured questions and approvals on their way out."""

from __future__ import annotations

import base64
import binascii

from ipymultichat.errors import EncodeError
from ipymultichat.model import (
    Approval,
    AudioContent,
    Content,
    ImageContent,
    Question,
    ResourceContent,
    TextContent,
    UnknownContent,
)
from ipymultichat.wire import agentassist_pb2 as pb

TEXT, IMAGE, AUDIO, RESOURCE = 1, 2, 3, 4


def content_from_wire(part: pb.McpResultContent) -> Content:
    """Read one part; an unknown type or undecodable data becomes `UnknownContent`, never an error."""
    try:
        if part.type == TEXT:
            return TextContent(part.text.text)
        if part.type == IMAGE:
            return ImageContent(base64.b64decode(part.image.data, validate=True), part.image.mime_type, _name_in(part))
        if part.type == AUDIO:
            return AudioContent(base64.b64decode(part.audio.data, validate=True), part.audio.mime_type, _name_in(part))
        if part.type == RESOURCE:
            resource = part.embedded_resource
            return ResourceContent(resource.uri, resource.mime_type, resource.data)
    except (binascii.Error, ValueError):
        pass
    return UnknownContent(part.type)


def _named(part: ImageContent | AudioContent) -> pb.EmbeddedResource | None:
    """The name of an image or a sound, which have no field for one: the URI of a resource without data beside it.

    Who reads a part by its type alone, as the protocol's other programs do, does not see it.
    """
    if not part.name:
        return None
    return pb.EmbeddedResource(type="embedded_resource", uri=f"file:///{part.name}", mime_type=part.mime_type)


def _name_in(part: pb.McpResultContent) -> str:
    return part.embedded_resource.uri.rpartition("/")[2]


def approval_to_wire(approval: Approval | None) -> pb.Approval | None:
    """Return what is to be allowed as its extension field; None stays None."""
    if approval is None:
        return None
    return pb.Approval(
        tool_name=approval.tool_name, arguments=approval.arguments, diff=approval.diff, action=approval.action
    )


def question_to_wire(question: Question) -> pb.Question:
    """Write one structured question."""
    return pb.Question(
        question=question.question,
        header=question.header,
        options=[pb.Option(label=option.label, description=option.description) for option in question.options],
        multiple=question.multiple,
        custom=question.custom,
    )


def content_to_wire(part: Content) -> pb.McpResultContent:
    """Write one part.

    Raises:
        EncodeError: for a part that has no form on the wire.
    """
    if isinstance(part, TextContent):
        return pb.McpResultContent(type=TEXT, text=pb.TextContent(type="text", text=part.text))
    if isinstance(part, ImageContent):
        image = pb.ImageContent(type="image", data=base64.b64encode(part.data).decode(), mime_type=part.mime_type)
        return pb.McpResultContent(type=IMAGE, image=image, embedded_resource=_named(part))
    if isinstance(part, AudioContent):
        audio = pb.AudioContent(type="audio", data=base64.b64encode(part.data).decode(), mime_type=part.mime_type)
        return pb.McpResultContent(type=AUDIO, audio=audio, embedded_resource=_named(part))
    if isinstance(part, ResourceContent):
        resource = pb.EmbeddedResource(type="embedded_resource", uri=part.uri, mime_type=part.mime_type, data=part.data)
        return pb.McpResultContent(type=RESOURCE, embedded_resource=resource)
    raise EncodeError(f"a part of type {type(part).__name__} cannot be sent")
