import { readFileSync, writeFileSync } from 'node:fs';
import type { RunPlan } from './simulation';

/** A run that is kept: it broke a promise once, and says which. */
export interface ScenarioFile extends Required<Pick<RunPlan, 'seed' | 'settings' | 'faults'>> {
  /** What it is about, for the reader. */
  readonly story: string;
}

/** Reads a kept run. Throws if the file is not one. */
export function readScenario(path: string): ScenarioFile {
  const read = JSON.parse(readFileSync(path, 'utf8')) as Partial<ScenarioFile>;
  const { story, seed, settings, faults } = read;
  if (story === undefined || seed === undefined || settings === undefined || faults === undefined)
    throw new Error(`${path} must have story, seed, settings and faults`);
  return { story, seed, settings, faults };
}

/** Keeps a run. */
export function writeScenario(path: string, story: string, plan: RunPlan): void {
  const { seed, settings, faults } = plan;
  writeFileSync(path, `${JSON.stringify({ story, seed, settings, faults }, undefined, 2)}\n`);
}
