import type { Resources } from '@meseta/model';
import type { AllocatorOptions, Agent, Framework } from '../state';

/** What is about to be offered: which resources of which agent to whom. */
export interface Candidate {
  readonly agent: Agent;
  readonly framework: Framework;
  readonly role: string;
  readonly resources: Resources;
  readonly nowMs: number;
  readonly options: AllocatorOptions;
}

/** One reason not to offer. Every "no" explains itself, to the log and to the operator's `explain`. */
export interface Filter {
  readonly name: string;
  /** The reason in words, or undefined when the filter has nothing against it. */
  refuse(candidate: Candidate): string | undefined;
}
