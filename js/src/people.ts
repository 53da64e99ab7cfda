/** Who is to be offered for a conversation: those who are there, and those who have left something to read. */
import type { Conversation } from "./protocol";

/** A person on a server. The client id changes when they come back; the conversation does not. */
export interface Peer {
  readonly server_id: string;
  readonly nickname: string;
}

export const peerKey = (peer: Peer): string => JSON.stringify([peer.server_id, peer.nickname]);

/** Conversations with people who have left, beyond those with something unread. */
const EARLIER = 5;

/** One person may be there twice, in two windows: they are one to write to. */
export function distinct(users: readonly Peer[]): Peer[] {
  return [...new Map(users.map((user) => [peerKey(user), user])).values()].map(({ server_id, nickname }) => ({
    server_id,
    nickname,
  }));
}

/** Conversations with those who are gone, newest first: the last few, all that hold something unread, and the open one. */
export function earlier(
  conversations: readonly Conversation[],
  online: readonly Peer[],
  open: Peer | null,
): Peer[] {
  const there = new Set(online.map(peerKey));
  const gone = conversations
    .filter((item) => !there.has(peerKey(item)))
    .sort((a, b) => b.last - a.last)
    .filter((item, index) => index < EARLIER || item.unread > 0);
  const isNew = open && !there.has(peerKey(open));
  return distinct(isNew ? [...gone, open] : gone);
}
