// Who wants to hear of revocations, for stores that hear of nothing but what goes through their own object.

/** The subscribers of one store. */
export class Subscribers {
  // wrapped: who subscribes the same function twice has two subscriptions, each with an end of its own
  readonly #subscribers = new Set<{ onRevoked (sessionId: string): void }>()

  /** As `subscribe` of a store. */
  async add (onRevoked: (sessionId: string) => void): Promise<() => Promise<void>> {
    const subscriber = { onRevoked }
    this.#subscribers.add(subscriber)
    return async () => { this.#subscribers.delete(subscriber) }
  }

  tell (sessionId: string): void {
    for (const { onRevoked } of this.#subscribers) onRevoked(sessionId)
  }
}
