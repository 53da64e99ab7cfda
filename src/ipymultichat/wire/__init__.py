"""The wire format: generated protobuf code and the codec above it."""

from ipymultichat.wire.codec import decode, decode_in_slices, encode
from ipymultichat.wire.slices import SLICED

__all__ = ["SLICED", "decode", "decode_in_slices", "encode"]
