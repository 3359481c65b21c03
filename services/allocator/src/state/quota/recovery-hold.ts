/**
 * After a fail-over nothing is offered until most agents are back, if there are quotas: otherwise the first to come back would be given to whoever asks, and guarantees would be
 * met late (A4).
 */
export class RecoveryHold {
  private expected: { readonly agents: number; readonly untilMs: number } | undefined;

  /** So many agents were known at the election, and at this moment waiting ends. */
  expect(agents: number, untilMs: number): void {
    this.expected = agents > 0 ? { agents, untilMs } : undefined;
  }

  /** Whether to wait. Once it was not, it never is again. */
  isOn(agentsBack: number, factor: number, hasQuotas: boolean, nowMs: number): boolean {
    if (this.expected === undefined) return false;
    const isOn = hasQuotas && agentsBack < this.expected.agents * factor && nowMs < this.expected.untilMs;
    if (!isOn) this.expected = undefined;
    return isOn;
  }

  /** When waiting ends at the latest. */
  get untilMs(): number | undefined {
    return this.expected?.untilMs;
  }

  get agents(): number {
    return this.expected?.agents ?? 0;
  }
}
