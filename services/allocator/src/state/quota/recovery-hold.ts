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

  /** Whether to wait. The number to wait for is rounded down, as in Mesos. */
  isOn(agentsBack: number, factor: number, hasQuotas: boolean, nowMs: number): boolean {
    if (this.expected === undefined) return false;
    const { agents, untilMs } = this.expected;
    return hasQuotas && agentsBack < Math.trunc(agents * factor) && nowMs < untilMs;
  }

  /** Offers have begun: whoever leaves now, they are not held again. */
  end(): void {
    this.expected = undefined;
  }

  /** When waiting ends at the latest. */
  get untilMs(): number | undefined {
    return this.expected?.untilMs;
  }

  get agents(): number {
    return this.expected?.agents ?? 0;
  }
}
