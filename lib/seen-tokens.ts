// Remembers access tokens that were found good, so that a token is read and its signature verified once and not at each request.

/** How many tokens a generation holds; there are two. */
const GENERATION = 10_000

/** A token is looked up by its end, a part of its signature and as good as random: the hash of a whole one would cost more than all the rest. */
const KEY_LENGTH = 32

/** A power of two: how many first sights are noted. */
const FIRST_SIGHTS = 1 << 14

interface Seen<Value> {
  text: string
  value: Value
}

/**
 * A bounded map from the text of a token to what it says. What the time decides, and whether the session was revoked,
 * is not remembered: the guard looks at both at each request, on a hit as on a miss.
 *
 * A token enters at its second sight. So a flood of tokens that are never seen again costs a few instructions each, and
 * cannot push out the tokens of people who are really there.
 */
export class SeenTokens<Value> {
  // Two generations: when the younger one is full it becomes the older, whose tokens are forgotten unless they are met meanwhile.
  #young = new Map<string, Seen<Value>>()
  #old = new Map<string, Seen<Value>>()
  /** By a hash of the token: another hash, so that two tokens rarely stand for each other. A mistake only means that one enters a sight too early. */
  readonly #firstSights = new Uint32Array(FIRST_SIGHTS)

  get (text: string): Value | undefined {
    const key = text.slice(-KEY_LENGTH)
    const young = this.#young.get(key)
    if (young?.text === text) return young.value
    const old = this.#old.get(key)
    if (old?.text !== text) return undefined
    this.#remember(old)
    return old.value
  }

  /** Tell of a good token that `get` did not know. */
  add (text: string, value: Value): void {
    const hash = hashOfEnd(text)
    const slot = hash & (FIRST_SIGHTS - 1)
    if (this.#firstSights[slot] === hash) this.#remember({ text, value })
    else this.#firstSights[slot] = hash
  }

  #remember (seen: Seen<Value>): void {
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(seen.text.slice(-KEY_LENGTH), seen)
  }
}

/** The end of a token is a part of its signature, which is as good as random. Unsigned 32 bits. */
function hashOfEnd (text: string): number {
  let hash = 1
  for (let i = text.length - 10; i < text.length; i++) hash = Math.imul(hash, 67) + text.charCodeAt(i)
  return hash >>> 0
}
