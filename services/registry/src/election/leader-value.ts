import { internal } from '@meseta/protocol';

/** What is kept of a leader under its election's key, as JSON so that a person with etcdctl can read it. */
export interface LeaderValue {
  readonly candidate: internal.Candidate;
  /** The campaign that holds the lease: an instance of the registry, and a stream of its. */
  readonly holder: string;
}

export function writeLeaderValue(value: LeaderValue): string {
  return JSON.stringify({ candidate: internal.Candidate.toJSON(value.candidate), holder: value.holder });
}

/** The candidate, or undefined if a hand other than ours wrote the value. */
export function candidateOf(text: string): internal.Candidate | undefined {
  try {
    const value = JSON.parse(text) as { readonly candidate?: unknown };
    return value.candidate === undefined ? undefined : internal.Candidate.fromJSON(value.candidate);
  } catch {
    return undefined;
  }
}
