"""The wire format: generated protobuf code and the codec above it."""

from ipymultichat.wire.codec import decode, encode

__all__ = ["decode", "encode"]
