"""The agent's side: ask the person a question, or hand in a report, and wait for the answer."""

from ipymultichat.agent.answer import Answer
from ipymultichat.agent.client import AgentClient

__all__ = ["AgentClient", "Answer"]
