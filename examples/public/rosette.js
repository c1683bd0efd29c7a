// Draws a guilloche rosette, the fine-lined pattern of banknotes and passports, from a token's id: every token has one of its own.

const STEPS_PER_TURN = 180

/** Two interwoven bands for a token id, as path data for a view box of -100 to 100; the middle stays free for text. */
export function rosette (id) {
  const random = randomFrom(id)
  const pick = (from, to) => from + Math.floor(random() * (to - from + 1))
  const petals = pick(5, 12)
  const wide = band({ turns: pick(9, 13), waves: pick(4, 8), reach: 18, petals, swell: pick(2, 5) })
  const narrow = band({ turns: pick(5, 8), waves: pick(9, 15), reach: 9, petals, swell: -pick(2, 6) })
  return [narrow, wide]
}

/** A wave around a circle that closes only after many turns, each turn a little off the one before: from afar, a woven band. */
function band ({ turns, waves, reach, petals, swell }) {
  const frequency = waves + 1 / turns
  const points = Array.from({ length: turns * STEPS_PER_TURN }, (_, step) => {
    const angle = step / STEPS_PER_TURN * Math.PI * 2
    const radius = 61 + swell * Math.cos(petals * angle) + reach * Math.sin(frequency * angle)
    return `${(radius * Math.cos(angle)).toFixed(1)} ${(radius * Math.sin(angle)).toFixed(1)}`
  })
  return `M${points.join('L')}Z`
}

/** A small generator of numbers from 0 to 1 (mulberry32), seeded with a text: the same id draws the same rosette. */
function randomFrom (text) {
  let seed = 2166136261
  for (const character of text) seed = Math.imul(seed ^ character.codePointAt(0), 16777619)
  return () => {
    seed = seed + 0x6D2B79F5 | 0
    let mixed = Math.imul(seed ^ seed >>> 15, seed | 1)
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61)
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32
  }
}
