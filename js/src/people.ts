/** The people who are offered for a conversation: those online, and those there was one with before. */
import type { Conversation } from "./protocol";

/** A person on a server. The client id changes when they come back; the conversation does not. */
export interface Peer {
  readonly server_id: string;
  readonly nickname: string;
}

export const peerKey = (peer: Peer): string => JSON.stringify([peer.server_id, peer.nickname]);

/** How many earlier conversations are offered, beyond those with something unread. */
const EARLIER_MAX = 5;

/** Each person once: they may be online twice, in two windows. */
export function distinctPeers(users: readonly Peer[]): Peer[] {
  return [...new Map(users.map((user) => [peerKey(user), user])).values()].map(({ server_id, nickname }) => ({
    server_id,
    nickname,
  }));
}

/** Those who are gone, by their newest message: the last few, all with something unread, and whose conversation is open. */
export function earlierPeers(
  conversations: readonly Conversation[],
  online: readonly Peer[],
  open: Peer | null,
): Peer[] {
  const there = new Set(online.map(peerKey));
  const gone = conversations
    .filter((item) => !there.has(peerKey(item)))
    .sort((a, b) => b.last - a.last)
    .filter((item, index) => index < EARLIER_MAX || item.unread > 0);
  const isNew = open && !there.has(peerKey(open));
  return distinctPeers(isNew ? [...gone, open] : gone);
}
