"""The agent's side: ask the person a question, or hand in a report, and wait for the answer."""

from ipymultichat.agent.answer import Answer, Decision
from ipymultichat.agent.client import AgentClient
from ipymultichat.agent.scripts import HumanAnswer, ask_human, notify_when_done

__all__ = ["AgentClient", "Answer", "Decision", "HumanAnswer", "ask_human", "notify_when_done"]
